import { invalidParam } from '../../protocol/matrix-error.ts';

export const GROUP_KEYS = ['room_id', 'sender'] as const;
export type GroupKey = (typeof GROUP_KEYS)[number];

/** Results of one room, or of one sender. */
export interface Group {
  readonly key: GroupKey;
  readonly value: string;
}

/** The value by which an event belongs to a group. */
export function groupOf(key: GroupKey, event: { roomId: string; sender: string }): string {
  return key === 'sender' ? event.sender : event.roomId;
}

/** Where the next page of a search begins. */
export interface SearchPlace {
  /** Only events up to this position are results: what is sent between two pages would shift them. */
  readonly upTo: number;
  /** Results that earlier pages gave; for the order by rank, which is not that of positions. */
  readonly skip: number;
  /** How many results the first page said there are. */
  readonly count: number;
  /** The group that the pages are of. */
  readonly group: Group | undefined;
}

/** A place as clients get it, to be given back as `next_batch`. */
export function searchToken({ upTo, skip, count, group }: SearchPlace): string {
  const numbers = [upTo, skip, count];
  const parts = group ? [...numbers, group.key, group.value] : numbers;
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** What `searchToken` made. Throws 400 M_INVALID_PARAM for what it did not make. */
export function parseSearchToken(token: string): SearchPlace {
  const place = parsePlace(Buffer.from(token, 'base64url').toString());
  if (!place) throw invalidParam('"next_batch" must be one that this search gave');
  return place;
}

function parsePlace(text: string): SearchPlace | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts)) return undefined;
  const [upTo, skip, count, name, value] = parts as unknown[];
  if (!Number.isSafeInteger(upTo) || !isCount(skip) || !isCount(count)) return undefined;
  const place = { upTo: upTo as number, skip, count };
  if (name === undefined) return { ...place, group: undefined };
  const key = GROUP_KEYS.find((one) => one === name);
  if (key === undefined || typeof value !== 'string') return undefined;
  return { ...place, group: { key, value } };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
