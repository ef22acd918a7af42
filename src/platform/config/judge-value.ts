import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { FORMS } from './forms.ts';
import { allowed, suggest, type OptionSchema } from './options.ts';

/** What is wrong with a value. */
export interface Fault {
  /** Where in the value, as an index and a key of an entry; empty for the value itself. */
  readonly at: readonly (number | string)[];
  /** What is wrong, or what is allowed. */
  readonly text: string;
}

/** What is wrong with the value of an option; nothing where it is right. */
export function faultsOf(schema: OptionSchema, value: unknown): Fault[] {
  const { items } = schema;
  const mustBe = { at: [], text: `must be ${allowed(schema)}` };
  if (items?.properties && Array.isArray(value)) {
    return value.flatMap((entry, i) => within(i, faultsOfEntry(items, entry)));
  }
  if (!fits(schema, value))
    return [items && Array.isArray(value) ? namingEntry(items, value, mustBe) : mustBe];
  return [];
}

/** Which of a list's entries it is. Not its text: it may be secret. */
function namingEntry(items: OptionSchema, value: readonly unknown[], mustBe: Fault): Fault {
  const i = value.findIndex((one) => !fits(items, one));
  return i < 0 ? mustBe : { ...mustBe, text: `${mustBe.text}; entry ${i + 1} is not` };
}

function fits(schema: OptionSchema, value: unknown): boolean {
  if (!Value.Check(schema as unknown as TSchema, value)) return false;
  if (schema.items && Array.isArray(value)) return value.every((one) => isWritten(schema.items, one));
  return isWritten(schema, value);
}

function isWritten(schema: OptionSchema | undefined, value: unknown): boolean {
  if (schema?.form === undefined) return true;
  if (value === '') return schema.default === '';
  return FORMS[schema.form].fits(String(value));
}

function faultsOfEntry(schema: OptionSchema, entry: unknown): Fault[] {
  const properties = schema.properties ?? {};
  const keys = Object.keys(properties);
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return [{ at: [], text: `must be an entry with ${keys.join(', ')}` }];
  }
  const unknown = Object.keys(entry).filter((key) => !keys.includes(key));
  const absent = (schema.required ?? []).filter(
    (key) => properties[key]?.default === undefined && !Object.hasOwn(entry, key),
  );
  return [
    ...unknown.map((key) => ({ at: [key], text: `there is no such key; ${suggest(key, keys)}` })),
    ...absent.map((key) => ({
      at: [],
      text: `${key} is missing: it must be ${allowed(properties[key] ?? {})}`,
    })),
    ...keys
      .filter((key) => Object.hasOwn(entry, key))
      .flatMap((key) =>
        within(key, faultsOf(properties[key] ?? {}, (entry as Record<string, unknown>)[key])),
      ),
  ];
}

function within(place: number | string, faults: readonly Fault[]): Fault[] {
  return faults.map(({ at, text }) => ({ at: [place, ...at], text }));
}
