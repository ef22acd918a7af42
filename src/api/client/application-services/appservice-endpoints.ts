import { Type } from 'typebox';
import type { AppservicePing } from '../../../modules/application-services/index.ts';
import { roomId } from '../../../protocol/identifiers.ts';
import { forbidden } from '../../../protocol/matrix-error.ts';
import type { Directory } from '../../../rooms/creation/directory.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** PUT /directory/list/appservice/{networkId}/{roomId} */
const updateAppserviceRoomDirectoryVisibility = endpoint(
  {
    id: 'updateAppserviceRoomDirectoryVisibility',
    spec: 'application-service-api/#put_matrixclientv3directorylistappservicenetworkidroomid',
    method: 'PUT',
    paths: clientPaths('/directory/list/appservice/:networkId/:roomId'),
    auth: 'user',
    params: Type.Object({ networkId: Type.String({ maxLength: 255 }), roomId: Type.String() }),
    body: Type.Object({ visibility: Type.Union([Type.Literal('public'), Type.Literal('private')]) }),
  },
  async (needs: { directory: Directory }, request) => {
    const { appserviceId } = request.session;
    if (appserviceId === undefined) throw forbidden('Only application services may do this');
    const { networkId, roomId: id } = request.params;
    await needs.directory.setNetwork(
      appserviceId,
      networkId,
      roomId(id),
      request.body.visibility === 'public',
    );
    return {};
  },
);

/** POST /v1/appservice/{appserviceId}/ping */
const pingAppservice = endpoint(
  {
    id: 'pingAppservice',
    spec: 'application-service-api/#post_matrixclientv1appserviceappserviceidping',
    method: 'POST',
    paths: clientPaths('/appservice/:appserviceId/ping', { since: 'v1' }),
    auth: 'user',
    params: Type.Object({ appserviceId: Type.String() }),
    body: Type.Object({ transaction_id: Type.Optional(Type.String()) }),
  },
  async (needs: { appservicePing: AppservicePing }, request) => ({
    duration_ms: await needs.appservicePing.ping(
      request.session.appserviceId,
      request.params.appserviceId,
      request.body.transaction_id,
    ),
  }),
);

/** Endpoints for application services only. */
export const appserviceEndpoints = [pingAppservice, updateAppserviceRoomDirectoryVisibility] as const;
