import { Type } from 'typebox';
import { eventId, roomId } from '../../../protocol/identifiers.ts';
import type { MessageSending } from '../../../rooms/message-sending.ts';
import type { EventLog } from '../../../rooms/event-log.ts';
import { suspended } from '../../../wire/register-endpoints.ts';
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
  async (needs: { sending: MessageSending; log: EventLog }, request) => {
    const { reason } = request.body;
    const redacts = eventId(request.params.eventId);
    const { userId, isSuspended } = request.session;
    if (isSuspended && (await needs.log.byId(redacts))?.sender !== userId) throw suspended();
    const id = await needs.sending.send(request.session, {
      roomId: roomId(request.params.roomId),
      type: 'm.room.redaction',
      content: reason === undefined ? {} : { reason },
      txnId: request.params.txnId,
      redacts,
    });
    return { event_id: id };
  },
);
