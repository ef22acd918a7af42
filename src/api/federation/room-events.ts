import { Readable } from 'node:stream';
import { Type } from 'typebox';
import type { RoomAnswers } from '../../federation/answering/room-answers.ts';
import { eventId, roomId, type EventId, type RoomId, type ServerName } from '../../protocol/identifiers.ts';
import { endpoint, federationPaths, Reply } from '../../wire/endpoint.ts';

/** What answers about the events of rooms need of the server. */
export interface RoomEventNeeds {
  readonly roomAnswers: RoomAnswers;
  readonly serverName: ServerName;
  readonly clock: { now(): number };
}

const IN_ROOM = Type.Object({ roomId: Type.String() });
const AT_EVENT = Type.Object({ event_id: Type.String() });
const EVENT_IDS = Type.Array(Type.String());

/** GET /_matrix/federation/v1/event/{eventId} */
export const getEvent = endpoint(
  {
    id: 'getEvent',
    spec: 'server-server-api/#get_matrixfederationv1eventeventid',
    method: 'GET',
    paths: federationPaths('/event/:eventId', { since2015: true }),
    auth: 'server',
    params: Type.Object({ eventId: Type.String() }),
  },
  async (needs: RoomEventNeeds, { origin, params }) => {
    return transactionOf(needs, [await needs.roomAnswers.event(origin, eventId(params.eventId))]);
  },
);

/** GET /_matrix/federation/v1/event_auth/{roomId}/{eventId} */
export const getEventAuth = endpoint(
  {
    id: 'getEventAuth',
    spec: 'server-server-api/#get_matrixfederationv1event_authroomideventid',
    method: 'GET',
    paths: federationPaths('/event_auth/:roomId/:eventId'),
    auth: 'server',
    params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
  },
  async ({ roomAnswers }: RoomEventNeeds, { origin, params }) => ({
    auth_chain: await roomAnswers.authChain(origin, roomId(params.roomId), eventId(params.eventId)),
  }),
);

/** GET /_matrix/federation/v1/state/{roomId} */
export const getFederationRoomState = endpoint(
  {
    id: 'getRoomState',
    spec: 'server-server-api/#get_matrixfederationv1stateroomid',
    method: 'GET',
    paths: federationPaths('/state/:roomId'),
    auth: 'server',
    params: IN_ROOM,
    query: AT_EVENT,
  },
  async (needs: RoomEventNeeds, { origin, params, query }) =>
    stateAnswer(needs, origin, roomId(params.roomId), eventId(query.event_id)),
);

/** GET /_matrix/federation/v1/state_ids/{roomId} */
export const getRoomStateIds = endpoint(
  {
    id: 'getRoomStateIds',
    spec: 'server-server-api/#get_matrixfederationv1state_idsroomid',
    method: 'GET',
    paths: federationPaths('/state_ids/:roomId'),
    auth: 'server',
    params: IN_ROOM,
    query: AT_EVENT,
  },
  async ({ roomAnswers }: RoomEventNeeds, { origin, params, query }) => {
    const found = await roomAnswers.stateIds(origin, roomId(params.roomId), eventId(query.event_id));
    return { pdu_ids: found.state, auth_chain_ids: found.authChain };
  },
);

/** GET /_matrix/federation/v1/backfill/{roomId} */
export const backfillRoom = endpoint(
  {
    id: 'backfillRoom',
    spec: 'server-server-api/#get_matrixfederationv1backfillroomid',
    method: 'GET',
    paths: federationPaths('/backfill/:roomId', { since2015: true }),
    auth: 'server',
    params: IN_ROOM,
    query: Type.Object({ v: Type.Union([EVENT_IDS, Type.String()]), limit: Type.Integer({ minimum: 0 }) }),
  },
  async (needs: RoomEventNeeds, { origin, params, query }) => {
    const from = (typeof query.v === 'string' ? [query.v] : query.v).map(eventId);
    return transactionOf(
      needs,
      await needs.roomAnswers.backfill(origin, roomId(params.roomId), from, query.limit),
    );
  },
);

/** POST /_matrix/federation/v1/get_missing_events/{roomId} */
export const getMissingPreviousEvents = endpoint(
  {
    id: 'getMissingPreviousEvents',
    spec: 'server-server-api/#post_matrixfederationv1get_missing_eventsroomid',
    method: 'POST',
    paths: federationPaths('/get_missing_events/:roomId'),
    auth: 'server',
    params: IN_ROOM,
    body: Type.Object({
      earliest_events: EVENT_IDS,
      latest_events: EVENT_IDS,
      limit: Type.Optional(Type.Integer()),
      min_depth: Type.Optional(Type.Integer()),
    }),
  },
  async ({ roomAnswers }: RoomEventNeeds, { origin, params, body }) => ({
    events: await roomAnswers.missingEvents(origin, roomId(params.roomId), {
      earliest: body.earliest_events as EventId[],
      latest: body.latest_events as EventId[],
      limit: body.limit ?? 10,
      minDepth: body.min_depth ?? 0,
    }),
  }),
);

/** GET /_matrix/federation/v1/timestamp_to_event/{roomId} */
export const getFederationEventByTimestamp = endpoint(
  {
    id: 'getEventByTimestamp',
    spec: 'server-server-api/#get_matrixfederationv1timestamp_to_eventroomid',
    method: 'GET',
    paths: federationPaths('/timestamp_to_event/:roomId', { unstable: ['org.matrix.msc3030'] }),
    auth: 'server',
    params: IN_ROOM,
    query: Type.Object({
      ts: Type.Integer({ minimum: 0 }),
      dir: Type.Union([Type.Literal('f'), Type.Literal('b')]),
    }),
  },
  async ({ roomAnswers }: RoomEventNeeds, { origin, params, query }) => {
    const event = await roomAnswers.eventByTime(origin, roomId(params.roomId), query.ts, query.dir);
    return { event_id: event.eventId, origin_server_ts: event.originServerTs };
  },
);

/** A state and what authorises it, written as it is read. */
export async function stateAnswer(
  { roomAnswers }: RoomEventNeeds,
  origin: ServerName,
  room: RoomId,
  at: EventId,
): Promise<Reply> {
  const text = await roomAnswers.state(origin, room, at);
  return new Reply(200, { 'content-type': 'application/json' }, Readable.from(text));
}

/** Events as a transaction of this server. */
export function transactionOf({ serverName, clock }: RoomEventNeeds, pdus: readonly object[]): object {
  return { origin: serverName, origin_server_ts: clock.now(), pdus };
}
