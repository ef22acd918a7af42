import { stateKeyOf } from '../../protocol/events/event.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import type { Writer } from '../../storage/database.ts';
import * as awaitedRedactions from '../../storage/rooms/awaited-redactions-store.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import { areElsewhere } from './event-judgement.ts';
import { takesEffect, type RedactionPowers } from './redactions.ts';
import type { RoomTransaction } from './room-transaction.ts';

/** Redacts what a redaction is for, if the redaction takes effect; once that is here, if it is not. */
export async function applyRedaction(
  room: RoomTransaction,
  redaction: StoredEvent,
  targetId: EventId,
): Promise<void> {
  const target = await room.event(targetId);
  if (!target && (await areElsewhere(room, [targetId]))) return;
  if (!target || takesEffect(room.head.version, redaction, target, await powersOf(room, redaction))) {
    await room.redact(redaction, targetId);
  }
}

/** A redaction of an event that came before it, and takes effect. All are looked at: they are forgotten then. */
export async function awaitedRedaction(
  room: RoomTransaction,
  unit: Writer,
  target: StoredEvent,
): Promise<StoredEvent | undefined> {
  const { eventId } = target;
  const decided = [...room.head.pendingRedactions(eventId), ...(room.awaiting.get(eventId) ?? [])];
  const isKept = room.foreknowledge?.isAwaited(eventId) !== false;
  let ids = isKept ? await awaitedRedactions.page(room.needs.reader, eventId) : [];
  if (decided.length + ids.length > 0 && !room.isPartial) {
    room.awaiting.delete(eventId);
    awaitedRedactions.forget(unit, eventId);
  }
  let found = await effectiveAmong(room, target, decided);
  while (!found && ids.length > 0) {
    found = await effectiveAmong(room, target, (await room.eventsOf(ids)).values());
    ids = await awaitedRedactions.page(room.needs.reader, eventId, ids.at(-1));
  }
  return found;
}

/** The first of some redactions of an event that takes effect. */
async function effectiveAmong(
  room: RoomTransaction,
  target: StoredEvent,
  redactions: Iterable<StoredEvent>,
): Promise<StoredEvent | undefined> {
  for (const redaction of redactions) {
    const isCertain = !room.isPartial || redaction.position < 0 || room.history.includes(redaction);
    if (redaction.refused !== undefined || !isCertain) continue;
    if (takesEffect(room.head.version, redaction, target, await powersOf(room, redaction))) return redaction;
  }
  return undefined;
}

/**
 * What says which power the sender of a redaction has: the state around it, not what it names itself. One at the end of the
 * timeline must be allowed now, too: it may be from a branch on which its sender has not lost the power.
 */
async function powersOf(room: RoomTransaction, redaction: StoredEvent): Promise<RedactionPowers> {
  const create = await room.stateEvent('m.room.create', '');
  if (redaction.stateAfter === undefined) return { create: undefined, levels: [] };
  const id = await room.needs.tries.get(redaction.stateAfter, stateKeyOf('m.room.power_levels', ''));
  const levels = [id === undefined ? undefined : await room.event(id)];
  const isHistory = redaction.position < 0 || room.history.includes(redaction);
  if (!isHistory) levels.push(await room.stateEvent('m.room.power_levels', ''));
  return { create, levels };
}
