import { Readable } from 'node:stream';
import { Type } from 'typebox';
import type { MediaReads, Thumbnails } from '../../modules/content-repository/index.ts';
import { contentUri } from '../../protocol/content-uri.ts';
import type { ServerName } from '../../protocol/identifiers.ts';
import { invalidParam } from '../../protocol/matrix-error.ts';
import { contentDisposition } from '../../protocol/served-content.ts';
import { endpoint, federationPaths, Reply } from '../../wire/endpoint.ts';

interface Needs {
  readonly mediaReads: MediaReads;
  readonly thumbnails: Thumbnails;
  readonly serverName: ServerName;
  readonly opaque: (length: number) => string;
}

const DEFAULT_TIMEOUT_MS = 20_000;
const Params = Type.Object({ mediaId: Type.String() });
const Timeout = Type.Optional(Type.Integer({ minimum: 0 }));
const Length = Type.Integer({ minimum: 1 });

function find(
  { mediaReads, serverName }: Needs,
  request: { params: { mediaId: string }; query: { timeout_ms?: number }; signal: AbortSignal },
) {
  const uri = contentUri(serverName, request.params.mediaId);
  if (!uri) throw invalidParam('A media ID is made of letters, digits, "_" and "-"');
  const timeoutMs = request.query.timeout_ms ?? DEFAULT_TIMEOUT_MS;
  return mediaReads.find(uri, { timeoutMs, allowRemote: false, anonymous: false, signal: request.signal });
}

/** A file as servers get it: what is known of it, which is nothing yet, and the file, as two parts of one answer. */
async function inParts(
  needs: Needs,
  file: { type: string; bytes: number; fileName: string | undefined; open: () => Promise<Readable> },
): Promise<Reply> {
  const boundary = needs.opaque(40);
  const head = Buffer.from(
    `--${boundary}\r\nContent-Type: application/json\r\n\r\n{}\r\n--${boundary}\r\n` +
      `Content-Type: ${file.type}\r\n` +
      `Content-Disposition: ${contentDisposition(file.type, file.fileName)}\r\n\r\n`,
  );
  const end = Buffer.from(`\r\n--${boundary}--\r\n`);
  const content = await file.open();
  const headers = {
    'content-type': `multipart/mixed; boundary=${boundary}`,
    'content-length': String(head.length + file.bytes + end.length),
  };
  const parts = Readable.from(around(head, content, end), { objectMode: false });
  // Of a reply that is not read nobody comes to where the content would be closed.
  parts.once('close', () => content.destroy());
  return new Reply(200, headers, parts);
}

async function* around(head: Buffer, content: Readable, end: Buffer): AsyncGenerator<Buffer> {
  yield head;
  for await (const piece of content) yield piece as Buffer;
  yield end;
}

/** GET /_matrix/federation/v1/media/download/{mediaId} */
export const getContentForServers = endpoint(
  {
    id: 'getContent',
    spec: 'server-server-api/#get_matrixfederationv1mediadownloadmediaid',
    method: 'GET',
    paths: federationPaths('/media/download/:mediaId'),
    auth: 'server',
    params: Params,
    query: Type.Object({ timeout_ms: Timeout }),
  },
  async (needs: Needs, request) => {
    const media = await find(needs, request);
    const { contentType: type, bytes, fileName } = media;
    return inParts(needs, { type, bytes, fileName, open: () => needs.mediaReads.open(media) });
  },
);

/** GET /_matrix/federation/v1/media/thumbnail/{mediaId} */
export const getContentThumbnailForServers = endpoint(
  {
    id: 'getContentThumbnail',
    spec: 'server-server-api/#get_matrixfederationv1mediathumbnailmediaid',
    method: 'GET',
    paths: federationPaths('/media/thumbnail/:mediaId'),
    auth: 'server',
    params: Params,
    query: Type.Object({
      width: Length,
      height: Length,
      method: Type.Optional(Type.Union([Type.Literal('crop'), Type.Literal('scale')])),
      animated: Type.Optional(Type.Boolean()),
      timeout_ms: Timeout,
    }),
  },
  async (needs: Needs, request) => {
    const media = await find(needs, request);
    const { width, height, method = 'scale', animated = false } = request.query;
    const { type, bytes, open } = await needs.thumbnails.of(media, { width, height, method, animated });
    return inParts(needs, { type, bytes, fileName: undefined, open });
  },
);
