import type { Readable } from 'node:stream';
import { Type, type Static, type TObject, type TSchema } from 'typebox';
import type { ServerName } from '../protocol/identifiers.ts';
import type { JsonObject, JsonValue } from '../protocol/json.ts';
import type { IdentityAccount, Session } from './session.ts';

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/**
 * Who may call: anybody, anybody but known if a token is given, anybody but known if an application service's token is
 * given (others are of no account), whoever has an access token, or other servers, by the
 * signature of their request (and, where the path has a `roomId`, if the room's access control list lets them), or
 * whoever has an access token of the identity service.
 */
export type Auth = 'none' | 'optional' | 'application-service' | 'user' | 'server' | 'identity';

/** Classes of requests that have a rate of their own. */
export type LimitName =
  | 'createRoom'
  | 'identity'
  | 'invite'
  | 'join'
  | 'login'
  | 'media'
  | 'membership'
  | 'message'
  | 'registration'
  | 'server'
  | 'token'
  | 'other';

/** Body of a request that is taken as bytes, whatever its media type, as they arrive. Nothing limits it but its reader. */
export interface ByteBody {
  readonly stream: Readable;
  /** The media type, as the client gave it. */
  readonly type: string | undefined;
  /** How many bytes the client means to send, if it said so. */
  readonly length: number | undefined;
}

/** What an endpoint takes as its body: JSON by a schema, or bytes. */
export type BodyKind = TSchema | 'bytes';

/** An endpoint as data. Schemas that are left out let nothing through but an empty object. */
export interface Declaration<
  Params extends TSchema = TObject,
  Query extends TSchema = TObject,
  Body extends BodyKind = TObject,
  Who extends Auth = Auth,
> {
  /** The operation's name in the specification. */
  readonly id: string;
  /** Where the specification describes it. */
  readonly spec?: string;
  readonly method: Method;
  /** Every path it ever had, with `:name` for parameters. */
  readonly paths: readonly string[];
  readonly auth: Who;
  /** Whether guests may call it. */
  readonly guests?: boolean;
  /** Whether accounts that are locked may call it (Client-Server API, "Account locking"). */
  readonly whenLocked?: 'allowed';
  /** Whether it takes part in conversations, which suspended accounts may not ("Account suspension"). */
  readonly whenSuspended?: 'refused';
  /** Whether who has not agreed to the terms of the identity service may call it. */
  readonly beforeTerms?: 'allowed';
  readonly limit?: LimitName;
  /** Whether the body may also be a form, of which each field is a key. Its numbers may be texts then, as in JSON. */
  readonly forms?: 'allowed';
  /** Error codes that clients of this endpoint know by another name, by the name that the rest of the server has for them. */
  readonly codes?: Readonly<Record<string, string>>;
  /**
   * Whether the handler checks each part of the body by itself: it may be nested deep, and hold halves of surrogate pairs
   * and keys with NUL.
   */
  readonly oddJson?: 'allowed';
  /** Whether null is taken for no body. */
  readonly nullBody?: 'absent';
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
}

/** A request whose parts have been checked. */
export interface EndpointRequest<
  Params extends TSchema,
  Query extends TSchema,
  Body extends BodyKind,
  Who extends Auth,
> {
  readonly params: Static<Params>;
  readonly query: Static<Query>;
  readonly body: Body extends 'bytes' ? ByteBody : Static<Extract<Body, TSchema>>;
  readonly session: Who extends 'user' ? Session : Session | undefined;
  /** The server that asks, of endpoints for servers. */
  readonly origin: Who extends 'server' ? ServerName : undefined;
  /** Who asks, of endpoints of the identity service. */
  readonly account: Who extends 'identity' ? IdentityAccount : undefined;
  readonly ip: string;
  /** Path and query as they were sent. */
  readonly uri: string;
  readonly userAgent: string;
  /**
   * The address at which this server is known to who asks, such as `https://matrix.example.org`, without a slash at its
   * end.
   */
  readonly baseUrl: string;
  /** A header of the request, by its name in lower case; of one given more than once, all joined by commas. */
  header(name: string): string | undefined;
  /** Aborts when the client goes away or the server stops. */
  readonly signal: AbortSignal;
}

/** What a handler gives: an object to be written as JSON, text that is JSON already, or a whole reply. */
export type Answer = JsonObject | readonly JsonValue[] | RawJson | Reply | object;

/** A piece of JSON text, as it is or encoded already. */
export type JsonPiece = string | Buffer;

/** JSON text that is sent as it is. */
export class RawJson {
  readonly pieces: readonly JsonPiece[];

  /** @param text the text, or pieces of it one after the other: they are encoded without being put together before. */
  constructor(text: string | readonly JsonPiece[]) {
    this.pieces = typeof text === 'string' ? [text] : text;
  }

  get text(): string {
    return this.pieces.join('');
  }
}

/** What a reply may have as its body. A stream is sent as it is read, and destroyed when the client goes away. */
export type ReplyBody = string | Buffer | Readable | JsonObject;

/** A reply with a status, headers and a body of its own. One with a stream should give its `content-length`. */
export class Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ReplyBody;

  constructor(status: number, headers: Readonly<Record<string, string>>, body: ReplyBody) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** A declaration, whatever its schemas are. */
export type AnyDeclaration = Declaration<TSchema, TSchema, BodyKind>;

/** An endpoint: its declaration, and its handler with what it needs. */
export interface Endpoint<Needs> {
  readonly declaration: AnyDeclaration;
  readonly handle: (needs: Needs, request: never) => Promise<Answer> | Answer;
}

/**
 * Makes an endpoint of a declaration and a handler. The handler's first parameter says which services it needs; it is
 * handed just those that it names.
 */
export function endpoint<
  Needs,
  Params extends TSchema = TObject,
  Query extends TSchema = TObject,
  const Body extends BodyKind = TObject,
  const Who extends Auth = Auth,
>(
  declaration: Declaration<Params, Query, Body, Who>,
  handle: (needs: Needs, request: EndpointRequest<Params, Query, Body, Who>) => Promise<Answer> | Answer,
): Endpoint<Needs> {
  return { declaration: declaration as unknown as AnyDeclaration, handle };
}

/** The empty object, for parts of a request that an endpoint says nothing of. Further keys are let through. */
export const NOTHING = Type.Object({});

/**
 * The paths of a client endpoint: `/_matrix/client/v3` and its old name `r0`, or only `v1`; and prefixes under
 * `/_matrix/client/unstable`.
 */
export function clientPaths(
  suffix: string,
  options: { since?: 'r0' | 'v1'; unstable?: readonly string[] } = {},
): string[] {
  const releases = options.since === 'v1' ? ['v1'] : ['v3', 'r0'];
  const unstable = (options.unstable ?? []).map((name) => `unstable/${name}`);
  return [...releases, ...unstable].map((prefix) => `/_matrix/client/${prefix}${suffix}`);
}

/**
 * The paths of an endpoint for servers: `/_matrix/federation/v1`, or another version. `since2015` adds the form of the
 * first specification, which ended in a slash.
 */
export function federationPaths(
  suffix: string,
  options: { version?: 'v1' | 'v2'; since2015?: true; unstable?: readonly string[] } = {},
): string[] {
  const path = `/_matrix/federation/${options.version ?? 'v1'}${suffix}`;
  const unstable = (options.unstable ?? []).map((name) => `/_matrix/federation/unstable/${name}${suffix}`);
  return [path, ...(options.since2015 ? [`${path}/`] : []), ...unstable];
}
