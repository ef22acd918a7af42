import { Type } from 'typebox';
import type { DelayedEvents } from '../../../modules/delayed-events/index.ts';
import { roomId } from '../../../protocol/identifiers.ts';
import type { MessageSending, MessageToSend } from '../../../rooms/appending/message-sending.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import type { Session } from '../../../wire/session.ts';
import { DELAY, delayOf } from './delay.ts';
import { MASSAGED_TIME, massagedTime } from './massaged-time.ts';
import { STICKY_DURATION, stickyDuration } from './sticky-duration.ts';
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
    query: Type.Object({ ...DELAY.properties, ...MASSAGED_TIME, ...STICKY_DURATION.properties }),
    body: Type.Unknown(),
  },
  async (needs: { sending: MessageSending; delayedEvents: DelayedEvents }, request) => {
    const { txnId } = request.params;
    const message = { ...messageToSend(request), ...stickyDuration(request.query), txnId };
    const delay = delayOf(request.query);
    if (delay !== undefined) {
      return { delay_id: await needs.delayedEvents.schedule(request.session, message, delay) };
    }
    const eventId = await needs.sending.send(request.session, message);
    return { event_id: eventId };
  },
);

/**
 * The message of a request.
 *
 * @throws MatrixError 400 for what is no content, a message that no client can show, or a redaction of nothing.
 */
export function messageToSend(request: {
  params: { roomId: string; eventType: string };
  query: { ts?: number };
  body: unknown;
  session: Session;
}): Omit<MessageToSend, 'txnId'> {
  const { eventType } = request.params;
  const content = eventContent(request.body);
  const redacts = eventType === 'm.room.redaction' ? redactionTarget(content) : undefined;
  assertShowable(eventType, content);
  return {
    roomId: roomId(request.params.roomId),
    type: eventType,
    content,
    ...(redacts === undefined ? {} : { redacts }),
    ...massagedTime(request.session, request.query),
  };
}
