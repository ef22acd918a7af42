import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader } from '../../storage/database.ts';
import * as pushDispatchStore from '../../storage/push/push-dispatch-store.ts';

/** Users of pushers that are looked at in one query. */
const PAGE = 200;

/**
 * Users who read something at a stretch of the log, after `after` and not after `upTo`, and whose pushers told last
 * that something is unread, page by page. Receipts are not in the part of the log that is read again, and each is told
 * to the one process that pushes as it comes.
 */
export async function* readersAt(
  reader: Reader,
  range: { after: number; upTo: number },
): AsyncGenerator<UserId[]> {
  for (let last = ''; ;) {
    const page = await pushDispatchStore.usersWithBadges(reader, { ...range, user: last, limit: PAGE });
    const readers = page.filter(({ has_read: hasRead }) => hasRead === 1);
    if (readers.length > 0) yield readers.map(({ user_id: userId }) => userId);
    if (page.length < PAGE) return;
    last = page.at(-1)?.user_id ?? last;
  }
}
