import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { badJson } from '../matrix-error.ts';
import { optionalBoolean, optionalStrings } from './filter-fields.ts';
import { compileTypeList } from './type-pattern.ts';

/** What a filter looks at. A test on something that is absent fails if the filter lists what to include. */
export interface FilteredEvent {
  readonly type: string;
  readonly sender?: string | undefined;
  readonly roomId?: string | undefined;
  readonly content?: JsonObject | undefined;
  /** How it relates to another event, if it does. */
  readonly relation?: { readonly relType: string } | undefined;
}

/** Says whether a filter lets an event through. */
export type EventMatcher = (event: FilteredEvent) => boolean;

/** How many events a request may get. */
export interface LimitBounds {
  readonly defaultLimit: number;
  readonly maxLimit: number;
}

/** A parsed EventFilter or RoomEventFilter. Lists are undefined where the filter says nothing. */
export interface EventFilter {
  /** Events to return at most: 0 up to the bounds' maximum. */
  readonly limit: number;
  readonly types: readonly string[] | undefined;
  readonly notTypes: readonly string[] | undefined;
  readonly senders: readonly string[] | undefined;
  readonly notSenders: readonly string[] | undefined;
  readonly rooms: readonly string[] | undefined;
  readonly notRooms: readonly string[] | undefined;
  readonly containsUrl: boolean | undefined;
  /** Types of relations that an event may have to another (MSC3874); one that relates to none has no type. */
  readonly relTypes: readonly string[] | undefined;
  readonly notRelTypes: readonly string[] | undefined;
  readonly lazyLoadMembers: boolean;
  /** Only of effect with `lazyLoadMembers`. */
  readonly includeRedundantMembers: boolean;
  readonly unreadThreadNotifications: boolean;
  /** Let through only events that one of these senders relates to. Needs the store, so `matches` leaves it out. */
  readonly relatedBySenders: readonly string[] | undefined;
  /** Let through only events with a relation of one of these types. Needs the store, so `matches` leaves it out. */
  readonly relatedByRelTypes: readonly string[] | undefined;
  /** Whether the lists and `contains_url` let an event through. An exclusion wins over an inclusion. */
  readonly matches: EventMatcher;
}

/**
 * How lists of users and rooms are meant: as IDs, or with `*` for any characters, as in 2015 (v2_alpha/filter.yaml of
 * October 2015).
 */
export type IdLists = 'exact' | 'patterns';

/** Entries of a list that takes a search in the store for each few. */
const MOST_RELATED = 50;

/** The limits of timelines, `/messages` and the like. */
export const TIMELINE_LIMITS: LimitBounds = { defaultLimit: 10, maxLimit: 100 };

/**
 * Parses an EventFilter or RoomEventFilter (Client-Server API, "Filtering"). Unknown keys are ignored.
 *
 * @param where what comes before a key in an error message, such as `room.timeline.`.
 * @throws 400 M_BAD_JSON saying which key is wrong.
 */
export function parseEventFilter(
  json: JsonValue,
  where = '',
  bounds: LimitBounds = TIMELINE_LIMITS,
  ids: IdLists = 'exact',
): EventFilter {
  if (!isJsonObject(json))
    throw badJson(`${where ? `"${where.slice(0, -1)}"` : 'A filter'} must be an object`);
  const strings = (name: string, sigil = ''): readonly string[] | undefined =>
    optionalStrings(json, name, where, sigil);
  const few = (name: string, sigil = ''): readonly string[] | undefined => {
    const list = strings(name, sigil);
    if (list === undefined || list.length <= MOST_RELATED) return list;
    throw badJson(`"${where}${name}" may have at most ${MOST_RELATED} entries`);
  };
  const flag = (name: string): boolean => optionalBoolean(json, name, where) ?? false;
  const lists = {
    types: strings('types'),
    notTypes: strings('not_types'),
    senders: strings('senders', sigilOf('@', ids)),
    notSenders: strings('not_senders', sigilOf('@', ids)),
    rooms: strings('rooms', sigilOf('!', ids)),
    notRooms: strings('not_rooms', sigilOf('!', ids)),
    containsUrl: optionalBoolean(json, 'contains_url', where),
    relTypes: strings('org.matrix.msc3874.rel_types'),
    notRelTypes: strings('org.matrix.msc3874.not_rel_types'),
  };
  return {
    ...lists,
    limit: parseLimit(json.limit, where, bounds),
    lazyLoadMembers: flag('lazy_load_members'),
    includeRedundantMembers: flag('include_redundant_members'),
    unreadThreadNotifications: flag('unread_thread_notifications'),
    relatedBySenders: few('related_by_senders', '@'),
    relatedByRelTypes: few('related_by_rel_types'),
    matches: compileLists(lists, ids),
  };
}

/** Zero is let through, though the specification asks for more: clients use it to get no events. */
function parseLimit(limit: JsonValue | undefined, where: string, bounds: LimitBounds): number {
  if (limit === undefined) return bounds.defaultLimit;
  if (typeof limit !== 'number' || !Number.isSafeInteger(limit) || limit < 0) {
    throw badJson(`"${where}limit" must be an integer that is not negative`);
  }
  return Math.min(limit, bounds.maxLimit);
}

type FilterLists = Pick<
  EventFilter,
  | 'types'
  | 'notTypes'
  | 'senders'
  | 'notSenders'
  | 'rooms'
  | 'notRooms'
  | 'containsUrl'
  | 'relTypes'
  | 'notRelTypes'
>;

function compileLists(lists: FilterLists, ids: IdLists): EventMatcher {
  const checks: EventMatcher[] = [];
  const { types, notTypes, containsUrl } = lists;
  if (notTypes) {
    const excluded = compileTypeList(notTypes);
    checks.push((event) => !excluded(event.type));
  }
  if (types) {
    const included = compileTypeList(types);
    checks.push((event) => included(event.type));
  }
  const sender = compileMembership(lists.senders, lists.notSenders, ids);
  if (sender) checks.push((event) => sender(event.sender));
  const room = compileMembership(lists.rooms, lists.notRooms, ids);
  if (room) checks.push((event) => room(event.roomId));
  const relType = compileMembership(lists.relTypes, lists.notRelTypes);
  if (relType) checks.push((event) => relType(event.relation?.relType));
  if (containsUrl !== undefined) {
    checks.push((event) => Object.hasOwn(event.content ?? {}, 'url') === containsUrl);
  }
  return (event) => checks.every((check) => check(event));
}

/** With what entries of such a list begin. */
export function sigilOf(sigil: string, ids: IdLists): string {
  return ids === 'exact' ? sigil : '';
}

/** A test for IDs of which some are let through and some not, or undefined if all are let through. */
export function compileMembership(
  included: readonly string[] | undefined,
  excluded: readonly string[] | undefined,
  ids: IdLists = 'exact',
): ((id: string | undefined) => boolean) | undefined {
  if (!included && !excluded) return undefined;
  if (ids === 'patterns') {
    const allows = included && compileTypeList(included);
    const refuses = compileTypeList(excluded ?? []);
    return (id) => (id === undefined ? !allows : !refuses(id) && (allows?.(id) ?? true));
  }
  const allowed = included && new Set(included);
  const refused = new Set(excluded);
  return (id) => (id === undefined ? !allowed : !refused.has(id) && (!allowed || allowed.has(id)));
}
