import { parseServerName, type ServerName } from '../protocol/identifiers.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import type { ServerRequest } from '../wire/callers.ts';
import type { KeyRing } from './keys/key-ring.ts';
import { parseXMatrix, signedTextOf } from './x-matrix.ts';

/** A request as it came, of which the signature is to be checked. */
export type SignedRequestSeen = Omit<ServerRequest, 'roomId'>;

/** Checks the signatures of requests (Server-Server API, "Request Authentication"). */
export class RequestSignatures {
  readonly #destination: ServerName;
  readonly #keys: KeyRing;
  readonly #clock: { now(): number };

  /** @param destination for whom the requests must be signed. */
  constructor(destination: ServerName, keys: KeyRing, clock: { now(): number }) {
    this.#destination = destination;
    this.#keys = keys;
    this.#clock = clock;
  }

  /**
   * The server that signed a request for this one.
   *
   * @throws MatrixError 401 M_UNAUTHORIZED without a valid signature for this server as destination.
   */
  async signer({ method, uri, authorization, content }: SignedRequestSeen): Promise<ServerName> {
    if (authorization === undefined) {
      throw unauthorized(
        'This is for servers: it needs "Authorization: X-Matrix origin=…,destination=…,key=…,sig=…"',
      );
    }
    const parameters = parseXMatrix(authorization);
    const origin = parameters && parseServerName(parameters.origin);
    if (!parameters || origin === undefined) {
      throw unauthorized('The Authorization header must be "X-Matrix" with origin, destination, key and sig');
    }
    const { destination = this.#destination, key: keyId, sig: signature } = parameters;
    if (destination !== this.#destination) {
      throw unauthorized(`This is ${this.#destination}, but the request is signed for ${destination}`);
    }
    const text = signedTextOf({
      ...{ method, uri, origin, content },
      // A server that leaves out the destination has signed it all the same.
      destination: this.#destination,
    });
    const by = { server: origin, keyId, signature };
    if (await this.#keys.verifyText(text, by, this.#clock.now())) return origin;
    throw unauthorized(
      `The request is not signed by ${origin} with a key that can be found and is valid now`,
    );
  }
}

/** 401 M_UNAUTHORIZED. */
export function unauthorized(message: string): MatrixError {
  return new MatrixError(401, 'M_UNAUTHORIZED', message);
}
