import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { inSlots, slots } from '../slots.ts';
import { sql } from '../sql.ts';
import { BEFORE_HISTORY } from '../unit-of-work.ts';

/** Where an event stands: the chain, and its place there from 1 on. Each reaches all that stand before it. */
export interface AuthPlaceRow {
  readonly event_id: EventId;
  readonly chain: Uint8Array;
  readonly seq: number;
}

/** An event of a chain reaches an event of another, and so all that stand before that. */
export interface AuthLinkRow {
  readonly chain: Uint8Array;
  readonly seq: number;
  readonly target_chain: Uint8Array;
  readonly target_seq: number;
}

/** How far the index of a room is. */
export interface AuthIndexRow {
  /** State events that were written at or before this position of the log are in it; below zero while it is built. */
  readonly up_to: number;
  /** Counts what was written of it. */
  readonly step: number;
}

/** A state event to be put into the index. */
export interface UnplacedRow {
  readonly event_id: EventId;
  readonly type: string;
  readonly state_key: string;
  readonly auth_depth: number | null;
  readonly envelope: string;
}

const MANY = 50;
const SLOTS = slots(MANY);
const COLUMNS = 'event_id, type, state_key, auth_depth, envelope';

const insertIndex = sql(
  `INSERT INTO auth_chain_indexes (room_id, up_to, step) VALUES (?, -1, 0) ON CONFLICT DO NOTHING`,
);
const moveIndex = sql(
  `UPDATE auth_chain_indexes SET up_to = ?, step = step + 1 WHERE room_id = ? AND step = ?`,
);
const oneIndex = sql(`SELECT up_to, step FROM auth_chain_indexes WHERE room_id = ?`);
const insertPlace = sql(
  `INSERT INTO auth_places (event_id, chain, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
);
const insertLink = sql(
  `INSERT INTO auth_links (chain, target_chain, seq, target_seq) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
);
const placesOfMany = sql(`SELECT event_id, chain, seq FROM auth_places WHERE event_id IN (${SLOTS})`);
const chainEnd = sql(`SELECT seq FROM auth_places WHERE chain = ? ORDER BY seq DESC LIMIT 1`);
const furthestLink = sql(
  `SELECT target_seq FROM auth_links WHERE chain = ? AND target_chain = ? ORDER BY seq DESC LIMIT 1`,
);
const linksOfChain = sql(
  `SELECT chain, seq, target_chain, target_seq FROM auth_links WHERE chain = ? AND seq <= ?`,
);
const linksToChain = sql(
  `SELECT found.chain AS chain, found.seq AS seq, events.type AS type, events.state_key AS state_key
   FROM (SELECT chain, seq FROM auth_links WHERE target_chain = ? AND target_seq >= ?
     ORDER BY target_seq DESC, chain DESC, seq DESC LIMIT ? OFFSET ?) AS found
   JOIN auth_places ON auth_places.chain = found.chain AND auth_places.seq = 1
   JOIN events ON events.event_id = auth_places.event_id`,
);
const eventsOfChain = sql(
  `SELECT event_id FROM auth_places WHERE chain = ? AND seq > ? AND seq <= ? ORDER BY seq`,
);
const firstOfChain = sql(
  `SELECT events.type AS type, events.state_key AS state_key FROM auth_places
   JOIN events ON events.event_id = auth_places.event_id
   WHERE auth_places.chain = ? AND auth_places.seq = 1`,
);
const byDepth = sql(
  `SELECT ${COLUMNS} FROM events WHERE room_id = ? AND auth_depth >= ? AND (auth_depth, event_id) > (?, ?)
   ORDER BY auth_depth, event_id LIMIT ?`,
);
const inRange = sql(
  `SELECT ${COLUMNS} FROM events WHERE room_id = ? AND state_key IS NOT NULL AND position > ? AND position <= ?
   LIMIT ?`,
);

/** Begins the index of a room. The unit fails where that was done. */
export function begin(writer: Writer, roomId: RoomId): void {
  writer.guard(insertIndex, roomId);
}

