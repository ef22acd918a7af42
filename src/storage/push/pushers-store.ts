import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** What names a pusher. */
export interface PusherKey {
  readonly user_id: string;
  readonly app_id: string;
  readonly pushkey: string;
}

/** A row of the table `pushers`. Times are in milliseconds. */
export interface PusherRow extends PusherKey {
  readonly kind: string;
  readonly app_display_name: string;
  readonly device_display_name: string;
  readonly profile_tag: string | null;
  readonly lang: string;
  /** JSON text. */
  readonly data: string;
  /** The device that set it; empty for none. */
  readonly device_id: string;
  readonly enabled: number;
  /** Pushers of one gateway share its capacity: host and port, or `mail`. */
  readonly gateway: string;
  /** How the gateway is told. */
  readonly form: 'today' | '2015';
  readonly set_at: number;
  /** It pushes what comes after this position. */
  readonly since: number;
  /** By which whoever has a mail can end it; none for other kinds. */
  readonly unsubscribe_token: string | null;
  /** The count that the gateway was told last. */
  readonly badge: number | null;
  /** 1 when the gateway is to be told of another count. */
  readonly wants_badge: number;
  /** Attempts in a row that failed. */
  readonly failures: number;
  /** When something was pushed last. */
  readonly sent_at: number | null;
  /** When it is to be looked at; null when it has nothing to push. */
  readonly next_at: number | null;
}

const BY_KEY = `user_id = ? AND app_id = ? AND pushkey = ?`;

const one = sql(`SELECT * FROM pushers WHERE ${BY_KEY}`);
const listed = sql(`SELECT * FROM pushers WHERE user_id = ? ORDER BY app_id, pushkey LIMIT 100`);
const count = sql(`SELECT COUNT(*) AS count FROM pushers WHERE user_id = ?`);
const byToken = sql(`SELECT * FROM pushers WHERE unsubscribe_token = ?`);
const oldest = sql(`SELECT MIN(since) AS since FROM pushers`);
const upsert = sql(
  `INSERT INTO pushers (user_id, app_id, pushkey, kind, app_display_name, device_display_name, profile_tag, lang, data,
     device_id, enabled, gateway, form, set_at, since, unsubscribe_token)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (user_id, app_id, pushkey) DO UPDATE SET kind = excluded.kind,
     app_display_name = excluded.app_display_name, device_display_name = excluded.device_display_name,
     profile_tag = excluded.profile_tag, lang = excluded.lang, data = excluded.data, device_id = excluded.device_id,
     enabled = excluded.enabled, gateway = excluded.gateway, form = excluded.form, set_at = excluded.set_at, badge = NULL, failures = 0,
     unsubscribe_token = COALESCE(pushers.unsubscribe_token, excluded.unsubscribe_token)`,
);
const removeOne = sql(`DELETE FROM pushers WHERE ${BY_KEY}`);
const removePushes = sql(`DELETE FROM pushes WHERE ${BY_KEY}`);
const removeOthers = sql(`DELETE FROM pushers WHERE app_id = ? AND pushkey = ? AND user_id <> ?`);
const removePushesOfOthers = sql(
  `DELETE FROM pushes WHERE (user_id, app_id, pushkey) IN (
     SELECT user_id, app_id, pushkey FROM pushers WHERE app_id = ? AND pushkey = ? AND user_id <> ?)`,
);
const othersWithKey = sql(
  `SELECT DISTINCT user_id FROM pushers WHERE app_id = ? AND pushkey = ? AND user_id <> ?`,
);
const inRoom = sql(
  `SELECT user_id FROM memberships WHERE room_id = ? AND membership = 'join'
     AND EXISTS (SELECT 1 FROM pushers WHERE pushers.user_id = memberships.user_id)`,
);

/** One pusher, or undefined. */
export function byKey(reader: Reader, key: PusherKey): Promise<PusherRow | undefined> {
  return reader.get<PusherRow>(one, key.user_id, key.app_id, key.pushkey);
}

/** A user's pushers, at most 100. */
export function ofUser(reader: Reader, userId: UserId): Promise<PusherRow[]> {
  return reader.all<PusherRow>(listed, userId);
}

/** How many pushers a user has. */
export async function countOf(reader: Reader, userId: UserId): Promise<number> {
  return (await reader.get<{ count: number }>(count, userId))?.count ?? 0;
}

/** The pusher that a mail names, or undefined. */
export function byUnsubscribeToken(reader: Reader, token: string): Promise<PusherRow | undefined> {
  return reader.get<PusherRow>(byToken, token);
}

/** The least position after which some pusher pushes; undefined when there is no pusher at all. */
export async function oldestSince(reader: Reader): Promise<number | undefined> {
  return (await reader.get<{ since: number | null }>(oldest))?.since ?? undefined;
}

/** Other users who have pushers with the same app and key. */
export async function othersWith(reader: Reader, key: PusherKey): Promise<UserId[]> {
  const rows = await reader.all<{ user_id: UserId }>(othersWithKey, key.app_id, key.pushkey, key.user_id);
  return rows.map((row) => row.user_id);
}

/** Users with pushers who are joined to a room. */
export async function usersInRoom(reader: Reader, roomId: string): Promise<UserId[]> {
  const rows = await reader.all<{ user_id: UserId }>(inRoom, roomId);
  return rows.map((row) => row.user_id);
}

/** Sets a pusher. One that is there keeps what it has to push, and its token. */
export function put(
  writer: Writer,
  row: Omit<
    PusherRow,
    'device_id' | 'since' | 'badge' | 'wants_badge' | 'failures' | 'sent_at' | 'next_at'
  > & { readonly device_id: DeviceId | '' },
  since: Position,
): void {
  writer.run(
    upsert,
    ...[row.user_id, row.app_id, row.pushkey, row.kind, row.app_display_name, row.device_display_name],
    ...[row.profile_tag, row.lang, row.data, row.device_id, row.enabled, row.gateway],
    ...[row.form, row.set_at, since],
    row.unsubscribe_token,
  );
}

/** Removes a pusher with what it has to push; nothing happens when there is none. */
export function remove(writer: Writer, key: PusherKey): void {
  writer.run(removeOne, key.user_id, key.app_id, key.pushkey);
  writer.run(removePushes, key.user_id, key.app_id, key.pushkey);
}

/** Removes the pushers of other users with the same app and key. */
export function removeOfOthers(writer: Writer, key: PusherKey): void {
  writer.run(removePushesOfOthers, key.app_id, key.pushkey, key.user_id);
  writer.run(removeOthers, key.app_id, key.pushkey, key.user_id);
}
