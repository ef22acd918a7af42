import { boundedCache } from '../platform/bounded-cache.ts';
import type { RoomId, ServerName } from '../protocol/identifiers.ts';
import type { JsonObject } from '../protocol/json.ts';
import { forbidden } from '../protocol/matrix-error.ts';
import { serverAllowed } from '../protocol/server-acl.ts';
import type { EventLog } from '../rooms/event-log.ts';
import { eventChange } from '../rooms/room-changes.ts';
import type { Database } from '../storage/database.ts';

const TYPE = 'm.room.server_acl';
const MOST_ROOMS = 10_000;

/** Which servers may take part in which rooms (Server-Server API, "Server Access Control Lists"). */
export class RoomAcl {
  readonly #log: EventLog;
  readonly #known = boundedCache<RoomId, { content: JsonObject | undefined }>(MOST_ROOMS);
  #deliveries = 0;

  constructor(log: EventLog, database: Database) {
    this.#log = log;
    database.subscribe((changes) => {
      this.#deliveries += 1;
      for (const change of changes) {
        if (change.topic === 'reset') this.#known.clear();
        if (change.topic !== 'state' && eventChange(change)?.type !== TYPE) continue;
        for (const roomId of change.rooms) this.#known.delete(roomId);
      }
    });
  }

  /** Whether the room's current list lets a server take part. An unknown room shuts nobody out. */
  async allows(roomId: RoomId, server: ServerName): Promise<boolean> {
    return serverAllowed(await this.#content(roomId), server);
  }

  /** @throws MatrixError 403 M_FORBIDDEN where the room's list shuts the server out. */
  async check(roomId: RoomId, server: ServerName): Promise<void> {
    if (await this.allows(roomId, server)) return;
    throw forbidden(`The access control list of this room does not let ${server} take part`);
  }

  async #content(roomId: RoomId): Promise<JsonObject | undefined> {
    const known = this.#known.get(roomId);
    if (known) return known.content;
    const deliveries = this.#deliveries;
    const content = (await this.#log.state(roomId, TYPE, ''))?.content;
    if (deliveries === this.#deliveries) this.#known.set(roomId, { content });
    return content;
  }
}
