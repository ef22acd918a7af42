import { base64 } from '../../protocol/base64.ts';
import { referenceHash } from '../../protocol/events/reference-hash.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import type { JsonValue } from '../../protocol/json.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import type { Reader } from '../../storage/database.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import { pduOfEvent } from './pdu-of-event.ts';
import { StoredEvent } from './stored-event.ts';

/**
 * References to events as `auth_events` and `prev_events` carry them: IDs from room version 3 on, before that pairs
 * of ID and hashes.
 *
 * @param known gives events that are not in the database yet.
 */
export async function eventReferences(
  reader: Reader,
  version: RoomVersion,
  eventIds: readonly EventId[],
  known: (eventId: EventId) => StoredEvent | undefined,
): Promise<JsonValue[]> {
  if (version.eventIdFormat !== 'server-chosen') return [...eventIds];
  const references: JsonValue[] = [];
  for (const eventId of eventIds) {
    const event = known(eventId) ?? (await load(reader, eventId));
    references.push([eventId, { sha256: base64(referenceHash(pduOfEvent(event, version), version)) }]);
  }
  return references;
}

async function load(reader: Reader, eventId: EventId): Promise<StoredEvent> {
  const row = await eventsStore.byId(reader, eventId);
  if (!row) throw new Error('An extremity of a room is missing from the log');
  return new StoredEvent(row);
}
