import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pdu, RoomEvent } from '../src/protocol/events/event.ts';
import type { RoomId } from '../src/protocol/identifiers.ts';
import { roomVersion, type RoomVersion } from '../src/protocol/room-versions.ts';
import { Scenario, type Branch } from '../src/protocol/state-resolution/scenario.ts';
import { eventOfPdu } from '../src/rooms/events/event-of-pdu.ts';
import { AuthChainIndex } from '../src/rooms/state/auth-chains/auth-chain-index.ts';
import { EventLog } from '../src/rooms/events/event-log.ts';
import { ROOM_RULES } from '../src/rooms/appending/room-rules.ts';
import { StateResolver, type EventLookup } from '../src/rooms/state/state-resolver.ts';
import { insertNodes, StateTries } from '../src/rooms/state/state-trie.ts';
import type { StateRoot } from '../src/rooms/events/stored-event.ts';
import type { Database } from '../src/storage/database.ts';
import * as eventsStore from '../src/storage/rooms/events-store.ts';
import { openDatabase } from '../src/storage/open-database.ts';
import { UnitOfWork } from '../src/storage/unit-of-work.ts';

/** A room, and the fork of it that is resolved. */
interface Size {
  readonly members: number;
  /** Power levels, each of which cites the one before. */
  readonly chain: number;
  /** Events on each side, half of which set power levels. */
  readonly fork: number;
}

/**
 * Resolves forks of rooms from an SQLite database with nothing cached, before and after the room's auth chains have an
 * index. The senders on one side are members since the beginning, whom nobody's events on the other side name.
 */
const SIZES: readonly Size[] = [
  { members: 500, chain: 100, fork: 100 },
  { members: 5_000, chain: 1_000, fork: 100 },
  { members: 50_000, chain: 10_000, fork: 100 },
  { members: 50_000, chain: 10_000, fork: 1_000 },
];
const RUNS = 5;
const BATCH = 2_000;

function bigRoom(version: RoomVersion, size: Size): { scenario: Scenario; sides: Branch[] } {
  const scenario = new Scenario(version);
  const left = scenario.room({ bob: 50, carol: 0 });
  for (let i = 0; i < size.members; i++) left.join(`member-${i}`, `join-${i}`);
  for (let i = 0; i < size.chain; i++) left.powerLevels(`PL-${i}`, 'alice', { bob: 50, carol: i % 50 });
  const right = left.fork();
  for (let i = 0; i < size.fork; i++) {
    if (i % 2) left.topic(`topic-left-${i}`, 'alice');
    else left.powerLevels(`PL-left-${i}`, 'alice', { bob: 50, carol: i % 50 });
    if (i % 2) right.topic(`topic-right-${i}`, 'bob');
    else right.powerLevels(`PL-right-${i}`, 'bob', { bob: 50, carol: i % 50 });
  }
  return { scenario, sides: [left, right] };
}

function pduOf(event: RoomEvent): Pdu {
  return {
    auth_events: [...event.authEventIds],
    content: event.content,
    depth: event.depth,
    origin_server_ts: event.originServerTs,
    prev_events: [...event.prevEventIds],
    sender: event.sender,
    state_key: event.stateKey ?? '',
    type: event.type,
  };
}

async function store(
  database: Database,
  { scenario, sides }: ReturnType<typeof bigRoom>,
): Promise<StateRoot[]> {
  const events = [...scenario.events.values()];
  for (let i = 0; i < events.length; i += BATCH) {
    const unit = new UnitOfWork();
    for (const event of events.slice(i, i + BATCH)) {
      const { eventId, roomId } = event;
      const authDepth = scenario.authDepth(eventId);
      const place = { eventId, roomId, authDepth, root: undefined, isAside: true };
      eventsStore.keepAside(unit, eventOfPdu(pduOf(event), scenario.version, place).toRow(), unit.position());
    }
    await database.commit(unit);
  }
  const tries = new StateTries(database);
  const unit = new UnitOfWork();
  const roots: StateRoot[] = [];
  for (const side of sides) {
    const { root, nodes } = await tries.set(undefined, [...side.state]);
    insertNodes(unit, nodes);
    roots.push(root);
  }
  await database.commit(unit);
  return roots;
}

async function measure(
  database: Database,
  { scenario, roomId }: { scenario: Scenario; roomId: RoomId },
  roots: readonly StateRoot[],
): Promise<{ text: string; resolved: StateRoot | undefined }> {
  const taken: number[] = [];
  let read = 0;
  let resolved: StateRoot | undefined;
  for (let run = 0; run < RUNS; run++) {
    const log = new EventLog(database);
    read = 0;
    const lookup: EventLookup = {
      uncommitted: () => [],
      async eventsOf(eventIds) {
        const found = await log.byIds([...eventIds]);
        read += found.length;
        return new Map(found.map((event) => [event.eventId, event]));
      },
    };
    const index = new AuthChainIndex(database, fail);
    const resolver = new StateResolver(new StateTries(database), ROOM_RULES, index);
    const started = performance.now();
    const room = { roomId, version: scenario.version };
    resolved = (await resolver.resolve(room, roots, lookup, database))?.root;
    taken.push(performance.now() - started);
    // What a first resolution begins must not run beside the next one, nor make it another.
    await index.stop();
  }
  const text = `${Math.min(...taken).toFixed(0)} to ${Math.max(...taken).toFixed(0)} ms, ${read} events read`;
  return { text, resolved };
}

function fail(error: unknown): never {
  throw error;
}

for (const id of ['10', '12']) {
  for (const size of SIZES) {
    const folder = mkdtempSync(join(tmpdir(), 'myelin-bench-'));
    const database = await openDatabase({ engine: 'sqlite', path: join(folder, 'myelin.db') });
    try {
      const room = bigRoom(roomVersion(id), size);
      const { scenario } = room;
      const roomId = [...scenario.events.values()][0]?.roomId as RoomId;
      const roots = await store(database, room);
      const walked = await measure(database, { scenario, roomId }, roots);
      const started = performance.now();
      await new AuthChainIndex(database, fail).update(roomId);
      const built = performance.now() - started;
      const asked = await measure(database, { scenario, roomId }, roots);
      if (walked.resolved !== asked.resolved) throw new Error('The index leads to another state');
      const { members, chain, fork } = size;
      console.log(
        `version ${id}, ${members} members, ${chain} power levels, 2 x ${fork} events in the fork:`,
      );
      console.log(`  walked ${walked.text}; by the index ${asked.text}; building it ${built.toFixed(0)} ms`);
    } finally {
      await database.close();
      rmSync(folder, { recursive: true });
    }
  }
}
