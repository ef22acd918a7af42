import type { ServerName, UserId } from '../protocol/identifiers.ts';
import type { Reader, Writer } from './database.ts';
import { sql } from './sql.ts';

/** A row of the table `media`: a content URI. Those without a hash were created but have no content yet. */
export interface MediaRow {
  readonly origin: ServerName;
  readonly media_id: string;
  /** Who put it there; null for what the server fetched itself. */
  readonly user_id: UserId | null;
  /** When the content came, in milliseconds since the epoch. */
  readonly uploaded_at: number | null;
  /** When the row may go, in milliseconds since the epoch; null: never. */
  readonly expires_at: number | null;
  /** SHA-256 of the content, in hexadecimal. */
  readonly hash: string | null;
  readonly bytes: number;
  readonly content_type: string | null;
  readonly file_name: string | null;
}

/** What content a content URI gets. */
export interface MediaContent {
  readonly hash: string;
  readonly bytes: number;
  readonly contentType: string;
  readonly fileName: string | undefined;
}

/** A row of the table `media_thumbnails`. */
export interface ThumbnailRow {
  readonly variant: string;
  readonly content_type: string;
  readonly bytes: number;
}

const MEDIA = `SELECT origin, media_id, user_id, uploaded_at, expires_at, hash, bytes, content_type, file_name FROM media`;
const one = sql(`${MEDIA} WHERE origin = ? AND media_id = ?`);
const expired = sql(`${MEDIA} WHERE expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT ?`);
const insertMedia = sql(
  `INSERT INTO media (origin, media_id, user_id, created_at, uploaded_at, expires_at, hash, bytes, content_type,
     file_name) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
);
const insertRemote = sql(
  `INSERT INTO media (origin, media_id, created_at, uploaded_at, hash, bytes, content_type, file_name)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
);
const insertPending = sql(
  `INSERT INTO media (origin, media_id, user_id, created_at, expires_at) VALUES (?, ?, ?, ?, ?)`,
);
const countPending = sql(
  `SELECT COUNT(*) AS count FROM media WHERE user_id = ? AND hash IS NULL AND expires_at > ?`,
);
const fillMedia = sql(
  `UPDATE media SET hash = ?, bytes = ?, content_type = ?, file_name = ?, uploaded_at = ?, expires_at = NULL
   WHERE origin = ? AND media_id = ? AND hash IS NULL AND expires_at > ?`,
);
const removeExpired = sql(`DELETE FROM media WHERE origin = ? AND media_id = ? AND expires_at <= ?`);
/** A file takes a block of the disk at least. */
const SPACE = `CAST(COALESCE(SUM(CASE WHEN bytes < 4096 THEN 4096 ELSE bytes END), 0) AS BIGINT)`;
const OF_SERVERS = `user_id IS NULL AND expires_at IS NULL AND origin <> ?`;
const OF_PREVIEWS = `user_id IS NULL AND expires_at IS NOT NULL`;
const fetchedBytes = sql(
  `SELECT (SELECT ${SPACE} FROM media WHERE ${OF_SERVERS}) + (SELECT ${SPACE} FROM media WHERE ${OF_PREVIEWS}) AS bytes`,
);
/** Each half is read in the order of an index; pictures of previews all expire as long after they were fetched. */
const oldestFetched = sql(
  `SELECT * FROM (${MEDIA} WHERE ${OF_SERVERS} ORDER BY uploaded_at LIMIT ?) AS of_servers
   UNION ALL SELECT * FROM (${MEDIA} WHERE ${OF_PREVIEWS} ORDER BY expires_at LIMIT ?) AS of_previews
   ORDER BY uploaded_at LIMIT ?`,
);
const removeOneFetched = sql(`DELETE FROM media WHERE origin = ? AND media_id = ? AND user_id IS NULL`);

const addUsage = sql(
  `INSERT INTO media_usage (user_id, bytes) VALUES (?, ?) ON CONFLICT (user_id) DO UPDATE
   SET bytes = media_usage.bytes + excluded.bytes WHERE media_usage.bytes + excluded.bytes <= ?`,
);
const usage = sql(`SELECT bytes FROM media_usage WHERE user_id = ?`);

/** No two uses of a content have the same time. */
const useBlob = sql(
  `INSERT INTO media_blobs (hash, bytes, used_at) VALUES (?, ?, ?) ON CONFLICT (hash) DO UPDATE
   SET used_at = CASE WHEN media_blobs.used_at < excluded.used_at THEN excluded.used_at ELSE media_blobs.used_at + 1 END,
     removing_at = NULL
   WHERE media_blobs.removing_at IS NULL OR media_blobs.removing_at < ?`,
);
const unusedBlobs = sql(
  `SELECT hash FROM media_blobs WHERE used_at < ? AND NOT EXISTS (SELECT 1 FROM media WHERE media.hash = media_blobs.hash)
   ORDER BY used_at LIMIT ?`,
);
const claimBlob = sql(
  `UPDATE media_blobs SET removing_at = ? WHERE hash = ? AND used_at < ? AND (removing_at IS NULL OR removing_at < ?)
   AND NOT EXISTS (SELECT 1 FROM media WHERE media.hash = media_blobs.hash)`,
);
const removeBlob = sql(`DELETE FROM media_blobs WHERE hash = ? AND removing_at = ?`);

