import { matchGlob } from './glob.ts';
import { serverNameOf, type UserId } from './identifiers.ts';
import type { JsonObject, JsonValue } from './json.ts';

/** What becomes of an invite: it is shown, or goes unseen, or is refused. */
export type InvitePermission = 'allow' | 'ignore' | 'block';

/** Globs that are looked at in one list; the rest of a longer one does nothing. */
const MOST_GLOBS = 1_000;

/**
 * What a user wants of invites by somebody.
 *
 * @param config `m.invite_permission_config` (Client-Server API, "Invite permission").
 * @param rules `org.matrix.msc4155.invite_permission_config`: lists of globs, of which those of users come before those
 *   of servers, and the kinder ones before the others. What no list names is left to `config`.
 */
export function invitePermission(
  config: JsonObject | undefined,
  rules: JsonObject | undefined,
  inviter: UserId,
): InvitePermission {
  const lists: [string, string, InvitePermission][] = [
    ['allowed_users', inviter, 'allow'],
    ['ignored_users', inviter, 'ignore'],
    ['blocked_users', inviter, 'block'],
    ['allowed_servers', serverNameOf(inviter), 'allow'],
    ['ignored_servers', serverNameOf(inviter), 'ignore'],
    ['blocked_servers', serverNameOf(inviter), 'block'],
  ];
  const isOn = rules !== undefined && rules.enabled !== false;
  for (const [key, subject, permission] of lists) {
    if (isOn && isListed(rules[key], subject)) return permission;
  }
  return config?.default_action === 'block' ? 'block' : 'allow';
}

function isListed(list: JsonValue | undefined, subject: string): boolean {
  if (!Array.isArray(list)) return false;
  return list.slice(0, MOST_GLOBS).some((glob) => typeof glob === 'string' && matchGlob(glob, subject));
}
