import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `threepids`. Times are in milliseconds. */
export interface ThreepidRow {
  readonly medium: string;
  readonly address: string;
  readonly user_id: string;
  readonly validated_at: number;
  readonly added_at: number;
}

/** Where one of a user's identifiers is bound. */
export interface BindingRow {
  readonly user_id: string;
  readonly medium: string;
  readonly address: string;
  readonly id_server: string;
}

const one = sql(`SELECT * FROM threepids WHERE medium = ? AND address = ?`);
const listed = sql(`SELECT * FROM threepids WHERE user_id = ? ORDER BY added_at, medium, address LIMIT 100`);
const insert = sql(
  `INSERT INTO threepids (medium, address, user_id, validated_at, added_at) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT (medium, address) DO UPDATE SET validated_at = excluded.validated_at
   WHERE threepids.user_id = excluded.user_id`,
);
const removeOne = sql(`DELETE FROM threepids WHERE medium = ? AND address = ? AND user_id = ?`);
const removeAll = sql(`DELETE FROM threepids WHERE user_id = ?`);
const removePushers = sql(
  `DELETE FROM pushers WHERE user_id = ? AND kind = 'email' AND LOWER(pushkey) = ? AND ? = 'email'`,
);
const bindings = sql(
  `SELECT * FROM threepid_bindings WHERE user_id = ? ORDER BY medium, address, id_server LIMIT 200`,
);
const insertBinding = sql(
  `INSERT INTO threepid_bindings (user_id, medium, address, id_server) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
);
const removeBinding = sql(
  `DELETE FROM threepid_bindings WHERE user_id = ? AND medium = ? AND address = ? AND id_server = ?`,
);
const insertErased = sql(
  `INSERT INTO erased_users (user_id, erased_at) VALUES (?, ?) ON CONFLICT DO NOTHING`,
);

const erasedUser = sql(`SELECT erased_at FROM erased_users WHERE user_id = ?`);

/** When a user asked to be erased (ms); undefined for one who did not. */
export async function erasedAt(reader: Reader, userId: UserId): Promise<number | undefined> {
  return (await reader.get<{ erased_at: number }>(erasedUser, userId))?.erased_at;
}

/** The identifier with its owner, or undefined. */
export function byAddress(reader: Reader, medium: string, address: string): Promise<ThreepidRow | undefined> {
  return reader.get<ThreepidRow>(one, medium, address);
}

/** A user's identifiers, oldest first, at most 100. */
export function ofUser(reader: Reader, userId: UserId): Promise<ThreepidRow[]> {
  return reader.all<ThreepidRow>(listed, userId);
}

/** Gives an identifier to a user; the unit fails when another has it. */
export function add(writer: Writer, row: ThreepidRow): void {
  writer.guard(insert, row.medium, row.address, row.user_id, row.validated_at, row.added_at);
}

/** Takes an identifier from its user, with the mail that goes there; nothing happens when they do not have it. */
export function remove(writer: Writer, userId: UserId, medium: string, address: string): void {
  writer.run(removeOne, medium, address, userId);
  writer.run(removePushers, userId, address, medium);
}

/** Takes all identifiers from a user. */
export function removeAllOf(writer: Writer, userId: UserId): void {
  writer.run(removeAll, userId);
}

/** Where the user's identifiers are bound, at most 200. */
export function bindingsOf(reader: Reader, userId: UserId): Promise<BindingRow[]> {
  return reader.all<BindingRow>(bindings, userId);
}

/** Notes that an identifier is bound at an identity server. */
export function addBinding(writer: Writer, row: BindingRow): void {
  writer.run(insertBinding, row.user_id, row.medium, row.address, row.id_server);
}

/** Notes that an identifier is bound there no longer. */
export function forgetBinding(writer: Writer, row: BindingRow): void {
  writer.run(removeBinding, row.user_id, row.medium, row.address, row.id_server);
}

/** Notes that a user asked to be erased. */
export function markErased(writer: Writer, userId: UserId, now: number): void {
  writer.run(insertErased, userId, now);
}
