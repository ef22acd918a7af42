import { isHumanReadable } from '../../protocol/human-ids.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';

/**
 * Refuses names that could be taken for others (draft "human-id-rules" of 2015).
 *
 * @param names - Localparts, or whole aliases and user IDs, by the key that the client knows each by. Those that are
 *   absent pass.
 * @throws MatrixError 400 M_FAILED_HUMAN_ID_CHECK that names the keys in `failed_keys`.
 */
export function assertHumanReadable(names: Readonly<Record<string, string | undefined>>): void {
  const failed = Object.keys(names).filter((key) => !isHumanReadable(localpartOf(names[key] ?? '')));
  if (failed.length === 0) return;
  const message = 'A name must be of one script, and of characters that show';
  throw new MatrixError(400, 'M_FAILED_HUMAN_ID_CHECK', message, { failed_keys: failed });
}

/** Servers' names have rules of their own. */
function localpartOf(name: string): string {
  return /^[@#]/.test(name) ? (name.slice(1).split(':', 1)[0] ?? '') : name;
}
