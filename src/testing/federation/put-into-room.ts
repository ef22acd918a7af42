import { sql } from '../../storage/sql.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { FederatingServer } from './federation.ts';
import { openPlaceDatabase } from '../server/place-database.ts';

const addServer = sql(
  `INSERT INTO room_servers (server_name, room_id, joined, since) VALUES (?, ?, 1, (SELECT position FROM stream))`,
);
const countRemote = sql(
  `UPDATE rooms SET remote_joined = remote_joined + 1, joined_count = joined_count + 1 WHERE room_id = ?`,
);
const addMember = sql(
  `INSERT INTO memberships (user_id, room_id, membership, position, event_id, sender, forgotten)
   VALUES (?, ?, 'join', (SELECT position FROM stream), '$none', ?, 0)`,
);

/**
 * Writes down that a user of another server is in a room, as if the user had joined, without the events of that: for
 * tests of what is exchanged beside events. The server is started anew.
 */
export async function putIntoRoom(server: FederatingServer, userId: string, roomId: string): Promise<void> {
  await server.stop();
  const database = await openPlaceDatabase(server.place);
  const unit = new UnitOfWork();
  unit.run(addServer, userId.slice(userId.indexOf(':') + 1), roomId);
  unit.run(countRemote, roomId);
  unit.run(addMember, userId, roomId, userId);
  await database.commit(unit);
  await database.close();
  await server.start();
}
