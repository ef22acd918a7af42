import { serverNameOf, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import type { PresenceRow } from './presence-store.ts';
import { sql } from '../sql.ts';

/** A row of the table `presence_lists`: one wants to follow another's presence, and may once that is accepted. */
export interface PresenceListRow {
  readonly observer: UserId;
  readonly observed: UserId;
  readonly observer_server: ServerName;
  readonly accepted: number;
}

/** People whom one may follow, and who may follow one, whether accepted or not. */
export const MOST_LISTED = 500;

const one = sql(`SELECT * FROM presence_lists WHERE observer = ? AND observed = ?`);
const ofObserver = sql(
  `SELECT * FROM presence_lists WHERE observer = ? ORDER BY observed LIMIT ${MOST_LISTED}`,
);
const ofObserved = sql(
  `SELECT * FROM presence_lists WHERE observed = ? ORDER BY observer LIMIT ${MOST_LISTED}`,
);
const presenceOfListed = sql(
  `SELECT presence.* FROM presence_lists JOIN presence ON presence.user_id = presence_lists.observed
   WHERE presence_lists.observer = ? AND presence_lists.accepted = 1 LIMIT ${MOST_LISTED}`,
);
const insertOne = sql(
  `INSERT INTO presence_lists (observer, observed, observer_server, accepted) VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING`,
);
const acceptOne = sql(`UPDATE presence_lists SET accepted = 1 WHERE observer = ? AND observed = ?`);
const removeOne = sql(`DELETE FROM presence_lists WHERE observer = ? AND observed = ?`);
const removeOfServer = sql(`DELETE FROM presence_lists WHERE observed = ? AND observer_server = ?`);
const removeObserver = sql(`DELETE FROM presence_lists WHERE observer = ?`);
const removeObserved = sql(`DELETE FROM presence_lists WHERE observed = ?`);

/** The entry of one user in another's list, or undefined. */
export function get(
  reader: Reader,
  observer: UserId,
  observed: UserId,
): Promise<PresenceListRow | undefined> {
  return reader.get<PresenceListRow>(one, observer, observed);
}

/** A user's list, at most 500. */
export function list(reader: Reader, observer: UserId): Promise<PresenceListRow[]> {
  return reader.all<PresenceListRow>(ofObserver, observer);
}

/** In whose lists a user is, at most 500. */
export function observers(reader: Reader, observed: UserId): Promise<PresenceListRow[]> {
  return reader.all<PresenceListRow>(ofObserved, observed);
}

/** The presence of everybody in a user's list who accepted that and was ever seen, at most 500. */
export function presenceOf(reader: Reader, observer: UserId): Promise<PresenceRow[]> {
  return reader.all<PresenceRow>(presenceOfListed, observer);
}

/** Puts a user into another's list, not accepted yet; nothing happens when they are in it. */
export function invite(writer: Writer, observer: UserId, observed: UserId): void {
  writer.run(insertOne, observer, observed, serverNameOf(observer));
}

/** The observed user accepts. */
export function accept(writer: Writer, observer: UserId, observed: UserId): void {
  writer.run(acceptOne, observer, observed);
}

/** Takes a user out of another's list. */
export function remove(writer: Writer, observer: UserId, observed: UserId): void {
  writer.run(removeOne, observer, observed);
}

/** Takes a user out of the lists of everybody of a server. */
export function removeAt(writer: Writer, observerServer: ServerName, observed: UserId): void {
  writer.run(removeOfServer, observed, observerServer);
}

/** Forgets a user altogether. */
export function forget(writer: Writer, userId: UserId): void {
  writer.run(removeObserver, userId);
  writer.run(removeObserved, userId);
}
