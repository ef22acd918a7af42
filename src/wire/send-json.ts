import type { FastifyReply } from 'fastify';

/** Sends JSON text. Its media type has no charset: JSON has none (RFC 8259), and some clients compare to the letter. */
export function sendJson(reply: FastifyReply, text: string): FastifyReply {
  return reply.header('content-type', 'application/json').serializer(asItIs).send(text);
}

function asItIs(text: unknown): string {
  return text as string;
}
