import { RELEASES } from '../../../protocol/releases.ts';
import { endpoint } from '../../../wire/endpoint.ts';

const OLD = ['r0.0.1', 'r0.1.0', 'r0.2.0', 'r0.3.0', 'r0.4.0', 'r0.5.0', 'r0.6.0', 'r0.6.1'];

/** What clients find by a flag, whatever is configured. */
const FEATURES = {
  // In the specification since v1.1; Element Web up to 2025 offers verification only where it finds the flag.
  'org.matrix.e2e_cross_signing': true,
  'org.matrix.msc3882': true,
  'org.matrix.msc3912': true,
  'org.matrix.msc4222': true,
  'uk.tcpip.msc4133': true,
  'uk.tcpip.msc4133.stable': true,
  'org.matrix.msc4262': true,
  'org.matrix.msc4429': true,
  'org.matrix.msc4306': true,
  'org.matrix.msc4354': true,
  'org.matrix.msc4308': true,
  'org.matrix.msc3881': true,
  'org.matrix.msc4028': true,
  'io.element.msc4388': true,
  'org.matrix.msc4108': true,
  'org.matrix.msc3391': true,
  'org.matrix.msc3874': true,
  'org.matrix.msc3890': true,
  'org.matrix.simplified_msc3575': true,
  'org.matrix.msc4143': true,
  'org.matrix.msc4155': true,
  'org.matrix.msc4151': true,
  'org.matrix.msc4260': true,
  'org.matrix.msc4380.stable': true,
  'uk.half-shot.msc2666.query_mutual_rooms': true,
  'uk.half-shot.msc2666.query_mutual_rooms.stable': true,
  'uk.timedout.msc4323': true,
};

/** GET /_matrix/client/versions */
export const getVersions = endpoint(
  {
    id: 'getVersions',
    spec: 'client-server-api/#get_matrixclientversions',
    method: 'GET',
    paths: ['/_matrix/client/versions'],
    auth: 'none',
  },
  ({ features }: { features: Readonly<Record<string, boolean>> }) => ({
    versions: [...OLD, ...RELEASES],
    unstable_features: { ...FEATURES, ...features },
  }),
);
