import type { UserId } from '../../protocol/identifiers.ts';
import type { Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** Tables with what clients keep for a user, and what the user says of themselves. Nothing in a room hangs on it. */
const OF_USERS = [
  ...['account_data', 'past_push_rules', 'filters', 'backup_keys', 'backup_versions', 'profiles'],
  ...['delayed_events', 'finalised_delayed_events'],
];
const statements = OF_USERS.map((table) => sql(`DELETE FROM ${table} WHERE user_id = ?`));

/** Deletes account data, filters, key backups, the profile, and the delayed events of a user, also what became of them. */
export function eraseAllOf(writer: Writer, userId: UserId): void {
  for (const statement of statements) writer.run(statement, userId);
}