/** Notes how far the index is. The unit fails where another process wrote to it since `step` was read. */
export function move(writer: Writer, roomId: RoomId, step: number, upTo: number): void {
  writer.guard(moveIndex, upTo, roomId, step);
}

/** How far the index of a room is; undefined where there is none. */
export function indexOf(reader: Reader, roomId: RoomId): Promise<AuthIndexRow | undefined> {
  return reader.get<AuthIndexRow>(oneIndex, roomId);
}

/** Puts an event into a chain. */
export function place(writer: Writer, row: AuthPlaceRow): void {
  writer.run(insertPlace, row.event_id, row.chain, row.seq);
}

/** Notes that an event reaches one of another chain. */
export function link(writer: Writer, row: AuthLinkRow): void {
  writer.run(insertLink, row.chain, row.target_chain, row.seq, row.target_seq);
}

/** Places of those of the events that have one. */
export async function placesOf(reader: Reader, eventIds: readonly EventId[]): Promise<AuthPlaceRow[]> {
  const found: AuthPlaceRow[] = [];
  for (const part of inSlots(eventIds, MANY)) {
    found.push(...(await reader.all<AuthPlaceRow>(placesOfMany, ...part)));
  }
  return found;
}

/** The greatest place in a chain. */
export async function endOf(reader: Reader, chain: Uint8Array): Promise<number> {
  return (await reader.get<{ seq: number }>(chainEnd, chain))?.seq ?? 0;
}

/** The greatest place in another chain that is noted to be reached from a chain; 0 for none. */
export async function reachOf(reader: Reader, chain: Uint8Array, target: Uint8Array): Promise<number> {
  return (await reader.get<{ target_seq: number }>(furthestLink, chain, target))?.target_seq ?? 0;
}

/** Links from a chain up to a place in it. */
export function linksFrom(reader: Reader, chain: Uint8Array, upTo: number): Promise<AuthLinkRow[]> {
  return reader.all<AuthLinkRow>(linksOfChain, chain, upTo);
}

/** Links to a chain from a place in it on, the furthest first, with the key of state of the chains that they come from. */
export function linksTo(
  reader: Reader,
  chain: Uint8Array,
  from: number,
  page: { limit: number; offset: number },
): Promise<{ chain: Uint8Array; seq: number; type: string; state_key: string }[]> {
  return reader.all(linksToChain, chain, from, page.limit, page.offset);
}

/** The key of state whose events are in a chain. */
export function keyOf(
  reader: Reader,
  chain: Uint8Array,
): Promise<{ type: string; state_key: string } | undefined> {
  return reader.get(firstOfChain, chain);
}

/** The events of a chain with `after` < place <= `upTo`. */
export async function between(
  reader: Reader,
  chain: Uint8Array,
  after: number,
  upTo: number,
): Promise<EventId[]> {
  const rows = await reader.all<{ event_id: EventId }>(eventsOfChain, chain, after, upTo);
  return rows.map((row) => row.event_id);
}

/** State events of a room whose auth depth is known, by that and their IDs. */
export function stateByDepth(
  reader: Reader,
  roomId: RoomId,
  after: { depth: number; eventId: string },
  limit: number,
): Promise<UnplacedRow[]> {
  return reader.all<UnplacedRow>(byDepth, roomId, after.depth, after.depth, after.eventId, limit);
}

/** State events that were written after a position of the log and not after another, wherever they stand, at most `limit`. */
export async function stateWrittenSince(
  reader: Reader,
  roomId: RoomId,
  after: number,
  upTo: number,
  limit: number,
): Promise<UnplacedRow[]> {
  const ranges = [
    [after, upTo],
    [Math.max(-upTo - 1, BEFORE_HISTORY), -after - 1],
    [BEFORE_HISTORY - upTo - 1, BEFORE_HISTORY - after - 1],
  ] as const;
  const found: UnplacedRow[] = [];
  for (const [first, last] of ranges) {
    if (found.length < limit) {
      found.push(...(await reader.all<UnplacedRow>(inRange, roomId, first, last, limit - found.length)));
    }
  }
  return found;
}
