import { Type } from 'typebox';
import type { DelayedEvents } from '../../../modules/delayed-events/index.ts';
import { roomId } from '../../../protocol/identifiers.ts';
import type { MessageSending } from '../../../rooms/message-sending.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import { DELAY, delayOf } from './delay.ts';
import { MASSAGED_TIME, massagedTime } from './massaged-time.ts';
import { assertShowable, eventContent, redactionTarget } from './event-content.ts';

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
    query: Type.Object({ ...DELAY.properties, ...MASSAGED_TIME }),
    body: Type.Unknown(),
  },
  async (needs: { sending: MessageSending; delayedEvents: DelayedEvents }, request) => {
    const { eventType, txnId } = request.params;
    const content = eventContent(request.body);
    const redacts = eventType === 'm.room.redaction' ? redactionTarget(content) : undefined;
    const message = {
      roomId: roomId(request.params.roomId),
      type: eventType,
      content,
      txnId,
      ...(redacts === undefined ? {} : { redacts }),
      ...massagedTime(request.session, request.query),
    };
    assertShowable(eventType, content);
    const delay = delayOf(request.query);
    if (delay !== undefined) {
      return { delay_id: await needs.delayedEvents.schedule(request.session, message, delay) };
    }
    const eventId = await needs.sending.send(request.session, message);
    return { event_id: eventId };
  },
);
