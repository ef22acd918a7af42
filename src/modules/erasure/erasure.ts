import type { UserId } from '../../protocol/identifiers.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import * as erasureStore from '../../storage/accounts/erasure-store.ts';
import * as profilesStore from '../../storage/accounts/profiles-store.ts';
import * as profileUpdatesStore from '../../storage/accounts/profile-updates-store.ts';
import * as threepidsStore from '../../storage/accounts/threepids-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { Presence } from '../presence/index.ts';

/** Deletes what is kept of users beside events, where they ask for that (Client-Server API, "POST /account/deactivate"). */
export class Erasure {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #presence: Presence;

  constructor(needs: { database: Database; rooms: RoomReads; presence: Presence }) {
    this.#database = needs.database;
    this.#rooms = needs.rooms;
    this.#presence = needs.presence;
  }

  /**
   * Deletes account data, filters, key backups, the profile, the status message, and the delayed events, also what became of
   * them, of a user whose account is closed, if they asked to be erased. Doing it twice harms nothing.
   */
  async finish(userId: UserId): Promise<void> {
    if ((await threepidsStore.erasedAt(this.#database, userId)) === undefined) return;
    const unit = new UnitOfWork();
    const position = unit.position();
    for (const { field } of await profilesStore.ofUser(this.#database, userId)) {
      profileUpdatesStore.change(unit, userId, field, position);
    }
    erasureStore.eraseAllOf(unit, userId);
    const rooms = [...(await this.#rooms.joinedRooms(userId))];
    unit.announce({ topic: 'profile', position, rooms, users: [userId] });
    unit.announce({ topic: 'account-data', position: unit.position(), users: [userId], data: {} });
    await this.#database.commit(unit);
    await this.#presence.set({ userId, deviceId: undefined }, userId, 'offline', undefined);
  }
}
