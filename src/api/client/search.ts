import { Type, type Static } from 'typebox';
import { GROUP_KEYS, parseSearchToken, SEARCH_KEYS, type SearchAnswers } from '../../modules/search/index.ts';
import { parseEventFilter } from '../../protocol/filter/event-filter.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { clientPaths, endpoint, RawJson } from '../../wire/endpoint.ts';
import { viewerOf } from '../viewer.ts';

/** Events before or after one result that are given at most. */
const MOST_AROUND = 20;
const DEFAULT_AROUND = 5;

const RoomEvents = Type.Object({
  search_term: Type.String({ maxLength: 1_000 }),
  keys: Type.Optional(Type.Array(Type.Union(SEARCH_KEYS.map((key) => Type.Literal(key))))),
  filter: Type.Optional(Type.Unsafe<JsonObject>(Type.Object({}))),
  order_by: Type.Optional(Type.Union([Type.Literal('recent'), Type.Literal('rank')])),
  event_context: Type.Optional(
    Type.Object({
      before_limit: Type.Optional(Type.Integer({ minimum: 0 })),
      after_limit: Type.Optional(Type.Integer({ minimum: 0 })),
      include_profile: Type.Optional(Type.Boolean()),
    }),
  ),
  include_state: Type.Optional(Type.Boolean()),
  groupings: Type.Optional(
    Type.Object({
      group_by: Type.Optional(
        Type.Array(
          Type.Object({ key: Type.Optional(Type.Union(GROUP_KEYS.map((key) => Type.Literal(key)))) }),
        ),
      ),
    }),
  ),
});

/** POST /search */
export const search = endpoint(
  {
    id: 'search',
    spec: 'client-server-api/#post_matrixclientv3search',
    method: 'POST',
    paths: clientPaths('/search'),
    auth: 'user',
    query: Type.Object({ next_batch: Type.Optional(Type.String()) }),
    body: Type.Object({ search_categories: Type.Object({ room_events: Type.Optional(RoomEvents) }) }),
  },
  async (needs: { searchAnswers: SearchAnswers; clock: { now(): number } }, { session, query, body }) => {
    const wish = body.search_categories.room_events;
    if (!wish) return { search_categories: {} };
    const { rooms, notRooms, limit } = parseEventFilter(wish.filter ?? {});
    const viewer = viewerOf(needs, session);
    const text = await needs.searchAnswers.answer(viewer, {
      ...{ rooms, notRooms },
      term: wish.search_term,
      keys: wish.keys ?? SEARCH_KEYS,
      filter: parseEventFilter({ ...wish.filter, rooms: undefined, not_rooms: undefined }),
      limit: Math.max(1, limit),
      orderBy: wish.order_by ?? 'rank',
      place: query.next_batch === undefined ? undefined : parseSearchToken(query.next_batch),
      context: wish.event_context && contextOf(wish.event_context),
      state: wish.include_state === true,
      groupBy: (wish.groupings?.group_by ?? []).flatMap(({ key }) => key ?? []),
    });
    return new RawJson(`{"search_categories":{"room_events":${text}}}`);
  },
);

function contextOf(wish: NonNullable<Static<typeof RoomEvents>['event_context']>) {
  return {
    before: Math.min(wish.before_limit ?? DEFAULT_AROUND, MOST_AROUND),
    after: Math.min(wish.after_limit ?? DEFAULT_AROUND, MOST_AROUND),
    profiles: wish.include_profile === true,
  };
}
