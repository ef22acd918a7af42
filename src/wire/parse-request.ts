import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { MatrixError } from '../protocol/matrix-error.ts';

/** Which part of a request is wrong decides the error code. */
type Part = 'path' | 'query' | 'body';

/** What checks against a schema, of those schemas that a request has come for: most never see one. */
const validators = new WeakMap<TSchema, Validator>();

function validatorOf(schema: TSchema): Validator {
  const known = validators.get(schema);
  if (known) return known;
  const validator = Compile(schema);
  validators.set(schema, validator);
  return validator;
}

/** Checks one part of the requests of an endpoint against its schema. */
export class PartParser {
  readonly #part: Part;
  readonly #schema: TSchema;
  readonly #numbers: readonly string[];
  readonly #booleans: readonly string[];
  #validator: Validator | undefined;

  constructor(part: Part, schema: TSchema) {
    this.#part = part;
    this.#schema = schema;
    const properties = Object.entries((schema as { properties?: Record<string, TSchema> }).properties ?? {});
    const ofType = (types: readonly string[]) =>
      properties
        .filter(([, one]) => types.includes(String((one as { type?: string }).type)))
        .map(([key]) => key);
    this.#numbers = ofType(['integer', 'number']);
    this.#booleans = ofType(['boolean']);
  }

  /**
   * The part, if it is as the schema wants it. Numbers and booleans of a query string are made from their text.
   *
   * @throws MatrixError 400 naming the key and what is allowed.
   */
  parse(value: unknown): unknown {
    if (this.#part === 'query') this.convert(value as Record<string, unknown>);
    this.#validator ??= validatorOf(this.#schema);
    if (this.#validator.Check(value)) return value;
    throw this.#error(value, this.#validator);
  }

  /** Makes numbers and booleans, where the schema wants them, of their text; gives the same object. */
  convert(query: Record<string, unknown>): Record<string, unknown> {
    for (const key of this.#numbers) {
      const text = query[key];
      if (typeof text !== 'string' || !/^-?\d{1,16}$/.test(text)) continue;
      if (Number.isSafeInteger(Number(text))) query[key] = Number(text);
    }
    for (const key of this.#booleans) {
      const text = query[key];
      if (text === 'true' || text === 'false') query[key] = text === 'true';
    }
    return query;
  }

  #error(value: unknown, validator: Validator): MatrixError {
    const errors = validator.Errors(value);
    const [first] = errors;
    const where = this.#part === 'body' ? 'the body' : `the ${this.#part}`;
    const key = (first?.instancePath ?? '').replace(/^\//, '').replaceAll('/', '.');
    const missing = (first?.params as { requiredProperties?: string[] } | undefined)?.requiredProperties;
    if (first?.keyword === 'required' && missing) {
      const names = missing.map((name) => `"${key === '' ? name : `${key}.${name}`}"`).join(', ');
      const code = key === '' ? 'M_MISSING_PARAM' : this.#code();
      return new MatrixError(400, code, `${names} must be given in ${where}`);
    }
    const what = key === '' ? where : `"${key}" in ${where}`;
    const here = errors.filter(({ instancePath }) => instancePath === first?.instancePath);
    return new MatrixError(400, this.#code(), `${what} ${demand(here)}`);
  }

  #code(): string {
    return this.#part === 'body' ? 'M_BAD_JSON' : 'M_INVALID_PARAM';
  }
}

/** What is allowed at a place, in words, from all that was found wrong there: one for each alternative. */
function demand(errors: readonly { keyword: string; params: object; message: string }[]): string {
  const given = (name: string) =>
    errors.flatMap(({ params }) => (name in params ? [(params as Record<string, unknown>)[name]] : []));
  const values = given('allowedValue').map((value) => JSON.stringify(value));
  if (values.length > 0) return `must be ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`;
  const types = given('type').flat();
  if (types.length > 0) return `must be of type ${types.join(' or ')}`;
  return errors[0]?.message ?? 'is wrong';
}
