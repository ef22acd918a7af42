import type { FastifyRequest } from 'fastify';
import type { ServerName } from '../protocol/identifiers.ts';
import { isJsonObject, type JsonValue } from '../protocol/json.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import type { AnyDeclaration } from './endpoint.ts';
import { decidedTwice, type News } from './second-decision.ts';
import type { Assertion, IdentityAccount, Session } from './session.ts';
import { shownCertificate } from './tls-listener.ts';

/** What tells which server a request comes from. */
export interface ServerRequest {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly uri: string;
  /** Every `Authorization` header: a server with several keys may give one for each (specification of October 2015). */
  readonly authorizations: readonly string[];
  /** SHA-256 (unpadded base64) of the certificate that it showed on its TLS connection, if it was asked and did. */
  readonly certificate: string | undefined;
  /** The body, if there is one. */
  readonly content: JsonValue | undefined;
  /** The body as it was sent, where that is known. */
  readonly bodyText?: string | undefined;
  /** The room that the path names, if it does. */
  readonly roomId: string | undefined;
}

/** Who may call the endpoints of a homeserver. */
export interface HomeserverCallers {
  /**
   * Whoever the access token stands for; of an application service, the user it acts as.
   *
   * @throws MatrixError 401 M_UNKNOWN_TOKEN.
   */
  authenticate(token: string, from: { ip: string; userAgent: string }, asserted: Assertion): Promise<Session>;
  /**
   * The server that signed a request.
   *
   * @throws MatrixError 401 M_UNAUTHORIZED, or 403 M_FORBIDDEN when the room shuts that server out.
   */
  authenticateServer(request: ServerRequest): Promise<ServerName>;
  /** Whether the access token is that of an application service. */
  isAppserviceToken(token: string): boolean;
}

/** Who may call the endpoints of an identity service. */
export interface IdentityCallers {
  /**
   * Whoever has an access token of the identity service.
   *
   * @throws MatrixError 401 M_UNAUTHORIZED; 403 M_TERMS_NOT_SIGNED unless `mayLackTerms`.
   */
  authenticate(token: string | undefined, mayLackTerms: boolean): Promise<IdentityAccount>;
}

/** Whose callers a process can know. */
export interface KnownCallers {
  readonly homeserver?: HomeserverCallers;
  readonly identity?: IdentityCallers;
  /** What other processes did; absent where endpoints decide by nothing but the database. */
  readonly news?: News;
}

/** A request as the framework has it. */
export type RawRequest = FastifyRequest<{ Params: unknown; Querystring: Record<string, unknown> }> & {
  /** The text of a body that was JSON. */
  readonly bodyText?: string;
};

/** Whoever calls: a user, a server, somebody with an account at the identity service, or nobody known. */
export interface Caller {
  readonly session: Session | undefined;
  readonly origin: ServerName | undefined;
  readonly account: IdentityAccount | undefined;
}

const AUTHORIZATION = 'authorization';
const NOBODY: Caller = { session: undefined, origin: undefined, account: undefined };

/**
 * The one place where a token becomes a user, and a signature a server: gives what finds out who calls an endpoint.
 *
 * @throws Error for an endpoint whose callers nobody here can know.
 */
export function identifier(
  declaration: AnyDeclaration,
  known: KnownCallers,
): (request: RawRequest) => Promise<Caller> | Caller {
  const { auth, id } = declaration;
  if (auth === 'none') return () => NOBODY;
  if (auth === 'identity') {
    const { identity } = known;
    if (!identity) throw new Error(`${id} can be called only where there is an identity service`);
    const mayLackTerms = declaration.beforeTerms === 'allowed';
    return async (request) => {
      const account = await identity.authenticate(tokenInHeader(request), mayLackTerms);
      return { session: undefined, origin: undefined, account };
    };
  }
  const { homeserver } = known;
  if (!homeserver) throw new Error(`${id} can be called only where there is a homeserver`);
  if (auth === 'server') {
    return async (request) => ({ ...NOBODY, origin: await signer(request, homeserver) });
  }
  const sessionOf =
    auth === 'application-service'
      ? (request: RawRequest) => appserviceOf(request, homeserver)
      : (request: RawRequest) => holder(declaration, request, homeserver, known.news);
  return async (request) => {
    const session = await sessionOf(request);
    return session === undefined ? NOBODY : { session, origin: undefined, account: undefined };
  };
}

