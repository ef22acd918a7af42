import { Type } from 'typebox';
import { notFound } from '../../../protocol/matrix-error.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

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
