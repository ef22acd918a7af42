import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `identity_invites`: an invitation of somebody of whom only an address was known. */
export interface StoredInviteRow {
  readonly token: string;
  readonly medium: string;
  readonly address: string;
  readonly room_id: RoomId;
  readonly sender: UserId;
  /** Unpadded base64; who was written to has the private key. */
  readonly public_key: string;
  readonly stored_at: number;
}

/** Invitations of one address that are looked at together. */
export const MOST_WAITING = 50;

const insert = sql(
  `INSERT INTO identity_invites (token, medium, address, room_id, sender, public_key, stored_at)
   VALUES (?, ?, ?, ?, ?, ?, ?)`,
);
const removeOld = sql(`DELETE FROM identity_invites WHERE stored_at < ?`);
const one = sql(`SELECT * FROM identity_invites WHERE token = ?`);
const withKey = sql(`SELECT token FROM identity_invites WHERE public_key = ?`);
const waiting = sql(
  `SELECT * FROM identity_invites WHERE medium = ? AND address = ? AND told_at IS NULL
   ORDER BY stored_at, token LIMIT ${MOST_WAITING}`,
);
const tell = sql(`UPDATE identity_invites SET told_at = ? WHERE token = ? AND told_at IS NULL`);

/** Adds an invitation, and drops those that were stored before a time. */
export function add(writer: Writer, row: StoredInviteRow, oldest: number): void {
  writer.run(removeOld, oldest);
  writer.run(
    insert,
    ...[row.token, row.medium, row.address, row.room_id, row.sender, row.public_key, row.stored_at],
  );
}

/** The invitation with a token, if there is one. */
export function byToken(reader: Reader, token: string): Promise<StoredInviteRow | undefined> {
  return reader.get<StoredInviteRow>(one, token);
}

/** Whether there is an invitation with this public key. */
export async function hasKey(reader: Reader, publicKey: string): Promise<boolean> {
  return (await reader.get(withKey, publicKey)) !== undefined;
}

/** Invitations of an address of which its owner was not told, oldest first, at most `MOST_WAITING`. */
export function waitingFor(reader: Reader, medium: string, address: string): Promise<StoredInviteRow[]> {
  return reader.all<StoredInviteRow>(waiting, medium, address);
}

/** Notes that the owner of the address is told of an invitation; the unit fails when that was done already. */
export function markTold(writer: Writer, token: string, now: number): void {
  writer.guard(tell, now, token);
}
