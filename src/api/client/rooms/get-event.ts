import { Type } from 'typebox';
import { eventId, roomId } from '../../../protocol/identifiers.ts';
import { notFound } from '../../../protocol/matrix-error.ts';
import type { ClientEvents } from '../../../rooms/reading/client-events.ts';
import type { Timeline } from '../../../rooms/reading/timeline.ts';
import type { Visibility } from '../../../rooms/reading/visibility.ts';
import { clientPaths, endpoint, RawJson } from '../../../wire/endpoint.ts';

/** GET /rooms/{roomId}/event/{eventId} */
export const getOneRoomEvent = endpoint(
  {
    id: 'getOneRoomEvent',
    spec: 'client-server-api/#get_matrixclientv3roomsroomideventeventid',
    method: 'GET',
    paths: clientPaths('/rooms/:roomId/event/:eventId'),
    auth: 'user',
    guests: true,
    params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
  },
  async (
    needs: {
      visibility: Visibility;
      timeline: Timeline;
      clientEvents: ClientEvents;
      clock: { now(): number };
    },
    request,
  ) => {
    const { userId, deviceId } = request.session;
    const access = await needs.visibility.access(roomId(request.params.roomId), userId);
    const event = await needs.timeline.event(access, eventId(request.params.eventId));
    if (event.roomId !== access.roomId) throw notFound('There is no such event in this room');
    const membership = await needs.visibility.membershipAt(event.stateRoot, userId);
    const viewer = { userId, deviceId, now: needs.clock.now() };
    const [text] = await needs.clientEvents.bundledTexts([event], viewer, {
      roomId: event.roomId,
      membershipOf: () => membership,
    });
    return new RawJson(text ?? '');
  },
);
