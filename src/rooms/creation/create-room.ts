import { base64 } from '../../protocol/base64.ts';
import { contentHash } from '../../protocol/events/content-hash.ts';
import { roomIdOfCreate } from '../../protocol/events/event-id.ts';
import {
  parseUserId,
  serverNameOf,
  type RoomAlias,
  type RoomId,
  type UserId,
} from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { invalidParam, MatrixError } from '../../protocol/matrix-error.ts';
import { roomVersion, type RoomVersion } from '../../protocol/room-versions.ts';
import * as aliasesStore from '../../storage/rooms/aliases-store.ts';
import type { Appservices } from '../../accounts/application-services/appservices.ts';
import { GuardFailed, type Reader, type Writer } from '../../storage/database.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import type { EventSigner } from '../appending/event-signer.ts';
import type { InviteRules } from '../membership/invitations.ts';
import { memberContent, type ProfileOf } from '../membership/member-content.ts';
import { defaultPowerLevels, PRESETS } from './room-presets.ts';
import {
  foundingOf,
  invitedBy,
  invitesOf,
  topicContent,
  type CreatedRoom,
  type Founding,
  type RoomWishes,
  type SuccessorWishes,
} from './room-wishes.ts';
import type { MemberProfiles } from '../membership/member-profile.ts';
import { aliasOf, aliasTaken } from './wished-alias.ts';
import type { RemoteInvites } from '../membership/remote-invites.ts';
import { RoomHead } from '../appending/room-head.ts';
import { RoomTransaction } from '../appending/room-transaction.ts';
import type { RoomWriter } from '../appending/room-writer.ts';

const MOST_TRIES = 5;

/** Makes rooms. */
export class RoomCreation {
  readonly #writer: RoomWriter;
  readonly #reader: Reader;
  readonly #signer: EventSigner;
  readonly #profileOf: ProfileOf;
  readonly #profiles: MemberProfiles;
  readonly #clock: { now(): number };
  readonly #opaqueId: () => string;
  readonly #invites: InviteRules;
  readonly #remoteInvites: RemoteInvites;
  readonly #defaultVersion: string;
  readonly #appservices: Appservices;
  #lastCreatedAt = 0;

  constructor(needs: {
    writer: RoomWriter;
    reader: Reader;
    signer: EventSigner;
    profileOf: ProfileOf;
    profiles: MemberProfiles;
    clock: { now(): number };
    opaqueId: () => string;
    invites: InviteRules;
    remoteInvites: RemoteInvites;
    defaultVersion: string;
    appservices: Appservices;
  }) {
    this.#writer = needs.writer;
    this.#reader = needs.reader;
    this.#signer = needs.signer;
    this.#profileOf = needs.profileOf;
    this.#profiles = needs.profiles;
    this.#clock = needs.clock;
    this.#opaqueId = needs.opaqueId;
    this.#invites = needs.invites;
    this.#remoteInvites = needs.remoteInvites;
    this.#defaultVersion = needs.defaultVersion;
    this.#appservices = needs.appservices;
  }

