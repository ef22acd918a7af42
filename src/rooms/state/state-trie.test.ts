import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stateKeyOf, type StateKey } from '../../protocol/events/event.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import type { SqlValue, Statement } from '../../storage/database.ts';
import { decodeNode, encodeNode, nameOfNode, placeOf } from './state-trie-node.ts';
import { StateTries, type NewNode, type NodeReader } from './state-trie.ts';
import type { StateRoot } from '../events/stored-event.ts';

/** Nodes as the database would keep them, and how often they were read. */
class KeptNodes implements NodeReader {
  readonly nodes = new Map<string, Uint8Array>();
  reads = 0;
  #position = 0;

  keep(nodes: readonly NewNode[]): void {
    for (const { name, bytes } of nodes) this.nodes.set(name, bytes);
    this.#position += 1;
  }

  position(): number {
    return this.#position;
  }

  all<Row>(): Promise<Row[]> {
    return Promise.resolve([]);
  }

  get<Row>(_statement: Statement, ...[name]: SqlValue[]): Promise<Row | undefined> {
    this.reads += 1;
    const node = this.nodes.get(Buffer.from(name as Uint8Array).toString('latin1'));
    return Promise.resolve(node && ({ node } as Row));
  }
}

function eventIdOf(n: number): EventId {
  return `$${Buffer.from(`event ${n}`.padEnd(32, '.')).toString('base64url')}` as EventId;
}

const A_BUCKET = {
  kind: 'bucket' as const,
  entries: [{ path: '', key: stateKeyOf('m.room.name', ''), eventId: eventIdOf(1) }],
};

const changes = fc.array(
  fc.tuple(
    fc.constantFrom('m.room.member', 'm.room.name', 'org.example.ü'),
    fc.string({ maxLength: 12, unit: 'grapheme' }).filter((text) => !text.includes('\0')),
    fc.nat(1_000),
  ),
  { maxLength: 120 },
);

async function build(
  tries: StateTries,
  reader: KeptNodes,
  list: readonly (readonly [string, string, number])[],
): Promise<StateRoot | undefined> {
  let root: StateRoot | undefined;
  for (const [type, stateKey, n] of list) {
    const made = await tries.set(root, [[stateKeyOf(type, stateKey), eventIdOf(n)]]);
    reader.keep(made.nodes);
    tries.settle(made.nodes);
    root = made.root;
  }
  return root;
}

/** A trie without the names of its nodes. */
function formOf(reader: KeptNodes, root: StateRoot | undefined): unknown {
  const node = root === undefined ? undefined : decodeNode(reader.nodes.get(root) ?? new Uint8Array());
  return node?.kind === 'branch' ? node.children.map((child) => formOf(reader, child)) : node?.entries;
}

/** Writes a trie as it was written when names had no places. */
function withoutPlaces(reader: KeptNodes, root: StateRoot): StateRoot {
  const bytes = Buffer.from(reader.nodes.get(root) ?? []);
  const node = decodeNode(bytes);
  let old = bytes;
  if (node.kind === 'branch') {
    const children = node.children.filter((child) => child !== undefined);
    const names = children.map((child) => Buffer.from(withoutPlaces(reader, child), 'latin1'));
    old = Buffer.concat([Buffer.of(2), bytes.subarray(1, 3), ...names]);
  }
  const name = nameOfNode(old, '');
  reader.nodes.set(name, old);
  return name;
}

test('a trie holds what a map holds, read by a process that did not write it', async () => {
  await fc.assert(
    fc.asyncProperty(changes, async (list) => {
      const reader = new KeptNodes();
      const root = await build(new StateTries(reader), reader, list);
      const expected = new Map(list.map(([type, key, n]) => [stateKeyOf(type, key), eventIdOf(n)]));
      if (root === undefined) return;
      const fresh = new StateTries(reader);
      assert.deepEqual(new Map(await fresh.entries(root)), expected);
      for (const [key, eventId] of expected) assert.equal(await fresh.get(root, key), eventId);
      assert.equal(await fresh.get(root, stateKeyOf('m.absent', '')), undefined);
    }),
    { numRuns: 60 },
  );
});

test('equal states have no difference and one form, in whatever order and steps they came about', async () => {
  await fc.assert(
    fc.asyncProperty(changes, async (list) => {
      const reader = new KeptNodes();
      const tries = new StateTries(reader);
      const last = new Map(list.map((entry) => [stateKeyOf(entry[0], entry[1]), entry]));
      const once = [...last.values()].reverse();
      const all = once.map(([type, key, n]): [StateKey, EventId] => [stateKeyOf(type, key), eventIdOf(n)]);
      const together = all.length === 0 ? undefined : await tries.set(undefined, all);
      reader.keep(together?.nodes ?? []);
      const inSteps = await build(tries, reader, list);
      assert.deepEqual(await tries.difference(inSteps, together?.root), []);
      assert.deepEqual(formOf(reader, inSteps), formOf(reader, together?.root));
    }),
    { numRuns: 60 },
  );
});

