import { endpoint } from '../../../wire/endpoint.ts';

const OLD = ['r0.0.1', 'r0.1.0', 'r0.2.0', 'r0.3.0', 'r0.4.0', 'r0.5.0', 'r0.6.0', 'r0.6.1'];
const NEWEST_MINOR = 19;
const RELEASES = Array.from({ length: NEWEST_MINOR }, (_, i) => `v1.${i + 1}`);

/** GET /_matrix/client/versions */
export const getVersions = endpoint(
  {
    id: 'getVersions',
    spec: 'client-server-api/#get_matrixclientversions',
    method: 'GET',
    paths: ['/_matrix/client/versions'],
    auth: 'none',
  },
  () => ({ versions: [...OLD, ...RELEASES], unstable_features: {} }),
);
