import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import type { ClientEvents } from '../../../rooms/reading/client-events.ts';
import type { ShownStates } from '../../../rooms/reading/shown-states.ts';
import type { Visibility } from '../../../rooms/reading/visibility.ts';
import { clientPaths, endpoint, RawJson } from '../../../wire/endpoint.ts';

/** GET /rooms/{roomId}/state */
export const getRoomState = endpoint(
  {
    id: 'getRoomState',
    spec: 'client-server-api/#get_matrixclientv3roomsroomidstate',
    method: 'GET',
    paths: clientPaths('/rooms/:roomId/state'),
    auth: 'user',
    guests: true,
    params: Type.Object({ roomId: Type.String() }),
  },
  async (
    needs: {
      visibility: Visibility;
      states: ShownStates;
      clientEvents: ClientEvents;
      clock: { now(): number };
    },
    request,
  ) => {
    const { userId, deviceId } = request.session;
    const access = await needs.visibility.accessOrForbid(roomId(request.params.roomId), userId);
    const events = await needs.states.stateEvents(await needs.states.wholeRoot(access));
    const viewer = { userId, deviceId, now: needs.clock.now() };
    const texts = await needs.clientEvents.texts(events, viewer, { roomId: access.roomId });
    return new RawJson(`[${texts.join(',')}]`);
  },
);
