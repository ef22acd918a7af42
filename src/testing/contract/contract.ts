import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { contentsIn } from './event-contents.ts';
import { isKnownDefect } from './known-defects.ts';
import { BASE, operationsOf, type Content, type Operation, type Parameter } from './openapi.ts';
import { OperationFinder } from './operation-finder.ts';
import { SchemaChecker, type Fault } from './schema-checker.ts';
import type { Specification } from './specification.ts';
import type { Exchange } from './traffic.ts';

const STANDARD_ERROR = `${BASE}api/client-server/definitions/errors/error.yaml`;
/** As much of a path as is shown, in characters. */
const LONGEST_SHOWN = 300;
const JSON_TYPE = 'application/json';
/** To these people are sent with a browser: what goes wrong is told on a page. */
const FOR_BROWSERS = new Set([
  'redirectToSSO',
  'redirectToIdP',
  'emailSubmitTokenGetV2',
  'msisdnSubmitTokenGetV2',
]);
/** Statuses that any operation may answer with, whether its document says so or not ("API Standards"). */
const ANYWHERE = new Set([400, 401, 403, 404, 405, 413, 414, 415, 429, 431, 500, 502, 503, 504]);

const TOKEN_ERRORS = new Set(['M_MISSING_TOKEN', 'M_UNKNOWN_TOKEN', 'M_USER_LOCKED']);
/** Answers of HTTP itself to questions for a part of a file, or for a newer one (RFC 9110). */
const OF_HTTP = new Set([206, 304, 416]);

/** The specification's documents as a judge of requests and answers. */
export class Contract {
  readonly #operations: OperationFinder<Operation>;
  readonly #schemas: SchemaChecker;
  readonly #specification: Specification;

  constructor(specification: Specification) {
    this.#specification = specification;
    this.#operations = new OperationFinder(operationsOf(specification));
    this.#schemas = new SchemaChecker(specification);
  }

  /**
   * What an exchange breaks of the specification, a line each. A request is looked at only where the server took it: bad
   * input is sent on purpose.
   */
  breaches(exchange: Exchange): string[] {
    const path = exchange.url.split('?', 1)[0] ?? '';
    const all = this.#operations.find(exchange.method, path).map((one) => this.#breachesOf(one, exchange));
    return all.sort((a, b) => a.length - b.length)[0] ?? [];
  }

  #breachesOf(operation: Operation, exchange: Exchange): string[] {
    const { method, url, status } = exchange;
    const query = url.split('?', 2)[1] ?? '';
    const taken = status >= 200 && status < 300;
    const faults = [
      ...this.#answer(operation, exchange).map((fault) => ({ ...fault, part: 'answer' as const })),
      ...(taken ? this.#request(operation, query, exchange) : []).map((fault) => ({
        ...fault,
        part: 'request' as const,
      })),
    ];
    return faults
      .filter((fault) => !isKnownDefect({ ...fault, operation: operation.id, status, query }))
      .map(
        ({ part, at, what }) =>
          `${method} ${url.slice(0, LONGEST_SHOWN)} (${operation.id}), ${status}: the ${part}${at === '' ? '' : ` at ${at}`} ${what}`,
      );
  }

  #answer(operation: Operation, exchange: Exchange): Fault[] {
    const { status } = exchange;
    if (FOR_BROWSERS.has(operation.id) && exchange.responseType?.startsWith('text/html') === true) return [];
    if (status === 401 && isAboutToken(exchange.responseBody)) return this.#standardError(exchange);
    if (!operation.responses.has(status)) {
      if (OF_HTTP.has(status)) return [];
      if (ANYWHERE.has(status)) return this.#standardError(exchange);
      return [{ at: '', what: `has a status that the specification does not know here` }];
    }
    const content = operation.responses.get(status);
    if (content === undefined) return status >= 400 ? this.#standardError(exchange) : [];
    return this.#body(content, exchange.responseType, exchange.responseBody);
  }

  #standardError(exchange: Exchange): Fault[] {
    const body = parse(exchange.responseBody);
    if (body === undefined) return [{ at: '', what: 'must be a standard error' }];
    return this.#schemas.faults(STANDARD_ERROR, body);
  }

  #body(content: Content, type: string | undefined, bytes: Buffer): Fault[] {
    const schema = content.get(JSON_TYPE);
    if (schema === undefined) return [];
    const mediaType = type?.split(';', 1)[0];
    if (mediaType !== JSON_TYPE) {
      const known = [...content.keys()].some((one) => one !== JSON_TYPE);
      return known ? [] : [{ at: '', what: `must be ${JSON_TYPE}, not ${mediaType ?? 'without a type'}` }];
    }
    const value = parse(bytes);
    if (value === undefined) return [{ at: '', what: 'is not JSON' }];
    return [...this.#schemas.faults(schema, value), ...this.#contents(value)];
  }

  #contents(value: JsonValue): Fault[] {
    return contentsIn(value).flatMap(({ at, type, content }) => {
      const schema = this.#eventSchema(type);
      if (schema === undefined) return [];
      return this.#schemas.faults(schema, content).map((fault) => ({ at: at + fault.at, what: fault.what }));
    });
  }

  #eventSchema(type: string): string | undefined {
    const name = `event-schemas/schema/${type}.yaml`;
    const properties = this.#specification.get(name)?.properties;
    if (!isJsonObject(properties) || properties.content === undefined) return undefined;
    return `${BASE}${name}#/properties/content`;
  }

  #request(operation: Operation, query: string, exchange: Exchange): Fault[] {
    const asked = new URLSearchParams(query);
    const faults = operation.parameters
      .filter((parameter) => parameter.in === 'query')
      .flatMap((parameter) => this.#parameter(parameter, asked.getAll(parameter.name)));
    if (operation.body === undefined || !operation.body.content.has(JSON_TYPE)) return faults;
    if (exchange.requestBody.length === 0 || isForm(exchange)) return faults;
    return [...faults, ...this.#body(operation.body.content, JSON_TYPE, exchange.requestBody)];
  }

  #parameter(parameter: Parameter, given: readonly string[]): Fault[] {
    const { name, required, type, schema } = parameter;
    const at = `?${name}`;
    if (given.length === 0) return required ? [{ at, what: 'must be given' }] : [];
    const values = given.map((text) => convert(text, type));
    const value = type === 'array' ? values : (values[0] ?? null);
    return this.#schemas.faults(schema, value).map((fault) => ({ at: at + fault.at, what: fault.what }));
  }
}

/** Identity servers take forms, too, which no document describes. JSON is often sent under that type. */
function isForm({ requestType, requestBody }: Exchange): boolean {
  const isSaid = requestType?.startsWith('application/x-www-form-urlencoded') === true;
  return isSaid && parse(requestBody) === undefined;
}

/** A token may be refused anywhere, whatever else an operation answers with 401 (interactive authentication, mostly). */
function isAboutToken(body: Buffer): boolean {
  const error = parse(body);
  return isJsonObject(error) && TOKEN_ERRORS.has(String(error.errcode));
}

/** Texts of a query string stand for numbers and booleans, too. */
function convert(text: string, type: string | undefined): JsonValue {
  if ((type === 'integer' || type === 'number') && /^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function parse(bytes: Buffer): JsonObject | JsonValue | undefined {
  try {
    return JSON.parse(bytes.toString('utf8')) as JsonValue;
  } catch {
    return undefined;
  }
}
