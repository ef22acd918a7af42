import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { fromPosix } from './posix-expression.ts';

/** One namespace of an application service: IDs that a POSIX regular expression matches from their beginning. */
export interface Namespace {
  readonly regex: RegExp;
  /** Whether nobody else may make what is in it. */
  readonly exclusive: boolean;
}

export type NamespaceKind = 'users' | 'aliases' | 'rooms';

/** An application service as its registration describes it (Application Service API, "Registration"). */
export interface AppserviceRegistration {
  readonly id: string;
  /** Where it listens, without a slash at the end; undefined for one that takes no traffic. */
  readonly url: string | undefined;
  /** By which it proves itself to the server. */
  readonly asToken: string;
  /** By which the server proves itself to it. */
  readonly hsToken: string;
  readonly senderLocalpart: string;
  readonly namespaces: Readonly<Record<NamespaceKind, readonly Namespace[]>>;
  readonly rateLimited: boolean;
  readonly protocols: readonly string[];
  readonly receiveEphemeral: boolean;
}

const KINDS: readonly NamespaceKind[] = ['users', 'aliases', 'rooms'];
const LONGEST_REGEX = 1_000;

/**
 * Reads a registration.
 *
 * @throws Error that says which key is wrong and what is allowed.
 */
export function parseRegistration(value: JsonValue): AppserviceRegistration {
  if (!isJsonObject(value)) throw new Error('a registration must be a list of keys with values');
  const given = value.namespaces ?? {};
  if (!isJsonObject(given)) throw new Error('"namespaces" must hold "users", "aliases" and "rooms"');
  const { url } = value;
  if (url !== null && url !== undefined && url !== '' && !(typeof url === 'string' && isHttp(url)))
    throw new Error('"url" must be an http or https address, or null');
  const ephemeral = value.receive_ephemeral ?? value['de.sorunome.msc2409.push_ephemeral'];
  const [users, aliases, rooms] = KINDS.map((kind) => namespaces(given, kind));
  return {
    // Registrations of 2015 have none: they are told apart by whom they act as.
    id: text(value, value.id === undefined ? 'sender_localpart' : 'id'),
    url: typeof url === 'string' && url !== '' ? url.replace(/\/+$/, '') : undefined,
    asToken: text(value, 'as_token'),
    hsToken: text(value, 'hs_token'),
    senderLocalpart: text(value, 'sender_localpart'),
    namespaces: { users: users ?? [], aliases: aliases ?? [], rooms: rooms ?? [] },
    rateLimited: flag('rate_limited', value.rate_limited, true),
    protocols: protocols(value.protocols),
    receiveEphemeral: flag('receive_ephemeral', ephemeral, false),
  };
}

/** @throws Error when two application services have the same ID, token or sender. */
export function assertDistinct(registrations: readonly AppserviceRegistration[]): void {
  for (const key of ['id', 'asToken', 'senderLocalpart'] as const) {
    const seen = new Set<string>();
    for (const registration of registrations) {
      const name = { id: 'id', asToken: 'as_token', senderLocalpart: 'sender_localpart' }[key];
      if (seen.has(registration[key]))
        throw new Error(`two application services have the same "${name}": it must be unique`);
      seen.add(registration[key]);
    }
  }
}

/** Whether the ID is in one of the application service's namespaces of a kind. */
export function isInNamespace(service: AppserviceRegistration, kind: NamespaceKind, id: string): boolean {
  return service.namespaces[kind].some(({ regex }) => regex.test(id));
}

/** Whether the ID is in one that is the application service's alone. */
export function isExclusive(service: AppserviceRegistration, kind: NamespaceKind, id: string): boolean {
  return service.namespaces[kind].some(({ regex, exclusive }) => exclusive && regex.test(id));
}

function namespaces(given: JsonObject, kind: NamespaceKind): Namespace[] {
  const list = given[kind] ?? [];
  if (!Array.isArray(list)) throw new Error(`"namespaces.${kind}" must be a list`);
  return list.map((one) => {
    if (!isJsonObject(one) || typeof one.regex !== 'string' || one.regex.length > LONGEST_REGEX)
      throw new Error(
        `each of "namespaces.${kind}" needs a "regex" of at most ${LONGEST_REGEX} characters, and "exclusive"`,
      );
    return { regex: expression(one.regex, kind), exclusive: flag('exclusive', one.exclusive, false) };
  });
}

function expression(source: string, kind: NamespaceKind): RegExp {
  try {
    return new RegExp(`^(?:${fromPosix(source)})`);
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(`"namespaces.${kind}": ${source} is not a regular expression: ${reason}`, {
      cause: error,
    });
  }
}

function text(value: JsonObject, key: string): string {
  const found = value[key];
  if (typeof found !== 'string' || found === '') throw new Error(`"${key}" must be a text that is not empty`);
  return found;
}

function flag(key: string, found: JsonValue | undefined, otherwise: boolean): boolean {
  if (found === undefined || found === null) return otherwise;
  if (typeof found !== 'boolean') throw new Error(`"${key}" must be true or false`);
  return found;
}

function protocols(value: JsonValue | undefined): string[] {
  if (value === undefined || value === null) return [];
  const isList = Array.isArray(value) && value.every((one) => typeof one === 'string');
  if (!isList) throw new Error('"protocols" must be a list of texts');
  return value as string[];
}

function isHttp(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}
