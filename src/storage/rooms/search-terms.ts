import type { Reader, Writer } from '../database.ts';

/** Keys that one search takes. */
export const MOST_SEARCH_KEYS = 8;

/** Puts the event at a position into the index under its keys instead of those that it had; out of it for none. */
export type ReplaceKeys = (writer: Writer, position: number, keys: readonly number[]) => void;

/** Which events are found by which keys. Each engine has a way of its own to keep that, for there is much of it. */
export interface SearchTerms {
  /** What indexes the events at the positions. */
  replacing(reader: Reader, positions: readonly number[]): Promise<ReplaceKeys>;
  /** Positions, newest first and not after `upTo`, of events that have all of the keys: 1 to `MOST_SEARCH_KEYS`. */
  matches(reader: Reader, keys: readonly number[], upTo: number, limit: number): Promise<number[]>;
  /** How many events have all of the keys, counted up to `limit`. */
  count(reader: Reader, keys: readonly number[], limit: number): Promise<number>;
}
