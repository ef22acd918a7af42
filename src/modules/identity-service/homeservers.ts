import { FederationError } from '../../federation/federation-error.ts';
import type { FederationClient } from '../../federation/federation-client.ts';
import { parseUserId, serverNameOf, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { OpenIdTokens } from '../openid/index.ts';

const ASK_MS = 10_000;
const TELL_MS = 30_000;
const MOST_BYTES = 65_536;

/** What an identity server asks and tells the homeservers of its users, that of its own process among them. */
export class Homeservers {
  readonly #client: FederationClient;
  readonly #ownName: ServerName;
  readonly #openIdTokens: OpenIdTokens;
  readonly #onBindHere: ((invites: readonly JsonValue[]) => Promise<void>) | undefined;

  /**
   * @param needs.ownName the homeserver whose database this is, if it is one's.
   * @param needs.onBindHere takes invites, where that homeserver is in this process.
   */
  constructor(needs: {
    client: FederationClient;
    ownName: ServerName;
    openIdTokens: OpenIdTokens;
    onBindHere: ((invites: readonly JsonValue[]) => Promise<void>) | undefined;
  }) {
    this.#client = needs.client;
    this.#ownName = needs.ownName;
    this.#openIdTokens = needs.openIdTokens;
    this.#onBindHere = needs.onBindHere;
  }

  /**
   * The user to whom a homeserver gave an OpenID token. It is believed for its own users only.
   *
   * @throws MatrixError 401 M_UNAUTHORIZED where it does not know the token, 502 where it does not answer.
   */
  async userOf(server: ServerName, token: string): Promise<UserId> {
    if (server === this.#ownName) return this.#openIdTokens.userOf(token).catch(notKnown);
    const { sub } = await this.#client
      .request(server, {
        method: 'GET',
        path: '/_matrix/federation/v1/openid/userinfo',
        query: { access_token: token },
        ...{ signed: false, evenWhenFailing: true, timeoutMs: ASK_MS, maxBytes: MOST_BYTES },
      })
      .catch(notKnown);
    const userId = typeof sub === 'string' ? parseUserId(sub) : undefined;
    if (!userId || serverNameOf(userId) !== server) {
      throw new MatrixError(401, 'M_UNAUTHORIZED', `${server} did not say which of its users has the token`);
    }
    return userId;
  }

  /**
   * Tells a homeserver that one of its users has an address, and what invitations wait for it (Server-Server API,
   * `3pid/onbind`), signed.
   *
   * @throws FederationError where it does not take that.
   */
  async tellBound(
    server: ServerName,
    notice: JsonObject & { invites: JsonObject[] },
    signal: AbortSignal,
  ): Promise<void> {
    if (server === this.#ownName && this.#onBindHere) return this.#onBindHere(notice.invites);
    await this.#client.request(server, {
      method: 'PUT',
      path: '/_matrix/federation/v1/3pid/onbind',
      body: notice,
      ...{ evenWhenFailing: true, timeoutMs: TELL_MS, maxBytes: MOST_BYTES, signal },
    });
  }
}

function notKnown(error: unknown): never {
  const isRefusal = error instanceof FederationError && error.reason === 'refused' && !error.isTransient;
  if (error instanceof MatrixError || isRefusal) {
    throw new MatrixError(401, 'M_UNAUTHORIZED', 'The homeserver does not know the OpenID token');
  }
  throw error instanceof FederationError ? error.toMatrixError() : error;
}