const oneThumbnail = sql(
  `SELECT variant, content_type, bytes FROM media_thumbnails WHERE hash = ? AND variant = ?`,
);
const allThumbnails = sql(
  `SELECT variant, content_type, bytes FROM media_thumbnails WHERE hash = ? ORDER BY variant LIMIT ?`,
);
const insertThumbnail = sql(
  `INSERT INTO media_thumbnails (hash, variant, content_type, bytes) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
);
const removeThumbnails = sql(`DELETE FROM media_thumbnails WHERE hash = ?`);

/** The content URI, with or without content. */
export function get(reader: Reader, origin: ServerName, mediaId: string): Promise<MediaRow | undefined> {
  return reader.get<MediaRow>(one, origin, mediaId);
}

/** Adds a content URI with its content. `expiresAt`, if given, is when it may go. */
export function insert(
  writer: Writer,
  id: { origin: ServerName; mediaId: string; userId: UserId | undefined },
  content: MediaContent,
  now: number,
  expiresAt?: number,
): void {
  const { hash, bytes, contentType, fileName } = content;
  const who = id.userId ?? null;
  writer.run(
    insertMedia,
    ...[id.origin, id.mediaId, who, now, now, expiresAt ?? null, hash, bytes, contentType, fileName ?? null],
  );
}

/** Adds a content of another server; nothing happens where it is there already. */
export function insertFetched(
  writer: Writer,
  id: { origin: ServerName; mediaId: string },
  content: MediaContent,
  now: number,
): void {
  const { hash, bytes, contentType, fileName } = content;
  writer.run(insertRemote, id.origin, id.mediaId, now, now, hash, bytes, contentType, fileName ?? null);
}

/** Adds a content URI whose content comes later, before `expiresAt`. */
export function reserve(
  writer: Writer,
  id: { origin: ServerName; mediaId: string; userId: UserId },
  now: number,
  expiresAt: number,
): void {
  writer.run(insertPending, id.origin, id.mediaId, id.userId, now, expiresAt);
}

/** How many content URIs of a user wait for their content. */
export async function pendingOf(reader: Reader, userId: UserId, now: number): Promise<number> {
  return (await reader.get<{ count: number }>(countPending, userId, now))?.count ?? 0;
}

/** Gives a reserved content URI its content; the unit fails where it has some already or has expired. */
export function guardFill(
  writer: Writer,
  id: { origin: ServerName; mediaId: string },
  content: MediaContent,
  now: number,
): void {
  const { hash, bytes, contentType, fileName } = content;
  writer.guard(fillMedia, ...[hash, bytes, contentType, fileName ?? null, now, id.origin, id.mediaId, now]);
}

/** Content URIs that may go, those that expired first before the others. */
export function expiredBefore(reader: Reader, now: number, limit: number): Promise<MediaRow[]> {
  return reader.all<MediaRow>(expired, now, limit);
}

/** Removes a content URI if it has expired. */
export function remove(writer: Writer, row: MediaRow, now: number): void {
  writer.run(removeExpired, row.origin, row.media_id, now);
}

/** Bytes that content of servers other than `own` takes, with what was fetched for previews. */
export async function fetchedUsage(reader: Reader, own: ServerName): Promise<number> {
  return (await reader.get<{ bytes: number }>(fetchedBytes, own))?.bytes ?? 0;
}

/** Content of servers other than `own` and of previews, what was fetched longest ago before the rest. */
export function fetchedLongAgo(reader: Reader, own: ServerName, limit: number): Promise<MediaRow[]> {
  return reader.all<MediaRow>(oldestFetched, own, limit, limit, limit);
}

/** Removes a content that the server fetched itself. That of another server can be fetched again. */
export function removeFetched(writer: Writer, row: MediaRow): void {
  writer.run(removeOneFetched, row.origin, row.media_id);
}

/** Bytes a user's content takes of the user's allowance. */
export async function usageOf(reader: Reader, userId: UserId): Promise<number> {
  return (await reader.get<{ bytes: number }>(usage, userId))?.bytes ?? 0;
}

/** Takes bytes from a user's allowance; the unit fails where `most` would be exceeded. `bytes` alone must not. */
export function guardUsage(writer: Writer, userId: UserId, bytes: number, most: number): void {
  writer.guard(addUsage, userId, bytes, most);
}

/** Notes that a content is about to be kept; the unit fails while it is being removed, unless since before `stale`. */
export function guardBlob(
  writer: Writer,
  blob: { hash: string; bytes: number },
  now: number,
  stale: number,
): void {
  writer.guard(useBlob, blob.hash, blob.bytes, now, stale);
}

/** Hashes of contents that nothing refers to and that nobody put there since `before`. */
export async function unused(reader: Reader, before: number, limit: number): Promise<string[]> {
  return (await reader.all<{ hash: string }>(unusedBlobs, before, limit)).map((row) => row.hash);
}

/** Claims a content that `unused` gave, to remove it; the unit fails if somebody else has it or it is used again. */
export function guardRemoval(
  writer: Writer,
  hash: string,
  times: { now: number; before: number; stale: number },
): void {
  writer.guard(claimBlob, times.now, hash, times.before, times.stale);
}

/** Forgets a content that was claimed at `claimedAt`, and its thumbnails. */
export function forgetBlob(writer: Writer, hash: string, claimedAt: number): void {
  writer.run(removeThumbnails, hash);
  writer.run(removeBlob, hash, claimedAt);
}

/** The thumbnail of a content, if it was made before. */
export function thumbnail(reader: Reader, hash: string, variant: string): Promise<ThumbnailRow | undefined> {
  return reader.get<ThumbnailRow>(oneThumbnail, hash, variant);
}

/** The thumbnails of a content, at most `limit`. */
export function thumbnails(reader: Reader, hash: string, limit: number): Promise<ThumbnailRow[]> {
  return reader.all<ThumbnailRow>(allThumbnails, hash, limit);
}

/** Notes a thumbnail that was made. */
export function insertThumbnailOf(writer: Writer, hash: string, row: ThumbnailRow): void {
  writer.run(insertThumbnail, hash, row.variant, row.content_type, row.bytes);
}
