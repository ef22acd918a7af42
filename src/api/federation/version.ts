import { notFound } from '../../protocol/matrix-error.ts';
import { endpoint } from '../../wire/endpoint.ts';

/** GET /_matrix/federation/v1/version */
export const getVersion = endpoint(
  {
    id: 'getVersion',
    spec: 'server-server-api/#get_matrixfederationv1version',
    method: 'GET',
    paths: ['/_matrix/federation/v1/version'],
    auth: 'none',
  },
  ({ software }: { software: { name: string; version: string } }) => ({ server: { ...software } }),
);

/** GET /.well-known/matrix/server */
export const getServerWellKnown = endpoint(
  {
    id: 'getWellKnown',
    spec: 'server-server-api/#getwell-knownmatrixserver',
    method: 'GET',
    paths: ['/.well-known/matrix/server'],
    auth: 'none',
  },
  ({ wellKnown }: { wellKnown: { readonly server: string | undefined } }) => {
    if (wellKnown.server === undefined) throw notFound('Where other servers find this one is not configured');
    return { 'm.server': wellKnown.server };
  },
);
