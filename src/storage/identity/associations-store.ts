import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { inSlots, slots } from '../slots.ts';
import { sql } from '../sql.ts';

/** A row of the table `identity_associations`. Times are in milliseconds. */
export interface AssociationRow {
  readonly medium: string;
  readonly address: string;
  readonly mxid: UserId;
  readonly ts: number;
  readonly not_before: number;
  readonly not_after: number;
}

/** The one row of the table `identity_pepper`. `next_…` says how far hashing with the next pepper has come. */
export interface PepperRow {
  readonly generation: number;
  readonly pepper: string;
  readonly made_at: number;
  readonly next_pepper: string | null;
  readonly next_medium: string | null;
  readonly next_address: string | null;
}

/** Hashes of an identifier, by the generation of their pepper: even ones and odd ones have a column each. */
export interface Hashes {
  readonly even: string | null;
  readonly odd: string | null;
}

/** Hashes that one statement takes. */
const MANY_HASHES = 64;
const SLOTS = slots(MANY_HASHES);

const upsert = sql(
  `INSERT INTO identity_associations (medium, address, mxid, ts, not_before, not_after, even_hash, odd_hash)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (medium, address) DO UPDATE SET mxid = excluded.mxid, ts = excluded.ts, not_before = excluded.not_before,
     not_after = excluded.not_after, even_hash = excluded.even_hash, odd_hash = excluded.odd_hash`,
);
const one = sql(`SELECT * FROM identity_associations WHERE medium = ? AND address = ?`);
const removeOne = sql(`DELETE FROM identity_associations WHERE medium = ? AND address = ? AND mxid = ?`);
const byEvenHash = sql(
  `SELECT even_hash AS hash, mxid FROM identity_associations WHERE even_hash IN (${SLOTS})`,
);
const byOddHash = sql(
  `SELECT odd_hash AS hash, mxid FROM identity_associations WHERE odd_hash IN (${SLOTS})`,
);
const after = sql(
  `SELECT medium, address FROM identity_associations WHERE (medium, address) > (?, ?) ORDER BY medium, address LIMIT 500`,
);
const setEven = sql(`UPDATE identity_associations SET even_hash = ? WHERE medium = ? AND address = ?`);
const setOdd = sql(`UPDATE identity_associations SET odd_hash = ? WHERE medium = ? AND address = ?`);
const firstPepper = sql(
  `INSERT INTO identity_pepper (one, generation, pepper, made_at) VALUES (1, 0, ?, ?) ON CONFLICT DO NOTHING`,
);
const pepper = sql(
  `SELECT generation, pepper, made_at, next_pepper, next_medium, next_address FROM identity_pepper WHERE one = 1`,
);
const keepPepper = sql(
  `UPDATE identity_pepper SET generation = generation WHERE one = 1 AND generation = ? AND COALESCE(next_pepper, '') = ?`,
);
const setNext = sql(
  `UPDATE identity_pepper SET next_pepper = ?, next_medium = ?, next_address = ?
   WHERE one = 1 AND generation = ? AND COALESCE(next_pepper, '') = ?
     AND COALESCE(next_medium, '') = ? AND COALESCE(next_address, '') = ?`,
);
const turn = sql(
  `UPDATE identity_pepper SET generation = generation + 1, pepper = next_pepper, made_at = ?,
     next_pepper = NULL, next_medium = NULL, next_address = NULL
   WHERE one = 1 AND generation = ? AND next_pepper = ? AND next_medium = ? AND next_address = ?`,
);

/** Says whose an identifier is, whoever had it before. */
export function put(writer: Writer, row: AssociationRow, hashes: Hashes): void {
  writer.run(
    upsert,
    ...[row.medium, row.address, row.mxid, row.ts, row.not_before, row.not_after],
    ...[hashes.even, hashes.odd],
  );
}

/** Whose an identifier is, if it is known. */
export function byAddress(
  reader: Reader,
  medium: string,
  address: string,
): Promise<AssociationRow | undefined> {
  return reader.get<AssociationRow>(one, medium, address);
}

/** Forgets whose an identifier is; nothing happens where it is somebody else's. */
export function remove(writer: Writer, medium: string, address: string, mxid: UserId): void {
  writer.run(removeOne, medium, address, mxid);
}

/** Users by hash, for hashes with the pepper of a generation. */
export async function byHashes(
  reader: Reader,
  hashes: readonly string[],
  generation: number,
): Promise<{ hash: string; mxid: UserId }[]> {
  const statement = generation % 2 === 0 ? byEvenHash : byOddHash;
  const found: { hash: string; mxid: UserId }[] = [];
  for (const part of inSlots(hashes, MANY_HASHES))
    found.push(...(await reader.all<{ hash: string; mxid: UserId }>(statement, ...part)));
  return found;
}

/** The next 500 identifiers after one, in their order. */
export function following(
  reader: Reader,
  medium: string,
  address: string,
): Promise<{ medium: string; address: string }[]> {
  return reader.all<{ medium: string; address: string }>(after, medium, address);
}

/** Sets the hash of an identifier with the pepper of a generation. */
export function setHash(
  writer: Writer,
  threepid: { readonly medium: string; readonly address: string },
  hash: string,
  generation: number,
): void {
  writer.run(generation % 2 === 0 ? setEven : setOdd, hash, threepid.medium, threepid.address);
}

/** The pepper, and how far the next one is. */
export function currentPepper(reader: Reader): Promise<PepperRow | undefined> {
  return reader.get<PepperRow>(pepper);
}

/** Sets the first pepper, unless there is one. */
export function beginPeppers(writer: Writer, text: string, now: number): void {
  writer.run(firstPepper, text, now);
}

/** The unit fails when another pepper has come, or another is being prepared. */
export function assertPepper(writer: Writer, row: PepperRow): void {
  writer.guard(keepPepper, row.generation, row.next_pepper ?? '');
}

/** Notes how far the next pepper is; the unit fails when another process was first. */
export function prepareNext(
  writer: Writer,
  row: PepperRow,
  next: { readonly pepper: string; readonly medium: string; readonly address: string },
): void {
  writer.guard(
    setNext,
    ...[next.pepper, next.medium, next.address, row.generation],
    ...[row.next_pepper ?? '', row.next_medium ?? '', row.next_address ?? ''],
  );
}

/** The next pepper becomes the one that counts; the unit fails when another process was first. */
export function turnToNext(writer: Writer, row: PepperRow, now: number): void {
  writer.guard(turn, now, row.generation, row.next_pepper, row.next_medium, row.next_address);
}
