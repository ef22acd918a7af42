import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pdu, RoomEvent } from '../src/protocol/events/event.ts';
import { roomVersion, type RoomVersion } from '../src/protocol/room-versions.ts';
import { Scenario, type Branch } from '../src/protocol/state-resolution/scenario.ts';
import { eventOfPdu } from '../src/rooms/event-of-pdu.ts';
import { EventLog } from '../src/rooms/event-log.ts';
import { ROOM_RULES } from '../src/rooms/room-rules.ts';
import { StateResolver, type EventLookup } from '../src/rooms/state-resolver.ts';
import { insertNodes, StateTries } from '../src/rooms/state-trie.ts';
import type { StateRoot } from '../src/rooms/stored-event.ts';
import type { Database } from '../src/storage/database.ts';
import * as eventsStore from '../src/storage/events-store.ts';
import { openDatabase } from '../src/storage/open-database.ts';
import { UnitOfWork } from '../src/storage/unit-of-work.ts';

/**
 * Resolves a fork of a large room from an SQLite database with nothing cached: 50,000 members, a chain of 10,000 power
 * levels, and 1,000 events on each side, half of which set power levels.
 */
const MEMBERS = 50_000;
const CHAIN = 10_000;
const FORK = 1_000;
const RUNS = 5;
const BATCH = 2_000;

function bigRoom(version: RoomVersion, rejoins: boolean): { scenario: Scenario; sides: Branch[] } {
  const scenario = new Scenario(version);
  const left = scenario.room({ bob: 50, carol: 0 });
  for (let i = 0; i < MEMBERS; i++) left.join(`member-${i}`, `join-${i}`);
  for (let i = 0; i < CHAIN; i++) left.powerLevels(`PL-${i}`, 'alice', { bob: 50, carol: i % 50 });
  const right = left.fork();
  if (rejoins) left.join('bob', 'rejoin-bob');
  for (let i = 0; i < FORK; i++) {
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

async function measure(database: Database, scenario: Scenario, roots: readonly StateRoot[]): Promise<string> {
  const taken: number[] = [];
  let read = 0;
  const roomId = [...scenario.events.values()][0]?.roomId;
  if (roomId === undefined) throw new Error('The room has no events');
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
    const resolver = new StateResolver(new StateTries(database), ROOM_RULES);
    const started = performance.now();
    await resolver.resolve({ roomId, version: scenario.version }, roots, lookup, database);
    taken.push(performance.now() - started);
  }
  const times = `${Math.min(...taken).toFixed(0)} to ${Math.max(...taken).toFixed(0)} ms`;
  return `${times}, ${read} events read of ${scenario.events.size}`;
}

for (const id of ['10', '12']) {
  for (const rejoins of [false, true]) {
    const folder = mkdtempSync(join(tmpdir(), 'myelin-bench-'));
    const database = await openDatabase({ engine: 'sqlite', path: join(folder, 'myelin.db') });
    try {
      const room = bigRoom(roomVersion(id), rejoins);
      const roots = await store(database, room);
      const what = rejoins ? 'a sender joined on one side only' : 'senders are old members';
      console.log(`version ${id}, ${what}: ${await measure(database, room.scenario, roots)}`);
    } finally {
      await database.close();
      rmSync(folder, { recursive: true });
    }
  }
}
