import { Type } from 'typebox';
import { ConcurrentWrite, type Rendezvous, type Shown } from '../../../modules/rendezvous/index.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { forbidden, MatrixError } from '../../../protocol/matrix-error.ts';
import type { Clock } from '../../../platform/clock.ts';
import { endpoint } from '../../../wire/endpoint.ts';

/** Sessions as JSON, as MSC4388 has them. */

const PATH = '/_matrix/client/unstable/io.element.msc4388/rendezvous';
const one = {
  paths: [`${PATH}/:sessionId`],
  auth: 'none',
  limit: 'token',
  params: Type.Object({ sessionId: Type.String() }),
} as const;
interface Needs {
  readonly rendezvous: Rendezvous;
  readonly clock: Clock;
}

/** GET /rendezvous: whether who asks may begin a session. Anybody may: the device that is to be signed in has no token. */
const discover = endpoint(
  { id: 'discoverRendezvous', method: 'GET', paths: [PATH], auth: 'optional', limit: 'token' },
  () => ({ create_available: true }),
);

/** POST /rendezvous */
const begin = endpoint(
  {
    id: 'beginRendezvous',
    method: 'POST',
    paths: [PATH],
    auth: 'optional',
    limit: 'login',
    body: Type.Object({ data: Type.String() }),
  },
  async (needs: Needs, { body }) => {
    const { id, shown } = await needs.rendezvous.begin(Buffer.from(body.data));
    return { id, sequence_token: shown.version, ...expiry(needs, shown) };
  },
);

/** GET /rendezvous/{sessionId}. Not for pages: what it shows may be anything. */
const look = endpoint({ ...one, id: 'getRendezvous', method: 'GET' }, async (needs: Needs, request) => {
  if (request.header('sec-fetch-mode') === 'navigate') {
    throw forbidden('A session is for programs: it cannot be opened as a page');
  }
  const shown = await needs.rendezvous.look(request.params.sessionId);
  return {
    data: shown.data.toString('utf8'),
    sequence_token: shown.version,
    ...expiry(needs, shown),
  };
});

/** PUT /rendezvous/{sessionId} */
const change = endpoint(
  {
    ...one,
    id: 'putRendezvous',
    method: 'PUT',
    body: Type.Object({ sequence_token: Type.String(), data: Type.String() }),
  },
  async (needs: Needs, { params, body }) => {
    try {
      const data = Buffer.from(body.data);
      const shown = await needs.rendezvous.change(params.sessionId, body.sequence_token, data);
      return { sequence_token: shown.version };
    } catch (error) {
      if (!(error instanceof ConcurrentWrite)) throw error;
      throw new MatrixError(409, 'IO_ELEMENT_MSC4388_CONCURRENT_WRITE', error.message);
    }
  },
);

/** DELETE /rendezvous/{sessionId} */
const end = endpoint({ ...one, id: 'deleteRendezvous', method: 'DELETE' }, async (needs: Needs, request) => {
  await needs.rendezvous.end(request.params.sessionId);
  return {};
});

export const jsonRendezvousEndpoints = [discover, begin, look, change, end] as const;

/** Clients were written for either of the two. */
function expiry({ clock }: Needs, shown: Shown): JsonObject {
  return { expires_ts: shown.expiresAt, expires_in_ms: Math.max(shown.expiresAt - clock.now(), 0) };
}
