import { canonicalJson } from '../protocol/canonical-json.ts';
import { PowerLevels } from '../protocol/auth/power-levels.ts';
import { redact } from '../protocol/events/redaction.ts';
import { serverNameOf, type EventId } from '../protocol/identifiers.ts';
import type { JsonObject } from '../protocol/json.ts';
import { forbidden, MatrixError } from '../protocol/matrix-error.ts';
import type { Reader } from '../storage/database.ts';
import * as eventsStore from '../storage/events-store.ts';
import type { RelatedEvent } from '../storage/relations-store.ts';
import { pduOfEvent } from './pdu-of-event.ts';
import type { RoomTransaction } from './room-transaction.ts';
import { StoredEvent } from './stored-event.ts';

/** What is left of an event after a redaction of this transaction. */
export interface PreparedRedaction {
  readonly target: EventId;
  readonly redactedBy: EventId;
  readonly content: string;
  readonly envelope: string;
  /** What the target was to another event, which it no longer is. */
  readonly relation: RelatedEvent | undefined;
}

/**
 * Works out what a redaction does to its target (Client-Server API, "Redactions"; room version 3, "Handling
 * redactions"). Undefined when there is nothing to do: the target is unknown or already redacted.
 *
 * @throws MatrixError 403 when the sender may not redact the target, 400 when it is of another room.
 */
export async function prepareRedaction(
  reader: Reader,
  transaction: RoomTransaction,
  redaction: StoredEvent,
  target: EventId,
): Promise<PreparedRedaction | undefined> {
  const row = await eventsStore.byId(reader, target);
  if (!row) return undefined;
  const event = new StoredEvent(row);
  if (event.roomId !== transaction.roomId) {
    throw new MatrixError(400, 'M_INVALID_PARAM', 'The event to redact is in another room');
  }
  if (!(await mayRedact(transaction, redaction, event))) {
    throw forbidden(
      "You may redact your own events only: for others' the room asks for a higher power level",
    );
  }
  if (event.redactedBy !== undefined) return undefined;
  const { version } = transaction.head;
  const { content, ...rest } = redact(pduOfEvent(event, version), version);
  const envelope: JsonObject = {};
  for (const key of Object.keys(event.envelope)) if (key in rest) envelope[key] = rest[key];
  const strict = version.strictCanonicalJson;
  return {
    target,
    redactedBy: redaction.eventId,
    content: canonicalJson(content, { strict }),
    envelope: canonicalJson(envelope, { strict }),
    relation: event.relatedEvent,
  };
}

async function mayRedact(
  transaction: RoomTransaction,
  redaction: StoredEvent,
  target: StoredEvent,
): Promise<boolean> {
  if (serverNameOf(redaction.sender) === serverNameOf(target.sender) && redaction.sender === target.sender) {
    return true;
  }
  const create = await transaction.stateEvent('m.room.create', '');
  const levels = await transaction.stateEvent('m.room.power_levels', '');
  if (!create) return false;
  const power = new PowerLevels(transaction.head.version, create, levels);
  return power.userLevel(redaction.sender) >= power.redact;
}
