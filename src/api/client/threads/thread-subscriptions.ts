import { Type } from 'typebox';
import type { ThreadSubscriptions } from '../../../modules/thread-subscriptions/index.ts';
import { eventId, roomId } from '../../../protocol/identifiers.ts';
import { parseStreamToken, streamToken } from '../../../rooms/reading/stream-token.ts';
import { endpoint } from '../../../wire/endpoint.ts';

interface Needs {
  threadSubscriptions: ThreadSubscriptions;
}

const oneThread = {
  paths: ['/_matrix/client/unstable/io.element.msc4306/rooms/:roomId/thread/:rootId/subscription'],
  auth: 'user',
  params: Type.Object({ roomId: Type.String(), rootId: Type.String() }),
} as const;

/** GET …/rooms/{roomId}/thread/{rootId}/subscription (MSC4306) */
export const getThreadSubscription = endpoint(
  { ...oneThread, id: 'getThreadSubscription', method: 'GET' },
  (needs: Needs, { session, params }) =>
    needs.threadSubscriptions.get(session.userId, roomId(params.roomId), eventId(params.rootId)),
);

/** PUT …/rooms/{roomId}/thread/{rootId}/subscription (MSC4306) */
export const subscribeToThread = endpoint(
  {
    ...oneThread,
    id: 'subscribeToThread',
    method: 'PUT',
    body: Type.Object({ automatic: Type.Optional(Type.Union([Type.String(), Type.Null()])) }),
  },
  async (needs: Needs, { session, params, body }) => {
    const cause = body.automatic ?? undefined;
    await needs.threadSubscriptions.subscribe(
      session.userId,
      roomId(params.roomId),
      eventId(params.rootId),
      cause === undefined ? undefined : eventId(cause),
    );
    return {};
  },
);

/** DELETE …/rooms/{roomId}/thread/{rootId}/subscription (MSC4306) */
export const unsubscribeFromThread = endpoint(
  { ...oneThread, id: 'unsubscribeFromThread', method: 'DELETE' },
  async (needs: Needs, { session, params }) => {
    await needs.threadSubscriptions.unsubscribe(
      session.userId,
      roomId(params.roomId),
      eventId(params.rootId),
    );
    return {};
  },
);

const MOST = 500;

/** GET …/thread_subscriptions (MSC4308): what sliding sync had no room for, newest first. */
export const getThreadSubscriptions = endpoint(
  {
    id: 'getThreadSubscriptions',
    method: 'GET',
    paths: ['/_matrix/client/unstable/io.element.msc4308/thread_subscriptions'],
    auth: 'user',
    query: Type.Object({
      dir: Type.Literal('b'),
      from: Type.Optional(Type.String()),
      to: Type.Optional(Type.String()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
  },
  async (needs: Needs, { session, query }) => {
    const { before, ...changes } = await needs.threadSubscriptions.changes(session.userId, {
      after: query.to === undefined ? 0 : parseStreamToken(query.to),
      upTo: query.from === undefined ? Number.MAX_SAFE_INTEGER : parseStreamToken(query.from),
      limit: Math.min(query.limit ?? 100, MOST),
    });
    return before === undefined ? changes : { ...changes, end: streamToken(before) };
  },
);
