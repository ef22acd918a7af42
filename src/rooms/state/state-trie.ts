import { LRUCache } from 'lru-cache';
import type { StateKey } from '../../protocol/events/event.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import type { Database, Reader, Writer } from '../../storage/database.ts';
import * as stateNodes from '../../storage/rooms/state-nodes-store.ts';
import {
  BUCKET_SIZE,
  FAN_OUT,
  decodeNode,
  encodeNode,
  nameOfNode,
  pathOf,
  placeOf,
  type TrieEntry,
  type TrieNode,
} from './state-trie-node.ts';
import { rootToBytes, type StateRoot } from '../events/stored-event.ts';

/** A node made by a change and not yet committed. */
export interface NewNode {
  readonly name: StateRoot;
  readonly bytes: Uint8Array;
}

/** Where nodes are read. */
export type NodeReader = Reader & Pick<Database, 'position'>;

/** An entry to be set, or without an event to be taken out. */
type TrieChange = Omit<TrieEntry, 'eventId'> & { readonly eventId: EventId | undefined };

/** Nodes that a change makes, and where: names of nodes that are made together lie together in the database. */
interface Making {
  readonly place: string;
  readonly nodes: NewNode[];
}

/** One key in which two states differ. */
export interface StateDifference {
  readonly key: StateKey;
  readonly before: EventId | undefined;
  readonly after: EventId | undefined;
}

const EMPTY: TrieNode = { kind: 'bucket', entries: [] };

/**
 * Room state as persistent hash tries: every state a room ever had is a root; unchanged parts are shared.
 * A change writes as many nodes as the trie is deep (the logarithm to base 16 of the number of entries); a
 * difference visits only what differs.
 */
export class StateTries {
  readonly #reader: NodeReader;
  readonly #cache: LRUCache<StateRoot, TrieNode>;
  /** Nodes of units that are not committed yet, with how many units hold them. */
  readonly #pending = new Map<StateRoot, { node: TrieNode; holders: number }>();

  /** @param cacheBytes about how much memory decoded nodes may take. */
  constructor(reader: NodeReader, cacheBytes = 16 * 1024 * 1024) {
    this.#reader = reader;
    this.#cache = new LRUCache({ maxSize: cacheBytes, sizeCalculation: sizeOf });
  }

  /** The state event of a key, or undefined. */
  async get(root: StateRoot, key: StateKey): Promise<EventId | undefined> {
    let node = this.#known(root) ?? (await this.#read(root));
    const path = node.kind === 'branch' ? pathOf(key) : '';
    for (let level = 0; node.kind === 'branch'; level++) {
      const child: StateRoot | undefined = node.children[digit(path, level)];
      if (child === undefined) return undefined;
      node = this.#known(child) ?? (await this.#read(child));
    }
    return node.entries.find((entry) => entry.key === key)?.eventId;
  }

