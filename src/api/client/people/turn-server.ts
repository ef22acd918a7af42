import type { TurnCredentials } from '../../../modules/voip/index.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** GET /voip/turnServer */
export const getTurnServer = endpoint(
  {
    id: 'getTurnServer',
    spec: 'client-server-api/#get_matrixclientv3voipturnserver',
    method: 'GET',
    paths: clientPaths('/voip/turnServer'),
    auth: 'user',
  },
  ({ turn }: { turn: TurnCredentials }, request) => turn.for(request.session.userId),
);
