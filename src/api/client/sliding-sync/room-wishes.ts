import { Type, type Static, type TObject } from 'typebox';
import { boundedCache } from '../../../platform/bounded-cache.ts';
import type { RoomId, UserId } from '../../../protocol/identifiers.ts';
import { invalidParam } from '../../../protocol/matrix-error.ts';
import { RequiredStates, type RequiredState } from '../../../protocol/sliding-sync/required-state.ts';
import type { RoomFilters } from '../../../sync/sliding-sync/room-filters.ts';
import type { ListConfig, RoomConfig, RoomWishes } from '../../../sync/sliding-sync/sliding-sync-options.ts';
import { scopeOf, type EXTENSIONS } from './extension-wishes.ts';

const ROOM_TYPES = Type.Array(Type.Union([Type.String(), Type.Null()]));

/** The filters that both forms of the request have. */
export const FILTERS = {
  is_dm: Type.Optional(Type.Boolean()),
  is_encrypted: Type.Optional(Type.Boolean()),
  spaces: Type.Optional(Type.Array(Type.String())),
  room_types: Type.Optional(ROOM_TYPES),
  not_room_types: Type.Optional(ROOM_TYPES),
  tags: Type.Optional(Type.Array(Type.String())),
  not_tags: Type.Optional(Type.Array(Type.String())),
};

/** How many events a request may ask for of a room; more than the server gives are cut to that. */
export const TIMELINE_LIMIT = Type.Integer({ minimum: 0 });

const MOST_EVENTS = 100;
const MOST_LISTS = 100;
/** Entries of `required_state` and of filters. */
const MOST_ENTRIES = 300;
const COMPILED = 2_000;

/** Wishes of clients that send the same with every request. */
const compiled = boundedCache<string, RoomWishes>(COMPILED);

/** What a request says of rooms, in words of its form. */
export interface AskedRooms<Room> {
  readonly lists: Readonly<Record<string, Room>>;
  readonly subscriptions: Readonly<Record<string, Room>>;
  readonly extensions: Static<typeof EXTENSIONS>;
  /** The most subscriptions. */
  readonly mostSubscriptions: number;
}

/** How one form of the request is read. */
export interface RoomForm<Room> {
  readonly name: string;
  config(room: Room, me: UserId): { timelineLimit: number; state: RequiredState };
  ranges(room: Room): ListConfig['ranges'];
  filters(room: Room): RoomFilters | undefined;
}

/**
 * What a client wants to be told of rooms.
 *
 * @throws MatrixError 400 M_INVALID_PARAM for more than is allowed.
 */
export function roomWishes<Room>(form: RoomForm<Room>, me: UserId, asked: AskedRooms<Room>): RoomWishes {
  const { account_data: accountData, receipts, typing } = asked.extensions;
  const { lists, subscriptions } = asked;
  const text = JSON.stringify([form.name, me, lists, subscriptions, accountData, receipts, typing]);
  const known = compiled.get(text);
  if (known) return known;
  bound('lists', Object.keys(lists).length, MOST_LISTS);
  bound('room_subscriptions', Object.keys(subscriptions).length, asked.mostSubscriptions);
  const configOf = (room: Room): RoomConfig => {
    const { timelineLimit, state } = form.config(room, me);
    bound('required_state', state.include.length + state.exclude.length, MOST_ENTRIES);
    return { timelineLimit: Math.min(timelineLimit, MOST_EVENTS), state: new RequiredStates([state]) };
  };
  const wishes: RoomWishes = {
    asked: text,
    lists: Object.entries(lists).map(([name, room]) => ({
      name,
      ...configOf(room),
      ranges: form.ranges(room),
      filters: form.filters(room),
    })),
    subscriptions: new Map(
      Object.entries(subscriptions).map(([roomId, room]) => [roomId as RoomId, configOf(room)]),
    ),
    accountData: scopeOf(accountData),
    receipts: scopeOf(receipts),
    typing: scopeOf(typing),
  };
  compiled.set(text, wishes);
  return wishes;
}

/** The filters that both forms have, as the service takes them. */
export function commonFilters(filters: Static<TObject<typeof FILTERS>>): RoomFilters {
  const { spaces, tags, not_tags: notTags } = filters;
  for (const list of [spaces, tags, notTags]) bound('filters', list?.length ?? 0, MOST_ENTRIES);
  return {
    isDm: filters.is_dm,
    isEncrypted: filters.is_encrypted,
    spaces: spaces as RoomId[] | undefined,
    roomTypes: filters.room_types,
    notRoomTypes: filters.not_room_types,
    tags,
    notTags,
  };
}

function bound(name: string, count: number, most: number): void {
  if (count > most) throw invalidParam(`"${name}" may have ${most} entries, not ${count}`);
}
