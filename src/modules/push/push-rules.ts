import { boundedCache } from '../../platform/bounded-cache.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import {
  defaultPushRules,
  refreshDefaultRules,
  type PushDefaults,
} from '../../protocol/push/default-push-rules.ts';
import { compileRuleset, type CompiledRuleset } from '../../protocol/push/evaluate-push-rules.ts';
import {
  NO_PUSH_RULES,
  PUSH_RULE_KINDS,
  pushRulesContent,
  type PushRuleset,
  type ScopedPushRules,
} from '../../protocol/push/push-rules.ts';
import { invalidParam } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import { ReadCache } from '../../storage/read-cache.ts';
import * as pastPushRulesStore from '../../storage/push/past-push-rules-store.ts';
import type { AccountData } from '../account-data/index.ts';
import type { AccountSections, SyncPart, SyncRequest } from '../sync-part.ts';

const TYPE = 'm.push_rules';
const CACHED = 2_000;
/** Profile tags for which a user may have rules. */
const MOST_TAGS = 50;

/** Rules ready to evaluate: the global ones, and those of profile tags. */
interface CompiledRules {
  readonly global: CompiledRuleset;
  readonly device: ReadonlyMap<string, CompiledRuleset>;
}

/** A user's rules, now and before. */
export class RulesOverTime {
  readonly rules: ScopedPushRules;
  readonly #past: readonly { readonly until: number; readonly compiled: () => CompiledRules }[];
  readonly #now: CompiledRules;

  constructor(rules: ScopedPushRules, past: readonly { until: number; rules: () => ScopedPushRules }[]) {
    this.rules = rules;
    this.#now = compile(rules);
    this.#past = past.map((one) => ({
      until: one.until,
      compiled: once(() => compile(one.rules())),
    }));
  }

  /** The rules that held when the event at a position came: whoever judges it later comes to the same result. */
  at(position: number): CompiledRules {
    const last = this.#past.at(-1);
    if (!last || position > last.until) return this.#now;
    return this.#past.find(({ until }) => position <= until)?.compiled() ?? this.#now;
  }
}

function compile({ global, device }: ScopedPushRules): CompiledRules {
  return {
    global: compileRuleset(global),
    device: new Map([...device].map(([tag, ruleset]) => [tag, compileRuleset(ruleset)])),
  };
}

/** The push rules of users, kept as their account data (Client-Server API, "Push Rules"). */
export class PushRules implements SyncPart {
  readonly #database: Database;
  readonly #accountData: AccountData;
  readonly #defaults: PushDefaults;
  readonly #cache: ReadCache<UserId, RulesOverTime>;

  constructor(database: Database, accountData: AccountData, defaults: PushDefaults) {
    this.#database = database;
    this.#defaults = defaults;
    this.#accountData = accountData;
    this.#cache = new ReadCache(database, boundedCache(CACHED), ({ topic, users }) =>
      topic === 'account-data' ? users : [],
    );
  }

  /** The user's global rules: the predefined ones where nothing was changed. */
  async ruleset(userId: UserId): Promise<PushRuleset> {
    return (await this.all(userId)).global;
  }

  /** The user's rules for all devices and for profile tags. */
  async all(userId: UserId): Promise<ScopedPushRules> {
    return (await this.overTime(userId)).rules;
  }

  /** The user's rules, ready to evaluate events of any time. */
  async overTime(userId: UserId): Promise<RulesOverTime> {
    return this.#cache.get(userId, () => this.#read(userId));
  }

  async #read(userId: UserId): Promise<RulesOverTime> {
    const current = this.#rulesOf(await this.#accountData.find(userId, undefined, TYPE), userId);
    const rows = await pastPushRulesStore.ofUser(this.#database, userId);
    const past = rows.map((row) => ({
      until: row.until_position,
      rules: () => this.#rulesOf(JSON.parse(row.content) as JsonObject, userId),
    }));
    return new RulesOverTime(current, past);
  }

  /**
   * Changes the user's rules, for all devices or for a profile tag. Events that are there already stay as the rules of before
   * judge them.
   *
   * @throws MatrixError 400 M_INVALID_PARAM for rules of too many profile tags.
   */
  async change(
    userId: UserId,
    edit: (ruleset: PushRuleset) => PushRuleset,
    profileTag?: string,
  ): Promise<void> {
    await this.#accountData.edit(
      userId,
      undefined,
      TYPE,
      (content) => pushRulesContent(changed(this.#rulesOf(content, userId), edit, profileTag)),
      (unit, at, before) => pastPushRulesStore.add(unit, userId, at, JSON.stringify(before ?? {})),
    );
  }

  /** An initial sync shows the predefined rules of who has changed none; changes come with the account data. */
  async account(request: SyncRequest): Promise<AccountSections | undefined> {
    if (request.since !== undefined || !request.filter.accountData.matches({ type: TYPE })) return undefined;
    if (await this.#accountData.find(request.userId, undefined, TYPE)) return undefined;
    const content = pushRulesContent(this.#rulesOf(undefined, request.userId));
    return { accountData: [JSON.stringify({ type: TYPE, content })] };
  }

  /** The rules of m.push_rules content, or the predefined ones. */
  #rulesOf(content: JsonObject | undefined, userId: UserId): ScopedPushRules {
    const { global: stored, device } = content ?? {};
    if (!isJsonObject(stored)) return { global: defaultPushRules(userId, this.#defaults), device: new Map() };
    return {
      global: refreshDefaultRules(stored as unknown as PushRuleset, userId, this.#defaults),
      device: new Map(isJsonObject(device) ? (Object.entries(device) as unknown as Tagged) : []),
    };
  }
}

type Tagged = [string, PushRuleset][];

/** A profile tag without rules is forgotten. */
function changed(
  rules: ScopedPushRules,
  edit: (ruleset: PushRuleset) => PushRuleset,
  profileTag: string | undefined,
): ScopedPushRules {
  if (profileTag === undefined) return { ...rules, global: edit(rules.global) };
  const device = new Map(rules.device);
  const ruleset = edit(device.get(profileTag) ?? NO_PUSH_RULES);
  if (PUSH_RULE_KINDS.every((kind) => ruleset[kind].length === 0)) device.delete(profileTag);
  else device.set(profileTag, ruleset);
  if (device.size > MOST_TAGS) {
    throw invalidParam(`There are already rules for ${MOST_TAGS} profile tags, the most there may be`);
  }
  return { ...rules, device };
}

function once<Value>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => (made ??= make());
}
