import { LRUCache } from 'lru-cache';

/**
 * A cache of the entries used last. It grows with what is in it; a cache with `max` takes the memory of its largest size
 * at once.
 *
 * @param limit the most entries.
 * @param ttlMs milliseconds after which an entry counts as absent; none if left out.
 * @param onEvicted takes the value of an entry that had to make room for another.
 */
export function boundedCache<Key extends NonNullable<unknown>, Value extends NonNullable<unknown>>(
  limit: number,
  ttlMs?: number,
  onEvicted?: (value: Value) => void,
): LRUCache<Key, Value> {
  return new LRUCache({
    maxSize: limit,
    sizeCalculation: () => 1,
    ...(ttlMs === undefined ? {} : { ttl: ttlMs }),
    ...(onEvicted && {
      dispose: (value: Value, _: Key, reason: LRUCache.DisposeReason) => {
        if (reason === 'evict') onEvicted(value);
      },
    }),
  });
}
