import type { ServerName, UserId } from '../../protocol/identifiers.ts';
import * as presenceListsStore from '../../storage/accounts/presence-lists-store.ts';
import type { Reader } from '../../storage/database.ts';

/** Who has a user in a presence list: users of this server, and the servers of others. */
export async function observersOf(
  reader: Reader,
  ownServer: ServerName,
  userId: UserId,
): Promise<{ users: UserId[]; servers: ServerName[] }> {
  const users: UserId[] = [];
  const servers = new Set<ServerName>();
  for (const row of await presenceListsStore.observers(reader, userId)) {
    if (row.accepted !== 1) continue;
    if (row.observer_server === ownServer) users.push(row.observer);
    else servers.add(row.observer_server);
  }
  return { users, servers: [...servers] };
}
