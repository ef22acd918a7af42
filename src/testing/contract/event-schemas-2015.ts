import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv, type ValidateFunction } from 'ajv';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** What references between the schemas are resolved against. */
const BASE = 'https://2015.invalid/';

/** The event schemas of October 2015, and an example for each. Nothing where that specification is not at hand. */
export class EventSchemas2015 {
  readonly #folder: string;
  readonly #ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false, validateFormats: false });
  readonly #validators = new Map<string, ValidateFunction | undefined>();

  /** They lie beside those of today: see `readSpecification`. */
  constructor() {
    const today = process.env.MYELIN_SPEC_DATA ?? join(ROOT, '../shared/spec/data');
    this.#folder = join(today, '../2015/event-schemas');
    if (!existsSync(this.#folder)) return;
    const schemas = join(this.#folder, 'schema/v1');
    for (const name of readdirSync(schemas, { recursive: true, encoding: 'utf8' })) {
      if (statSync(join(schemas, name)).isDirectory()) continue;
      this.#ajv.addSchema(withAbsoluteReferences(read(join(schemas, name))) as JsonObject, BASE + name);
    }
  }

  /** Names of the schemas: types of events, for messages with their msgtype after `#`. */
  names(): string[] {
    const folder = join(this.#folder, 'schema/v1');
    return existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('m.')) : [];
  }

  /** Examples by name: the type of event, for messages with their msgtype after `#`. */
  examples(): Map<string, JsonObject> {
    const folder = join(this.#folder, 'examples/v1');
    if (!existsSync(folder)) return new Map();
    return new Map(readdirSync(folder).map((name) => [name, read(join(folder, name)) as JsonObject]));
  }

  /** What is wrong with the events in an answer, a line each. Content that was redacted is nobody's any more. */
  faultsIn(answer: JsonValue): string[] {
    const faults: string[] = [];
    const visit = (value: JsonValue | undefined): void => {
      if (Array.isArray(value)) return value.forEach(visit);
      if (!isJsonObject(value)) return;
      const { type, redacted_because: because } = value;
      if (typeof type === 'string' && isEvent(value) && because === undefined) {
        faults.push(...this.#faults(type, value));
      }
      for (const [key, inner] of Object.entries(value)) if (key !== 'content') visit(inner);
    };
    visit(answer);
    return faults;
  }

  #faults(type: string, event: JsonObject): string[] {
    const kind = isJsonObject(event.content) ? event.content.msgtype : undefined;
    const names = type === 'm.room.message' ? [type, `${type}#${String(kind)}`] : [type];
    return names.flatMap((name) => {
      const validate = this.#validator(name);
      if (!validate || validate(event)) return [];
      return (validate.errors ?? []).map(
        ({ instancePath, message }) => `${name}${instancePath} ${message ?? 'is wrong'}`,
      );
    });
  }

  #validator(type: string): ValidateFunction | undefined {
    if (!this.#validators.has(type)) this.#validators.set(type, this.#ajv.getSchema(BASE + type));
    return this.#validators.get(type);
  }
}

/** Stripped state has no ID, and no schema of its own. */
function isEvent({ type, content, event_id: eventId }: JsonObject): boolean {
  if (!isJsonObject(content)) return false;
  return eventId !== undefined || ['m.presence', 'm.receipt', 'm.typing'].includes(String(type));
}

function read(path: string): JsonValue {
  return JSON.parse(readFileSync(path, 'utf8')) as JsonValue;
}

/** All references are from the folder of schemas, wherever they stand. */
function withAbsoluteReferences(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withAbsoluteReferences);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner = null]) => [
      key,
      key === '$ref' && typeof inner === 'string' ? BASE + inner : withAbsoluteReferences(inner),
    ]),
  );
}
