import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkAuth } from '../../../protocol/auth/auth-rules.ts';
import { stateKeyOf, type Pdu, type RoomEvent } from '../../../protocol/events/event.ts';
import type { EventId } from '../../../protocol/identifiers.ts';
import { roomVersion } from '../../../protocol/room-versions.ts';
import { authDifference } from '../../../protocol/state-resolution/auth-difference.ts';
import { findConflicts } from '../../../protocol/state-resolution/conflicts.ts';
import { AuthDepths } from '../../../protocol/state-resolution/event-source.ts';
import { Scenario, type Branch } from '../../../protocol/state-resolution/scenario.ts';
import type { Database } from '../../../storage/database.ts';
import * as eventsStore from '../../../storage/rooms/events-store.ts';
import { UnitOfWork } from '../../../storage/unit-of-work.ts';
import { ENGINES, makePlace } from '../../../testing/server/engines.ts';
import { openPlaceDatabase } from '../../../testing/server/place-database.ts';
import { eventOfPdu } from '../../events/event-of-pdu.ts';
import type { StoredEvent } from '../../events/stored-event.ts';
import { authChainDifference, type ChainConflict } from './auth-chain-difference.ts';
import { AuthChainIndex } from './auth-chain-index.ts';

const PEOPLE = ['alice', 'bob', 'carol', 'dan', 'erin'] as const;
const RUNS = { sqlite: 30, postgres: 8 };

interface Step {
  readonly branch: number;
  readonly what: 'levels' | 'rules' | 'topic' | 'join' | 'leave' | 'kick' | 'fork';
  readonly sender: (typeof PEOPLE)[number];
  readonly target: (typeof PEOPLE)[number];
}

const person = fc.constantFrom(...PEOPLE);
const steps = fc.array(
  fc.record({
    branch: fc.nat(2),
    what: fc.constantFrom(
      ...(['levels', 'levels', 'rules', 'topic', 'join', 'leave', 'kick', 'fork'] as const),
    ),
    sender: person,
    target: person,
  }),
  { minLength: 20, maxLength: 60 },
);

/** Plays what is allowed of the steps, on up to three branches. */
function play(scenario: Scenario, told: readonly Step[]): Branch[] {
  const branches = [scenario.room({ bob: 50, carol: 50, dan: 0 })];
  for (const [i, step] of told.entries()) {
    const branch = branches[step.branch % branches.length] as Branch;
    const before = new Map(branch.state);
    if (step.what === 'fork') {
      if (branches.length < 3) branches.push(branch.fork());
    } else act(branch, step, `event-${i}`);
    const event = scenario.events.get(`$event-${i}` as EventId);
    const stateEvent = (type: string, key: string) => {
      const id = before.get(stateKeyOf(type, key));
      return id && scenario.events.get(id);
    };
    if (!event || checkAuth(scenario.version, event, stateEvent).allowed) continue;
    branch.state = before;
    scenario.events.delete(event.eventId);
  }
  return branches;
}

function act(branch: Branch, { what, sender, target }: Step, name: string): void {
  if (what === 'levels') branch.powerLevels(name, sender, { bob: 50, carol: 50, dan: name.length });
  else if (what === 'topic') branch.topic(name, sender);
  else if (what === 'join') branch.join(sender, name);
  else if (what === 'leave') branch.membership(name, sender, sender, 'leave');
  else if (what === 'kick') branch.membership(name, sender, target, 'leave');
  else {
    const content = { join_rule: 'public' };
    branch.send(name, { sender, type: 'm.room.join_rules', key: '', content });
  }
}

function stored(scenario: Scenario, event: RoomEvent): StoredEvent {
  const pdu: Pdu = {
    auth_events: [...event.authEventIds],
    content: event.content,
    depth: event.depth,
    origin_server_ts: event.originServerTs,
    prev_events: [],
    sender: event.sender,
    state_key: event.stateKey ?? '',
    type: event.type,
  };
  const { eventId, roomId } = event;
  const authDepth = scenario.authDepth(eventId);
  const place = { eventId, roomId, authDepth, root: undefined, isAside: true };
  return eventOfPdu(pdu, scenario.version, place);
}

async function keep(database: Database, scenario: Scenario, events: readonly RoomEvent[]): Promise<void> {
  const unit = new UnitOfWork();
  for (const event of events) eventsStore.keepAside(unit, stored(scenario, event).toRow(), unit.position());
  await database.commit(unit);
}

/** The auth difference by the index, of which some events are missing that are in the database, and some that are not there. */
async function byIndex(
  database: Database,
  { scenario, branches, inIndex, uncommitted }: Tried,
): Promise<Set<EventId> | undefined> {
  const events = [...scenario.events.values()];
  const committed = events.slice(0, events.length - uncommitted);
  const index = new AuthChainIndex(database, (error) => assert.fail(String(error)));
  const roomId = (events[0] as RoomEvent).roomId;
  await keep(database, scenario, committed.slice(0, inIndex));
  assert.equal(await index.unplaced(roomId, 100), undefined, 'there is no index before it was asked for');
  await index.update(roomId);
  await keep(database, scenario, committed.slice(inIndex, inIndex + 5));
  await index.update(roomId);
  await keep(database, scenario, committed.slice(inIndex + 5));
  const unplaced: Map<EventId, { key: ReturnType<typeof stateKeyOf>; authEventIds: readonly EventId[] }> =
    new Map((await index.unplaced(roomId, 100))?.map((event) => [event.eventId, event]));
  assert.equal(unplaced.size, Math.max(0, committed.length - inIndex - 5));
  for (const { eventId, type, stateKey, authEventIds } of events.slice(committed.length)) {
    unplaced.set(eventId, { key: stateKeyOf(type, stateKey ?? ''), authEventIds });
  }
  const { conflicted, unconflicted } = findConflicts(
    branches.map((branch) => branch.state),
    true,
  );
  const conflict: ChainConflict = {
    reader: database,
    conflicted,
    unplaced,
    agreed: (key) => Promise.resolve(unconflicted.get(key)),
    eventsOf: (ids) =>
      Promise.resolve(
        new Map(
          ids.flatMap((id) => {
            const event = scenario.events.get(id);
            return event ? [[id, stored(scenario, event)] as const] : [];
          }),
        ),
      ),
  };
  return authChainDifference(conflict);
}

interface Tried {
  readonly scenario: Scenario;
  readonly branches: readonly Branch[];
  readonly inIndex: number;
  readonly uncommitted: number;
}

for (const engine of ENGINES) {
  void test(`the index of auth chains gives the auth difference that walking them gives (${engine})`, async () => {
    let differed = 0;
    const property = fc.asyncProperty(
      ...([fc.constantFrom('3', '11', '12'), steps, fc.nat(40), fc.nat(6)] as const),
      async (id, told, inIndex, uncommitted) => {
        const scenario = new Scenario(roomVersion(id));
        const branches = play(scenario, told);
        const conflicts = findConflicts(
          branches.map((branch) => branch.state),
          true,
        );
        const walked = authDifference(conflicts, scenario, new AuthDepths(scenario));
        differed += walked.size > 0 ? 1 : 0;
        const place = await makePlace(engine);
        const database = await openPlaceDatabase(place);
        try {
          const found = await byIndex(database, { scenario, branches, inIndex, uncommitted });
          assert.deepEqual([...(found ?? [])].sort(), [...walked].sort());
        } finally {
          await database.close();
          await place.remove();
        }
      },
    );
    await fc.assert(property, { numRuns: RUNS[engine], seed: 7 });
    assert.ok(differed > RUNS[engine] / 4, 'the branches must come to differ, or nothing is shown');
  });
}
