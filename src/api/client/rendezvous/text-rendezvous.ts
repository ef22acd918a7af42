import { Type } from 'typebox';
import { ConcurrentWrite, type Rendezvous, type Shown } from '../../../modules/rendezvous/index.ts';
import { invalidParam, MatrixError } from '../../../protocol/matrix-error.ts';
import { endpoint, Reply, type ByteBody } from '../../../wire/endpoint.ts';

/** Sessions as texts with an ETag, as MSC4108 had them in 2024. */

const PATH = '/_matrix/client/unstable/org.matrix.msc4108/rendezvous';
const one = {
  paths: [`${PATH}/:sessionId`],
  auth: 'none',
  limit: 'token',
  params: Type.Object({ sessionId: Type.String() }),
} as const;
interface Needs {
  readonly rendezvous: Rendezvous;
}
/** More than a session takes: the rest need not be read. */
const ENOUGH_BYTES = 8_192;

/** POST /rendezvous */
const begin = endpoint(
  { id: 'beginTextRendezvous', method: 'POST', paths: [PATH], auth: 'none', limit: 'login', body: 'bytes' },
  async (needs: Needs, { body, baseUrl }) => {
    const { id, shown } = await needs.rendezvous.begin(await textIn(body));
    const headers = { ...headersOf(shown), 'content-type': 'application/json' };
    return new Reply(201, headers, { url: `${baseUrl}${PATH}/${id}` });
  },
);

/** GET /rendezvous/{sessionId} */
const look = endpoint({ ...one, id: 'getTextRendezvous', method: 'GET' }, async (needs: Needs, request) => {
  const shown = await needs.rendezvous.look(request.params.sessionId);
  if (request.header('if-none-match') === etagOf(shown)) return new Reply(304, headersOf(shown), '');
  return new Reply(200, { ...headersOf(shown), 'content-type': 'text/plain' }, shown.data);
});

/** PUT /rendezvous/{sessionId} */
const change = endpoint(
  { ...one, id: 'putTextRendezvous', method: 'PUT', body: 'bytes' },
  async (needs: Needs, request) => {
    const etag = request.header('if-match');
    if (etag === undefined) {
      throw new MatrixError(400, 'M_MISSING_PARAM', 'The header If-Match must say which state was seen');
    }
    const from = etag.replace(/^"(.*)"$/, '$1');
    try {
      const shown = await needs.rendezvous.change(request.params.sessionId, from, await textIn(request.body));
      return new Reply(202, headersOf(shown), '');
    } catch (error) {
      if (!(error instanceof ConcurrentWrite)) throw error;
      throw new MatrixError(412, 'M_UNKNOWN', error.message, {
        'org.matrix.msc4108.errcode': 'M_CONCURRENT_WRITE',
      });
    }
  },
);

/** DELETE /rendezvous/{sessionId} */
const end = endpoint(
  { ...one, id: 'deleteTextRendezvous', method: 'DELETE' },
  async (needs: Needs, request) => {
    await needs.rendezvous.end(request.params.sessionId);
    return new Reply(204, { 'cache-control': 'no-store' }, '');
  },
);

export const textRendezvousEndpoints = [begin, look, change, end] as const;

function etagOf(shown: Shown): string {
  return `"${shown.version}"`;
}

function headersOf(shown: Shown): Record<string, string> {
  return {
    etag: etagOf(shown),
    expires: new Date(shown.expiresAt).toUTCString(),
    'access-control-expose-headers': 'ETag',
    'cache-control': 'no-store',
    pragma: 'no-cache',
    'x-content-type-options': 'nosniff',
    'content-security-policy': 'sandbox',
  };
}

async function textIn(body: ByteBody): Promise<Buffer> {
  if (body.type?.split(';', 1)[0]?.trim().toLowerCase() !== 'text/plain') {
    throw invalidParam('The body must be sent as text/plain');
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body.stream) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > ENOUGH_BYTES) break;
  }
  return Buffer.concat(chunks);
}
