import { inParts } from '../platform/list-parts.ts';

/** Places for so many values in a statement, as in `IN (?, ?, ?)`. */
export function slots(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ');
}

/**
 * Values in parts of exactly `count`, for a statement with so many places, whose values may be there twice: places that are
 * left over have the first value of their part.
 */
export function* inSlots<Value>(values: readonly Value[], count: number): Generator<Value[]> {
  for (const part of inParts(values, count)) {
    const [first] = part as [Value, ...Value[]];
    while (part.length < count) part.push(first);
    yield part;
  }
}
