import { boundedCache } from '../../platform/bounded-cache.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import {
  defaultPushRules,
  refreshDefaultRules,
  type PushDefaults,
} from '../../protocol/push/default-push-rules.ts';
import { compileRuleset, type CompiledRuleset } from '../../protocol/push/evaluate-push-rules.ts';
import { pushRulesContent, type PushRuleset } from '../../protocol/push/push-rules.ts';
import type { Database } from '../../storage/database.ts';
import * as pastPushRulesStore from '../../storage/past-push-rules-store.ts';
import type { AccountData } from '../account-data/index.ts';
import type { AccountSections, SyncPart, SyncRequest } from '../sync-part.ts';

const TYPE = 'm.push_rules';
const CACHED = 2_000;

/** A user's rules, now and before. */
export class RulesOverTime {
  readonly ruleset: PushRuleset;
  readonly #past: readonly { readonly until: number; readonly compiled: () => CompiledRuleset }[];
  readonly #now: CompiledRuleset;

  constructor(ruleset: PushRuleset, past: readonly { until: number; ruleset: () => PushRuleset }[]) {
    this.ruleset = ruleset;
    this.#now = compileRuleset(ruleset);
    this.#past = past.map((one) => ({
      until: one.until,
      compiled: once(() => compileRuleset(one.ruleset())),
    }));
  }

  /** The rules that held when the event at a position came: whoever judges it later comes to the same result. */
  at(position: number): CompiledRuleset {
    const last = this.#past.at(-1);
    if (!last || position > last.until) return this.#now;
    return this.#past.find(({ until }) => position <= until)?.compiled() ?? this.#now;
  }
}

/** The push rules of users, kept as their account data (Client-Server API, "Push Rules"). */
export class PushRules implements SyncPart {
  readonly #database: Database;
  readonly #accountData: AccountData;
  readonly #defaults: PushDefaults;
  readonly #cache = boundedCache<UserId, RulesOverTime>(CACHED);
  /** Counts changes: what was read while one came in may be outdated. */
  #changes = 0;

  constructor(database: Database, accountData: AccountData, defaults: PushDefaults) {
    this.#database = database;
    this.#defaults = defaults;
    this.#accountData = accountData;
    database.subscribe((changes) => {
      for (const change of changes) {
        if (change.topic !== 'reset' && change.topic !== 'account-data') continue;
        this.#changes += 1;
        if (change.topic === 'reset') this.#cache.clear();
        for (const userId of change.users) this.#cache.delete(userId);
      }
    });
  }

  /** The user's rules: the predefined ones where nothing was changed. */
  async ruleset(userId: UserId): Promise<PushRuleset> {
    return (await this.overTime(userId)).ruleset;
  }

  /** The user's rules, ready to evaluate events of any time. */
  async overTime(userId: UserId): Promise<RulesOverTime> {
    const known = this.#cache.get(userId);
    if (known) return known;
    const changes = this.#changes;
    const ruleset = this.#rulesetOf(await this.#accountData.find(userId, undefined, TYPE), userId);
    const rows = await pastPushRulesStore.ofUser(this.#database, userId);
    const past = rows.map((row) => ({
      until: row.until_position,
      ruleset: () => this.#rulesetOf(JSON.parse(row.content) as JsonObject, userId),
    }));
    const rules = new RulesOverTime(ruleset, past);
    if (changes === this.#changes) this.#cache.set(userId, rules);
    return rules;
  }

  /** Changes the user's rules. Events that are there already stay as the rules of before judge them. */
  async change(userId: UserId, edit: (ruleset: PushRuleset) => PushRuleset): Promise<void> {
    await this.#accountData.edit(
      userId,
      undefined,
      TYPE,
      (content) => pushRulesContent(edit(this.#rulesetOf(content, userId))),
      (unit, at, before) => pastPushRulesStore.add(unit, userId, at, JSON.stringify(before ?? {})),
    );
  }

  /** An initial sync shows the predefined rules of who has changed none; changes come with the account data. */
  async account(request: SyncRequest): Promise<AccountSections | undefined> {
    if (request.since !== undefined || !request.filter.accountData.matches({ type: TYPE })) return undefined;
    if (await this.#accountData.find(request.userId, undefined, TYPE)) return undefined;
    const content = pushRulesContent(defaultPushRules(request.userId, this.#defaults));
    return { accountData: [JSON.stringify({ type: TYPE, content })] };
  }

  /** The rules of m.push_rules content, or the predefined ones. */
  #rulesetOf(content: JsonObject | undefined, userId: UserId): PushRuleset {
    const stored = content?.global;
    if (!isJsonObject(stored)) return defaultPushRules(userId, this.#defaults);
    return refreshDefaultRules(stored as unknown as PushRuleset, userId, this.#defaults);
  }
}

function once<Value>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => (made ??= make());
}
