import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import type { Specification } from './specification.ts';

/** What the names of documents are resolved against. No such host exists; nothing is asked of it. */
export const BASE = 'https://specification.invalid/';

/** A schema's address: the document's and a JSON pointer. */
export type SchemaAddress = string;

export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly type: string | undefined;
  readonly schema: SchemaAddress;
}

/** Bodies by media type; one without a schema may hold anything. */
export type Content = ReadonlyMap<string, SchemaAddress>;

/** One operation, as its document describes it. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: { readonly required: boolean; readonly content: Content } | undefined;
  /** By status. A status without content has no body that the document says anything of. */
  readonly responses: ReadonlyMap<number, Content | undefined>;
}

interface Place {
  readonly value: JsonValue | undefined;
  readonly address: string;
}

const METHODS = ['get', 'put', 'post', 'delete'];

/** All operations that clients, other servers and users of identity servers may ask for. */
export function operationsOf(specification: Specification): Operation[] {
  const reader = new Reader(specification);
  return [...specification.keys()]
    .filter((name) => /^api\/(?:client-server|server-server|identity)\/[^/]+\.yaml$/.test(name))
    .flatMap((name) => reader.operations(name));
}

class Reader {
  readonly #specification: Specification;

  constructor(specification: Specification) {
    this.#specification = specification;
  }

  operations(name: string): Operation[] {
    const root = { value: this.#specification.get(name), address: `${BASE}${name}#` };
    const prefix = text(this.#at(root, ['servers', '0', 'variables', 'basePath', 'default']).value) ?? '';
    return this.#entries(this.#at(root, ['paths'])).flatMap(([path, place]) =>
      this.#entries(place)
        .filter(([method]) => METHODS.includes(method))
        .map(([method, operation]) => this.#operation(method, prefix + path, place, operation)),
    );
  }

  #operation(method: string, path: string, shared: Place, place: Place): Operation {
    const parameters = [shared, place].flatMap((one) => this.#items(this.#at(one, ['parameters'])));
    const body = this.#at(place, ['requestBody']);
    return {
      id: text(this.#at(place, ['operationId']).value) ?? `${method} ${path}`,
      method: method.toUpperCase(),
      path,
      parameters: parameters.map((one) => this.#parameter(one)),
      body: isJsonObject(body.value)
        ? { required: body.value.required === true, content: this.#content(body) ?? new Map() }
        : undefined,
      responses: new Map(
        this.#entries(this.#at(place, ['responses'])).flatMap(([status, one]) =>
          statusesOf(status).map((each) => [each, this.#content(one)] as const),
        ),
      ),
    };
  }

  #parameter(place: Place): Parameter {
    const schema = this.#at(place, ['schema']);
    const { value } = place;
    if (!isJsonObject(value)) throw new Error(`${place.address} is no parameter`);
    return {
      name: text(value.name) ?? '',
      in: text(value.in) ?? '',
      required: value.required === true,
      type: isJsonObject(schema.value) ? text(schema.value.type) : undefined,
      schema: schema.address,
    };
  }

  #content(place: Place): Content | undefined {
    const content = this.#at(place, ['content']);
    if (!isJsonObject(content.value)) return undefined;
    return new Map(
      this.#entries(content).map(([type, one]) => [type, this.#at(one, ['schema']).address] as const),
    );
  }

  #entries(place: Place): [string, Place][] {
    if (!isJsonObject(place.value)) return [];
    return Object.keys(place.value).map((key) => [key, this.#at(place, [key])]);
  }

  #items(place: Place): Place[] {
    if (!Array.isArray(place.value)) return [];
    return place.value.map((_, i) => this.#at(place, [String(i)]));
  }

  /** What lies below a place; a `$ref` there is followed. */
  #at(place: Place, keys: readonly string[]): Place {
    let { value, address } = place;
    for (const key of keys) {
      value = isJsonObject(value) || Array.isArray(value) ? (value as JsonObject)[key] : undefined;
      address += `/${encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))}`;
      if (isJsonObject(value) && typeof value.$ref === 'string') {
        ({ value, address } = this.#follow(value.$ref, address));
      }
    }
    return { value, address };
  }

  #follow(reference: string, from: string): Place {
    const target = new URL(reference, from);
    const name = target.href.slice(BASE.length).split('#', 1)[0] ?? '';
    const document = this.#specification.get(name);
    if (document === undefined) throw new Error(`${from} refers to ${name}, which is not there`);
    const keys = target.hash
      .slice(2)
      .split('/')
      .filter((key) => key !== '')
      .map((key) => decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~'));
    return this.#at({ value: document, address: `${BASE}${name}#` }, keys);
  }
}

/** A status, or all those of a class such as `3XX`. */
function statusesOf(written: string): number[] {
  if (!written.endsWith('XX')) return [Number(written)];
  return Array.from({ length: 100 }, (_, i) => Number(written[0]) * 100 + i);
}

function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
