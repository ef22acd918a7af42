import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** What became of the question whether a client may have a session. */
export type DeviceAuthorizationState = 'asked' | 'allowed' | 'denied';

/** A row of the table `device_authorizations` (RFC 8628). Times are in milliseconds. */
export interface DeviceAuthorizationRow {
  readonly user_code: string;
  readonly client_id: string;
  readonly device_id: string;
  readonly scope: string;
  readonly state: DeviceAuthorizationState;
  readonly user_id: string | null;
  readonly interval_ms: number;
  readonly polled_at: number;
  readonly expires_at: number;
}

const one = sql(`SELECT * FROM device_authorizations WHERE hash = ?`);
const oneByCode = sql(`SELECT * FROM device_authorizations WHERE user_code = ?`);
const insert = sql(
  `INSERT INTO device_authorizations
     (hash, user_code, client_id, device_id, scope, state, interval_ms, polled_at, expires_at)
   VALUES (?, ?, ?, ?, ?, 'asked', ?, ?, ?) ON CONFLICT DO NOTHING`,
);
const decideOne = sql(
  `UPDATE device_authorizations SET state = ?, user_id = ?
   WHERE user_code = ? AND state = 'asked' AND expires_at > ?`,
);
const pollOne = sql(`UPDATE device_authorizations SET polled_at = ?, interval_ms = ? WHERE hash = ?`);
const removeOne = sql(`DELETE FROM device_authorizations WHERE hash = ? AND state = 'allowed'`);
const removeAllowed = sql(`DELETE FROM device_authorizations WHERE user_id = ? AND state = 'allowed'`);
const removeOld = sql(`DELETE FROM device_authorizations WHERE expires_at < ?`);

/** The authorization whose device code has this hash, or undefined. */
export function byHash(reader: Reader, hash: Uint8Array): Promise<DeviceAuthorizationRow | undefined> {
  return reader.get<DeviceAuthorizationRow>(one, hash);
}

/** The authorization with this user code, or undefined. */
export function byUserCode(reader: Reader, userCode: string): Promise<DeviceAuthorizationRow | undefined> {
  return reader.get<DeviceAuthorizationRow>(oneByCode, userCode);
}

/** Asks for a session; the unit fails when the user code is taken. Those that expired before `oldest` are removed. */
export function add(
  writer: Writer,
  hash: Uint8Array,
  row: Omit<DeviceAuthorizationRow, 'state' | 'user_id'>,
  oldest: number,
): void {
  writer.run(removeOld, oldest);
  writer.guard(
    insert,
    ...[hash, row.user_code, row.client_id, row.device_id, row.scope],
    ...[row.interval_ms, row.polled_at, row.expires_at],
  );
}

/** A user decides; the unit fails when it was decided before or has expired. */
export function decide(
  writer: Writer,
  userCode: string,
  decision: { state: 'allowed' | 'denied'; userId: UserId },
  now: number,
): void {
  writer.guard(decideOne, decision.state, decision.userId, userCode, now);
}

/** Notes that the client asked, and how long it has to wait now. */
export function poll(writer: Writer, hash: Uint8Array, polledAt: number, intervalMs: number): void {
  writer.run(pollOne, polledAt, intervalMs, hash);
}

/** Uses an authorization up that was allowed; the unit fails when it was used. */
export function redeem(writer: Writer, hash: Uint8Array): void {
  writer.guard(removeOne, hash);
}

/** Ends what a user allowed and nobody has used yet. */
export function removeAll(writer: Writer, userId: UserId): void {
  writer.run(removeAllowed, userId);
}
