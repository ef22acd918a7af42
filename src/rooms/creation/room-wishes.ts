import type { RoomAlias, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import type { Writer } from '../../storage/database.ts';
import { creationContent } from './creation-content.ts';
import type { Preset } from './room-presets.ts';

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
  readonly initialState?: readonly { type: string; stateKey: string; content: JsonObject }[];
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
  readonly wishes: RoomWishes;
  readonly preset: Preset;
  readonly invitees: readonly UserId[];
  readonly alias?: RoomAlias | undefined;
  readonly createContent: JsonObject;
  /** See `SuccessorWishes`. */
  readonly lastPowerLevels?: JsonObject | undefined;
  readonly also?: ((unit: Writer, made: CreatedRoom) => void) | undefined;
}

/** What a room is made by, before it has an alias. Errors as `creationContent`. */
export function foundingOf(
  version: RoomVersion,
  creator: UserId,
  wishes: RoomWishes,
  invitees: readonly UserId[],
): Founding {
  const preset = wishes.preset ?? (wishes.visibility === 'public' ? 'public_chat' : 'private_chat');
  const createContent = creationContent(version, creator, wishes.creationContent ?? {}, preset, invitees);
  return { creator, wishes, preset, invitees, createContent };
}
