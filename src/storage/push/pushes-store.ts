import type { Reader, Writer } from '../database.ts';
import type { PusherKey, PusherRow } from './pushers-store.ts';
import { sql } from '../sql.ts';

/** A row of the table `pushes`: an event of which a pusher has to tell. */
export interface PushRow extends PusherKey {
  readonly position: number;
  readonly room_id: string;
  readonly event_id: string;
  /** JSON text. */
  readonly tweaks: string;
  /** When it was found out, in milliseconds. */
  readonly created_at: number;
}

const BY_KEY = `user_id = ? AND app_id = ? AND pushkey = ?`;
/** Events that a pusher keeps, once it cannot push: of more, the newest. */
const MOST_KEPT = 1_000;

const insert = sql(
  `INSERT INTO pushes (user_id, app_id, pushkey, position, room_id, event_id, tweaks, created_at)
   SELECT user_id, app_id, pushkey, CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),
     CAST(? AS BIGINT) FROM pushers WHERE ${BY_KEY} AND enabled = 1
   ON CONFLICT DO NOTHING`,
);
const schedulePusher = sql(`UPDATE pushers SET next_at = ? WHERE ${BY_KEY} AND next_at IS NULL`);
const askForBadge = sql(
  `UPDATE pushers SET wants_badge = ?, next_at = COALESCE(next_at, ?)
   WHERE user_id = ? AND kind = 'http' AND enabled = 1`,
);
const ofOne = sql(`SELECT * FROM pushes WHERE ${BY_KEY} ORDER BY position LIMIT ?`);
const newestOfOne = sql(`SELECT * FROM pushes WHERE ${BY_KEY} ORDER BY position DESC LIMIT ?`);
const removeUpToPosition = sql(`DELETE FROM pushes WHERE ${BY_KEY} AND position <= ?`);
const removeOlderThan = sql(`DELETE FROM pushes WHERE ${BY_KEY} AND created_at < ?`);
const removeBeyondMost = sql(
  `DELETE FROM pushes WHERE ${BY_KEY} AND position <= (
     SELECT position FROM pushes WHERE ${BY_KEY} ORDER BY position DESC LIMIT 1 OFFSET ${MOST_KEPT})`,
);
const settlePusher = sql(
  `UPDATE pushers SET failures = 0, sent_at = COALESCE(?, sent_at), badge = COALESCE(?, badge),
     wants_badge = CASE WHEN wants_badge <= ? THEN 0 ELSE wants_badge END,
     next_at = CASE WHEN wants_badge > ? OR EXISTS (SELECT 1 FROM pushes WHERE pushes.user_id = pushers.user_id
       AND pushes.app_id = pushers.app_id AND pushes.pushkey = pushers.pushkey)
       THEN CAST(? AS BIGINT) ELSE NULL END
   WHERE ${BY_KEY}`,
);
const postponePusher = sql(`UPDATE pushers SET failures = ?, next_at = ? WHERE ${BY_KEY}`);
const gateways = sql(`SELECT DISTINCT gateway FROM pushers WHERE next_at <= ? LIMIT 1000`);
const dueOf = sql(`SELECT * FROM pushers WHERE gateway = ? AND next_at <= ? ORDER BY next_at LIMIT ?`);
const later = sql(`SELECT MIN(next_at) AS next_at FROM pushers WHERE next_at > ?`);

/** Gives a pusher an event to tell of; nothing happens when it is gone or switched off, or has it already. */
export function add(writer: Writer, row: PushRow): void {
  writer.run(
    insert,
    ...[row.position, row.room_id, row.event_id, row.tweaks, row.created_at],
    ...[row.user_id, row.app_id, row.pushkey],
  );
}

/** Has a pusher that had nothing to do looked at. `at` in milliseconds. */
export function schedule(writer: Writer, key: PusherKey, at: number): void {
  writer.run(schedulePusher, at, key.user_id, key.app_id, key.pushkey);
}

/** Has the gateways of a user told how much is unread since a position. */
export function wantBadge(writer: Writer, userId: string, position: number, now: number): void {
  writer.run(askForBadge, position, now, userId);
}

/** What a pusher has to tell of, oldest first. */
export function ofPusher(reader: Reader, key: PusherKey, limit: number): Promise<PushRow[]> {
  return reader.all<PushRow>(ofOne, key.user_id, key.app_id, key.pushkey, limit);
}

/** The newest of what a pusher has to tell of, oldest first. */
export async function newestOfPusher(reader: Reader, key: PusherKey, limit: number): Promise<PushRow[]> {
  const rows = await reader.all<PushRow>(newestOfOne, key.user_id, key.app_id, key.pushkey, limit);
  return rows.reverse();
}

/** What a pusher has to tell of up to a position was told, or needs no telling. */
export function removeUpTo(writer: Writer, key: PusherKey, position: number): void {
  writer.run(removeUpToPosition, key.user_id, key.app_id, key.pushkey, position);
}

/** Gives up what a pusher could not tell of since a time, and of the rest all but the newest 1,000. */
export function giveUp(writer: Writer, key: PusherKey, before: number): void {
  const names = [key.user_id, key.app_id, key.pushkey];
  writer.run(removeOlderThan, ...names, before);
  writer.run(removeBeyondMost, ...names, ...names);
}

/**
 * A pusher did what there was to do. It is looked at again if there is more.
 *
 * @param done.sentAt when something was sent, if anything was.
 * @param done.badge the count that was told, if one was.
 * @param done.position up to where the counts were right.
 * @param done.nextAt when it is to be looked at if there is more.
 */
export function settle(
  writer: Writer,
  key: PusherKey,
  done: { sentAt: number | undefined; badge: number | undefined; position: number; nextAt: number },
): void {
  const { sentAt, badge, position, nextAt } = done;
  writer.run(
    settlePusher,
    ...[sentAt ?? null, badge ?? null, position, position, nextAt],
    ...[key.user_id, key.app_id, key.pushkey],
  );
}

/** Has a pusher looked at later. `failures`: attempts in a row that failed. */
export function postpone(writer: Writer, key: PusherKey, failures: number, at: number): void {
  writer.run(postponePusher, failures, at, key.user_id, key.app_id, key.pushkey);
}

/** Gateways with pushers that are due, at most 1,000. */
export async function dueGateways(reader: Reader, now: number): Promise<string[]> {
  const rows = await reader.all<{ gateway: string }>(gateways, now);
  return rows.map((row) => row.gateway);
}

/** Pushers of a gateway that are due, those that wait longest first. */
export function due(reader: Reader, gateway: string, now: number, limit: number): Promise<PusherRow[]> {
  return reader.all<PusherRow>(dueOf, gateway, now, limit);
}

/** When the next pusher that is not due yet will be. */
export async function nextDue(reader: Reader, now: number): Promise<number | undefined> {
  return (await reader.get<{ next_at: number | null }>(later, now))?.next_at ?? undefined;
}
