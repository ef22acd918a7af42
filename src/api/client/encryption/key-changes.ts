import { Type } from 'typebox';
import type { DeviceLists } from '../../../modules/end-to-end-encryption/index.ts';
import { parseStreamToken } from '../../../rooms/reading/stream-token.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** GET /keys/changes */
export const getKeysChanges = endpoint(
  {
    id: 'getKeysChanges',
    spec: 'client-server-api/#get_matrixclientv3keyschanges',
    method: 'GET',
    paths: clientPaths('/keys/changes'),
    auth: 'user',
    query: Type.Object({ from: Type.String(), to: Type.String() }),
  },
  async (needs: { deviceLists: DeviceLists }, request) => {
    const [from, to] = [parseStreamToken(request.query.from), parseStreamToken(request.query.to)];
    const { changed, left } = await needs.deviceLists.between(request.session.userId, from, to);
    return { changed: [...changed], left: [...left] };
  },
);
