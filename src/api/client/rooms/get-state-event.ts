import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import { notFound } from '../../../protocol/matrix-error.ts';
import type { ClientEvents } from '../../../rooms/reading/client-events.ts';
import type { ShownStates } from '../../../rooms/reading/shown-states.ts';
import type { Visibility } from '../../../rooms/reading/visibility.ts';
import { clientPaths, endpoint, RawJson } from '../../../wire/endpoint.ts';
import type { Session } from '../../../wire/session.ts';
import { viewerOf } from '../../viewer.ts';

interface Needs {
  visibility: Visibility;
  states: ShownStates;
  clientEvents: ClientEvents;
  clock: { now(): number };
}

const declaration = {
  spec: 'client-server-api/#get_matrixclientv3roomsroomidstateeventtypestatekey',
  method: 'GET',
  auth: 'user',
  guests: true,
  query: Type.Object({ format: Type.Optional(Type.Union([Type.Literal('content'), Type.Literal('event')])) }),
} as const;

/** GET /rooms/{roomId}/state/{eventType}/{stateKey} */
export const getRoomStateWithKey = endpoint(
  {
    ...declaration,
    id: 'getRoomStateWithKey',
    paths: clientPaths('/rooms/:roomId/state/:eventType/:stateKey'),
    params: Type.Object({ roomId: Type.String(), eventType: Type.String(), stateKey: Type.String() }),
  },
  (needs: Needs, request) => stateEvent(needs, request.session, request.params, request.query.format),
);

/** The same with an empty state key, which may be left out, with its slash or without. */
export const getRoomStateOfType = endpoint(
  {
    ...declaration,
    id: 'getRoomStateOfType',
    paths: [
      ...clientPaths('/rooms/:roomId/state/:eventType'),
      ...clientPaths('/rooms/:roomId/state/:eventType/'),
    ],
    params: Type.Object({ roomId: Type.String(), eventType: Type.String() }),
  },
  (needs: Needs, request) =>
    stateEvent(needs, request.session, { ...request.params, stateKey: '' }, request.query.format),
);

async function stateEvent(
  needs: Needs,
  session: Session,
  path: { roomId: string; eventType: string; stateKey: string },
  format: 'content' | 'event' | undefined,
): Promise<RawJson> {
  const access = await needs.visibility.accessOrForbid(roomId(path.roomId), session.userId);
  const root = await needs.states.visibleRoot(access);
  const find = (at: typeof root) => needs.states.stateEvent(at, path.eventType, path.stateKey);
  // Of a room that was just joined by way of another server only members may be yet to come.
  const mayCome = path.eventType === 'm.room.member';
  const event =
    (await find(root)) ?? (mayCome ? await find(await needs.states.wholeRoot(access)) : undefined);
  if (!event) throw notFound(`The room has no state ${path.eventType} with the key "${path.stateKey}"`);
  if (format !== 'event') return new RawJson(event.contentText);
  const viewer = viewerOf(needs, session);
  return new RawJson(await needs.clientEvents.text(event, viewer));
}
