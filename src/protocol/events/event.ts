import type { EventId, RoomId, UserId } from '../identifiers.ts';
import type { JsonObject } from '../json.ts';

/**
 * An event as servers exchange it (a PDU), in the format of its room version. Field names are those of the wire.
 * In room versions 1 and 2 `auth_events` and `prev_events` are pairs of ID and hashes; use `RoomEvent` to read them.
 */
export interface Pdu extends JsonObject {
  type: string;
  sender: string;
  content: JsonObject;
  origin_server_ts: number;
  depth: number;
}

/**
 * An event as the rules see it: one shape for all room versions. Immutable; the auth rules, state resolution,
 * visibility and push conditions are functions of this.
 */
export interface RoomEvent {
  readonly eventId: EventId;
  readonly roomId: RoomId;
  readonly type: string;
  /** Absent for message events; the empty string is a state key. */
  readonly stateKey: string | undefined;
  readonly sender: UserId;
  readonly content: JsonObject;
  /** Milliseconds since the epoch, as the sending server claims. */
  readonly originServerTs: number;
  readonly depth: number;
  readonly authEventIds: readonly EventId[];
  readonly prevEventIds: readonly EventId[];
  /** Top-level `redacts` (before version 11) or `content.redacts`. */
  readonly redacts: EventId | undefined;
}

/** Key of one entry of room state. Build it with `stateKeyOf`. */
export type StateKey = string & { readonly __brand: 'StateKey' };

/** The key of (type, state key): type, NUL, state key. Neither may contain NUL (refused where events are parsed). */
export function stateKeyOf(type: string, stateKey: string): StateKey {
  return `${type}\0${stateKey}` as StateKey;
}

/** The (type, state key) of a key made by `stateKeyOf`. */
export function splitStateKey(key: StateKey): { type: string; stateKey: string } {
  const at = key.indexOf('\0');
  return { type: key.slice(0, at), stateKey: key.slice(at + 1) };
}

/** Room state as event IDs by key. */
export type StateMap = ReadonlyMap<StateKey, EventId>;
