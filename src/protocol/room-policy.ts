import { parseServerName, type ServerName } from './identifiers.ts';
import type { Pdu } from './events/event.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import type { RoomVersion } from './room-versions.ts';
import { VerifyKey, verifyPduSignature } from './signing.ts';

/** Name of the key that a policy server signs with. Rooms tell it; no server publishes it. */
export const POLICY_KEY_ID = 'ed25519:policy_server';

/** Which server is to be asked what may be sent to a room (Client-Server API, "m.room.policy"). */
export interface RoomPolicy {
  readonly via: ServerName;
  readonly key: VerifyKey;
}

/** Content of m.room.policy; undefined for one that names no policy server and key. */
export function parseRoomPolicy(content: JsonObject | undefined): RoomPolicy | undefined {
  const via = typeof content?.via === 'string' ? parseServerName(content.via) : undefined;
  const keys = content?.public_keys;
  const text = isJsonObject(keys) ? keys.ed25519 : undefined;
  if (via === undefined || typeof text !== 'string') return undefined;
  try {
    return { via, key: VerifyKey.of(text) };
  } catch {
    return undefined;
  }
}

/** Whether an event needs the policy server's signature: all but the event that names the server, so that it can be changed. */
export function needsPolicySignature(event: { type: string; state_key?: JsonValue | undefined }): boolean {
  return event.type !== 'm.room.policy' || event.state_key !== '';
}

/** Whether the policy server recommends the event (Server-Server API, "Validating Policy Server signatures"). */
export function hasPolicySignature(pdu: Pdu, version: RoomVersion, { via, key }: RoomPolicy): boolean {
  return verifyPduSignature(pdu, version, via, POLICY_KEY_ID, key);
}

/** The event with the signature that a policy server answered; those that it has are kept. */
export function withPolicySignature(pdu: Pdu, answer: JsonObject, { via }: RoomPolicy): Pdu {
  const signatures = isJsonObject(pdu.signatures) ? pdu.signatures : {};
  const own = isJsonObject(signatures[via]) ? signatures[via] : {};
  const answered = isJsonObject(answer[via]) ? answer[via][POLICY_KEY_ID] : undefined;
  return { ...pdu, signatures: { ...signatures, [via]: { ...own, [POLICY_KEY_ID]: answered } } };
}
