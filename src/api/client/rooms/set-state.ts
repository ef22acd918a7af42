import { Type, type Static } from 'typebox';
import type { DelayedEvents } from '../../../modules/delayed-events/index.ts';
import { roomId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { MatrixError } from '../../../protocol/matrix-error.ts';
import type { MessageSending, StateToSet } from '../../../rooms/appending/message-sending.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import type { Session } from '../../../wire/session.ts';
import { DELAY, delayOf, type Delay } from './delay.ts';
import { MASSAGED_TIME, massagedTime } from './massaged-time.ts';
import { STICKY_DURATION, stickyDuration } from './sticky-duration.ts';
import { eventContent } from './event-content.ts';

const declaration = {
  id: 'setRoomStateWithKey',
  spec: 'client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey',
  method: 'PUT',
  auth: 'user',
  whenSuspended: 'refused',
  guests: true,
  limit: 'message',
  query: Type.Object({ ...DELAY.properties, ...MASSAGED_TIME, ...STICKY_DURATION.properties }),
  body: Type.Unknown(),
} as const;

interface Needs {
  sending: MessageSending;
  delayedEvents: DelayedEvents;
}

async function set(
  { sending, delayedEvents }: Needs,
  { session, query }: { session: Session; query: Delay & { ts?: number } & Static<typeof STICKY_DURATION> },
  asked: StateToSet,
): Promise<JsonObject> {
  const change = { ...asked, ...stickyDuration(query) };
  const delay = delayOf(query);
  if (delay !== undefined && session.isGuest && change.type === 'm.room.member') {
    throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'Guests join and leave at once, not later');
  }
  if (delay !== undefined) return { delay_id: await delayedEvents.schedule(session, change, delay) };
  const eventId = await sending.setState(session, { ...change, ...massagedTime(session, query) });
  return { event_id: eventId };
}

/** PUT /rooms/{roomId}/state/{eventType}/{stateKey} */
export const setRoomStateWithKey = endpoint(
  {
    ...declaration,
    paths: clientPaths('/rooms/:roomId/state/:eventType/:stateKey'),
    params: Type.Object({ roomId: Type.String(), eventType: Type.String(), stateKey: Type.String() }),
  },
  async (needs: Needs, request) => {
    const { eventType: type, stateKey } = request.params;
    const content = eventContent(request.body);
    const change = { roomId: roomId(request.params.roomId), type, stateKey, content };
    return set(needs, request, change);
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
  async (needs: Needs, request) => {
    const content = eventContent(request.body);
    const { eventType: type } = request.params;
    const change = { roomId: roomId(request.params.roomId), type, stateKey: '', content };
    return set(needs, request, change);
  },
);
