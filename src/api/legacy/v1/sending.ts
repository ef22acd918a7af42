import { Type } from 'typebox';
import type { MessageSending } from '../../../rooms/appending/message-sending.ts';
import { eventId, roomId } from '../../../protocol/identifiers.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { MASSAGED_TIME } from '../../client/rooms/massaged-time.ts';
import { redactEvent } from '../../client/rooms/redact-event.ts';
import { messageToSend, sendMessage } from '../../client/rooms/send-event.ts';
import { setRoomState, setRoomStateWithKey } from '../../client/rooms/set-state.ts';
import { V1 } from '../legacy-paths.ts';
import { CODES_OF_2015, oldForm } from '../old-form.ts';

const SEND = `${V1}/rooms/:roomId/send/:eventType`;
const STATE = `${V1}/rooms/:roomId/state/:eventType`;
const REDACT = `${V1}/rooms/:roomId/redact/:eventId`;

/** POST /rooms/{roomId}/send/{eventType}: an event each time. */
export const v1Send = endpoint(
  {
    id: 'send_event_post',
    method: 'POST',
    paths: [SEND],
    auth: 'user',
    whenSuspended: 'refused',
    limit: 'message',
    codes: CODES_OF_2015,
    params: Type.Object({ roomId: Type.String(), eventType: Type.String() }),
    query: Type.Object(MASSAGED_TIME),
    body: Type.Unknown(),
  },
  async (needs: { sending: MessageSending }, request) => ({
    event_id: await needs.sending.send(request.session, messageToSend(request)),
  }),
);

/** PUT /rooms/{roomId}/send/{eventType}/{txnId} */
export const v1SendOnce = oldForm(sendMessage, { id: 'send_event_put', paths: [`${SEND}/:txnId`] });

/** POST /rooms/{roomId}/redact/{eventId}, which the text of 2015 leaves out and its clients call. */
export const v1Redact = endpoint(
  {
    id: 'redact_event_post',
    method: 'POST',
    paths: [REDACT],
    auth: 'user',
    whenSuspended: 'refused',
    limit: 'message',
    codes: CODES_OF_2015,
    params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
    body: Type.Object({ reason: Type.Optional(Type.String()) }),
  },
  async (needs: { sending: MessageSending }, { session, params, body }) => ({
    event_id: await needs.sending.send(session, {
      roomId: roomId(params.roomId),
      type: 'm.room.redaction',
      content: body.reason === undefined ? {} : { reason: body.reason },
      redacts: eventId(params.eventId),
    }),
  }),
);

/** PUT /rooms/{roomId}/redact/{eventId}/{txnId} */
export const v1RedactOnce = oldForm(redactEvent, { id: 'redact_event_put', paths: [`${REDACT}/:txnId`] });

/** PUT /rooms/{roomId}/state/{eventType}/{stateKey} */
export const v1SetStateWithKey = oldForm(setRoomStateWithKey, {
  id: 'send_state_key',
  paths: [`${STATE}/:stateKey`],
});

/** PUT /rooms/{roomId}/state/{eventType} */
export const v1SetState = oldForm(setRoomState, { id: 'send_state', paths: [STATE, `${STATE}/`] });
