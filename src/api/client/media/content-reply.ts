import type { Readable } from 'node:stream';
import { MatrixError } from '../../../protocol/matrix-error.ts';
import { contentDisposition } from '../../../protocol/served-content.ts';
import { wantedBytes } from '../../../wire/byte-range.ts';
import { Reply } from '../../../wire/endpoint.ts';

/** A content to be sent. */
export interface ServedContent {
  /** Names the bytes: other bytes have another tag. */
  readonly tag: string;
  readonly type: string;
  readonly bytes: number;
  readonly fileName: string | undefined;
  open(range?: { start: number; end: number }): Promise<Readable>;
}

const POLICY = [
  'sandbox',
  "default-src 'none'",
  "script-src 'none'",
  'plugin-types application/pdf',
  "style-src 'unsafe-inline'",
  "object-src 'self'",
].join('; ');

/**
 * Sends a content, the part of it that was asked for, or word that the client has it already. What browsers need to show it
 * without trusting it goes along (Content repository, "Serving inline content").
 *
 * @param shared whether caches between server and client may keep it for others.
 * @throws MatrixError 416 for a part that is not there.
 */
export async function contentReply(
  content: ServedContent,
  request: { header(name: string): string | undefined },
  shared: boolean,
): Promise<Reply> {
  const tag = `"${content.tag}"`;
  const headers = {
    etag: tag,
    'cache-control': `${shared ? 'public' : 'private'}, max-age=31536000, immutable`,
    'content-security-policy': POLICY,
    'cross-origin-resource-policy': 'cross-origin',
    'x-content-type-options': 'nosniff',
    'accept-ranges': 'bytes',
    'content-type': content.type,
    'content-disposition': contentDisposition(content.type, content.fileName),
  };
  if (isNamed(request.header('if-none-match'), tag)) return new Reply(304, headers, '');
  const ifRange = request.header('if-range');
  const part = ifRange === undefined || ifRange === tag ? request.header('range') : undefined;
  const wanted = wantedBytes(part, content.bytes);
  if (wanted === 'none') {
    const message = `The content has ${content.bytes} bytes: there are none in that range`;
    throw new MatrixError(416, 'M_INVALID_PARAM', message);
  }
  if (wanted === 'all') {
    const whole = { ...headers, 'content-length': String(content.bytes) };
    return new Reply(200, whole, await content.open());
  }
  const some = {
    ...headers,
    'content-length': String(wanted.end - wanted.start + 1),
    'content-range': `bytes ${wanted.start}-${wanted.end}/${content.bytes}`,
  };
  return new Reply(206, some, await content.open(wanted));
}

function isNamed(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const tags = header.split(',').map((one) => one.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(tag);
}
