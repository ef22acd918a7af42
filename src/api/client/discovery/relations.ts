import { Type, type Static } from 'typebox';
import { eventId, roomId, type UserId } from '../../../protocol/identifiers.ts';
import type { ClientEvents } from '../../../rooms/reading/client-events.ts';
import type { RelatedEvents } from '../../../rooms/relations/related-events.ts';
import { parseStreamToken, streamToken } from '../../../rooms/reading/stream-token.ts';
import type { Timeline } from '../../../rooms/reading/timeline.ts';
import type { Visibility } from '../../../rooms/reading/visibility.ts';
import { MOST_RELATION_STEPS } from '../../../storage/rooms/relations-store.ts';
import { clientPaths, endpoint, RawJson } from '../../../wire/endpoint.ts';
import type { Session } from '../../../wire/session.ts';

const DEFAULT_LIMIT = 5;
const MOST_EVENTS = 100;

/** What reading relations needs of the server. */
interface RelationNeeds {
  visibility: Visibility;
  timeline: Timeline;
  clientEvents: ClientEvents;
  relatedEvents: RelatedEvents;
  ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  clock: { now(): number };
}

const Page = Type.Object({
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  dir: Type.Optional(Type.Union([Type.Literal('b'), Type.Literal('f')])),
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  recurse: Type.Optional(Type.Boolean()),
});
const Parent = { roomId: Type.String(), eventId: Type.String() };

/** GET /rooms/{roomId}/relations/{eventId} */
export const getRelatingEvents = endpoint(
  {
    id: 'getRelatingEvents',
    spec: 'client-server-api/#get_matrixclientv1roomsroomidrelationseventid',
    method: 'GET',
    paths: paths(''),
    auth: 'user',
    guests: true,
    params: Type.Object(Parent),
    query: Page,
  },
  (needs: RelationNeeds, { params, query, session }) => answer(needs, session, params, query),
);

/** GET /rooms/{roomId}/relations/{eventId}/{relType} */
export const getRelatingEventsWithRelType = endpoint(
  {
    id: 'getRelatingEventsWithRelType',
    spec: 'client-server-api/#get_matrixclientv1roomsroomidrelationseventidreltype',
    method: 'GET',
    paths: paths('/:relType'),
    auth: 'user',
    guests: true,
    params: Type.Object({ ...Parent, relType: Type.String() }),
    query: Page,
  },
  (needs: RelationNeeds, { params, query, session }) => answer(needs, session, params, query),
);

/** GET /rooms/{roomId}/relations/{eventId}/{relType}/{eventType} */
export const getRelatingEventsWithRelTypeAndEventType = endpoint(
  {
    id: 'getRelatingEventsWithRelTypeAndEventType',
    spec: 'client-server-api/#get_matrixclientv1roomsroomidrelationseventidreltypeeventtype',
    method: 'GET',
    paths: paths('/:relType/:eventType'),
    auth: 'user',
    guests: true,
    params: Type.Object({ ...Parent, relType: Type.String(), eventType: Type.String() }),
    query: Page,
  },
  (needs: RelationNeeds, { params, query, session }) => answer(needs, session, params, query),
);

async function answer(
  needs: RelationNeeds,
  session: Session,
  params: { roomId: string; eventId: string; relType?: string; eventType?: string },
  query: Static<typeof Page>,
): Promise<RawJson> {
  const { userId, deviceId } = session;
  const access = await needs.visibility.access(roomId(params.roomId), userId);
  const parent = await needs.timeline.event(access, eventId(params.eventId));
  const ignored = await needs.ignoredUsers(userId);
  const page = await needs.relatedEvents.children(
    access,
    {
      parentId: parent.eventId,
      relType: params.relType,
      type: params.eventType,
      recurse: query.recurse === true,
      direction: query.dir ?? 'b',
      from: place(query.from),
      to: place(query.to),
      limit: Math.min(query.limit ?? DEFAULT_LIMIT, MOST_EVENTS),
    },
    (event) => !ignored.has(event.sender),
  );
  const viewer = { userId, deviceId, now: needs.clock.now() };
  const membershipOf = await needs.visibility.membershipsAt(access.userId, page.events);
  const chunk = await needs.clientEvents.bundledTexts(page.events, viewer, {
    roomId: access.roomId,
    membershipOf,
  });
  let text = `{"chunk":[${chunk.join(',')}]`;
  if (page.next !== undefined) text += `,"next_batch":"${streamToken(page.next)}"`;
  if (query.from) text += `,"prev_batch":${JSON.stringify(query.from)}`;
  if (query.recurse !== undefined) text += `,"recursion_depth":${query.recurse ? MOST_RELATION_STEPS : 1}`;
  return new RawJson(`${text}}`);
}

function place(token: string | undefined): number | undefined {
  return token === undefined || token === '' ? undefined : parseStreamToken(token);
}

/** The paths, and what they were before the specification took them up. */
function paths(rest: string): string[] {
  const suffix = `/rooms/:roomId/relations/:eventId${rest}`;
  return [...clientPaths(suffix, { since: 'v1' }), `/_matrix/client/unstable${suffix}`];
}
