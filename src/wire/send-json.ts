import type { FastifyReply } from 'fastify';
import { releaseMemory } from '../platform/released-memory.ts';
import type { JsonPiece } from './endpoint.ts';

/** Characters from which on a text is not put together before it is encoded. */
const LONG_TEXT = 16_384;

/** Sends JSON text. Its media type has no charset: JSON has none (RFC 8259), and some clients compare to the letter. */
export function sendJson(reply: FastifyReply, text: string): FastifyReply {
  return reply.header('content-type', 'application/json').serializer(asItIs).send(text);
}

/** Sends JSON text that is there in pieces. Encoded pieces are used up. */
export function sendJsonPieces(reply: FastifyReply, pieces: readonly JsonPiece[]): FastifyReply {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (length < LONG_TEXT || pieces.length === 1) return sendJson(reply, pieces.join(''));
  return reply.header('content-type', 'application/json').send(bytesOf(pieces));
}

function bytesOf(pieces: readonly JsonPiece[]): Buffer {
  const encoded = pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece));
  const bytes = Buffer.concat(encoded);
  for (const piece of encoded) releaseMemory(piece);
  return bytes;
}

function asItIs(text: unknown): string {
  return text as string;
}
