import { OutgoingError, type OutgoingAnswer, type OutgoingHttp } from '../platform/outgoing-http.ts';
import type { ServerName, UserId } from '../protocol/identifiers.ts';
import { lookupHash } from '../protocol/identity/lookup-hash.ts';
import { isJsonObject, type JsonObject } from '../protocol/json.ts';
import { forbidden, invalidParam, MatrixError } from '../protocol/matrix-error.ts';
import type { SigningKey } from '../protocol/signing-keys.ts';
import { signJson } from '../protocol/signing.ts';
import type { Threepid } from './threepids/threepid-addresses.ts';
import type { SessionName } from './threepids/threepid-validation.ts';

/** An identity server as a client names it, with the token that it gave to the client. */
export interface IdentityAccess {
  readonly idServer: string;
  /** Undefined in the API of 2015, which has no tokens: the identity server is asked on its paths of then. */
  readonly accessToken: string | undefined;
}

/** What an identity server keeps of an invitation. */
export interface StoredInvite {
  readonly token: string;
  readonly displayName: string;
  /** Unpadded base64, and the address that tells whether the key is still good. */
  readonly keys: readonly { readonly publicKey: string; readonly validityUrl: string }[];
}

const HOST = /^[A-Za-z0-9.-]{1,230}(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?$/;
const ERRCODE = /^[A-Z][A-Z0-9_.]{0,99}$/;
const OF_SESSIONS = ['M_UNKNOWN_TOKEN', 'M_MISSING_TOKEN', 'M_USER_LOCKED', 'M_USER_SUSPENDED'];

/** Speaks with identity servers (Identity Service API, v2, and v1 for clients of 2015). */
export class IdentityServers {
  readonly #outgoing: OutgoingHttp;
  readonly #serverName: ServerName;
  readonly #key: SigningKey;
  readonly #plain: ReadonlySet<string>;

  /** @param plain servers that are asked over HTTP. */
  constructor(outgoing: OutgoingHttp, serverName: ServerName, key: SigningKey, plain: readonly string[]) {
    this.#outgoing = outgoing;
    this.#serverName = serverName;
    this.#key = key;
    this.#plain = new Set(plain);
  }

  /**
   * Binds what a session at the identity server has proven; gives what was bound.
   *
   * @throws MatrixError what the identity server has against it, in its own words.
   */
  async bind(
    access: IdentityAccess,
    name: SessionName,
    mxid: UserId,
  ): Promise<{ medium: string; address: string }> {
    const body = { sid: name.sid, client_secret: name.clientSecret, mxid };
    const { status, content } = await this.#answerOf(access, 'POST', '/3pid/bind', body);
    if (status !== 200) throw passedOn(status, content);
    const { medium, address } = content;
    if (typeof medium !== 'string' || typeof address !== 'string') throw senseless();
    return { medium, address };
  }

  /** Whether the identity server agreed to forget whose identifier this is. Signed with the server's key. */
  async unbind(idServer: string, mxid: UserId, threepid: Threepid): Promise<boolean> {
    const uri = '/_matrix/identity/v2/3pid/unbind';
    const content = { mxid, threepid: { medium: threepid.medium, address: threepid.address } };
    const request = { method: 'POST', uri, origin: this.#serverName, destination: idServer, content };
    const signed = signJson<JsonObject>(request, this.#serverName, this.#key).signatures;
    const mine = isJsonObject(signed) ? signed[this.#serverName] : undefined;
    const signature = isJsonObject(mine) ? String(mine[this.#key.keyId]) : '';
    const authorization =
      `X-Matrix origin="${this.#serverName}",destination="${idServer}",` +
      `key="${this.#key.keyId}",sig="${signature}"`;
    try {
      const { status } = await this.#request(
        idServer,
        'POST',
        uri,
        { authorization },
        JSON.stringify(content),
      );
      return status === 200;
    } catch (error) {
      if (error instanceof MatrixError) return false;
      throw error;
    }
  }

  /** The user to whom an identifier is bound, if it is. Only its hash is told where the server takes that. */
  async lookup(access: IdentityAccess, threepid: Threepid): Promise<string | undefined> {
    if (access.accessToken === undefined) {
      const { medium, address } = threepid;
      const query = new URLSearchParams({ medium, address });
      const { mxid } = await this.#ask(access, 'GET', `/lookup?${query.toString()}`);
      return typeof mxid === 'string' ? mxid : undefined;
    }
    const details = await this.#ask(access, 'GET', '/hash_details');
    const { lookup_pepper: pepper, algorithms } = details;
    if (typeof pepper !== 'string' || !Array.isArray(algorithms)) throw senseless();
    if (!algorithms.includes('sha256')) {
      throw new MatrixError(400, 'M_UNKNOWN', 'The identity server looks nothing up by SHA-256');
    }
    const hashed = lookupHash(threepid, pepper);
    const body = { addresses: [hashed], algorithm: 'sha256', pepper };
    const { mappings } = await this.#ask(access, 'POST', '/lookup', body);
    const found = isJsonObject(mappings) && Object.hasOwn(mappings, hashed) ? mappings[hashed] : undefined;
    return typeof found === 'string' ? found : undefined;
  }

  /**
   * What a session at an identity server has proven (Identity Service API of 2015).
   *
   * @throws MatrixError 403 where it has not.
   */
  async validated(
    idServer: string,
    name: SessionName,
  ): Promise<{ medium: string; address: string; validatedAt: number }> {
    const query = new URLSearchParams({ sid: name.sid, client_secret: name.clientSecret });
    const uri = `/_matrix/identity/api/v1/3pid/getValidated3pid?${query.toString()}`;
    const answer = await this.#request(idServer, 'GET', uri, {}, undefined);
    const { medium, address, validated_at: validatedAt } = contentOf(answer);
    if (answer.status !== 200 || typeof medium !== 'string' || typeof address !== 'string') {
      throw forbidden('The identity server does not know that this address was proven');
    }
    return { medium, address, validatedAt: typeof validatedAt === 'number' ? validatedAt : 0 };
  }

  /** Leaves an invitation for who has the identifier. */
  async storeInvite(access: IdentityAccess, invite: JsonObject): Promise<StoredInvite> {
    const answer = await this.#ask(access, 'POST', '/store-invite', invite);
    const { token, display_name: displayName } = answer;
    const listed = answer.public_keys ?? this.#keysOf2015(access, answer);
    if (typeof token !== 'string' || token === '' || !Array.isArray(listed)) throw senseless();
    const keys = listed.slice(0, 8).flatMap((one) => {
      if (!isJsonObject(one) || typeof one.public_key !== 'string') return [];
      const validityUrl = typeof one.key_validity_url === 'string' ? one.key_validity_url : '';
      return [{ publicKey: one.public_key, validityUrl }];
    });
    if (keys.length === 0) throw senseless();
    return { token, displayName: typeof displayName === 'string' ? displayName : '', keys };
  }

  /** In 2015 there was one key, and one place that tells whether it is valid. */
  #keysOf2015({ idServer, accessToken }: IdentityAccess, answer: JsonObject): JsonObject[] | undefined {
    const { public_key: publicKey } = answer;
    if (accessToken !== undefined || publicKey === undefined) return undefined;
    const url = this.#urlOf(idServer, '/_matrix/identity/api/v1/pubkey/isvalid');
    return [{ public_key: publicKey, key_validity_url: url }];
  }

  #urlOf(idServer: string, uri: string): string {
    return `${this.#plain.has(idServer) ? 'http' : 'https'}://${idServer}${uri}`;
  }

  async #ask(
    access: IdentityAccess,
    method: 'GET' | 'POST',
    path: string,
    body?: JsonObject,
  ): Promise<JsonObject> {
    const { status, content } = await this.#answerOf(access, method, path, body);
    if (status !== 200) throw refused(status, content);
    return content;
  }

  async #answerOf(
    { idServer, accessToken }: IdentityAccess,
    method: 'GET' | 'POST',
    path: string,
    body?: JsonObject,
  ): Promise<{ status: number; content: JsonObject }> {
    const headers: Record<string, string> =
      accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` };
    const uri = `/_matrix/identity/${accessToken === undefined ? 'api/v1' : 'v2'}${path}`;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await this.#request(idServer, method, uri, headers, text);
    return { status: answer.status, content: contentOf(answer) };
  }

  async #request(
    idServer: string,
    method: 'GET' | 'POST',
    uri: string,
    headers: Record<string, string>,
    body: string | undefined,
  ): Promise<OutgoingAnswer> {
    if (!HOST.test(idServer)) throw invalidParam('"id_server" must be a host name, with a port if need be');
    if (/[^\x21-\x7e ]/.test(headers.authorization ?? '')) {
      throw invalidParam('"id_access_token" must be visible ASCII characters');
    }
    const url = this.#urlOf(idServer, uri);
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    try {
      const request = { method, url, headers: { ...headers, ...type }, timeoutMs: 10_000, maxBytes: 65_536 };
      return await this.#outgoing.request(body === undefined ? request : { ...request, body });
    } catch (error) {
      if (!(error instanceof OutgoingError)) throw error;
      throw new MatrixError(502, 'M_UNKNOWN', 'The identity server could not be asked');
    }
  }
}

function contentOf(answer: OutgoingAnswer): JsonObject {
  try {
    const content: unknown = JSON.parse(answer.body.toString('utf8'));
    return isJsonObject(content) ? content : {};
  } catch {
    return {};
  }
}

function refused(status: number, { error }: JsonObject): MatrixError {
  return forbidden(`The identity server refused: ${typeof error === 'string' ? error : status}`);
}

/** An error of an identity server as it is. A client would take those of a session for errors of its session here. */
function passedOn(status: number, content: JsonObject): MatrixError {
  const { errcode, error } = content;
  const isError = status >= 400 && status < 600 && typeof errcode === 'string' && ERRCODE.test(errcode);
  if (!isError || OF_SESSIONS.includes(errcode) || typeof error !== 'string') return refused(status, content);
  return new MatrixError(status, errcode, error);
}

function senseless(): MatrixError {
  return new MatrixError(502, 'M_UNKNOWN', 'The identity server gave an answer that makes no sense');
}
