import type { TSchema } from 'typebox';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { NOTHING, type AnyDeclaration } from '../../wire/endpoint.ts';
import { hostileBody, hostileHeaders, hostileSegment, hostileValue } from './hostile.ts';
import { Plausible, type Pool } from './plausible.ts';
import type { Random } from './random.ts';

/** A request, exactly as it is sent. */
export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
}

const BYTE_TYPES = ['application/x-www-form-urlencoded', 'image/gif', 'application/json'];
const FIELDS = [
  ...['grant_type', 'client_id', 'redirect_uri', 'code', 'code_verifier', 'code_challenge', 'response_type'],
  ...['refresh_token', 'device_code', 'user_code', 'scope', 'state', 'token', 'token_type_hint', 'action'],
];

/** Makes requests to endpoints by their declarations: nearly right, with something wrong here and there. */
export class FuzzRequests {
  readonly #random: Random;
  readonly #plausible: Plausible;

  constructor(random: Random, pool: Pool) {
    this.#random = random;
    this.#plausible = new Plausible(random, pool);
  }

  make(declaration: AnyDeclaration, token: string | undefined): FuzzRequest {
    const random = this.#random;
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    if (random.once(20)) Object.assign(headers, hostileHeaders(random));
    if (declaration.body === 'bytes') headers['content-type'] ??= random.pick(BYTE_TYPES);
    return {
      method: declaration.method,
      path: this.#path(declaration) + this.#query(declaration),
      headers,
      body: declaration.method === 'GET' ? undefined : this.#body(declaration),
    };
  }

  #path(declaration: AnyDeclaration): string {
    return this.#random.pick(declaration.paths).replace(/:(\w+)|\*/g, (_, name: string | undefined) => {
      if (this.#random.once(8)) return hostileSegment(this.#random);
      const word = encodeURIComponent(this.#plausible.word(name ?? ''));
      return word === '' ? 'x' : word;
    });
  }

  #query(declaration: AnyDeclaration): string {
    const schema = declaration.query ?? NOTHING;
    const wishes = this.#plausible.value(schema as TSchema);
    if (!isJsonObject(wishes)) return '';
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(wishes)) {
      const given = this.#random.once(6) ? hostileValue(this.#random) : (value ?? null);
      for (const one of Array.isArray(given) ? given : [given]) query.append(key, textOf(one));
    }
    // What waits for news may do so as long as it was told to.
    if (query.has('timeout')) query.set('timeout', this.#random.pick(['0', '1', '-1', 'soon', '']));
    if (this.#random.once(15)) query.append(this.#random.pick(['__proto__', 'from', 'x[y]', '']), 'x');
    const text = query.toString();
    const more = this.#random.once(25) ? `&x=${hostileSegment(this.#random)}` : '';
    return text === '' && more === '' ? '' : `?${text}${more}`;
  }

  #body(declaration: AnyDeclaration): string | Buffer | undefined {
    const random = this.#random;
    if (random.once(10)) return hostileBody(random);
    if (declaration.body === 'bytes') return random.once(2) ? 'GIF89a\u0001' : this.#form();
    const kind = declaration.body ?? NOTHING;
    let value = this.#plausible.value(kind as TSchema);
    for (let wrongs = random.below(3); wrongs > 0; wrongs--) value = this.#spoil(value);
    const text = JSON.stringify(value);
    return random.once(15)
      ? text.replace('{', `{"__proto__":{"x":1},"a":1,"a":2${text === '{}' ? '' : ','}`)
      : text;
  }

  /** The fields of a form, as of OAuth's endpoints. */
  #form(): string {
    const form = new URLSearchParams();
    for (const name of FIELDS) {
      if (this.#random.once(2)) continue;
      const value = this.#random.once(4) ? textOf(hostileValue(this.#random)) : this.#plausible.word(name);
      form.append(name, value.slice(0, 5_000));
    }
    return form.toString();
  }

  /** The value with something wrong in one place, mostly deep inside. */
  #spoil(value: JsonValue): JsonValue {
    const random = this.#random;
    if (Array.isArray(value) && value.length > 0 && !random.once(4)) {
      const at = random.below(value.length);
      return value.map((one, i) => (i === at ? this.#spoil(one) : one));
    }
    if (!isJsonObject(value) || Object.keys(value).length === 0 || random.once(8))
      return hostileValue(random);
    const key = random.pick(Object.keys(value));
    const copy: JsonObject = { ...value };
    if (random.once(5)) delete copy[key];
    else if (random.once(10)) copy[textOf(hostileValue(random)).slice(0, 300)] = hostileValue(random);
    else copy[key] = this.#spoil(copy[key] ?? null);
    return copy;
  }
}

function textOf(value: JsonValue): string {
  return typeof value === 'string' ? value.toWellFormed() : JSON.stringify(value);
}
