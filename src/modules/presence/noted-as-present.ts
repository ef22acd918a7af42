import { serverNameOf, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import * as presenceStore from '../../storage/accounts/presence-store.ts';
import type { PresenceRow } from '../../storage/accounts/presence-store.ts';
import type { Reader } from '../../storage/database.ts';

/** Rows that are read at a time. */
const PAGE = 500;

/** The users of a server who are noted as present. */
export async function* notedAsPresent(
  reader: Reader,
  serverName: ServerName,
): AsyncGenerator<{ userId: UserId; row: PresenceRow }> {
  for (let after = '' as UserId | undefined; after !== undefined;) {
    const rows = await presenceStore.presentAfter(reader, after, PAGE);
    for (const row of rows) {
      const userId = row.user_id as UserId;
      if (serverNameOf(userId) === serverName) yield { userId, row };
    }
    after = rows.length < PAGE ? undefined : (rows.at(-1)?.user_id as UserId);
  }
}
