import type { RoomId } from '../../protocol/identifiers.ts';
import type { SentRoom } from './connection.ts';

/** `SentRoom` as it is written down, with the place of its state among `states`. */
type Entry = [seen: number | null, depth: number, state: number, flags: number];

const RECEIPTS = 1;
const ACCOUNT_DATA = 2;
const DIRECT = 4;

/** What one answer sent, as JSON has it. What state was wanted is the same for most rooms, so it is there once. */
interface StateJson {
  readonly states: readonly string[];
  readonly rooms: Readonly<Record<RoomId, Entry>>;
}

/** What was sent of rooms, as compact JSON text. */
export function stateText(rooms: ReadonlyMap<RoomId, SentRoom>): string {
  const states = new Map<string, number>();
  const entries: Record<string, Entry> = {};
  for (const [roomId, { seen, depth, state, ...is }] of rooms) {
    const flags =
      (is.hasReceipts ? RECEIPTS : 0) | (is.hasAccountData ? ACCOUNT_DATA : 0) | (is.isDirect ? DIRECT : 0);
    const place = states.get(state) ?? states.size;
    states.set(state, place);
    entries[roomId] = [seen ?? null, depth, place, flags];
  }
  return JSON.stringify({ states: [...states.keys()], rooms: entries } satisfies StateJson);
}

/** Adds what `stateText` wrote down to what was sent before. */
export function mergeState(rooms: Map<RoomId, SentRoom>, text: string): void {
  const { states, rooms: entries } = JSON.parse(text) as StateJson;
  for (const [roomId, [seen, depth, state, flags]] of Object.entries(entries)) {
    rooms.set(roomId as RoomId, {
      seen: seen ?? undefined,
      depth,
      state: states[state] ?? '[]',
      hasReceipts: (flags & RECEIPTS) !== 0,
      hasAccountData: (flags & ACCOUNT_DATA) !== 0,
      isDirect: (flags & DIRECT) !== 0,
    });
  }
}
