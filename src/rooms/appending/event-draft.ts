import type { EventId, UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { invalidParam } from '../../protocol/matrix-error.ts';
import type { ClientTransaction } from '../events/client-transaction.ts';

/** An event that someone on this server wants to send. */
export interface EventDraft {
  readonly type: string;
  readonly sender: UserId;
  readonly content: JsonObject;
  /** Absent for message events. */
  readonly stateKey?: string;
  /** For redactions: the event to redact. Written where the room version wants it. */
  readonly redacts?: EventId;
  /** Milliseconds; now, if absent. */
  readonly originServerTs?: number;
  /** For how long the event is to be sticky (MSC4354), in ms; not at all, if absent. */
  readonly stickyMs?: number;
  /** The device and transaction ID of the request, to be shown to that device again. */
  readonly transaction?: ClientTransaction;
}

/** Keys, and signatures, of a third-party invite. */
const MOST_KEYS = 8;

/**
 * @throws MatrixError 400 for a draft that no room may hold: with NUL in its type or state key, or a third-party invite
 *   of more keys or signatures than anybody wants to check.
 */
export function checkDraft(draft: EventDraft): void {
  assertNoNul(draft);
  assertFewSignatures(draft);
}

/** NUL separates type and state key where both are one key. */
function assertNoNul(draft: EventDraft): void {
  if (!draft.type.includes('\0') && draft.stateKey?.includes('\0') !== true) return;
  throw invalidParam('The type and the state key of an event must not hold the character NUL');
}

/**
 * A third-party invite is checked with each key of the room against each of its signatures: of what people of this server
 * send, both must be few.
 */
function assertFewSignatures({ type, content }: EventDraft): void {
  const { third_party_invite: invite, public_keys: keys } = content;
  const tooManyKeys = type === 'm.room.third_party_invite' && Array.isArray(keys) && keys.length > MOST_KEYS;
  const signed = isJsonObject(invite) && isJsonObject(invite.signed) ? invite.signed : {};
  const servers = isJsonObject(signed.signatures) ? Object.values(signed.signatures) : [];
  const count = servers.reduce<number>(
    (sum, one) => sum + (isJsonObject(one) ? Object.keys(one).length : 0),
    0,
  );
  if (!tooManyKeys && count <= MOST_KEYS) return;
  throw invalidParam(`A third-party invite may have ${MOST_KEYS} keys and ${MOST_KEYS} signatures`);
}
