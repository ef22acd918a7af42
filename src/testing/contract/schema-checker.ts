import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import {
  parseEventId,
  parseRoomAlias,
  parseRoomId,
  parseServerName,
  parseUserId,
} from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { BASE, type SchemaAddress } from './openapi.ts';
import type { Specification } from './specification.ts';

/** What is wrong with a value: where, as a JSON pointer, and what. */
export interface Fault {
  readonly at: string;
  readonly what: string;
}

/** Grammars of the appendices, by the names that `string-formats.yaml` gives them. */
const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  'mx-user-id': (text) => parseUserId(text) !== undefined,
  'mx-event-id': (text) => parseEventId(text) !== undefined,
  'mx-room-id': (text) => parseRoomId(text) !== undefined,
  'mx-room-alias': (text) => parseRoomAlias(text) !== undefined,
  'mx-server-name': (text) => parseServerName(text) !== undefined,
  'mx-mxc-uri': (text) => /^mxc:\/\/[^/]+\/[A-Za-z0-9_-]+$/.test(text),
  'mx-unpadded-base64': (text) => /^[A-Za-z0-9+/]*$/.test(text),
  'mx-urlsafe-unpadded-base64': (text) => /^[A-Za-z0-9_-]*$/.test(text),
};

/** Checks values against the schemas of the specification, each compiled when it is first needed. */
export class SchemaChecker {
  readonly #ajv: Ajv2020;
  readonly #compiled = new Map<SchemaAddress, ValidateFunction>();

  constructor(specification: Specification) {
    this.#ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
    addFormats.default(this.#ajv);
    for (const [name, validate] of Object.entries(FORMATS)) this.#ajv.addFormat(name, validate);
    for (const [name, document] of specification) this.#ajv.addSchema(withNameFormats(document), BASE + name);
  }

  /** What is wrong with a value, by the schema at an address. */
  faults(schema: SchemaAddress, value: JsonValue): Fault[] {
    let validate = this.#compiled.get(schema);
    if (validate === undefined) {
      validate = this.#ajv.compile({ $ref: schema });
      this.#compiled.set(schema, validate);
    }
    if (validate(value)) return [];
    return (validate.errors ?? []).map((error) => ({ at: error.instancePath, what: describe(error) }));
  }
}

function describe(error: ErrorObject): string {
  const key = (error.params as { additionalProperty?: string }).additionalProperty;
  return `${error.message ?? error.keyword}${key === undefined ? '' : `: "${key}"`}`;
}

/** `x-pattern-format` says of which format the keys of an object are: a word of the specification's own. */
function withNameFormats(document: JsonObject): JsonObject {
  const visit = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== 'object' || value === null) return value;
    const copy: JsonObject = {};
    for (const [key, inner] of Object.entries(value)) copy[key] = visit(inner ?? null);
    const format = formatOfKeys(copy.patternProperties);
    if (format !== undefined) copy.propertyNames = { format };
    return copy;
  };
  return visit(document) as JsonObject;
}

function formatOfKeys(patterns: JsonValue | undefined): string | undefined {
  if (!isJsonObject(patterns)) return undefined;
  const [one, ...more] = Object.values(patterns);
  if (!isJsonObject(one) || more.length > 0) return undefined;
  const format = one['x-pattern-format'];
  return typeof format === 'string' ? format : undefined;
}
