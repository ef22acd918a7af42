import { boundedCache } from '../../platform/bounded-cache.ts';
import type { EventId, UserId } from '../../protocol/identifiers.ts';
import { ROOM_VERSIONS } from '../../protocol/room-versions.ts';
import type { Database } from '../../storage/database.ts';
import { ReadCache } from '../../storage/read-cache.ts';
import * as threepidsStore from '../../storage/accounts/threepids-store.ts';
import type { EventLog } from '../events/event-log.ts';
import { redactedCopy } from '../appending/redactions.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { RoomAccess } from './visibility.ts';

const CACHED = 20_000;
/** Steps back through a user's membership events to find when they joined. */
const MEMBERSHIP_STEPS = 20;
const NEVER = Infinity;

/**
 * What is shown of events whose senders closed their account and asked to be erased (Client-Server API, "POST
 * /account/deactivate"): who joins a room after that gets them redacted.
 */
export class ErasedSenders {
  readonly #database: Database;
  readonly #log: EventLog;
  /** When users asked for it; `NEVER` for those who did not. */
  readonly #erasedAt: ReadCache<UserId, number>;

  constructor(database: Database, log: EventLog) {
    this.#database = database;
    this.#log = log;
    this.#erasedAt = new ReadCache(database, boundedCache(CACHED), ({ topic, users }) =>
      topic === 'session' ? users : [],
    );
  }

  /** An event that was sent while the reader was not in the room, as that reader may see it. */
  async shown(access: RoomAccess, event: StoredEvent): Promise<StoredEvent> {
    const erasedAt = await this.#when(event.sender);
    if (erasedAt === NEVER || (await this.#joinedAt(access, event)) <= erasedAt) return event;
    const id = (await this.#log.state(event.roomId, 'm.room.create', ''))?.content.room_version;
    const version = ROOM_VERSIONS.get(typeof id === 'string' ? id : '1');
    return version ? redactedCopy(event, version) : event;
  }

  #when(userId: UserId): number | Promise<number> {
    return this.#erasedAt.get(
      userId,
      async () => (await threepidsStore.erasedAt(this.#database, userId)) ?? NEVER,
    );
  }

  /** When the reader came to the room, in milliseconds; never, for one who is not in it. */
  async #joinedAt({ userId, membership }: RoomAccess, { roomId }: StoredEvent): Promise<number> {
    if (membership !== 'join') return NEVER;
    let event = await this.#log.state(roomId, 'm.room.member', userId);
    for (let step = 0; event && step < MEMBERSHIP_STEPS; step++) {
      const before: EventId | undefined = event.replaces;
      const earlier: StoredEvent | undefined = before && (await this.#log.byId(before));
      if (earlier?.content.membership !== 'join') break;
      event = earlier;
    }
    return event?.originServerTs ?? NEVER;
  }
}
