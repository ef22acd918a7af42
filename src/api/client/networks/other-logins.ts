import { Type } from 'typebox';
import { MatrixError, notFound } from '../../../protocol/matrix-error.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** GET /v1/auth_metadata: this server has no OAuth 2.0 API, which clients learn by this error. */
export const getAuthMetadata = endpoint(
  {
    id: 'getAuthMetadata',
    spec: 'client-server-api/#get_matrixclientv1auth_metadata',
    method: 'GET',
    paths: clientPaths('/auth_metadata', { since: 'v1', unstable: ['org.matrix.msc2965'] }),
    auth: 'none',
  },
  () => {
    throw new MatrixError(404, 'M_UNRECOGNIZED', 'This server does not have the OAuth 2.0 API');
  },
);

/** GET /login/sso/redirect, with the ID of an identity provider or without. */
export const redirectToSso = endpoint(
  {
    id: 'redirectToSSO',
    spec: 'client-server-api/#get_matrixclientv3loginssoredirect',
    method: 'GET',
    paths: [...clientPaths('/login/sso/redirect'), ...clientPaths('/login/sso/redirect/:idpId')],
    auth: 'none',
    params: Type.Object({ idpId: Type.Optional(Type.String()) }),
    query: Type.Object({ redirectUrl: Type.Optional(Type.String()) }),
  },
  () => {
    throw notFound('One cannot log in to this server by another service');
  },
);
