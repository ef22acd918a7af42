import { boundedCache } from '../platform/bounded-cache.ts';
import { parseServerName, type ServerName } from '../protocol/identifiers.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import type { ServerRequest } from '../wire/callers.ts';
import type { KeyRing } from './keys/key-ring.ts';
import { CanonicalText, parseXMatrix, signedTextOf, type SignedRequest } from './x-matrix.ts';

/** Signatures of a request that are looked at. */
const MOST_SIGNATURES = 4;
/** Servers that are remembered not to send bodies as canonical JSON. */
const MOST_SERVERS = 10_000;

/** What an Authorization header says. */
interface ClaimedSignature {
  readonly server: ServerName;
  readonly keyId: string;
  readonly signature: string;
}

/** A request as it came, of which the signature is to be checked. */
export type SignedRequestSeen = Omit<ServerRequest, 'roomId' | 'certificate'>;

/** Checks the signatures of requests (Server-Server API, "Request Authentication"). */
export class RequestSignatures {
  readonly #destination: ServerName;
  readonly #keys: KeyRing;
  readonly #clock: { now(): number };
  readonly #sendOtherwise = boundedCache<ServerName, true>(MOST_SERVERS);

  /** @param destination for whom the requests must be signed. */
  constructor(destination: ServerName, keys: KeyRing, clock: { now(): number }) {
    this.#destination = destination;
    this.#keys = keys;
    this.#clock = clock;
  }

  /**
   * The server that signed a request for this one. Of several headers, all must be of one server, and one is enough.
   *
   * @throws MatrixError 401 M_UNAUTHORIZED without a valid signature for this server as destination.
   */
  async signer(request: SignedRequestSeen): Promise<ServerName> {
    const signatures = request.authorizations.slice(0, MOST_SIGNATURES).map((header) => this.#parse(header));
    const origin = signatures[0]?.server;
    if (origin === undefined) {
      throw unauthorized(
        'This is for servers: it needs "Authorization: X-Matrix origin=…,destination=…,key=…,sig=…"',
      );
    }
    if (signatures.some(({ server }) => server !== origin)) {
      throw unauthorized('All Authorization headers of a request must have the same origin');
    }
    for (const by of signatures) if (await this.#isBy(by, request)) return origin;
    throw unauthorized(
      `The request is not signed by ${origin} with a key that can be found and is valid now`,
    );
  }

  /** Most servers send the body as the canonical JSON that they signed: then it need not be encoded again. */
  async #isBy(by: ClaimedSignature, { method, uri, content, bodyText }: SignedRequestSeen): Promise<boolean> {
    // A server that leaves out the destination has signed it all the same.
    const parts = { method, uri, origin: by.server, destination: this.#destination };
    const isSigned = (body: SignedRequest['content']) => {
      const text = textOrUndefined({ ...parts, content: body });
      return text !== undefined && this.#keys.verifyText(text, by, this.#clock.now());
    };
    const sendsOtherwise = bodyText === undefined || this.#sendOtherwise.has(by.server);
    if (sendsOtherwise && (await isSigned(content))) return true;
    if (bodyText === undefined) return false;
    if (await isSigned(new CanonicalText(bodyText))) return true;
    const isOtherwise = !sendsOtherwise && (await isSigned(content));
    if (isOtherwise) this.#sendOtherwise.set(by.server, true);
    return isOtherwise;
  }

  #parse(authorization: string): ClaimedSignature {
    const parameters = parseXMatrix(authorization);
    const server = parameters && parseServerName(parameters.origin);
    if (!parameters || server === undefined) {
      throw unauthorized('The Authorization header must be "X-Matrix" with origin, destination, key and sig');
    }
    const { destination = this.#destination, key: keyId, sig: signature } = parameters;
    if (destination !== this.#destination) {
      throw unauthorized(`This is ${this.#destination}, but the request is signed for ${destination}`);
    }
    return { server, keyId, signature };
  }
}

/** What a signature must be of; undefined where the body holds what canonical JSON cannot. */
function textOrUndefined(request: SignedRequest): string | undefined {
  try {
    return signedTextOf(request);
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    return undefined;
  }
}

/** 401 M_UNAUTHORIZED. */
export function unauthorized(message: string): MatrixError {
  return new MatrixError(401, 'M_UNAUTHORIZED', message);
}
