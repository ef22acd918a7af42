import { parseLevel, PowerLevels } from '../../protocol/auth/power-levels.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden, MatrixError, notFound } from '../../protocol/matrix-error.ts';
import { roomVersion, type RoomVersion } from '../../protocol/room-versions.ts';
import * as aliasesStore from '../../storage/rooms/aliases-store.ts';
import type { Database, Writer } from '../../storage/database.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import type { RoomCreation } from './create-room.ts';
import type { FirstState, SuccessorWishes } from './room-wishes.ts';
import type { EventLog } from '../events/event-log.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { RoomTransaction } from '../appending/room-transaction.ts';
import type { RoomWriter } from '../appending/room-writer.ts';
import { transferredContent } from './transferred-content.ts';
import { levelsForTransfer, transferredLevels, type Successors } from './transferred-levels.ts';

/**
 * State that the new room takes over (Client-Server API, "Room upgrades"), and m.room.policy: who spams the old room must not
 * be free to in the new one. Power levels are taken over apart, and so is what is below a space.
 */
const TRANSFERRED = [
  'm.room.server_acl',
  'm.room.encryption',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.guest_access',
  'm.room.history_visibility',
  'm.room.join_rules',
  'm.room.policy',
];
/** Bans that the new room takes over at most. */
const MOST_BANS = 1_000;

/** Rooms below a space that the new space takes over at most. */
const MOST_CHILDREN = 1_000;

/** Replaces rooms by rooms of another version. */
export class RoomUpgrade {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #writer: RoomWriter;
  readonly #creation: RoomCreation;

  constructor(needs: { database: Database; log: EventLog; writer: RoomWriter; creation: RoomCreation }) {
    this.#database = needs.database;
    this.#log = needs.log;
    this.#writer = needs.writer;
    this.#creation = needs.creation;
  }

  /**
   * Makes the replacement, moves aliases and the place in the directory there, and closes the old room, all in one unit of
   * work. A room that was replaced before can be replaced again.
   *
   * @param additionalCreators creators of the new room beside the user; ignored before version 12, which knows none.
   * @returns the ID of the new room.
   * @throws MatrixError 403 for one who may not send m.room.tombstone, 400 M_UNSUPPORTED_ROOM_VERSION, and 400 M_BAD_STATE
   *   where another upgrade of the room, by this or another process, was first.
   */
  async upgrade(
    userId: UserId,
    oldRoomId: RoomId,
    newVersion: string,
    additionalCreators: readonly string[] | undefined,
  ): Promise<RoomId> {
    const next = roomVersion(newVersion);
    const room = await roomsStore.byId(this.#database, oldRoomId);
    if (!room) throw notFound('There is no such room');
    const replacedBefore = await this.#log.state(oldRoomId, 'm.room.tombstone', '');
    const versions = { old: roomVersion(room.room_version), next };
    await this.#assertMayUpgrade(userId, oldRoomId, versions.old);
    const wishes: SuccessorWishes = {
      ...(await this.#wishes(userId, oldRoomId, versions, additionalCreators)),
      visibility: room.published === 1 ? 'public' : 'private',
    };
    return this.#writer.append(oldRoomId, async (old, unit) => {
      const tombstone = await old.stateEvent('m.room.tombstone', '');
      if (tombstone?.eventId !== replacedBefore?.eventId) throw replacedMeanwhile(tombstone);
      return this.#replace(old, unit, userId, { ...wishes, roomVersion: next.id });
    });
  }

