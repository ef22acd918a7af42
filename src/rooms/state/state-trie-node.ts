import { hash } from 'node:crypto';
import type { StateKey } from '../../protocol/events/event.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import type { StateRoot } from '../events/stored-event.ts';

/** One entry of a bucket. `path` is the hash of the key, as 32 hexadecimal digits: its way through the trie. */
export interface TrieEntry {
  readonly path: string;
  readonly key: StateKey;
  readonly eventId: EventId;
}

/**
 * A node of the trie. A subtree of up to `BUCKET_SIZE` entries is one bucket; a larger one branches sixteenfold on
 * the next digit of the path. So a set of entries has exactly one form.
 */
export type TrieNode =
  | { readonly kind: 'bucket'; readonly entries: readonly TrieEntry[] }
  | { readonly kind: 'branch'; readonly children: readonly (StateRoot | undefined)[] };

/** The most entries of a bucket; one more makes a branch of it. */
export const BUCKET_SIZE = 8;
/** Children of a branch, one for each value of four bits of the hash. */
export const FAN_OUT = 16;
const BUCKET = 1;
/** A branch of names without places, as they once were. */
const OLD_BRANCH = 2;
const BRANCH = 3;
const HASH_BYTES = 16;
const PLACE_BYTES = 4;
const NAME_BYTES = PLACE_BYTES + HASH_BYTES;
const MOST_PLACES = 2 ** (8 * PLACE_BYTES);
/** Stands before a name that has no place. */
const NO_PLACE = '\0'.repeat(PLACE_BYTES);

/** Types that are written as one byte. Append only: the numbers are on disk. */
const COMMON_TYPES = [
  'm.room.member',
  'm.room.create',
  'm.room.power_levels',
  'm.room.join_rules',
  'm.room.history_visibility',
  'm.room.guest_access',
  'm.room.name',
  'm.room.topic',
  'm.room.avatar',
  'm.room.canonical_alias',
  'm.room.encryption',
  'm.space.child',
  'm.space.parent',
];
const EXPLICIT_TYPE = 255;
/** Of 32 bytes, written so that decoding and encoding gives the same again: the last digit has two bits to spare. */
const HASH_EVENT_ID = /^\$[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
/** Where nodes are put together; larger than any but those with very long state keys. */
const DESK = Buffer.allocUnsafeSlow(16 * 1024);

/** The way of a key through the trie. */
export function pathOf(key: StateKey): string {
  return hash('sha256', key, 'hex').slice(0, 32);
}

/** The first part of the names of nodes that are made at this position of the log. */
export function placeOf(position: number): string {
  const place = Buffer.allocUnsafe(PLACE_BYTES);
  // The first place of all stands for none.
  place.writeUIntBE((position % (MOST_PLACES - 1)) + 1, 0, PLACE_BYTES);
  return place.toString('latin1');
}

/** The node as bytes: one for its kind, then its entries or children. */
export function encodeNode(node: TrieNode): Uint8Array {
  return node.kind === 'branch' ? encodeBranch(node.children) : encodeBucket(node.entries);
}

function encodeBranch(children: readonly (StateRoot | undefined)[]): Uint8Array {
  let present = 0;
  let at = 3;
  for (const [i, child] of children.entries()) {
    if (child === undefined) continue;
    present |= 1 << i;
    if (child.length === HASH_BYTES) at += DESK.write(NO_PLACE, at, 'latin1');
    at += DESK.write(child, at, 'latin1');
  }
  DESK.writeUInt8(BRANCH, 0);
  DESK.writeUInt16BE(present, 1);
  return Buffer.from(DESK.subarray(0, at));
}

function encodeBucket(entries: readonly TrieEntry[]): Uint8Array {
  const most = entries.reduce((sum, { key, eventId }) => sum + 8 + 3 * (key.length + eventId.length), 1);
  const buffer = most <= DESK.length ? DESK : Buffer.allocUnsafe(most);
  let at = buffer.writeUInt8(BUCKET, 0);
  for (const entry of entries) at = writeEntry(buffer, at, entry);
  return Buffer.from(buffer.subarray(0, at));
}

/** @returns where the next one begins. */
function writeEntry(buffer: Buffer, start: number, { key, eventId }: TrieEntry): number {
  const cut = key.indexOf('\0');
  const type = key.slice(0, cut);
  const code = COMMON_TYPES.indexOf(type);
  let at = buffer.writeUInt8(code < 0 ? EXPLICIT_TYPE : code, start);
  if (code < 0) at = writeText(buffer, at, type);
  at = writeText(buffer, at, key.slice(cut + 1));
  if (!HASH_EVENT_ID.test(eventId)) return writeText(buffer, at, eventId);
  at = buffer.writeUInt16BE(0, at);
  return at + buffer.write(eventId.slice(1), at, 'base64url');
}

function writeText(buffer: Buffer, at: number, text: string): number {
  const length = buffer.write(text, at + 2, 'utf8');
  return buffer.writeUInt16BE(length, at) + length;
}

/** The node of these bytes, which `encodeNode` made. */
export function decodeNode(bytes: Uint8Array): TrieNode {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer[0] === BRANCH) return decodeBranch(buffer, NAME_BYTES);
  if (buffer[0] === OLD_BRANCH) return decodeBranch(buffer, HASH_BYTES);
  const entries: TrieEntry[] = [];
  let at = 1;
  const text = () => {
    const length = buffer.readUInt16BE(at);
    const start = at + 2;
    at = start + length;
    return buffer.toString('utf8', start, at);
  };
  while (at < buffer.length) {
    const code = buffer.readUInt8(at);
    at += 1;
    const type = code === EXPLICIT_TYPE ? text() : (COMMON_TYPES[code] ?? '');
    const key = `${type}\0${text()}` as StateKey;
    let eventId = text();
    if (eventId === '') {
      eventId = `$${buffer.toString('base64url', at, at + 32)}`;
      at += 32;
    }
    entries.push({ path: pathOf(key), key, eventId: eventId as EventId });
  }
  return { kind: 'bucket', entries };
}

function decodeBranch(buffer: Buffer, nameBytes: number): TrieNode {
  const present = buffer.readUInt16BE(1);
  const children: (StateRoot | undefined)[] = [];
  let at = 3;
  for (let i = 0; i < FAN_OUT; i++) {
    if ((present & (1 << i)) === 0) {
      children.push(undefined);
      continue;
    }
    const name = buffer.toString('latin1', at, at + nameBytes);
    children.push((name.startsWith(NO_PLACE) ? name.slice(PLACE_BYTES) : name) as StateRoot);
    at += nameBytes;
  }
  return { kind: 'branch', children };
}

/** The name of a node: where it was made, and the first 16 bytes of the SHA-256 of its bytes. */
export function nameOfNode(bytes: Uint8Array, place: string): StateRoot {
  return `${place}${hash('sha256', bytes, 'buffer').toString('latin1', 0, HASH_BYTES)}` as StateRoot;
}
