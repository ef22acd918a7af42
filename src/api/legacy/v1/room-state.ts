import type { JsonObject, JsonValue } from '../../../protocol/json.ts';
import { getRoomStateOfType, getRoomStateWithKey } from '../../client/rooms/get-state-event.ts';
import { getRoomState } from '../../client/rooms/get-state.ts';
import { v1Event } from '../event-shape.ts';
import { V1 } from '../legacy-paths.ts';
import { oldForm } from '../old-form.ts';

const ROOM = `${V1}/rooms/:roomId`;
const eventsOf = (events: JsonValue) => (events as JsonObject[]).map(v1Event);

/** GET /rooms/{roomId}/state */
export const v1State = oldForm(getRoomState, { id: 'get_state', paths: [`${ROOM}/state`], shape: eventsOf });

/** GET /rooms/{roomId}/state/{eventType}/{stateKey} */
export const v1StateWithKey = oldForm(getRoomStateWithKey, {
  id: 'get_state_key',
  paths: [`${ROOM}/state/:eventType/:stateKey`],
});

/** GET /rooms/{roomId}/state/{eventType} */
export const v1StateOfType = oldForm(getRoomStateOfType, {
  id: 'get_state_of_type',
  paths: [`${ROOM}/state/:eventType`, `${ROOM}/state/:eventType/`],
});
