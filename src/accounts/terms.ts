import { policyOf, type PolicyText } from '../platform/config/written-entries.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Stage } from './interactive-auth.ts';

/**
 * Reads policies as the configuration has them: `ID|version|language|title|address`.
 *
 * @throws Error for one that is not written so.
 */
export function parsePolicies(lines: readonly string[]): PolicyText[] {
  return lines.map((line) => {
    const policy = policyOf(line);
    if (policy) return policy;
    throw new Error(`The policy "${line}" must be written ID|version|language|title|address`);
  });
}

/** Policies by their ID: the version, and title and address by language (`m.login.terms`, and identity servers'). */
export function policiesByName(texts: readonly PolicyText[]): Record<string, JsonObject> {
  const policies: Record<string, JsonObject> = {};
  for (const { id, version, language, title, url } of texts) {
    policies[id] = { ...policies[id], version, [language]: { name: title, url } };
  }
  return policies;
}

/** `m.login.terms`: the person has agreed to the policies. Remembers to which, in which version. */
export function termsStage(texts: readonly PolicyText[]): Stage {
  const policies = policiesByName(texts);
  const agreed = Object.entries(policies).map(([id, { version }]) => [id, version]);
  return {
    type: 'm.login.terms',
    params: { policies },
    check: () => Promise.resolve({ agreed: Object.fromEntries(agreed) as JsonObject }),
  };
}
