import type { TSchema } from 'typebox';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import type { Random } from './random.ts';

/** Things that exist on the server, by the names under which requests speak of them. */
export type Pool = Readonly<Record<string, readonly string[]>>;

/** What of JSON Schema the declarations of endpoints are made of. */
interface Shape {
  readonly type?: string;
  readonly const?: JsonValue;
  readonly anyOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly items?: Shape;
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Makes values that fit schemas, and speak of things that exist as far as their names tell what they are about. */
export class Plausible {
  readonly #random: Random;
  readonly #pool: Pool;

  constructor(random: Random, pool: Pool) {
    this.#random = random;
    this.#pool = pool;
  }

  value(schema: TSchema, name = ''): JsonValue {
    return this.#value(schema as Shape, name);
  }

  /** Something by that name, or any word. */
  word(name: string): string {
    const known = this.#pool[name.replaceAll('_', '').toLowerCase()];
    return known === undefined
      ? this.#random.pick(['m', 'org.example', 'a b', 'é', '7'])
      : this.#random.pick(known);
  }

  #value(shape: Shape, name: string): JsonValue {
    if (shape.const !== undefined) return shape.const;
    if (shape.anyOf) return this.#value(this.#random.pick(shape.anyOf), name);
    switch (shape.type) {
      case 'object':
        return this.#object(shape, name);
      case 'array':
        return Array.from({ length: this.#random.below(3) }, () => this.#value(shape.items ?? {}, name));
      case 'string':
        return this.word(name);
      case 'integer':
      case 'number':
        return (shape.minimum ?? 0) + this.#random.below(Math.min(shape.maximum ?? 20, 20));
      case 'boolean':
        return this.#random.once(2);
      case 'null':
        return null;
      default:
        return this.#random.pick<JsonValue>([{}, { a: { b: 'c' } }, 'text', 1, ['x']]);
    }
  }

  #object(shape: Shape, name: string): JsonObject {
    const object: JsonObject = {};
    for (const [key, inner] of Object.entries(shape.properties ?? {})) {
      const isNeeded = shape.required?.includes(key) === true;
      if (isNeeded || this.#random.once(2)) object[key] = this.#value(inner, key);
    }
    for (const inner of Object.values(shape.patternProperties ?? {})) {
      object[this.word(this.#random.pick([name, 'user_id', 'room_id', 'type']))] = this.#value(
        inner,
        'device_id',
      );
    }
    return object;
  }
}
