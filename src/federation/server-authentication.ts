import { parseRoomId, parseServerName, type ServerName } from '../protocol/identifiers.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import type { ServerRequest } from '../wire/register-endpoints.ts';
import type { BackOff } from './back-off.ts';
import type { KeyRing } from './keys/key-ring.ts';
import type { RoomAcl } from './room-acl.ts';
import { parseXMatrix, signedTextOf } from './x-matrix.ts';

/** Finds out which server sent a request, by its signature (Server-Server API, "Request Authentication"). */
export class ServerAuthentication {
  readonly #serverName: ServerName;
  readonly #keys: KeyRing;
  readonly #acl: RoomAcl;
  readonly #backOff: BackOff;
  readonly #clock: { now(): number };

  constructor(needs: {
    serverName: ServerName;
    keys: KeyRing;
    acl: RoomAcl;
    backOff: BackOff;
    clock: { now(): number };
  }) {
    this.#serverName = needs.serverName;
    this.#keys = needs.keys;
    this.#acl = needs.acl;
    this.#backOff = needs.backOff;
    this.#clock = needs.clock;
  }

  /**
   * The server that signed a request. It was heard of: what waits for it is sent.
   *
   * @throws MatrixError 401 M_UNAUTHORIZED without a valid signature for this server as destination; 403 M_FORBIDDEN when
   *   the room that the path names shuts the server out.
   */
  async authenticate(request: ServerRequest): Promise<ServerName> {
    const origin = await this.#signer(request);
    await this.#backOff.heardOf(origin);
    const roomId = request.roomId === undefined ? undefined : parseRoomId(request.roomId);
    if (roomId !== undefined) await this.#acl.check(roomId, origin);
    return origin;
  }

  async #signer({ method, uri, authorization, content }: ServerRequest): Promise<ServerName> {
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
    const { destination = this.#serverName, key: keyId, sig: signature } = parameters;
    if (destination !== this.#serverName) {
      throw unauthorized(`This is ${this.#serverName}, but the request is signed for ${destination}`);
    }
    if (origin === this.#serverName) throw unauthorized('This server does not ask itself over federation');
    const text = signedTextOf({
      ...{ method, uri, origin, content },
      // A server that leaves out the destination has signed it all the same.
      destination: this.#serverName,
    });
    const by = { server: origin, keyId, signature };
    if (await this.#keys.verifyText(text, by, this.#clock.now())) return origin;
    throw unauthorized(
      `The request is not signed by ${origin} with a key that can be found and is valid now`,
    );
  }
}

function unauthorized(message: string): MatrixError {
  return new MatrixError(401, 'M_UNAUTHORIZED', message);
}
