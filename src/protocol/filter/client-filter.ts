import { isJsonObject, type JsonValue } from '../json.ts';
import { badJson } from '../matrix-error.ts';
import { compileEventFields, type EventPruner } from './event-fields.ts';
import {
  compileMembership,
  parseEventFilter,
  sigilOf,
  type EventFilter,
  type IdLists,
  type LimitBounds,
} from './event-filter.ts';
import { optionalBoolean, optionalObject, optionalStrings } from './filter-fields.ts';

/** A parsed Filter, as `/sync` takes it (Client-Server API, "Filtering"). */
export interface ClientFilter {
  /** Takes from an event the fields asked for. */
  readonly pruneEvent: EventPruner;
  /** Whether `event_fields` leaves anything out. When not, serialised events can be used as they are. */
  readonly prunesEvents: boolean;
  readonly eventFormat: 'client' | 'federation';
  readonly presence: EventFilter;
  /** Account data that belongs to no room. */
  readonly accountData: EventFilter;
  readonly room: RoomFilter;
  /** Fields of profiles to be told of (MSC4429). */
  readonly profileFields: readonly string[];
}

/** The part of a Filter about rooms. */
export interface RoomFilter {
  readonly rooms: readonly string[] | undefined;
  readonly notRooms: readonly string[] | undefined;
  readonly includeLeave: boolean;
  /** Whether a room is to be in the answer at all; asked before any of the filters below. */
  readonly matchesRoom: (roomId: string) => boolean;
  readonly timeline: EventFilter;
  readonly state: EventFilter;
  readonly ephemeral: EventFilter;
  readonly accountData: EventFilter;
}

const PROFILE_FIELDS = 'org.matrix.msc4429.profile_fields';
const MOST_PROFILE_FIELDS = 20;

/** Everything but the timeline is small or complete by nature, so its limit only bounds it. */
const OTHER_LIMITS: LimitBounds = { defaultLimit: 100_000, maxLimit: 100_000 };

/**
 * Parses a whole Filter. Absent parts get their defaults: everything is let through, ten timeline events a room.
 * Unknown keys are ignored. Throws 400 M_BAD_JSON saying which key is wrong and what is allowed.
 */
export function parseClientFilter(json: JsonValue, ids: IdLists = 'exact'): ClientFilter {
  if (!isJsonObject(json)) throw badJson('A filter must be an object');
  const fields = optionalStrings(json, 'event_fields', '') ?? [];
  const format = json.event_format ?? 'client';
  if (format !== 'client' && format !== 'federation') {
    throw badJson('"event_format" must be "client" or "federation"');
  }
  return {
    pruneEvent: compileEventFields(fields),
    prunesEvents: fields.length > 0,
    eventFormat: format,
    presence: parseEventFilter(optionalObject(json, 'presence', ''), 'presence.', OTHER_LIMITS, ids),
    accountData: parseEventFilter(optionalObject(json, 'account_data', ''), 'account_data.', OTHER_LIMITS),
    room: parseRoomFilter(optionalObject(json, 'room', ''), ids),
    profileFields: parseProfileFields(optionalObject(json, PROFILE_FIELDS, '')),
  };
}

function parseProfileFields(json: Record<string, JsonValue | undefined>): readonly string[] {
  const ids = optionalStrings(json, 'ids', `${PROFILE_FIELDS}.`) ?? [];
  if (ids.length > MOST_PROFILE_FIELDS) {
    throw badJson(`"${PROFILE_FIELDS}.ids" may have ${MOST_PROFILE_FIELDS} fields`);
  }
  return ids;
}

/** The filter of a request that names none. */
export const DEFAULT_CLIENT_FILTER: ClientFilter = parseClientFilter({});

function parseRoomFilter(room: Record<string, JsonValue | undefined>, ids: IdLists): RoomFilter {
  const rooms = optionalStrings(room, 'rooms', 'room.', sigilOf('!', ids));
  const notRooms = optionalStrings(room, 'not_rooms', 'room.', sigilOf('!', ids));
  const part = (name: string, bounds?: LimitBounds): EventFilter =>
    parseEventFilter(optionalObject(room, name, 'room.'), `room.${name}.`, bounds, ids);
  return {
    rooms,
    notRooms,
    includeLeave: optionalBoolean(room, 'include_leave', 'room.') ?? false,
    matchesRoom: compileMembership(rooms, notRooms, ids) ?? (() => true),
    timeline: part('timeline'),
    state: part('state', OTHER_LIMITS),
    ephemeral: part('ephemeral', OTHER_LIMITS),
    accountData: part('account_data', OTHER_LIMITS),
  };
}
