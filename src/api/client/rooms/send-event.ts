import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import type { MessageSending } from '../../../rooms/message-sending.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import { eventContent, redactionTarget } from './event-content.ts';

/** PUT /rooms/{roomId}/send/{eventType}/{txnId} */
export const sendMessage = endpoint(
  {
    id: 'sendMessage',
    spec: 'client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid',
    method: 'PUT',
    paths: clientPaths('/rooms/:roomId/send/:eventType/:txnId'),
    auth: 'user',
    whenSuspended: 'refused',
    guests: true,
    limit: 'message',
    params: Type.Object({ roomId: Type.String(), eventType: Type.String(), txnId: Type.String() }),
    body: Type.Unknown(),
  },
  async (needs: { sending: MessageSending }, request) => {
    const { eventType, txnId } = request.params;
    const content = eventContent(request.body);
    const redacts = eventType === 'm.room.redaction' ? redactionTarget(content) : undefined;
    const eventId = await needs.sending.send(request.session, {
      roomId: roomId(request.params.roomId),
      type: eventType,
      content,
      txnId,
      ...(redacts === undefined ? {} : { redacts }),
    });
    return { event_id: eventId };
  },
);