test('a change that is made again at the same place has the same root, and one that changes nothing makes none', async () => {
  await fc.assert(
    fc.asyncProperty(changes, changes, fc.nat(2 ** 45), async (one, other, position) => {
      const reader = new KeptNodes();
      const tries = new StateTries(reader);
      const root = await build(tries, reader, one);
      const entries = other.map(([type, key, n]): [StateKey, EventId] => [
        stateKeyOf(type, key),
        eventIdOf(n),
      ]);
      const made = await tries.set(root, entries, position);
      assert.deepEqual(await new StateTries(reader).set(root, entries, position), made);
      reader.keep(made.nodes);
      const anew = await tries.set(made.root, await tries.entries(made.root), position + 1);
      assert.deepEqual(anew, { root: made.root, nodes: [] });
    }),
    { numRuns: 60 },
  );
});

test('nodes without places, as they once were, are read and changed', async () => {
  await fc.assert(
    fc.asyncProperty(changes, changes, async (one, other) => {
      const reader = new KeptNodes();
      const root = await build(new StateTries(reader), reader, one);
      if (root === undefined) return;
      const old = withoutPlaces(reader, root);
      const entries = other.map(([type, key, n]): [StateKey, EventId] => [
        stateKeyOf(type, key),
        eventIdOf(n),
      ]);
      const { root: changed, nodes } = await new StateTries(reader).set(old, entries);
      reader.keep(nodes);
      const expected = new Map(
        [...one, ...other].map(([type, key, n]) => [stateKeyOf(type, key), eventIdOf(n)]),
      );
      assert.deepEqual(new Map(await new StateTries(reader).entries(changed)), expected);
    }),
    { numRuns: 60 },
  );
});

test('names of nodes are in the order in which these were made', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31), fc.nat(2 ** 31), (a, b) => {
      const [one, other] = [a, b].map((position) => nameOfNode(encodeNode(A_BUCKET), placeOf(position)));
      assert.equal(
        Buffer.compare(Buffer.from(one ?? '', 'latin1'), Buffer.from(other ?? '', 'latin1')),
        Math.sign(a - b),
      );
    }),
  );
});

test('the difference of two states is what differs between them', async () => {
  await fc.assert(
    fc.asyncProperty(changes, changes, async (one, other) => {
      const reader = new KeptNodes();
      const tries = new StateTries(reader);
      const [a, b] = [await build(tries, reader, one), await build(tries, reader, [...one, ...other])];
      const before = new Map(one.map(([type, key, n]) => [stateKeyOf(type, key), eventIdOf(n)]));
      const after = new Map(
        [...one, ...other].map(([type, key, n]) => [stateKeyOf(type, key), eventIdOf(n)]),
      );
      const expected = [...after].filter(([key, eventId]) => before.get(key) !== eventId).map(([key]) => key);
      const found = await tries.difference(a, b);
      assert.deepEqual(new Set(found.map((one) => one.key)), new Set(expected));
      for (const { key, before: was, after: is } of found) {
        assert.equal(was, before.get(key));
        assert.equal(is, after.get(key));
      }
    }),
    { numRuns: 60 },
  );
});

test('a change in a state of 10,000 entries writes and reads a handful of nodes', async () => {
  const reader = new KeptNodes();
  const tries = new StateTries(reader);
  const members = Array.from({ length: 10_000 }, (_, i): [StateKey, EventId] => [
    stateKeyOf('m.room.member', `@user${i}:example.org`),
    eventIdOf(i),
  ]);
  const whole = await tries.set(undefined, members);
  reader.keep(whole.nodes);
  const cold = new StateTries(reader);
  const key = stateKeyOf('m.room.member', '@user77:example.org');
  const changed = await cold.set(whole.root, [[key, eventIdOf(-1)]]);
  const bytes = changed.nodes.reduce((sum, node) => sum + node.bytes.length, 0);
  assert.ok(changed.nodes.length <= 5, `${changed.nodes.length} nodes`);
  assert.ok(bytes < 1_500, `${bytes} bytes`);
  assert.ok(reader.reads <= 5, `${reader.reads} reads`);
  const compared = new StateTries(reader);
  reader.keep(changed.nodes);
  reader.reads = 0;
  assert.deepEqual(
    (await compared.difference(whole.root, changed.root)).map((one) => one.key),
    [key],
  );
  assert.ok(reader.reads <= 10, `${reader.reads} reads`);
});

test('nodes survive being written and read, whatever the event IDs look like', () => {
  const ids = ['$abc:example.org', `$${'A'.repeat(43)}`, `$${'_'.repeat(43)}`, eventIdOf(3)] as EventId[];
  for (const eventId of ids) {
    const key = stateKeyOf('org.example.type', 'ключ');
    const bytes = encodeNode({ kind: 'bucket', entries: [{ path: '', key, eventId }] });
    const node = decodeNode(bytes);
    assert.equal(node.kind === 'bucket' && node.entries[0]?.eventId, eventId);
    assert.equal(node.kind === 'bucket' && node.entries[0]?.key, key);
    assert.deepEqual(encodeNode(node), bytes);
  }
});
