import { Type } from 'typebox';
import type { KeyBackup } from '../../../modules/key-backup/index.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { invalidParam } from '../../../protocol/matrix-error.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

const oneVersion = {
  spec: 'client-server-api/#server-side-key-backups',
  paths: clientPaths('/room_keys/version/:version').concat(
    '/_matrix/client/unstable/room_keys/version/:version',
  ),
  auth: 'user',
  params: Type.Object({ version: Type.String() }),
} as const;
const allVersions = {
  spec: 'client-server-api/#server-side-key-backups',
  paths: clientPaths('/room_keys/version').concat('/_matrix/client/unstable/room_keys/version'),
  auth: 'user',
} as const;

/** POST /room_keys/version */
export const postRoomKeysVersion = endpoint(
  {
    ...allVersions,
    id: 'postRoomKeysVersion',
    method: 'POST',
    body: Type.Object({
      algorithm: Type.String({ minLength: 1, maxLength: 255 }),
      auth_data: Type.Record(Type.String(), Type.Unknown()),
    }),
  },
  async (needs: { keyBackup: KeyBackup }, request) => {
    const { algorithm, auth_data: authData } = request.body;
    return {
      version: await needs.keyBackup.create(request.session.userId, algorithm, authData as JsonObject),
    };
  },
);

/** GET /room_keys/version */
export const getRoomKeysVersionCurrent = endpoint(
  { ...allVersions, id: 'getRoomKeysVersionCurrent', method: 'GET' },
  (needs: { keyBackup: KeyBackup }, request) => needs.keyBackup.info(request.session.userId, undefined),
);

/** GET /room_keys/version/{version} */
export const getRoomKeysVersion = endpoint(
  { ...oneVersion, id: 'getRoomKeysVersion', method: 'GET' },
  (needs: { keyBackup: KeyBackup }, request) =>
    needs.keyBackup.info(request.session.userId, request.params.version),
);

/** PUT /room_keys/version/{version} */
export const putRoomKeysVersion = endpoint(
  {
    ...oneVersion,
    id: 'putRoomKeysVersion',
    method: 'PUT',
    body: Type.Object({
      algorithm: Type.String({ minLength: 1, maxLength: 255 }),
      auth_data: Type.Record(Type.String(), Type.Unknown()),
      version: Type.Optional(Type.String()),
    }),
  },
  async (needs: { keyBackup: KeyBackup }, request) => {
    const { version } = request.params;
    const { algorithm, auth_data: authData, version: inBody } = request.body;
    if (inBody !== undefined && inBody !== version) {
      throw invalidParam('"version" in the body must be that of the path, or left out');
    }
    await needs.keyBackup.update(request.session.userId, version, algorithm, authData as JsonObject);
    return {};
  },
);

/** DELETE /room_keys/version/{version} */
export const deleteRoomKeysVersion = endpoint(
  { ...oneVersion, id: 'deleteRoomKeysVersion', method: 'DELETE' },
  async (needs: { keyBackup: KeyBackup }, request) => {
    await needs.keyBackup.remove(request.session.userId, request.params.version);
    return {};
  },
);