  /**
   * Makes a room with all its first events in one unit of work.
   *
   * @param also - What else belongs into that unit.
   * @throws MatrixError 400 M_ROOM_IN_USE for a taken alias, M_UNSUPPORTED_ROOM_VERSION, M_INVALID_ROOM_STATE when the
   *   wishes contradict the auth rules, M_INVALID_PARAM for bad user IDs, 403 M_INVITE_BLOCKED for who takes no invites
   *   of the creator.
   */
  async create(
    creator: UserId,
    wishes: RoomWishes,
    also?: (unit: Writer, made: CreatedRoom) => void,
  ): Promise<CreatedRoom> {
    const version = roomVersion(wishes.roomVersion ?? this.#defaultVersion);
    const invitees = await this.#invitees(creator, wishes.invite ?? []);
    const invitedByState = invitesOf(wishes.initialState ?? []);
    for (const target of invitedByState.keys()) await this.#invites.assertInvitable(target, creator);
    const alias = await this.#alias(wishes.roomAliasName);
    if (alias !== undefined) this.#appservices.assertMayMakeAlias(alias, wishes.appserviceId);
    const profile = await this.#profileOf(creator);
    const founding = { ...foundingOf(version, creator, wishes, invitees), profile, alias, also };
    const roomId = await this.#foundUnlessTaken(version, founding);
    await this.#profiles.follow(roomId, creator, profile);
    await this.#inviteRemote(roomId, founding, invitedByState);
    return { roomId, alias };
  }

  /** Tries again where another process was first, unless what it took is the alias. */
  async #foundUnlessTaken(version: RoomVersion, founding: Founding): Promise<RoomId> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#found(version, founding);
      } catch (error) {
        if (!(error instanceof GuardFailed)) throw asCreationError(error);
        await this.#alias(founding.wishes.roomAliasName);
        if (tries === MOST_TRIES) throw error;
      }
    }
  }

  /**
   * Makes a room in the unit of work that closes the one that it replaces: both are done, or neither. Nobody is invited.
   *
   * @returns the ID of the new room.
   * @throws MatrixError as `create`.
   */
  async replace(
    old: RoomTransaction,
    unit: Writer,
    creator: UserId,
    wishes: SuccessorWishes,
  ): Promise<RoomId> {
    const version = roomVersion(wishes.roomVersion ?? this.#defaultVersion);
    const { lastPowerLevels } = wishes;
    const profile = await this.#profileOf(creator);
    const founded = foundingOf(version, creator, wishes, []);
    const founding = { ...founded, profile, lastPowerLevels, isSuccessor: true };
    const { head, createdAt } = this.#beginning(version, founding);
    const made = new RoomTransaction(head, old.needs);
    try {
      await this.#addFirstEvents(made, unit, founding, createdAt);
    } catch (error) {
      throw asCreationError(error);
    }
    old.successor = made;
    return head.roomId;
  }

  /** Fails when another process made the same room in the same millisecond, or gave its alias away. */
  async #found(version: RoomVersion, founding: Founding): Promise<RoomId> {
    const { head, createdAt } = this.#beginning(version, founding);
    await this.#writer.create(head, (transaction, unit) =>
      this.#addFirstEvents(transaction, unit, founding, createdAt),
    );
    return head.roomId;
  }

  #beginning(version: RoomVersion, founding: Founding): { head: RoomHead; createdAt: number } {
    const createdAt = this.#creationTime();
    const roomId = this.#roomId(version, founding.creator, founding.createContent, createdAt);
    return { head: RoomHead.empty(roomId, version), createdAt };
  }

  async #addFirstEvents(
    transaction: RoomTransaction,
    unit: Writer,
    founding: Founding,
    createdAt: number,
  ): Promise<void> {
    const { roomId } = transaction;
    const event = { sender: founding.creator, originServerTs: createdAt };
    await transaction.add({ ...event, type: 'm.room.create', stateKey: '', content: founding.createContent });
    await this.#addFirstState(transaction, founding);
    await this.#addInvites(transaction, founding);
    this.#addDirectoryEntries(unit, roomId, founding);
    founding.also?.(unit, { roomId, alias: founding.alias });
  }

  /**
   * The time of a new room, in ms, never the same twice: where the room ID is the hash of m.room.create, the same wish
   * of the same person in the same millisecond would name the same room.
   */
  #creationTime(): number {
    this.#lastCreatedAt = Math.max(this.#clock.now(), this.#lastCreatedAt + 1);
    return this.#lastCreatedAt;
  }

  async #invitees(creator: UserId, invite: readonly string[]): Promise<UserId[]> {
    const invitees = new Set<UserId>();
    for (const id of invite) {
      const userId = parseUserId(id);
      if (!userId) throw invalidParam(`"${id}" in "invite" is not a user ID: it must look like @name:server`);
      if (userId === creator) continue;
      await this.#invites.assertInvitable(userId, creator);
      invitees.add(userId);
    }
    return [...invitees];
  }

  async #alias(localpart: string | undefined): Promise<RoomAlias | undefined> {
    if (localpart === undefined) return undefined;
    const alias = aliasOf(localpart, this.#signer.serverName);
    if (await aliasesStore.byAlias(this.#reader, alias)) throw aliasTaken(alias);
    return alias;
  }

  #roomId(version: RoomVersion, creator: UserId, content: JsonObject, createdAt: number): RoomId {
    if (!version.roomIdIsCreateHash) return `!${this.#opaqueId()}:${this.#signer.serverName}` as RoomId;
    const create = {
      auth_events: [],
      content,
      depth: 1,
      origin_server_ts: createdAt,
      prev_events: [],
      sender: creator,
      state_key: '',
      type: 'm.room.create',
    };
    // Signatures play no part in the ID: they are made once, when the event is added.
    const hashes = { sha256: base64(contentHash(create, version)) };
    return roomIdOfCreate({ ...create, hashes }, version);
  }

  async #addFirstState(transaction: RoomTransaction, founding: Founding): Promise<void> {
    const { creator, wishes, preset, alias, invitees } = founding;
    const add = (type: string, content: JsonObject, stateKey = '') =>
      transaction.add({ type, stateKey, content, sender: creator });
    await add('m.room.member', memberContent('join', founding.profile), creator);
    const trusted = preset === 'trusted_private_chat' ? invitees : [];
    // A room that replaces another has what that one had, and not what a preset would add.
    const { isSuccessor = false } = founding;
    const isTold = isSuccessor && wishes.powerLevelContentOverride !== undefined;
    const levels = isTold ? {} : defaultPowerLevels(transaction.head.version, preset, creator, trusted);
    const initial = new Map((wishes.initialState ?? []).map((one) => [`${one.type}\0${one.stateKey}`, one]));
    const levelsOverride = wishes.powerLevelContentOverride ?? {};
    await add('m.room.power_levels', { ...levels, ...levelsOverride });
    if (alias !== undefined) await add('m.room.canonical_alias', { alias });
    for (const [type, content] of Object.entries(isSuccessor ? {} : PRESETS[preset])) {
      if (!initial.has(`${type}\0`)) await add(type, content);
    }
    for (const one of initial.values()) {
      const { type, stateKey, content } = one;
      if (this.#isRemote(invitedBy(one))) continue;
      const isOverridden =
        (type === 'm.room.name' && wishes.name !== undefined) ||
        (type === 'm.room.topic' && wishes.topic !== undefined);
      if (!(isOverridden && stateKey === '')) await add(type, content, stateKey);
    }
    if (wishes.name !== undefined) await add('m.room.name', { name: wishes.name });
    if (wishes.topic !== undefined) await add('m.room.topic', topicContent(wishes.topic));
    const last = founding.lastPowerLevels;
    if (last) await add('m.room.power_levels', { ...levels, ...last });
  }

  /** Once the room is there. That somebody's server cannot be asked, or does not want, does not undo the room. */
  async #inviteRemote(
    roomId: RoomId,
    { creator, wishes, invitees }: Founding,
    invitedByState: ReadonlyMap<UserId, JsonObject>,
  ): Promise<void> {
    const invites = new Map(invitedByState);
    for (const target of invitees)
      invites.set(target, memberContent('invite', {}, { isDirect: wishes.isDirect }));
    for (const [target, content] of invites) {
      if (!this.#isRemote(target)) continue;
      await this.#remoteInvites
        .invite({ sender: creator, roomId, target, content })
        .catch((error: unknown) => {
          if (!(error instanceof MatrixError)) throw error;
        });
    }
  }

  /** Whether somebody is a user of another server, which has to sign their invites. */
  #isRemote(userId: UserId | undefined): boolean {
    return userId !== undefined && serverNameOf(userId) !== this.#signer.serverName;
  }

  async #addInvites(transaction: RoomTransaction, founding: Founding): Promise<void> {
    for (const userId of founding.invitees) {
      if (this.#isRemote(userId)) continue;
      const isDirect = founding.wishes.isDirect;
      const content = memberContent('invite', await this.#profileOf(userId), { isDirect });
      await transaction.add({ type: 'm.room.member', stateKey: userId, content, sender: founding.creator });
    }
  }

  #addDirectoryEntries(unit: Writer, roomId: RoomId, founding: Founding): void {
    if (founding.alias !== undefined) aliasesStore.insert(unit, founding.alias, roomId, founding.creator);
    if (founding.wishes.visibility === 'public') roomsStore.publish(unit, roomId, true);
  }
}

function asCreationError(error: unknown): unknown {
  if (error instanceof MatrixError && (error.errcode === 'M_FORBIDDEN' || error.errcode === 'M_BAD_JSON')) {
    return new MatrixError(400, 'M_INVALID_ROOM_STATE', `The room cannot begin like this: ${error.message}`);
  }
  return error;
}
