import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import type { RoomWriter } from '../appending/room-writer.ts';
import { letsGuestsIn } from './guest-access.ts';
import type { Actor, MembershipChanges } from './membership-changes.ts';
import type { Memberships } from './memberships.ts';

const GUESTS_AT_ONCE = 100;
/** How often leaving a room is tried where other processes write into it all the time. */
const MOST_TRIES = 5;

/** Gets users out of rooms who can stay there no longer. */
export class Departures {
  readonly #database: Database;
  readonly #writer: RoomWriter;
  readonly #memberships: Memberships;
  readonly #changes: MembershipChanges;

  constructor(needs: {
    database: Database;
    writer: RoomWriter;
    memberships: Memberships;
    changes: MembershipChanges;
  }) {
    this.#database = needs.database;
    this.#writer = needs.writer;
    this.#memberships = needs.memberships;
    this.#changes = needs.changes;
  }

  /** Makes this server's guests leave a room if it lets them in no more (Client-Server API, "Guest Access"). */
  async removeGuests(roomId: RoomId): Promise<void> {
    if (await this.#writer.append(roomId, letsGuestsIn)) return;
    for (let after: string | undefined = ''; after !== undefined;) {
      const guests: UserId[] = await membershipsStore.guests(this.#database, roomId, after, GUESTS_AT_ONCE);
      for (const userId of guests) await this.#leaveIfPossible({ userId, isGuest: true }, roomId);
      after = guests.length === GUESTS_AT_ONCE ? guests.at(-1) : undefined;
    }
  }

  /**
   * Leaves every room, for an account that is closed. Rooms that refuse are left as they are.
   *
   * @throws AggregateError after all the others were left, where some could not be left now.
   */
  async leaveAll(userId: UserId): Promise<void> {
    const failures: unknown[] = [];
    for (const { roomId, membership } of [...(await this.#memberships.ofUser(userId)).values()]) {
      if (membership !== 'join' && membership !== 'invite' && membership !== 'knock') continue;
      const leaving = this.#leaveIfPossible({ userId, isGuest: false }, roomId);
      await leaving.catch((error: unknown) => failures.push(error));
    }
    if (failures.length === 0) return;
    throw new AggregateError(failures, `${userId} could not leave ${failures.length} rooms`);
  }

  async #leaveIfPossible(actor: Actor, roomId: RoomId): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#changes.leave(actor, roomId);
      } catch (error) {
        if (error instanceof MatrixError) return;
        if (!(error instanceof GuardFailed) || tries === MOST_TRIES) throw error;
      }
    }
  }
}
