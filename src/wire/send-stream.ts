import { ReadStream } from 'node:fs';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { releaseMemory } from '../platform/released-memory.ts';

/** Sends a stream as the body of a reply that has its status and headers. */
export function sendStream(reply: FastifyReply, body: Readable): FastifyReply {
  if (reply.request.method === 'HEAD') {
    // The framework would read all of the stream, for nothing.
    body.destroy();
    return reply.send(Readable.from([]));
  }
  if (!(body instanceof ReadStream)) return reply.send(body);
  reply.hijack();
  reply.raw.writeHead(reply.statusCode, reply.getHeaders() as OutgoingHttpHeaders);
  void sendFile(reply.raw, body);
  return reply;
}

/** Files can be large: the memory of each piece is given back once it is sent. */
async function sendFile(response: ServerResponse, file: ReadStream): Promise<void> {
  try {
    for await (const piece of file) {
      await write(response, piece as Buffer);
      releaseMemory(piece as Buffer);
    }
    response.end();
  } catch {
    response.destroy();
  }
}

/** Resolves once the piece is with the operating system; rejects if the connection ends before. */
function write(response: ServerResponse, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new Error('The connection ended'));
    if (response.destroyed) return end();
    response.once('close', end);
    response.write(piece, (error) => {
      response.off('close', end);
      if (error) reject(error);
      else resolve();
    });
  });
}
