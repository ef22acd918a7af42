import { Type } from 'typebox';
import { eventId, parseEventId, roomId, type EventId } from '../../protocol/identifiers.ts';
import { invalidParam } from '../../protocol/matrix-error.ts';
import { endpoint } from '../../wire/endpoint.ts';
import { stateAnswer, transactionOf, type RoomEventNeeds } from './room-events.ts';

const V1 = '/_matrix/federation/v1';

/**
 * GET /_matrix/federation/v1/state/{context}/, which gave the present state in 2015. With `event_id`, as servers asked until
 * 2019, it is the state before that event in the shape of today.
 */
export const getCurrentState2015 = endpoint(
  {
    id: 'getCurrentState2015',
    method: 'GET',
    paths: [`${V1}/state/:roomId/`],
    auth: 'server',
    params: Type.Object({ roomId: Type.String() }),
    query: Type.Object({ event_id: Type.Optional(Type.String()) }),
  },
  async (needs: RoomEventNeeds, { origin, params, query }) => {
    const room = roomId(params.roomId);
    if (query.event_id === undefined) {
      return transactionOf(needs, await needs.roomAnswers.presentState(origin, room));
    }
    return stateAnswer(needs, origin, room, eventId(query.event_id));
  },
);

/**
 * GET /_matrix/federation/v1/pdu/{origin}/{pduId}/, what GET event was in 2015: IDs were two parts, of the server and
 * of its own.
 */
export const getPdu2015 = endpoint(
  {
    id: 'getPdu2015',
    method: 'GET',
    paths: [`${V1}/pdu/:origin/:pduId/`, `${V1}/pdu/:origin/:pduId`],
    auth: 'server',
    params: Type.Object({ origin: Type.String(), pduId: Type.String() }),
  },
  async (needs: RoomEventNeeds, { origin, params }) => {
    const { origin: server, pduId } = params;
    const id = parseEventId(pduId) ?? parseEventId(`$${pduId}:${server}`);
    if (id === undefined) throw invalidParam('The path must name a server and the ID of an event');
    return transactionOf(needs, [await needs.roomAnswers.event(origin, id)]);
  },
);

/** GET /_matrix/federation/v1/pull/, by which a server of 2015 caught up: what came after events that it has. */
export const pull2015 = endpoint(
  {
    id: 'pull2015',
    method: 'GET',
    paths: [`${V1}/pull/`, `${V1}/pull`],
    auth: 'server',
    query: Type.Object({
      v: Type.Union([Type.Array(Type.String()), Type.String()]),
      origin: Type.Optional(Type.String()),
    }),
  },
  async (needs: RoomEventNeeds, { origin, query }) => {
    const known: EventId[] = (typeof query.v === 'string' ? [query.v] : query.v).map(eventId);
    return transactionOf(needs, await needs.roomAnswers.after(origin, known));
  },
);
