import { Type, type Static } from 'typebox';
import { requiredStateOfPairs } from '../../../protocol/sliding-sync/required-state.ts';
import type { SlidingSyncService } from '../../../sync/sliding-sync/sliding-sync-service.ts';
import { endpoint, RawJson } from '../../../wire/endpoint.ts';
import type { Session } from '../../../wire/session.ts';
import { accountExtensions, EXTENSIONS } from './extension-wishes.ts';
import { commonFilters, FILTERS, roomWishes, TIMELINE_LIMIT, type RoomForm } from './room-wishes.ts';

const PLACE = Type.Integer({ minimum: 0 });

const ROOM = Type.Object({
  timeline_limit: TIMELINE_LIMIT,
  required_state: Type.Optional(Type.Array(Type.Tuple([Type.String(), Type.String()]))),
  ranges: Type.Optional(Type.Array(Type.Tuple([PLACE, PLACE]), { maxItems: 100 })),
  slow_get_all_rooms: Type.Optional(Type.Boolean()),
  filters: Type.Optional(
    Type.Object({
      ...FILTERS,
      is_invite: Type.Optional(Type.Boolean()),
      room_name_like: Type.Optional(Type.String()),
    }),
  ),
});

const FORM: RoomForm<Static<typeof ROOM>> = {
  name: 'simplified',
  config: (room, me) => ({
    timelineLimit: room.timeline_limit,
    state: requiredStateOfPairs(room.required_state ?? [], me),
  }),
  ranges: (room) => (room.slow_get_all_rooms === true ? undefined : room.ranges),
  filters: ({ filters }) =>
    filters && {
      ...commonFilters(filters),
      isInvite: filters.is_invite,
      nameLike: filters.room_name_like,
    },
};

const LONGEST_WAIT_MS = 120_000;
const MOST_SUBSCRIPTIONS = 1_000;

/** POST /sync of MSC4186 as clients ask for it so far, by the prefix of MSC3575. */
export const simplifiedSlidingSync = endpoint(
  {
    id: 'simplifiedSlidingSync',
    method: 'POST',
    paths: ['/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'],
    auth: 'user',
    guests: true,
    query: Type.Object({
      pos: Type.Optional(Type.String()),
      timeout: Type.Optional(Type.Integer({ minimum: 0 })),
      set_presence: Type.Optional(
        Type.Union([Type.Literal('offline'), Type.Literal('online'), Type.Literal('unavailable')]),
      ),
    }),
    body: Type.Object({
      conn_id: Type.Optional(Type.String({ maxLength: 255 })),
      lists: Type.Optional(Type.Record(Type.String(), ROOM)),
      room_subscriptions: Type.Optional(Type.Record(Type.String(), ROOM)),
      extensions: Type.Optional(EXTENSIONS),
    }),
  },
  async (
    needs: {
      slidingSync: SlidingSyncService;
      presence: {
        seen(
          session: Session,
          setPresence: 'offline' | 'online' | 'unavailable',
          forMs: number,
        ): Promise<void> | undefined;
      };
    },
    { query, body, session, signal },
  ) => {
    const timeoutMs = Math.min(query.timeout ?? 0, LONGEST_WAIT_MS);
    const becoming = needs.presence.seen(session, query.set_presence ?? 'online', timeoutMs);
    if (becoming) await becoming;
    const extensions = body.extensions ?? {};
    const text = await needs.slidingSync.sync({
      userId: session.userId,
      deviceId: session.deviceId,
      connId: body.conn_id ?? '',
      pos: query.pos === '' ? undefined : query.pos,
      timeoutMs,
      signal,
      dialect: 'simplified',
      wishes: roomWishes(FORM, session.userId, {
        lists: body.lists ?? {},
        subscriptions: body.room_subscriptions ?? {},
        extensions,
        mostSubscriptions: MOST_SUBSCRIPTIONS,
      }),
      ...accountExtensions(extensions),
    });
    return new RawJson(text);
  },
);
