import { Type } from 'typebox';
import { eventId, roomId } from '../../../protocol/identifiers.ts';
import type { MessageSending } from '../../../rooms/message-sending.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** PUT /rooms/{roomId}/redact/{eventId}/{txnId} */
export const redactEvent = endpoint(
  {
    id: 'redactEvent',
    spec: 'client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid',
    method: 'PUT',
    paths: clientPaths('/rooms/:roomId/redact/:eventId/:txnId'),
    auth: 'user',
    limit: 'message',
    params: Type.Object({ roomId: Type.String(), eventId: Type.String(), txnId: Type.String() }),
    body: Type.Object({ reason: Type.Optional(Type.String()) }),
  },
  async (needs: { sending: MessageSending }, request) => {
    const { reason } = request.body;
    const id = await needs.sending.send(request.session, {
      roomId: roomId(request.params.roomId),
      type: 'm.room.redaction',
      content: reason === undefined ? {} : { reason },
      txnId: request.params.txnId,
      redacts: eventId(request.params.eventId),
    });
    return { event_id: id };
  },
);
