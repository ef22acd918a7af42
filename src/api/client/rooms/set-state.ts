import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import type { MessageSending } from '../../../rooms/message-sending.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import { eventContent } from './event-content.ts';

const declaration = {
  id: 'setRoomStateWithKey',
  spec: 'client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey',
  method: 'PUT',
  auth: 'user',
  whenSuspended: 'refused',
  guests: true,
  limit: 'message',
  body: Type.Unknown(),
} as const;

/** PUT /rooms/{roomId}/state/{eventType}/{stateKey} */
export const setRoomStateWithKey = endpoint(
  {
    ...declaration,
    paths: clientPaths('/rooms/:roomId/state/:eventType/:stateKey'),
    params: Type.Object({ roomId: Type.String(), eventType: Type.String(), stateKey: Type.String() }),
  },
  async (needs: { sending: MessageSending }, request) => {
    const { eventType: type, stateKey } = request.params;
    const content = eventContent(request.body);
    const change = { roomId: roomId(request.params.roomId), type, stateKey, content };
    return { event_id: await needs.sending.setState(request.session, change) };
  },
);

/** The same with an empty state key, which may be left out, with its slash or without. */
export const setRoomState = endpoint(
  {
    ...declaration,
    id: 'setRoomState',
    paths: [
      ...clientPaths('/rooms/:roomId/state/:eventType'),
      ...clientPaths('/rooms/:roomId/state/:eventType/'),
    ],
    params: Type.Object({ roomId: Type.String(), eventType: Type.String() }),
  },
  async (needs: { sending: MessageSending }, request) => {
    const content = eventContent(request.body);
    const { eventType: type } = request.params;
    const change = { roomId: roomId(request.params.roomId), type, stateKey: '', content };
    return { event_id: await needs.sending.setState(request.session, change) };
  },
);
