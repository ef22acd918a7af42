import { KeyedQueue } from '../../platform/keyed-queue.ts';
import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { MatrixError, notFound } from '../../protocol/matrix-error.ts';
import type { RoomCreation } from '../../rooms/creation/create-room.ts';
import type { MembershipChanges } from '../../rooms/membership/membership-changes.ts';
import type { MessageSending } from '../../rooms/appending/message-sending.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as profilesStore from '../../storage/accounts/profiles-store.ts';
import * as noticesStore from '../../storage/push/server-notices-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import * as usersStore from '../../storage/accounts/users-store.ts';
import type { AccountData } from '../account-data/index.ts';

/** A notice as an administrator sends it. */
export interface Notice {
  readonly type: string;
  readonly content: JsonObject;
  /** Absent for message events. */
  readonly stateKey?: string;
  /** The same one, for the same user, sends a notice once. */
  readonly txnId: string;
}

interface Needs {
  readonly database: Database;
  readonly rooms: RoomReads;
  readonly accountData: AccountData;
  readonly creation: RoomCreation;
  readonly changes: MembershipChanges;
  readonly sending: MessageSending;
  readonly clock: { now(): number };
  /** Who sends notices. Nobody can log in as this user. */
  readonly noticesUser: UserId;
  readonly displayName: string;
  readonly roomName: string;
}

/** Tells users something in the name of the server, each in a room of their own (Client-Server API, "Server Notices"). */
export class ServerNotices {
  readonly #needs: Needs;
  readonly #turns = new KeyedQueue();

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  /**
   * Sends a notice; makes the user's room for them, and invites the user who is not in it.
   *
   * @throws MatrixError 404 for an unknown user, 409 M_USER_IN_USE while somebody has the account that sends notices.
   */
  async send(userId: UserId, notice: Notice): Promise<EventId> {
    const { database, sending, noticesUser } = this.#needs;
    const user = await usersStore.byId(database, userId);
    if (user?.deactivated !== 0) throw notFound(`There is no active user ${userId}`);
    await this.#assureSender();
    const roomId = await this.#turns.run(userId, () => this.#roomWith(userId));
    const sender = { userId: noticesUser, deviceId: undefined, deviceMadeAt: 0 };
    const { type, content, stateKey, txnId } = notice;
    if (stateKey !== undefined) return sending.setState(sender, { roomId, type, content, stateKey });
    return sending.send(sender, { roomId, type, content, txnId });
  }

  /**
   * Whether somebody can log in as the user who sends notices: they took the name before it was kept for the server, and would
   * read every notice.
   */
  isSenderTaken(): Promise<boolean> {
    return usersStore.isSomebodys(this.#needs.database, this.#needs.noticesUser);
  }

  /** The room for notices, with the user in it or invited. */
  async #roomWith(userId: UserId): Promise<RoomId> {
    const { database, rooms, changes, noticesUser, accountData } = this.#needs;
    const known = await noticesStore.roomOf(database, userId);
    const isOurs = known && (await rooms.membership(known, noticesUser))?.membership === 'join';
    const roomId = isOurs ? known : await this.#makeRoom(userId, known);
    const membership = (await rooms.membership(roomId, userId))?.membership;
    if (membership !== 'join' && membership !== 'invite') {
      await changes.invite({ userId: noticesUser, isGuest: false }, roomId, userId);
    }
    await accountData.edit(userId, roomId, 'm.tag', (content) => {
      const tags = (content?.tags ?? {}) as JsonObject;
      return tags['m.server_notice'] ? undefined : { ...content, tags: { ...tags, 'm.server_notice': {} } };
    });
    return roomId;
  }

  /**
   * A process that made a room at the same time may have been first: then its room is the one.
   *
   * @param before a room that the sender is no longer in.
   */
  async #makeRoom(userId: UserId, before: RoomId | undefined): Promise<RoomId> {
    const { database, creation, noticesUser, roomName } = this.#needs;
    const { roomId } = await creation.create(noticesUser, {
      name: roomName,
      preset: 'private_chat',
      powerLevelContentOverride: { users_default: -10 },
    });
    const unit = new UnitOfWork();
    noticesStore.setRoom(unit, userId, roomId, before);
    try {
      await database.commit(unit);
      return roomId;
    } catch (error) {
      const first = error instanceof GuardFailed && (await noticesStore.roomOf(database, userId));
      if (first) return first;
      throw error;
    }
  }

  async #assureSender(): Promise<void> {
    const { database, noticesUser } = this.#needs;
    if (await this.isSenderTaken()) throw senderTaken(noticesUser);
    if (!(await usersStore.byId(database, noticesUser))) await this.#makeSender();
  }

  async #makeSender(): Promise<void> {
    const { database, clock, noticesUser, displayName } = this.#needs;
    const unit = new UnitOfWork();
    const account = { passwordHash: null, isGuest: false, isAdmin: false, createdAt: clock.now() };
    usersStore.insert(unit, { userId: noticesUser, ...account });
    profilesStore.put(unit, noticesUser, 'displayname', JSON.stringify(displayName));
    unit.announce({ topic: 'profile', position: unit.position(), users: [noticesUser] });
    try {
      await database.commit(unit);
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
    }
  }
}

function senderTaken(noticesUser: UserId): MatrixError {
  return new MatrixError(
    409,
    'M_USER_IN_USE',
    `Somebody can log in as ${noticesUser}, who sends server notices: close that account, or set another ` +
      `server_notices.localpart`,
  );
}
