import { Type } from 'typebox';
import { eventId, roomId } from '../../../protocol/identifiers.ts';
import { streamToken } from '../../../rooms/reading/stream-token.ts';
import { clientPaths, endpoint, RawJson } from '../../../wire/endpoint.ts';
import { viewerOf } from '../../viewer.ts';
import { keepMatching, roomEventFilter, type HistoryNeeds } from './filtered-history.ts';

const MOST_EVENTS = 100;

/** GET /rooms/{roomId}/context/{eventId} */
export const getEventContext = endpoint(
  {
    id: 'getEventContext',
    spec: 'client-server-api/#get_matrixclientv3roomsroomidcontexteventid',
    method: 'GET',
    paths: clientPaths('/rooms/:roomId/context/:eventId'),
    auth: 'user',
    guests: true,
    params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
    query: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
      filter: Type.Optional(Type.String()),
    }),
  },
  async (needs: HistoryNeeds, request) => {
    const { query, session } = request;
    const filter = roomEventFilter(query.filter);
    const limit = Math.min(query.limit ?? filter.limit, MOST_EVENTS);
    const access = await needs.visibility.accessOrForbid(roomId(request.params.roomId), session.userId);
    const context = await needs.timeline.context(
      access,
      eventId(request.params.eventId),
      { before: Math.floor(limit / 2), after: Math.ceil(limit / 2) },
      await keepMatching(needs, session.userId, filter),
    );
    const viewer = viewerOf(needs, session);
    const events = [context.event, ...context.before, ...context.after];
    const membershipOf = await needs.visibility.membershipsAt(access.userId, events);
    const options = { roomId: access.roomId };
    const texts = (shown: typeof context.before) =>
      needs.clientEvents.bundledTexts(shown, viewer, { ...options, membershipOf });
    const senders = new Set(events.map((event) => event.sender));
    const state = await needs.states.stateEvents(
      context.root,
      (type, stateKey) =>
        !filter.lazyLoadMembers || type !== 'm.room.member' || senders.has(stateKey as typeof session.userId),
    );
    const shownState = state.filter(filter.matches);
    const stateTexts = await needs.clientEvents.bundledTexts(shownState, viewer, options);
    const [event] = await texts([context.event]);
    return new RawJson(
      `{"event":${event ?? '{}'},"events_before":[${(await texts(context.before)).join(',')}],` +
        `"events_after":[${(await texts(context.after)).join(',')}],"state":[${stateTexts.join(',')}],` +
        `"start":"${streamToken(context.start)}","end":"${streamToken(context.end)}"}`,
    );
  },
);
