import { boundedCache } from '../../platform/bounded-cache.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { defaultPushRules, refreshDefaultRules } from '../../protocol/push/default-push-rules.ts';
import { compileRuleset, type CompiledRuleset } from '../../protocol/push/evaluate-push-rules.ts';
import { pushRulesContent, type PushRuleset } from '../../protocol/push/push-rules.ts';
import type { Database } from '../../storage/database.ts';
import type { AccountData } from '../account-data/index.ts';
import type { AccountSections, SyncPart, SyncRequest } from '../sync-part.ts';

const TYPE = 'm.push_rules';
const CACHED = 2_000;

interface Rules {
  readonly ruleset: PushRuleset;
  readonly compiled: CompiledRuleset;
}

/** The push rules of users, kept as their account data (Client-Server API, "Push Rules"). */
export class PushRules implements SyncPart {
  readonly #accountData: AccountData;
  readonly #cache = boundedCache<UserId, Rules>(CACHED);

  constructor(database: Database, accountData: AccountData) {
    this.#accountData = accountData;
    database.subscribe((changes) => {
      for (const change of changes) {
        if (change.topic === 'reset') this.#cache.clear();
        if (change.topic === 'account-data') for (const userId of change.users) this.#cache.delete(userId);
      }
    });
  }

  /** The user's rules: the predefined ones where nothing was changed. */
  async ruleset(userId: UserId): Promise<PushRuleset> {
    return (await this.#rules(userId)).ruleset;
  }

  /** The same, ready to evaluate events. */
  async compiled(userId: UserId): Promise<CompiledRuleset> {
    return (await this.#rules(userId)).compiled;
  }

  /** Changes the user's rules. */
  async change(userId: UserId, edit: (ruleset: PushRuleset) => PushRuleset): Promise<void> {
    await this.#accountData.edit(userId, undefined, TYPE, (content) =>
      pushRulesContent(edit(rulesetOf(content, userId))),
    );
  }

  /** An initial sync shows the predefined rules of who has changed none; changes come with the account data. */
  async account(request: SyncRequest): Promise<AccountSections | undefined> {
    if (request.since !== undefined || !request.filter.accountData.matches({ type: TYPE })) return undefined;
    if (await this.#accountData.find(request.userId, undefined, TYPE)) return undefined;
    const content = pushRulesContent(defaultPushRules(request.userId));
    return { accountData: [JSON.stringify({ type: TYPE, content })] };
  }

  async #rules(userId: UserId): Promise<Rules> {
    const known = this.#cache.get(userId);
    if (known) return known;
    const ruleset = rulesetOf(await this.#accountData.find(userId, undefined, TYPE), userId);
    const rules = { ruleset, compiled: compileRuleset(ruleset) };
    this.#cache.set(userId, rules);
    return rules;
  }
}

/** The rules of m.push_rules content, or the predefined ones. */
function rulesetOf(content: JsonObject | undefined, userId: UserId): PushRuleset {
  const stored = content?.global;
  if (!isJsonObject(stored)) return defaultPushRules(userId);
  return refreshDefaultRules(stored as unknown as PushRuleset, userId);
}
