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
 * the next digit of the path. So a set of entries has exactly one form, and equal states have equal roots.
 */
export type TrieNode =
  | { readonly kind: 'bucket'; readonly entries: readonly TrieEntry[] }
  | { readonly kind: 'branch'; readonly children: readonly (StateRoot | undefined)[] };

export const BUCKET_SIZE = 8;
export const FAN_OUT = 16;
const HASH_BYTES = 16;

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

/** The node as bytes: 1 for a bucket or 2 for a branch, then its entries or children. */
export function encodeNode(node: TrieNode): Uint8Array {
  return node.kind === 'branch' ? encodeBranch(node.children) : encodeBucket(node.entries);
}

function encodeBranch(children: readonly (StateRoot | undefined)[]): Uint8Array {
  let present = 0;
  let at = 3;
  for (const [i, child] of children.entries()) {
    if (child === undefined) continue;
    present |= 1 << i;
    at += DESK.write(child, at, 'latin1');
  }
  DESK.writeUInt8(2, 0);
  DESK.writeUInt16BE(present, 1);
  return Buffer.from(DESK.subarray(0, at));
}

function encodeBucket(entries: readonly TrieEntry[]): Uint8Array {
  const most = entries.reduce((sum, { key, eventId }) => sum + 8 + 3 * (key.length + eventId.length), 1);
  const buffer = most <= DESK.length ? DESK : Buffer.allocUnsafe(most);
  let at = buffer.writeUInt8(1, 0);
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
  if (buffer[0] === 2) return decodeBranch(buffer);
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

function decodeBranch(buffer: Buffer): TrieNode {
  const present = buffer.readUInt16BE(1);
  const children: (StateRoot | undefined)[] = [];
  let at = 3;
  for (let i = 0; i < FAN_OUT; i++) {
    if ((present & (1 << i)) === 0) {
      children.push(undefined);
      continue;
    }
    children.push(buffer.toString('latin1', at, at + HASH_BYTES) as StateRoot);
    at += HASH_BYTES;
  }
  return { kind: 'branch', children };
}

/** The hash that names a node: the first 16 bytes of the SHA-256 of its bytes. */
export function hashOfNode(bytes: Uint8Array): StateRoot {
  return hash('sha256', bytes, 'buffer').toString('latin1', 0, HASH_BYTES) as StateRoot;
}
