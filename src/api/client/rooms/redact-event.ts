import { Type } from 'typebox';
import { eventId, roomId } from '../../../protocol/identifiers.ts';
import type { RelatedRedactions } from '../../../rooms/relations/related-redactions.ts';
import type { MessageSending } from '../../../rooms/appending/message-sending.ts';
import type { EventLog } from '../../../rooms/events/event-log.ts';
import { suspended } from '../../../wire/callers.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

const REL_TYPES = Type.Optional(Type.Array(Type.String(), { maxItems: 20 }));

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
    body: Type.Object({
      reason: Type.Optional(Type.String()),
      with_rel_types: REL_TYPES,
      'org.matrix.msc3912.with_relations': REL_TYPES,
    }),
  },
  async (
    needs: { sending: MessageSending; relatedRedactions: RelatedRedactions; log: EventLog },
    request,
  ) => {
    const { reason, with_rel_types: relTypes = request.body['org.matrix.msc3912.with_relations'] } =
      request.body;
    const redacts = eventId(request.params.eventId);
    const { userId, isSuspended } = request.session;
    if (isSuspended && (await needs.log.byId(redacts))?.sender !== userId) throw suspended();
    const redaction = {
      roomId: roomId(request.params.roomId),
      content: reason === undefined ? {} : { reason },
      txnId: request.params.txnId,
      redacts,
    };
    const message = { ...redaction, type: 'm.room.redaction', endpoint: 'redact' } as const;
    const id = await needs.sending.send(request.session, message);
    if (relTypes) await needs.relatedRedactions.redact(request.session, { ...redaction, relTypes });
    return { event_id: id };
  },
);
