import { RELEASES } from '../../protocol/releases.ts';
import { endpoint } from '../../wire/endpoint.ts';
import { bothVersions } from './both-versions.ts';

/** GET /_matrix/identity/versions */
export const getIdentityVersions = endpoint(
  {
    id: 'getIdentityVersions',
    spec: 'identity-service-api/#get_matrixidentityversions',
    method: 'GET',
    paths: ['/_matrix/identity/versions'],
    auth: 'none',
  },
  () => ({ versions: ['r0.1.0', 'r0.2.0', 'r0.2.1', 'r0.3.0', ...RELEASES] }),
);

/** GET /_matrix/identity/v2 */
export const ping = bothVersions(
  { id: 'pingV2', spec: 'identity-service-api/#get_matrixidentityv2', method: 'GET', path: '', auth: 'none' },
  () => ({}),
);
