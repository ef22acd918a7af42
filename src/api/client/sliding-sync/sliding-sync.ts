import { Type, type Static } from 'typebox';
import type { UserId } from '../../../protocol/identifiers.ts';
import { invalidParam } from '../../../protocol/matrix-error.ts';
import type { RequiredState, StateElement } from '../../../protocol/sliding-sync/required-state.ts';
import type { SlidingSyncService } from '../../../sync/sliding-sync/sliding-sync-service.ts';
import { endpoint, RawJson } from '../../../wire/endpoint.ts';
import type { Session } from '../../../wire/session.ts';
import { accountExtensions, EXTENSIONS } from './extension-wishes.ts';
import { commonFilters, FILTERS, roomWishes, TIMELINE_LIMIT, type RoomForm } from './room-wishes.ts';

const PLACE = Type.Integer({ minimum: 0 });

const ELEMENTS = Type.Optional(
  Type.Array(Type.Object({ type: Type.Optional(Type.String()), state_key: Type.Optional(Type.String()) })),
);

const ROOM = Type.Object({
  timeline_limit: TIMELINE_LIMIT,
  required_state: Type.Object({
    include: ELEMENTS,
    exclude: ELEMENTS,
    lazy_members: Type.Optional(Type.Boolean()),
  }),
  range: Type.Optional(Type.Tuple([PLACE, PLACE])),
  filters: Type.Optional(Type.Object({ ...FILTERS, is_invited: Type.Optional(Type.Boolean()) })),
});

const FORM: RoomForm<Static<typeof ROOM>> = {
  name: 'accepted',
  config: (room) => ({ timelineLimit: room.timeline_limit, state: requiredState(room.required_state) }),
  ranges: ({ range }) => range && [range],
  filters: ({ filters }) => filters && { ...commonFilters(filters), isInvite: filters.is_invited },
};

const LONGEST_WAIT_MS = 120_000;
const MOST_SUBSCRIPTIONS = 100;
const PRESENCES = ['offline', 'online', 'unavailable'] as const;

/** POST /_matrix/client/v4/sync, as MSC4186 was accepted. */
export const slidingSync = endpoint(
  {
    id: 'slidingSync',
    method: 'POST',
    paths: ['/_matrix/client/v4/sync'],
    auth: 'user',
    guests: true,
    body: Type.Object({
      conn_id: Type.Optional(Type.String({ maxLength: 255 })),
      pos: Type.Optional(Type.String()),
      timeout: Type.Optional(Type.Integer({ minimum: 0 })),
      set_presence: Type.Optional(Type.String()),
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
          setPresence: (typeof PRESENCES)[number],
          forMs: number,
        ): Promise<void> | undefined;
      };
    },
    { body, session, signal },
  ) => {
    const presence = PRESENCES.find((one) => one === (body.set_presence ?? 'online'));
    if (!presence) throw invalidParam(`"set_presence" must be one of ${PRESENCES.join(', ')}`);
    const timeoutMs = Math.min(body.timeout ?? 0, LONGEST_WAIT_MS);
    const becoming = needs.presence.seen(session, presence, timeoutMs);
    if (becoming) await becoming;
    const extensions = body.extensions ?? {};
    const text = await needs.slidingSync.sync({
      userId: session.userId,
      deviceId: session.deviceId,
      connId: body.conn_id ?? '',
      pos: body.pos,
      timeoutMs,
      signal,
      dialect: 'accepted',
      wishes: wishesOf(session.userId, body, extensions),
      ...accountExtensions(extensions),
    });
    return new RawJson(text);
  },
);

function wishesOf(
  me: UserId,
  body: {
    lists?: Record<string, Static<typeof ROOM>>;
    room_subscriptions?: Record<string, Static<typeof ROOM>>;
  },
  extensions: Static<typeof EXTENSIONS>,
) {
  return roomWishes(FORM, me, {
    lists: body.lists ?? {},
    subscriptions: body.room_subscriptions ?? {},
    extensions,
    mostSubscriptions: MOST_SUBSCRIPTIONS,
  });
}

function requiredState(asked: Static<typeof ROOM>['required_state']): RequiredState {
  const elements = (given: readonly { type?: string; state_key?: string }[] = []): StateElement[] =>
    given.map(({ type, state_key: stateKey }) => [type ?? null, stateKey ?? null]);
  return {
    include: elements(asked.include),
    exclude: elements(asked.exclude),
    lazyMembers: asked.lazy_members ?? false,
  };
}
