import type { Retention } from '../../../modules/retention/index.ts';
import { MatrixError } from '../../../protocol/matrix-error.ts';
import { endpoint } from '../../../wire/endpoint.ts';

/** GET /retention/configuration (MSC1763): how long this server keeps messages. */
export const getRetentionConfiguration = endpoint(
  {
    id: 'getRetentionConfiguration',
    method: 'GET',
    paths: ['/_matrix/client/unstable/org.matrix.msc1763/retention/configuration'],
    auth: 'user',
  },
  ({ retention }: { retention: Retention }) => {
    const { configuration } = retention;
    if (configuration) return configuration;
    throw new MatrixError(404, 'M_UNRECOGNIZED', 'This server keeps messages for ever');
  },
);
