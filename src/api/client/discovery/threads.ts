import { Type } from 'typebox';
import { roomId, type UserId } from '../../../protocol/identifiers.ts';
import type { ClientEvents } from '../../../rooms/reading/client-events.ts';
import type { RelatedEvents } from '../../../rooms/relations/related-events.ts';
import { parseStreamToken, streamToken } from '../../../rooms/reading/stream-token.ts';
import type { Visibility } from '../../../rooms/reading/visibility.ts';
import { clientPaths, endpoint, RawJson } from '../../../wire/endpoint.ts';

const DEFAULT_LIMIT = 20;
const MOST_THREADS = 100;

/** GET /rooms/{roomId}/threads */
export const getThreadRoots = endpoint(
  {
    id: 'getThreadRoots',
    spec: 'client-server-api/#get_matrixclientv1roomsroomidthreads',
    method: 'GET',
    paths: clientPaths('/rooms/:roomId/threads', { since: 'v1', unstable: ['org.matrix.msc3856'] }),
    auth: 'user',
    guests: true,
    params: Type.Object({ roomId: Type.String() }),
    query: Type.Object({
      include: Type.Optional(Type.Union([Type.Literal('all'), Type.Literal('participated')])),
      from: Type.Optional(Type.String()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
  },
  async (
    needs: {
      visibility: Visibility;
      clientEvents: ClientEvents;
      relatedEvents: RelatedEvents;
      ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
      clock: { now(): number };
    },
    { params, query, session },
  ) => {
    const { userId, deviceId } = session;
    const access = await needs.visibility.accessOrForbid(roomId(params.roomId), userId);
    const ignored = await needs.ignoredUsers(userId);
    const page = await needs.relatedEvents.threads(access, {
      upTo: query.from === undefined || query.from === '' ? undefined : parseStreamToken(query.from),
      participated: query.include === 'participated',
      ignored,
      limit: Math.min(query.limit ?? DEFAULT_LIMIT, MOST_THREADS),
    });
    const roots = await Promise.all(
      page.events.map((root) => (ignored.has(root.sender) ? needs.relatedEvents.redacted(root) : root)),
    );
    const viewer = { userId, deviceId, now: needs.clock.now() };
    const membershipOf = await needs.visibility.membershipsAt(access.userId, roots);
    const chunk = await needs.clientEvents.bundledTexts(roots, viewer, {
      roomId: access.roomId,
      membershipOf,
    });
    const next = page.next === undefined ? '' : `,"next_batch":"${streamToken(page.next)}"`;
    return new RawJson(`{"chunk":[${chunk.join(',')}]${next}}`);
  },
);
