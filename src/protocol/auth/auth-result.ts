import type { RoomEvent } from '../events/event.ts';
import type { JsonObject } from '../json.ts';

/** Whether the rules let an event in, and if not, why. */
export type AuthResult =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      readonly reason: string;
      /** Whether the event would be refused in any state of the room, whoever sent it. */
      readonly malformed?: true;
    };

/** The state that an event is checked against: the entry of a type and state key, or undefined. */
export type AuthState = (type: string, stateKey: string) => RoomEvent | undefined;

/** Whether an object that a third party signed carries a valid signature by one of these unpadded base64 Ed25519 keys. */
export type VerifySigned = (signed: JsonObject, publicKeys: readonly string[]) => boolean;

export const ALLOWED: AuthResult = { allowed: true };

/** A refusal. */
export function refuse(reason: string): AuthResult {
  return { allowed: false, reason };
}

/** A refusal of what no room may hold. */
export function refuseForm(reason: string): AuthResult {
  return { allowed: false, reason, malformed: true };
}

/** Allowed if the condition holds, refused otherwise. */
export function allowIf(condition: boolean, reason: string): AuthResult {
  return condition ? ALLOWED : refuse(reason);
}
