import { parseUserId, type RoomAlias, type RoomId, type UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { invalidParam } from '../../protocol/matrix-error.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import type { Writer } from '../../storage/database.ts';
import type { MemberProfile } from '../membership/member-content.ts';
import { creationContent } from './creation-content.ts';
import type { Preset } from './room-presets.ts';

/** As many as `invite` may name. */
const MOST_INVITED_BY_STATE = 1_000;

/** An event of the state with which a room begins. */
export interface FirstState {
  readonly type: string;
  readonly stateKey: string;
  readonly content: JsonObject;
}

/** What a client may ask for when it makes a room (Client-Server API, POST createRoom). */
export interface RoomWishes {
  readonly visibility?: 'public' | 'private';
  readonly roomAliasName?: string;
  /** The application service that asks, if one does: some aliases are for one alone. */
  readonly appserviceId?: string;
  readonly name?: string;
  readonly topic?: string;
  readonly invite?: readonly string[];
  readonly roomVersion?: string;
  readonly creationContent?: JsonObject;
  readonly initialState?: readonly FirstState[];
  readonly preset?: Preset;
  readonly isDirect?: boolean;
  readonly powerLevelContentOverride?: JsonObject;
}

/** What may be asked for of a room that replaces another. */
export interface SuccessorWishes extends Omit<RoomWishes, 'invite' | 'roomAliasName'> {
  /** Content of m.room.power_levels once all other state is there, where it is not what the room begins with. */
  readonly lastPowerLevels?: JsonObject;
}

/** A room that was made. */
export interface CreatedRoom {
  readonly roomId: RoomId;
  readonly alias: RoomAlias | undefined;
}

/** What a room is made by. */
export interface Founding {
  readonly creator: UserId;
  /** Of the creator. */
  readonly profile: MemberProfile;
  readonly wishes: RoomWishes;
  readonly preset: Preset;
  readonly invitees: readonly UserId[];
  readonly alias?: RoomAlias | undefined;
  readonly createContent: JsonObject;
  /** See `SuccessorWishes`. */
  readonly lastPowerLevels?: JsonObject | undefined;
  /** Whether the room replaces another. */
  readonly isSuccessor?: boolean;
  readonly also?: ((unit: Writer, made: CreatedRoom) => void) | undefined;
}

/** What a room is made by, before it has an alias. Errors as `creationContent`. */
export function foundingOf(
  version: RoomVersion,
  creator: UserId,
  wishes: RoomWishes,
  invitees: readonly UserId[],
): Omit<Founding, 'profile'> {
  const preset = wishes.preset ?? (wishes.visibility === 'public' ? 'public_chat' : 'private_chat');
  const createContent = creationContent(version, creator, wishes.creationContent ?? {}, preset, invitees);
  return { creator, wishes, preset, invitees, createContent };
}

/** Whom an event of the first state invites; undefined for what is no invite. */
export function invitedBy({ type, stateKey, content }: FirstState): UserId | undefined {
  return type === 'm.room.member' && content.membership === 'invite' ? parseUserId(stateKey) : undefined;
}

/**
 * The users whom the first state invites, each with the content that is last.
 *
 * @throws MatrixError 400 M_INVALID_PARAM for more than 1 000.
 */
export function invitesOf(initialState: readonly FirstState[]): Map<UserId, JsonObject> {
  const invites = new Map<UserId, JsonObject>();
  for (const one of initialState) {
    const userId = invitedBy(one);
    if (userId) invites.set(userId, one.content);
  }
  if (invites.size <= MOST_INVITED_BY_STATE) return invites;
  throw invalidParam(`"initial_state" may invite ${MOST_INVITED_BY_STATE} users, not ${invites.size}`);
}

/** Content of an m.room.topic event for a plain text (Client-Server API, m.room.topic). */
export function topicContent(topic: string): JsonObject {
  return { topic, 'm.topic': { 'm.text': [{ body: topic, mimetype: 'text/plain' }] } };
}
