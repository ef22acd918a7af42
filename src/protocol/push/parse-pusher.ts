import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { badJson, invalidParam, MatrixError } from '../matrix-error.ts';

/** Where push gateways are told of events (Push Gateway API). */
const GATEWAY_PATH = '/_matrix/push/v1/notify';
/** App of pushers that send mail. */
const EMAIL_APP = 'm.email';
const MOST_PUSHKEY_BYTES = 512;
const MOST_APP_CHARACTERS = 64;
/** Bytes of a profile tag in 2015. */
const MOST_TAG_BYTES = 32;
/** Characters of names, languages and tags, and bytes of the data as JSON. */
const MOST_TEXT = 512;
const MOST_DATA_BYTES = 16_384;

/** What names a pusher of a user. */
export interface PusherName {
  readonly appId: string;
  readonly pushkey: string;
}

/** A pusher as a client sets it (Client-Server API, "POST /pushers/set"). */
export interface PusherToSet extends PusherName {
  readonly kind: 'http' | 'email';
  readonly appDisplayName: string;
  readonly deviceDisplayName: string;
  readonly profileTag: string | undefined;
  readonly lang: string;
  readonly data: JsonObject;
  /** Host and port of the gateway; `mail` for mail. */
  readonly gateway: string;
  /** How the gateway is told: as today, or as in 2015. */
  readonly form: 'today' | '2015';
  /** Whether pushers of other users with the same name stay. */
  readonly append: boolean;
  /** MSC3881; true unless the client says otherwise. */
  readonly enabled: boolean;
}

/**
 * The body of a request to set a pusher.
 *
 * @param plainGateways gateways, as `host:port`, that may be asked over HTTP.
 * @returns the pusher, or only its name when it is to be deleted (`kind` is null).
 * @throws MatrixError 400 M_MISSING_PARAM, M_BAD_JSON or M_INVALID_PARAM.
 */
export function parsePusher(
  body: JsonValue | undefined,
  plainGateways: ReadonlySet<string>,
): PusherToSet | PusherName {
  return parse(body, plainGateways, 'today');
}

/**
 * The same as of October 2015 (v1/pusher.yaml): the profile tag is needed, the gateway may have any path, and there is no
 * mail.
 */
export function parsePusher2015(
  body: JsonValue | undefined,
  plainGateways: ReadonlySet<string>,
): PusherToSet | PusherName {
  const pusher = parse(body, plainGateways, '2015');
  if (!('kind' in pusher)) return pusher;
  if (pusher.kind !== 'http') throw invalidParam('"kind" must be "http", or null to delete the pusher');
  if (Buffer.byteLength(pusher.profileTag ?? '') > MOST_TAG_BYTES) {
    throw invalidParam(`"profile_tag" must have at most ${MOST_TAG_BYTES} bytes`);
  }
  return pusher;
}

function parse(
  body: JsonValue | undefined,
  plainGateways: ReadonlySet<string>,
  form: PusherToSet['form'],
): PusherToSet | PusherName {
  if (!isJsonObject(body)) throw badJson('The body must be an object');
  assertGiven(body, ['kind', 'app_id', 'pushkey']);
  const name = parseName(body);
  if (body.kind === null) return name;
  const kind = parseKind(body.kind);
  const tag = form === '2015' ? ['profile_tag'] : [];
  assertGiven(body, [...tag, 'app_display_name', 'device_display_name', 'lang', 'data']);
  const { data } = body;
  if (!isJsonObject(data)) throw badJson('"data" must be an object');
  if (Buffer.byteLength(JSON.stringify(data)) > MOST_DATA_BYTES) {
    throw invalidParam(`"data" must have at most ${MOST_DATA_BYTES} bytes`);
  }
  if (kind === 'email' && name.appId !== EMAIL_APP) {
    throw invalidParam(`"app_id" of a pusher of the kind "email" must be "${EMAIL_APP}"`);
  }
  return {
    ...name,
    kind,
    appDisplayName: parseText(body, 'app_display_name'),
    deviceDisplayName: parseText(body, 'device_display_name'),
    profileTag: body.profile_tag === undefined ? undefined : parseText(body, 'profile_tag'),
    lang: parseText(body, 'lang'),
    data,
    gateway: kind === 'email' ? 'mail' : parseGateway(data, plainGateways, form),
    form,
    append: parseFlag(body, 'append', false),
    enabled: parseFlag(body, 'org.matrix.msc3881.enabled', true),
  };
}

function assertGiven(body: JsonObject, names: readonly string[]): void {
  const missing = names.filter((name) => body[name] === undefined);
  if (missing.length === 0) return;
  throw new MatrixError(400, 'M_MISSING_PARAM', `Missing parameters: ${missing.join(', ')}`);
}

function parseName(body: JsonObject): PusherName {
  const { app_id: appId, pushkey } = body;
  if (typeof appId !== 'string' || appId === '' || appId.length > MOST_APP_CHARACTERS) {
    throw invalidParam(`"app_id" must be a string of 1 to ${MOST_APP_CHARACTERS} characters`);
  }
  if (typeof pushkey !== 'string' || pushkey === '' || Buffer.byteLength(pushkey) > MOST_PUSHKEY_BYTES) {
    throw invalidParam(`"pushkey" must be a string of 1 to ${MOST_PUSHKEY_BYTES} bytes`);
  }
  if (`${appId}${pushkey}`.includes('\0')) {
    throw invalidParam('"app_id" and "pushkey" must not hold the character NUL');
  }
  return { appId, pushkey };
}

function parseKind(kind: JsonValue | undefined): 'http' | 'email' {
  if (kind === 'http' || kind === 'email') return kind;
  throw invalidParam('"kind" must be "http", "email", or null to delete the pusher');
}

function parseText(body: JsonObject, name: string): string {
  const value = body[name];
  if (typeof value === 'string' && value.length <= MOST_TEXT && !value.includes('\0')) return value;
  throw invalidParam(`"${name}" must be a string of at most ${MOST_TEXT} characters`);
}

function parseFlag(body: JsonObject, name: string, otherwise: boolean): boolean {
  const value = body[name] ?? otherwise;
  if (typeof value === 'boolean') return value;
  throw invalidParam(`"${name}" must be true or false`);
}

function parseGateway(
  { url, format }: JsonObject,
  plainGateways: ReadonlySet<string>,
  form: PusherToSet['form'],
): string {
  if (url === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', 'Missing parameters: data.url');
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined;
  const isAllowed =
    parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && plainGateways.has(parsed.host));
  const isPath = form === '2015' || parsed?.pathname === GATEWAY_PATH;
  if (!parsed || !isAllowed || !isPath) {
    throw invalidParam(`"data.url" must be an address such as https://push.example.org${GATEWAY_PATH}`);
  }
  if (format !== undefined && typeof format !== 'string')
    throw invalidParam('"data.format" must be a string');
  return parsed.host;
}
