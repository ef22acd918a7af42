import type { RoomId } from '../protocol/identifiers.ts';
import type { JsonObject } from '../protocol/json.ts';
import { ROOM_VERSIONS, type RoomVersion } from '../protocol/room-versions.ts';
import type { TextOptions } from '../rooms/reading/client-events.ts';
import { sentPdu } from '../rooms/events/pdu-of-event.ts';
import type { StoredEvent } from '../rooms/events/stored-event.ts';
import type { SyncContext, SyncNeeds } from './sync-context.ts';

/** How events of a sync are given. */
export interface EventTextOptions extends Pick<TextOptions, 'membershipOf'> {
  /** Whether what relates to the events is given with them. */
  readonly bundled?: boolean;
}

/**
 * Events of one room as JSON text, in the filter's `event_format` and with its `event_fields` (Client-Server API,
 * "Filtering").
 */
export async function eventTexts(
  needs: SyncNeeds,
  context: SyncContext,
  events: readonly StoredEvent[],
  { bundled, ...options }: EventTextOptions = {},
): Promise<string[]> {
  const { filter, userId, deviceId, now } = context;
  const viewer = { userId, deviceId, now };
  const texts =
    bundled === true
      ? await needs.clientEvents.bundledTexts(events, viewer, options)
      : await needs.clientEvents.texts(events, viewer, options);
  const [first] = events;
  if (!first || (filter.eventFormat === 'client' && !filter.prunesEvents)) return texts;
  let objects = texts.map((text) => JSON.parse(text) as JsonObject);
  if (filter.eventFormat === 'federation') {
    const version = await versionOf(needs, first.roomId);
    objects = events.map((event, i) => rawEvent(event, version, objects[i]));
  }
  return objects.map((event) => JSON.stringify(filter.pruneEvent(event)));
}

/** The event as servers exchange it, with the ID and the annotations that clients cannot do without. */
function rawEvent(event: StoredEvent, version: RoomVersion, forClient: JsonObject | undefined): JsonObject {
  return { ...sentPdu(event, version), event_id: event.eventId, unsigned: forClient?.unsigned };
}

async function versionOf(needs: SyncNeeds, roomId: RoomId): Promise<RoomVersion> {
  const create = await needs.log.state(roomId, 'm.room.create', '');
  const id = create?.content.room_version;
  const version = ROOM_VERSIONS.get(typeof id === 'string' ? id : '1');
  if (!version) throw new Error(`The room ${roomId} is of an unknown version`);
  return version;
}
