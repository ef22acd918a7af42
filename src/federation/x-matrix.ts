import { canonicalJson, MAX_SENT_DEPTH } from '../protocol/canonical-json.ts';
import type { ServerName } from '../protocol/identifiers.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { SigningKey } from '../protocol/signing.ts';

const SENT = { strict: false, maxDepth: MAX_SENT_DEPTH } as const;

/** A body that is encoded as canonical JSON already. */
export class CanonicalText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** @throws MatrixError 400 M_BAD_JSON for what canonical JSON cannot hold. */
  static of(value: JsonValue): CanonicalText {
    return new CanonicalText(canonicalJson(value, SENT));
  }
}

/** What the signature of a request covers. `content` is absent for a request without body. */
export interface SignedRequest {
  readonly method: string;
  /** From `/_matrix` on, with the query. */
  readonly uri: string;
  readonly origin: ServerName;
  readonly destination: ServerName;
  readonly content: JsonValue | CanonicalText | undefined;
}

/** The parameters of an `Authorization: X-Matrix` header. */
export interface XMatrixParameters {
  readonly origin: string;
  /** Older servers leave it out. */
  readonly destination: string | undefined;
  readonly key: string;
  readonly sig: string;
}

const SCHEME = /^X-Matrix +/i;
const NAME = /[ \t]*([A-Za-z0-9!#$%&'*+.^_`|~-]+)[ \t]*=[ \t]*/y;
/** A token, or what older servers write like one: with colons and the characters of base64. */
const TOKEN = /[^\s,"\\]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const SEPARATOR = /[ \t]*(?:,[ \t,]*|$)/y;

/** The value of the `Authorization` header for a request (Server-Server API, "Request Authentication"). */
export function authorizationOf(request: SignedRequest, key: SigningKey): string {
  const signature = key.sign(signedTextOf(request));
  return (
    `X-Matrix origin="${request.origin}",destination="${request.destination}",` +
    `key="${key.keyId}",sig="${signature}"`
  );
}

/** The text that the signature of a request is of. Its keys are in the order of canonical JSON. */
export function signedTextOf({ method, uri, origin, destination, content }: SignedRequest): string {
  const parts = { destination, method, origin, uri };
  const rest = canonicalJson(parts, { strict: false });
  return content === undefined ? rest : `{"content":${textOf(content)},${rest.slice(1)}`;
}

function textOf(content: JsonValue | CanonicalText): string {
  return content instanceof CanonicalText ? content.text : canonicalJson(content, SENT);
}

/** The parameters of the header; undefined when it is of another scheme, malformed, or lacks one. */
export function parseXMatrix(header: string): XMatrixParameters | undefined {
  const scheme = SCHEME.exec(header);
  if (!scheme) return undefined;
  const found = new Map<string, string>();
  let at = scheme[0].length;
  while (at < header.length) {
    const name = match(NAME, header, at);
    if (!name) return undefined;
    at += name[0].length;
    const quoted = match(QUOTED, header, at);
    const value = quoted ?? match(TOKEN, header, at);
    if (!value) return undefined;
    at += value[0].length;
    const separator = match(SEPARATOR, header, at);
    if (!separator) return undefined;
    at += separator[0].length;
    found.set(name[1]?.toLowerCase() ?? '', quoted?.[1]?.replace(/\\(.)/g, '$1') ?? value[0]);
  }
  const [origin, key, sig] = [found.get('origin'), found.get('key'), found.get('sig')];
  if (origin === undefined || key === undefined || sig === undefined) return undefined;
  return { origin, destination: found.get('destination'), key, sig };
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
