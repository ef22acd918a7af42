import { canonicalJson } from '../protocol/canonical-json.ts';
import type { ServerName } from '../protocol/identifiers.ts';
import type { JsonObject, JsonValue } from '../protocol/json.ts';
import { signatureOf, signJson, type SigningKey } from '../protocol/signing.ts';

/** What the signature of a request covers. `content` is absent for a request without body. */
export interface SignedRequest {
  readonly method: string;
  /** From `/_matrix` on, with the query. */
  readonly uri: string;
  readonly origin: ServerName;
  readonly destination: ServerName;
  readonly content: JsonValue | undefined;
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
  const signed = signJson(signedObject(request), request.origin, key);
  const signature = signatureOf(signed, request.origin, key.keyId) ?? '';
  return (
    `X-Matrix origin="${request.origin}",destination="${request.destination}",` +
    `key="${key.keyId}",sig="${signature}"`
  );
}

/** The text that the signature of a request is of. */
export function signedTextOf(request: SignedRequest): string {
  return canonicalJson(signedObject(request), { strict: false });
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

function signedObject({ method, uri, origin, destination, content }: SignedRequest): JsonObject {
  return { method, uri, origin, destination, ...(content === undefined ? {} : { content }) };
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
