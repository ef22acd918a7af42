import type { FastifyReply } from 'fastify';

/** Characters from which on a text is not put together before it is encoded. */
const LONG_TEXT = 16_384;

/** Sends JSON text. Its media type has no charset: JSON has none (RFC 8259), and some clients compare to the letter. */
export function sendJson(reply: FastifyReply, text: string): FastifyReply {
  return reply.header('content-type', 'application/json').serializer(asItIs).send(text);
}

/** Sends JSON text that is there in pieces. What is long is copied once, into the bytes that are sent. */
export function sendJsonPieces(reply: FastifyReply, pieces: readonly string[]): FastifyReply {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (length < LONG_TEXT || pieces.length === 1) return sendJson(reply, pieces.join(''));
  return reply.header('content-type', 'application/json').send(bytesOf(pieces));
}

function bytesOf(pieces: readonly string[]): Buffer {
  const bytes = Buffer.allocUnsafe(pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0));
  let at = 0;
  for (const piece of pieces) at += bytes.write(piece, at);
  return bytes;
}

function asItIs(text: unknown): string {
  return text as string;
}