  async #replace(
    old: RoomTransaction,
    unit: Writer,
    userId: UserId,
    wishes: SuccessorWishes & { readonly roomVersion: string },
  ): Promise<RoomId> {
    const next = roomVersion(wishes.roomVersion);
    const taken = [...(wishes.initialState ?? []), ...(await canonicalAliasTaken(old, userId))];
    const initialState = taken.map((one) => ({ ...one, content: transferredContent(one.content, next) }));
    // From version 12 on the tombstone alone tells which room follows which (Room Upgrades).
    const last = next.roomIdIsCreateHash ? undefined : old.point.extremities.at(-1);
    const predecessor = { room_id: old.roomId, ...(last && { event_id: last }) };
    const creationContent = { ...wishes.creationContent, predecessor };
    const made = { ...wishes, initialState, creationContent };
    const newRoomId = await this.#creation.replace(old, unit, userId, made);
    const content = { body: 'This room has been replaced', replacement_room: newRoomId };
    await old.add({ type: 'm.room.tombstone', stateKey: '', content, sender: userId });
    await restrict(old, userId);
    aliasesStore.move(unit, old.roomId, newRoomId);
    roomsStore.publish(unit, old.roomId, false);
    return newRoomId;
  }

  async #assertMayUpgrade(userId: UserId, roomId: RoomId, version: RoomVersion): Promise<void> {
    const create = await this.#log.state(roomId, 'm.room.create', '');
    const member = await this.#log.state(roomId, 'm.room.member', userId);
    if (!create || member?.content.membership !== 'join') throw forbidden('You are not joined to this room');
    const levels = new PowerLevels(version, create, await this.#log.state(roomId, 'm.room.power_levels', ''));
    if (levels.userLevel(userId) < levels.requiredFor('m.room.tombstone', true)) {
      throw forbidden('Your power level does not allow you to send m.room.tombstone, as an upgrade needs to');
    }
  }

  async #wishes(
    userId: UserId,
    roomId: RoomId,
    versions: { readonly old: RoomVersion; readonly next: RoomVersion },
    additionalCreators: readonly string[] | undefined,
  ): Promise<SuccessorWishes> {
    const { next } = versions;
    const create = await this.#log.state(roomId, 'm.room.create', '');
    const creationContent: JsonObject = {};
    for (const key of ['type', 'm.federate']) {
      const value = create?.content[key];
      if (value !== undefined) creationContent[key] = value;
    }
    const creators = next.roomIdIsCreateHash ? additionalCreators : undefined;
    if (creators) creationContent.additional_creators = [...creators];
    const initialState: FirstState[] = [];
    for (const type of TRANSFERRED) {
      const event = await this.#log.state(roomId, type, '');
      if (event) initialState.push({ type, stateKey: '', content: event.content });
    }
    const successors: Successors = { creator: userId, additionalCreators: creators ?? [] };
    if (create?.content.type === 'm.space') initialState.push(...(await this.#children(roomId)));
    const bans = await this.#bans(roomId, successors);
    const levels = (await this.#log.state(roomId, 'm.room.power_levels', ''))?.content;
    return {
      roomVersion: next.id,
      creationContent,
      initialState: [...initialState, ...bans],
      ...(levels && levelWishes(transferredLevels(levels, versions, successors), next, userId, bans)),
    };
  }

  /** The rooms below a space, without those that were taken out of it. */
  async #children(roomId: RoomId): Promise<FirstState[]> {
    const events = await this.#log.statesOfType(roomId, 'm.space.child', '', MOST_CHILDREN);
    return events
      .map(({ type, stateKey = '', content }) => ({ type, stateKey, content }))
      .filter(({ stateKey, content }) => stateKey.startsWith('!') && Array.isArray(content.via));
  }

  /** Who is banned, but for those who are creators of the new room: nobody can ban them there. */
  async #bans(roomId: RoomId, { additionalCreators }: Successors): Promise<FirstState[]> {
    const creators = new Set<string>(additionalCreators);
    const banned = await membershipsStore.members(this.#database, roomId, 'ban', '', MOST_BANS);
    const bans: FirstState[] = [];
    for (const stateKey of banned) {
      if (creators.has(stateKey)) continue;
      const event = await this.#log.state(roomId, 'm.room.member', stateKey);
      if (event?.content.membership !== 'ban') continue;
      bans.push({ type: event.type, stateKey, content: event.content });
    }
    return bans;
  }
}

/** Takes the canonical alias from the old room, for the new one to have. Left as it is when the user may not change it. */
async function canonicalAliasTaken(old: RoomTransaction, userId: UserId): Promise<FirstState[]> {
  const event = { type: 'm.room.canonical_alias', stateKey: '' };
  const alias = await old.stateEvent(event.type, event.stateKey);
  if (!alias || Object.keys(alias.content).length === 0) return [];
  try {
    await old.add({ ...event, content: {}, sender: userId });
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    return [];
  }
  return [{ ...event, content: alias.content }];
}

function replacedMeanwhile(tombstone: StoredEvent | undefined): MatrixError {
  const by = tombstone?.content.replacement_room;
  const successor = typeof by === 'string' ? `: its replacement is ${by}` : '';
  return new MatrixError(400, 'M_BAD_STATE', `Another upgrade of this room was first${successor}`);
}

function levelWishes(
  levels: JsonObject,
  version: RoomVersion,
  creator: UserId,
  bans: readonly FirstState[],
): Pick<SuccessorWishes, 'powerLevelContentOverride' | 'lastPowerLevels'> {
  if (version.roomIdIsCreateHash) return { powerLevelContentOverride: levels };
  const banned = bans.map((ban) => ban.stateKey);
  const first = levelsForTransfer(levels, creator, banned);
  return { powerLevelContentOverride: first, ...(first !== levels && { lastPowerLevels: levels }) };
}

/** Nobody without power is to go on in the old room. Left as it is when the user may not change it. */
async function restrict(room: RoomTransaction, userId: UserId): Promise<void> {
  const levels = (await room.stateEvent('m.room.power_levels', ''))?.content ?? {};
  const levelOf = (key: string) => parseLevel(levels[key], room.head.version) ?? 0;
  const level = Math.max(50, levelOf('users_default') + 1);
  const content = {
    ...levels,
    events_default: Math.max(level, levelOf('events_default')),
    invite: Math.max(level, levelOf('invite')),
  };
  try {
    await room.add({ type: 'm.room.power_levels', stateKey: '', content, sender: userId });
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
  }
}
