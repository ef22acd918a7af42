import { Type } from 'typebox';
import { TIMELINE_LIMITS } from '../../../protocol/filter/event-filter.ts';
import { roomId } from '../../../protocol/identifiers.ts';
import { withCommas } from '../../../protocol/json.ts';
import { parseStreamToken, streamToken } from '../../../rooms/reading/stream-token.ts';
import { clientPaths, endpoint, RawJson } from '../../../wire/endpoint.ts';
import { viewerOf } from '../../viewer.ts';
import { keepMatching, roomEventFilter, type HistoryNeeds } from './filtered-history.ts';

/** GET /rooms/{roomId}/messages */
export const getRoomEvents = endpoint(
  {
    id: 'getRoomEvents',
    spec: 'client-server-api/#get_matrixclientv3roomsroomidmessages',
    method: 'GET',
    paths: clientPaths('/rooms/:roomId/messages'),
    auth: 'user',
    guests: true,
    params: Type.Object({ roomId: Type.String() }),
    query: Type.Object({
      from: Type.Optional(Type.String()),
      to: Type.Optional(Type.String()),
      dir: Type.Optional(Type.Union([Type.Literal('b'), Type.Literal('f')])),
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
      filter: Type.Optional(Type.String()),
    }),
  },
  async (needs: HistoryNeeds, request) => {
    const { query, session } = request;
    const direction = query.dir ?? 'f';
    const filter = roomEventFilter(query.filter);
    const access = await needs.visibility.accessOrForbid(roomId(request.params.roomId), session.userId);
    const limit = Math.max(1, Math.min(query.limit ?? filter.limit, TIMELINE_LIMITS.maxLimit));
    const page = await needs.timeline.messages(
      access,
      { from: place(query.from), to: place(query.to), direction, limit },
      await keepMatching(needs, session.userId, filter),
    );
    const viewer = viewerOf(needs, session);
    const roomIdOf = { roomId: access.roomId };
    const membershipOf = await needs.visibility.membershipsAt(access.userId, page.events);
    const chunk = await needs.clientEvents.bundledTexts(page.events, viewer, {
      ...roomIdOf,
      membershipOf,
    });
    let text = `{"chunk":[${withCommas(chunk)}],"start":"${streamToken(page.start)}"`;
    if (page.end !== undefined) text += `,"end":"${streamToken(page.end)}"`;
    if (filter.lazyLoadMembers && page.events.length > 0) {
      const senders = page.events.map((event) => event.sender);
      const newestFirst = direction === 'b' ? page.events : page.events.toReversed();
      const root = await needs.states.newestVisibleRoot(access, newestFirst);
      const members = await needs.states.membersFor(root, senders, page.events);
      text += `,"state":[${(await needs.clientEvents.texts(members, viewer, roomIdOf)).join(',')}]`;
    }
    return new RawJson(`${text}}`);
  },
);

function place(token: string | undefined): number | undefined {
  return token === undefined || token === '' ? undefined : parseStreamToken(token);
}