function signer(request: RawRequest, callers: HomeserverCallers): Promise<ServerName> {
  const { roomId } = request.params as { roomId?: string };
  return callers.authenticateServer({
    method: request.method,
    uri: request.url,
    authorizations: authorizationsIn(request.raw.rawHeaders),
    certificate: shownCertificate(request.raw.socket),
    content: request.body as JsonValue | undefined,
    bodyText: request.bodyText,
    roomId,
  });
}

/** All of them: what the runtime makes of headers keeps only the first. */
function authorizationsIn(rawHeaders: readonly string[]): string[] {
  const found: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length !== AUTHORIZATION.length || name.toLowerCase() !== AUTHORIZATION) continue;
    found.push(rawHeaders[i + 1] ?? '');
  }
  return found;
}

/**
 * The application service that asks. Tokens of anybody else are of no account here, not even if they are not good.
 *
 * @throws MatrixError 401 M_MISSING_TOKEN or M_UNKNOWN_TOKEN where the body says that one asks, and none does (Application
 *   Service API, "Server admin style permissions").
 */
async function appserviceOf(request: RawRequest, callers: HomeserverCallers): Promise<Session | undefined> {
  const token = tokenOf(request);
  if (token === undefined || !callers.isAppserviceToken(token)) {
    if (isJsonObject(request.body) && request.body.type === 'm.login.application_service') {
      const errcode = token === undefined ? 'M_MISSING_TOKEN' : 'M_UNKNOWN_TOKEN';
      throw new MatrixError(401, errcode, 'This needs the token of an application service');
    }
    return undefined;
  }
  return callers.authenticate(
    token,
    { ip: request.ip, userAgent: '' },
    { userId: undefined, deviceId: undefined },
  );
}

async function holder(
  declaration: AnyDeclaration,
  request: RawRequest,
  callers: HomeserverCallers,
  news: News | undefined,
): Promise<Session | undefined> {
  const token = tokenOf(request);
  if (token === undefined) {
    if (declaration.auth === 'optional') return undefined;
    throw new MatrixError(
      401,
      'M_MISSING_TOKEN',
      'This needs an access token: "Authorization: Bearer <token>"',
    );
  }
  const userAgent = request.headers['user-agent'] ?? '';
  const { user_id: userId, device_id: deviceId } = request.query;
  const asserted = { userId: textOf(userId), deviceId: textOf(deviceId) };
  let asker: Session | undefined;
  const identify = async () => {
    asker = await callers.authenticate(token, { ip: request.ip, userAgent }, asserted);
    assertMayCall(asker, declaration);
    return asker;
  };
  // Who was let in again by way of another process is so here, too.
  return news ? decidedTwice(identify, news, () => (asker ? [asker.userId] : [])) : identify();
}

function assertMayCall(session: Session, declaration: AnyDeclaration): void {
  if (session.isGuest && declaration.guests !== true) {
    throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'Guests may not do this: register an account');
  }
  if (session.isLocked && declaration.whenLocked !== 'allowed') {
    throw new MatrixError(401, 'M_USER_LOCKED', 'This account is locked: it may log out, and nothing else', {
      soft_logout: true,
    });
  }
  if (session.isSuspended && declaration.whenSuspended === 'refused') throw suspended();
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function tokenOf(request: RawRequest): string | undefined {
  const token = tokenInHeader(request);
  if (token !== undefined) return token;
  const inQuery = request.query.access_token;
  return typeof inQuery === 'string' && inQuery !== '' ? inQuery : undefined;
}

function tokenInHeader(request: RawRequest): string | undefined {
  const header = request.headers.authorization;
  return header === undefined ? undefined : /^Bearer +(\S+) *$/i.exec(header)?.[1];
}

/** 403 M_USER_SUSPENDED. */
export function suspended(): MatrixError {
  return new MatrixError(403, 'M_USER_SUSPENDED', 'This account is suspended: it may not do this');
}
