import { canonicalJson } from '../../protocol/canonical-json.ts';
import { PowerLevels } from '../../protocol/auth/power-levels.ts';
import { redact } from '../../protocol/events/redaction.ts';
import type { RoomEvent } from '../../protocol/events/event.ts';
import { serverNameOf, type EventId, type UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { keepSpelling } from '../../protocol/number-spelling.ts';
import { forbidden, MatrixError } from '../../protocol/matrix-error.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import type { RelatedEvent } from '../../storage/rooms/relations-store.ts';
import { areElsewhere } from './event-judgement.ts';
import { pduOfEvent } from '../events/pdu-of-event.ts';
import type { RoomTransaction } from './room-transaction.ts';
import { StoredEvent } from '../events/stored-event.ts';

/** What is left of an event after a redaction. */
export interface PreparedRedaction {
  readonly target: EventId;
  readonly redactedBy: EventId;
  readonly content: string;
  readonly envelope: string;
  /** What the target was to another event, which it no longer is. */
  readonly relation: RelatedEvent | undefined;
}

/**
 * Works out what a redaction does to its target (Client-Server API, "Redactions"). Undefined for a target that is redacted
 * already.
 */
export function prepareRedaction(
  version: RoomVersion,
  redactedBy: EventId,
  target: StoredEvent,
): PreparedRedaction | undefined {
  if (target.redactedBy !== undefined) return undefined;
  const { content, ...rest } = redact(pduOfEvent(target, version), version);
  const envelope: JsonObject = {};
  for (const key of Object.keys(target.envelope)) if (key in rest) envelope[key] = rest[key];
  keepSpelling(rest, envelope);
  const strict = version.strictCanonicalJson;
  return {
    target: target.eventId,
    redactedBy,
    content: canonicalJson(content, { strict }),
    envelope: canonicalJson(envelope, { strict }),
    relation: target.isAside ? undefined : target.relatedEvent,
  };
}

/** A copy of an event that shows no more than if it were redacted; nothing is summed up there. */
export function redactedCopy(event: StoredEvent, version: RoomVersion): StoredEvent {
  const prepared = prepareRedaction(version, event.eventId, event);
  if (!prepared) return event;
  const { content, envelope } = prepared;
  const copy = new StoredEvent({ ...event.toRow(), position: event.position, content, envelope });
  copy.hasAggregations = false;
  return copy;
}

/** An event as it is kept once a redaction of it is. */
export function redactedBy(
  event: StoredEvent,
  { content, envelope, redactedBy: by }: PreparedRedaction,
): StoredEvent {
  return new StoredEvent({ ...event.toRow(), position: event.position, content, envelope, redacted_by: by });
}

/**
 * Refuses to let a user of this server redact what they may not. An unknown target is let through.
 *
 * @throws MatrixError 403 when the sender may not redact the target, 400 when it is of another room.
 */
export async function assertRedactable(
  transaction: RoomTransaction,
  sender: UserId,
  target: EventId,
): Promise<void> {
  const event = await transaction.event(target);
  if (!event) {
    if (!(await areElsewhere(transaction, [target]))) return;
    throw new MatrixError(400, 'M_INVALID_PARAM', 'The event to redact is in another room');
  }
  if (event.sender === sender) return;
  const create = await transaction.stateEvent('m.room.create', '');
  const levels = await transaction.stateEvent('m.room.power_levels', '');
  if (create && mayRedactOthers(transaction.head.version, sender, create, levels)) return;
  throw forbidden("You may redact your own events only: for others' the room asks for a higher power level");
}

/** What says which power the sender of a redaction has. */
export interface RedactionPowers {
  readonly create: RoomEvent | undefined;
  /** The power levels of each state that must allow it; undefined for those of a state without. */
  readonly levels: readonly (RoomEvent | undefined)[];
}

/**
 * Whether a redaction by a server takes effect (room version 3, "Handling redactions"): of an event of a user of the same
 * server, or when the sender's power level is enough.
 */
export function takesEffect(
  version: RoomVersion,
  redaction: RoomEvent,
  target: StoredEvent,
  { create, levels }: RedactionPowers,
): boolean {
  if (target.roomId !== redaction.roomId) return false;
  if (version.redactionInAuthRules) return true;
  if (serverNameOf(redaction.sender) === serverNameOf(target.sender)) return true;
  return (
    create !== undefined && levels.every((one) => mayRedactOthers(version, redaction.sender, create, one))
  );
}

function mayRedactOthers(
  version: RoomVersion,
  sender: UserId,
  create: RoomEvent,
  levels: RoomEvent | undefined,
): boolean {
  const power = new PowerLevels(version, create, levels);
  return power.userLevel(sender) >= power.redact;
}