  /** All entries, in no particular order. */
  async entries(root: StateRoot): Promise<[StateKey, EventId][]> {
    const found: [StateKey, EventId][] = [];
    const open = [root];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const node = this.#known(next) ?? (await this.#read(next));
      if (node.kind === 'bucket') for (const entry of node.entries) found.push([entry.key, entry.eventId]);
      else for (const child of node.children) if (child !== undefined) open.push(child);
    }
    return found;
  }

  /** Keys whose events differ between two states. Undefined stands for the empty state. */
  async difference(before: StateRoot | undefined, after: StateRoot | undefined): Promise<StateDifference[]> {
    const found: StateDifference[] = [];
    await this.#compare(before, after, 0, found);
    return found;
  }

  /**
   * The state with some keys set to other events, or with undefined taken out.
   *
   * @param position where the new nodes have their place. The same change of the same state has the same root where it has the
   *   same place.
   * @returns the new root and the nodes that are new; the caller writes them with `insertNodes` and calls `settle`
   *   when its unit is over.
   */
  async set(
    root: StateRoot | undefined,
    changes: readonly (readonly [StateKey, EventId | undefined])[],
    position = this.position(),
  ): Promise<{ root: StateRoot; nodes: NewNode[] }> {
    const entries = changes.map(([key, eventId]) => ({ path: pathOf(key), key, eventId }));
    const making: Making = { place: placeOf(position), nodes: [] };
    const changed = await this.#change(root, entries, 0, making);
    return { root: changed ?? this.#keep(EMPTY, making), nodes: making.nodes };
  }

  /** Where nodes that are made now have their place. */
  position(): number {
    return this.#reader.position();
  }

  /** The nodes' unit is committed or failed: they need no longer be held in memory. */
  settle(nodes: readonly NewNode[]): void {
    for (const { name } of nodes) {
      const held = this.#pending.get(name);
      if (!held) continue;
      held.holders -= 1;
      if (held.holders === 0) this.#pending.delete(name);
    }
  }

  /** The subtree with the changes; undefined when nothing is left of it. */
  async #change(
    root: StateRoot | undefined,
    changes: readonly TrieChange[],
    level: number,
    making: Making,
  ): Promise<StateRoot | undefined> {
    const node = root === undefined ? EMPTY : (this.#known(root) ?? (await this.#read(root)));
    if (node.kind === 'bucket') {
      if (root !== undefined && changes.every((change) => isIn(node.entries, change))) return root;
      const entries = merge(node.entries, changes);
      return entries.length === 0 ? undefined : this.#build(entries, level, making);
    }
    const children = [...node.children];
    for (const [i, part] of split(changes, level)) {
      children[i] = await this.#change(children[i], part, level + 1, making);
    }
    if (children.every((child, i) => child === node.children[i])) return root;
    const removes = changes.some((change) => change.eventId === undefined);
    const few = removes ? await this.#fewEntries(children) : undefined;
    if (few?.length === 0) return undefined;
    return few ? this.#build(few, level, making) : this.#keep({ kind: 'branch', children }, making);
  }

  /** All entries below a branch when they fit into one bucket. */
  async #fewEntries(children: readonly (StateRoot | undefined)[]): Promise<TrieEntry[] | undefined> {
    const found: TrieEntry[] = [];
    for (const child of children) {
      if (child === undefined) continue;
      const node = await this.#load(child);
      if (node.kind === 'branch') return undefined;
      found.push(...node.entries);
      if (found.length > BUCKET_SIZE) return undefined;
    }
    return found;
  }

  #build(entries: readonly TrieEntry[], level: number, making: Making): StateRoot {
    if (entries.length <= BUCKET_SIZE) {
      const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
      return this.#keep({ kind: 'bucket', entries: sorted }, making);
    }
    const children = new Array<StateRoot | undefined>(FAN_OUT).fill(undefined);
    for (const [i, part] of split(entries, level)) children[i] = this.#build(part, level + 1, making);
    return this.#keep({ kind: 'branch', children }, making);
  }

  #keep(node: TrieNode, { place, nodes }: Making): StateRoot {
    const bytes = encodeNode(node);
    const name = nameOfNode(bytes, place);
    const held = this.#pending.get(name);
    if (held) held.holders += 1;
    else this.#pending.set(name, { node, holders: 1 });
    this.#cache.set(name, node);
    nodes.push({ name, bytes });
    return name;
  }

  async #compare(
    before: StateRoot | undefined,
    after: StateRoot | undefined,
    level: number,
    found: StateDifference[],
  ): Promise<void> {
    if (before === after) return;
    if (before === undefined && after !== undefined) {
      for (const [key, is] of await this.entries(after)) found.push({ key, before: undefined, after: is });
      return;
    }
    const a = before === undefined ? undefined : await this.#load(before);
    const b = after === undefined ? undefined : await this.#load(after);
    if (a?.kind === 'branch' && b?.kind === 'branch') {
      for (let i = 0; i < FAN_OUT; i++) await this.#compare(a.children[i], b.children[i], level + 1, found);
      return;
    }
    const left = new Map(before === undefined ? [] : await this.entries(before));
    const right = new Map(after === undefined ? [] : await this.entries(after));
    for (const key of new Set([...left.keys(), ...right.keys()])) {
      const [was, is] = [left.get(key), right.get(key)];
      if (was !== is) found.push({ key, before: was, after: is });
    }
  }

  async #load(name: StateRoot): Promise<TrieNode> {
    return this.#known(name) ?? this.#read(name);
  }

  /** The node, if it is in memory: most are, and a state is many nodes, too many to wait for each. */
  #known(name: StateRoot): TrieNode | undefined {
    return this.#pending.get(name)?.node ?? this.#cache.get(name);
  }

  async #read(name: StateRoot): Promise<TrieNode> {
    const bytes = await stateNodes.byName(this.#reader, rootToBytes(name));
    if (!bytes) throw new Error('A node of a state trie is missing from the database');
    const node = decodeNode(bytes);
    this.#cache.set(name, node);
    return node;
  }
}

/** Writes new nodes as part of a unit of work. */
export function insertNodes(writer: Writer, nodes: readonly NewNode[]): void {
  for (const { name, bytes } of nodes) stateNodes.insert(writer, rootToBytes(name), bytes);
}

function digit(path: string, level: number): number {
  return Number.parseInt(path[level] ?? '0', 16);
}

function split<Entry extends TrieChange>(entries: readonly Entry[], level: number): Map<number, Entry[]> {
  const parts = new Map<number, Entry[]>();
  for (const entry of entries) {
    const i = digit(entry.path, level);
    const part = parts.get(i);
    if (part) part.push(entry);
    else parts.set(i, [entry]);
  }
  return parts;
}

/** Whether the entries are already as the change has them. */
function isIn(entries: readonly TrieEntry[], { key, eventId }: TrieChange): boolean {
  return entries.find((entry) => entry.key === key)?.eventId === eventId;
}

function merge(old: readonly TrieEntry[], changes: readonly TrieChange[]): TrieEntry[] {
  const merged = new Map(old.map((entry) => [entry.key, entry]));
  for (const { path, key, eventId } of changes) {
    if (eventId === undefined) merged.delete(key);
    else merged.set(key, { path, key, eventId });
  }
  return [...merged.values()];
}

function sizeOf(node: TrieNode): number {
  return node.kind === 'branch' ? 800 : 100 + 350 * node.entries.length;
}
