import { Type, type Static } from 'typebox';
import type { KeyBackup, PlacedKey, SessionKey } from '../../../modules/key-backup/index.ts';
import { roomId } from '../../../protocol/identifiers.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

const Key = Type.Object({
  first_message_index: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  forwarded_count: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  is_verified: Type.Boolean(),
  session_data: Type.Record(Type.String(), Type.Unknown()),
});
const Sessions = Type.Object({ sessions: Type.Record(Type.String(), Key) });
const Rooms = Type.Object({ rooms: Type.Record(Type.String(), Sessions) });

const query = Type.Object({ version: Type.String() });
const spec = 'client-server-api/#server-side-key-backups';
const ofAll = { spec, paths: paths(''), auth: 'user', query } as const;
const ofRoom = {
  ...ofAll,
  paths: paths('/:roomId'),
  params: Type.Object({ roomId: Type.String() }),
} as const;
const ofSession = {
  ...ofAll,
  paths: paths('/:roomId/:sessionId'),
  params: Type.Object({ roomId: Type.String(), sessionId: Type.String({ minLength: 1, maxLength: 255 }) }),
} as const;

function paths(suffix: string): string[] {
  return clientPaths(`/room_keys/keys${suffix}`).concat(`/_matrix/client/unstable/room_keys/keys${suffix}`);
}

function placed(room: string, sessions: Static<typeof Sessions>['sessions']): PlacedKey[] {
  return Object.entries(sessions).map(([session, key]) => ({
    room: roomId(room),
    session,
    key: key as SessionKey,
  }));
}

async function sessionsOf(
  keys: AsyncIterable<PlacedKey>,
): Promise<Record<string, { sessions: Record<string, SessionKey> }>> {
  const rooms: Record<string, { sessions: Record<string, SessionKey> }> = {};
  for await (const { room, session, key } of keys) (rooms[room] ??= { sessions: {} }).sessions[session] = key;
  return rooms;
}

/** PUT /room_keys/keys */
export const putRoomKeys = endpoint(
  { ...ofAll, id: 'putRoomKeys', method: 'PUT', body: Rooms },
  (needs: { keyBackup: KeyBackup }, request) => {
    const keys = Object.entries(request.body.rooms).flatMap(([room, { sessions }]) => placed(room, sessions));
    return needs.keyBackup.put(request.session.userId, request.query.version, keys);
  },
);

/** PUT /room_keys/keys/{roomId} */
export const putRoomKeysByRoomId = endpoint(
  { ...ofRoom, id: 'putRoomKeysByRoomId', method: 'PUT', body: Sessions },
  (needs: { keyBackup: KeyBackup }, request) => {
    const keys = placed(request.params.roomId, request.body.sessions);
    return needs.keyBackup.put(request.session.userId, request.query.version, keys);
  },
);

/** PUT /room_keys/keys/{roomId}/{sessionId} */
export const putRoomKeyBySessionId = endpoint(
  { ...ofSession, id: 'putRoomKeyBySessionId', method: 'PUT', body: Key },
  (needs: { keyBackup: KeyBackup }, request) => {
    const { roomId: room, sessionId } = request.params;
    const keys = placed(room, { [sessionId]: request.body });
    return needs.keyBackup.put(request.session.userId, request.query.version, keys);
  },
);

/** GET /room_keys/keys */
export const getRoomKeys = endpoint(
  { ...ofAll, id: 'getRoomKeys', method: 'GET' },
  async (needs: { keyBackup: KeyBackup }, request) => ({
    rooms: await sessionsOf(needs.keyBackup.keys(request.session.userId, request.query.version, undefined)),
  }),
);

/** GET /room_keys/keys/{roomId} */
export const getRoomKeysByRoomId = endpoint(
  { ...ofRoom, id: 'getRoomKeysByRoomId', method: 'GET' },
  async (needs: { keyBackup: KeyBackup }, request) => {
    const room = roomId(request.params.roomId);
    const rooms = await sessionsOf(needs.keyBackup.keys(request.session.userId, request.query.version, room));
    return rooms[room] ?? { sessions: {} };
  },
);

/** GET /room_keys/keys/{roomId}/{sessionId} */
export const getRoomKeyBySessionId = endpoint(
  { ...ofSession, id: 'getRoomKeyBySessionId', method: 'GET' },
  (needs: { keyBackup: KeyBackup }, request) => {
    const { roomId: room, sessionId } = request.params;
    return needs.keyBackup.key(request.session.userId, request.query.version, room, sessionId);
  },
);

/** DELETE /room_keys/keys */
export const deleteRoomKeys = endpoint(
  { ...ofAll, id: 'deleteRoomKeys', method: 'DELETE' },
  (needs: { keyBackup: KeyBackup }, request) =>
    needs.keyBackup.removeKeys(request.session.userId, request.query.version, {}),
);

/** DELETE /room_keys/keys/{roomId} */
export const deleteRoomKeysByRoomId = endpoint(
  { ...ofRoom, id: 'deleteRoomKeysByRoomId', method: 'DELETE' },
  (needs: { keyBackup: KeyBackup }, request) =>
    needs.keyBackup.removeKeys(request.session.userId, request.query.version, {
      room: request.params.roomId,
    }),
);

/** DELETE /room_keys/keys/{roomId}/{sessionId} */
export const deleteRoomKeyBySessionId = endpoint(
  { ...ofSession, id: 'deleteRoomKeyBySessionId', method: 'DELETE' },
  (needs: { keyBackup: KeyBackup }, request) => {
    const { roomId: room, sessionId: session } = request.params;
    return needs.keyBackup.removeKeys(request.session.userId, request.query.version, { room, session });
  },
);
