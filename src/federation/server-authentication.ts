import { parseRoomId, type ServerName } from '../protocol/identifiers.ts';
import type { ServerRequest } from '../wire/callers.ts';
import type { BackOff } from './back-off.ts';
import { unauthorized, type RequestSignatures } from './request-signatures.ts';
import type { OriginCertificates } from './keys/origin-certificates.ts';
import type { RoomAcl } from './room-acl.ts';

/** Finds out which server sent a request, by its signature (Server-Server API, "Request Authentication"). */
export class ServerAuthentication {
  readonly #serverName: ServerName;
  readonly #signatures: RequestSignatures;
  readonly #acl: RoomAcl;
  readonly #backOff: BackOff;
  readonly #certificates: OriginCertificates;

  constructor(needs: {
    serverName: ServerName;
    signatures: RequestSignatures;
    acl: RoomAcl;
    backOff: BackOff;
    certificates: OriginCertificates;
  }) {
    this.#serverName = needs.serverName;
    this.#signatures = needs.signatures;
    this.#acl = needs.acl;
    this.#backOff = needs.backOff;
    this.#certificates = needs.certificates;
  }

  /**
   * The server that signed a request. It was heard of: what waits for it is sent.
   *
   * @throws MatrixError 401 M_UNAUTHORIZED without a valid signature for this server as destination, or where the
   *   connection shows a certificate that is not that server's ("Client TLS Certificates"); 403 M_FORBIDDEN when
   *   the room that the path names shuts the server out.
   */
  async authenticate(request: ServerRequest): Promise<ServerName> {
    const origin = await this.#signatures.signer(request);
    if (origin === this.#serverName) throw unauthorized('This server does not ask itself over federation');
    const { certificate } = request;
    if (certificate !== undefined && !(await this.#certificates.isOf(origin, certificate))) {
      throw unauthorized(`The certificate of this connection is not that of ${origin}`);
    }
    await this.#backOff.heardOf(origin);
    const roomId = request.roomId === undefined ? undefined : parseRoomId(request.roomId);
    if (roomId !== undefined) await this.#acl.check(roomId, origin);
    return origin;
  }
}
