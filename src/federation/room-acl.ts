import type { RoomId, ServerName } from '../protocol/identifiers.ts';
import { forbidden } from '../protocol/matrix-error.ts';
import { serverAllowed } from '../protocol/server-acl.ts';
import type { EventLog } from '../rooms/events/event-log.ts';
import type { Database } from '../storage/database.ts';
import { StateContent } from './state-content.ts';

/** Which servers may take part in which rooms (Server-Server API, "Server Access Control Lists"). */
export class RoomAcl {
  readonly #lists: StateContent;
  readonly #database: Database;

  constructor(log: EventLog, database: Database) {
    this.#database = database;
    this.#lists = new StateContent('m.room.server_acl', log, database);
  }

  /** Whether the room's current list lets a server take part. An unknown room shuts nobody out. */
  async allows(roomId: RoomId, server: ServerName): Promise<boolean> {
    return serverAllowed(await this.#lists.of(roomId), server);
  }

  /**
   * As `allows`, whatever this process has not heard yet: a server that seems to be shut out is let in where another process
   * changed the list by now. Who is shut out costs a query, and waits for what the process hears.
   */
  async allowsByNow(roomId: RoomId, server: ServerName): Promise<boolean> {
    if (await this.allows(roomId, server)) return true;
    const heard = this.#database.caughtUp();
    if (!heard) return false;
    await heard;
    return this.allows(roomId, server);
  }

  /** @throws MatrixError 403 M_FORBIDDEN where the room's list shuts the server out (`allowsByNow`). */
  async check(roomId: RoomId, server: ServerName): Promise<void> {
    if (await this.allowsByNow(roomId, server)) return;
    throw forbidden(`The access control list of this room does not let ${server} take part`);
  }
}
