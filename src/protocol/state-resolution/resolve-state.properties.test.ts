import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkAuth } from '../auth/auth-rules.ts';
import { stateKeyOf, type StateKey, type StateMap } from '../events/event.ts';
import type { EventId } from '../identifiers.ts';
import { isJsonObject } from '../json.ts';
import { roomVersion, type RoomVersion } from '../room-versions.ts';
import { authDepthFrom } from './event-source.ts';
import { resolveByDefinition } from './definition-resolution.ts';
import { resolveState } from './resolve-state.ts';
import { Scenario, userIdOf, type Branch } from './scenario.ts';

const PEOPLE = ['alice', 'bob', 'carol', 'dan'] as const;
const VERSIONS: readonly RoomVersion[] = [
  roomVersion('2'),
  roomVersion('11'),
  { ...roomVersion('11'), stateResolution: 'v2.1' },
  roomVersion('12'),
];

const ALL_VERSIONS = [roomVersion('1'), ...VERSIONS];

/** One thing someone does on one of the branches; `branch` and `other` count branches round. */
interface Step {
  readonly branch: number;
  readonly other: number;
  readonly what: 'topic' | 'levels' | 'rules' | 'join' | 'leave' | 'ban' | 'kick' | 'fork' | 'merge' | 'mix';
  readonly sender: (typeof PEOPLE)[number];
  readonly target: (typeof PEOPLE)[number];
  readonly level: number;
  readonly ts: number;
}

const person = fc.constantFrom(...PEOPLE);
const step: fc.Arbitrary<Step> = fc.record({
  branch: fc.nat(3),
  other: fc.nat(3),
  what: fc.constantFrom(
    ...([
      'topic',
      'levels',
      'rules',
      'join',
      'leave',
      'ban',
      'kick',
      'fork',
      'fork',
      'merge',
      'mix',
    ] as const),
  ),
  sender: person,
  target: person,
  level: fc.constantFrom(0, 30, 50, 50, 90),
  ts: fc.integer({ min: 1000, max: 1010 }),
});

interface History {
  readonly scenario: Scenario;
  readonly branches: readonly Branch[];
}

/** Plays steps. Events that the state of their branch does not allow are left out, as a server would reject them. */
function play(version: RoomVersion, steps: readonly Step[]): History {
  const scenario = new Scenario(version);
  const branches = [scenario.room({ bob: 50, carol: 50, dan: 0 })];
  for (const [i, told] of steps.entries()) {
    const branch = branches[told.branch % branches.length] as Branch;
    const other = branches[told.other % branches.length] as Branch;
    if (told.what === 'fork') {
      if (branches.length < 4) branches.push(branch.fork());
    } else if (told.what === 'merge') {
      branch.state = resolveState(version, [branch.state, other.state], scenario);
    } else if (told.what === 'mix') {
      // As after a reset of state: entries that do not belong together.
      for (const [key, id] of [...other.state].slice(told.level % 3)) {
        if (key.includes('power') || key.includes('topic')) branch.state.set(key, id);
      }
    } else {
      act(branch, told, `${told.what}-${i}`);
    }
  }
  return { scenario, branches };
}

function act(branch: Branch, { what, sender, target, level, ts }: Step, name: string): void {
  const { scenario } = branch;
  const trial = branch.fork();
  if (what === 'topic') trial.topic(name, sender, ts);
  else if (what === 'levels')
    trial.powerLevels(name, sender, { ...{ bob: 50, carol: 50 }, [target]: level }, ts);
  else if (what === 'rules') {
    const content = { join_rule: level > 40 ? 'invite' : 'public' };
    trial.send(name, { sender, type: 'm.room.join_rules', key: '', content, ts });
  } else if (what === 'join' || what === 'leave') trial.membership(name, sender, sender, what, ts);
  else trial.membership(name, sender, target, what === 'ban' ? 'ban' : 'leave', ts);
  const event = scenario.events.get(`$${name}` as EventId);
  assert.ok(event);
  const lookup = (type: string, stateKey: string) => {
    const id = branch.state.get(stateKeyOf(type, stateKey));
    return id === undefined ? undefined : scenario.events.get(id);
  };
  if (checkAuth(scenario.version, event, lookup).allowed) branch.state = trial.state;
  else scenario.events.delete(event.eventId);
}

function sorted(state: StateMap): [StateKey, EventId][] {
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Holds a property of many histories in each version; of honest ones the state always followed from the events. */
function holds(
  name: string,
  property: (history: History) => void,
  { kind = 'any', versions = VERSIONS }: { kind?: 'any' | 'honest'; versions?: readonly RoomVersion[] } = {},
): void {
  const steps = fc.array(step, { minLength: 5, maxLength: 40, size: 'max' });
  for (const version of versions) {
    test(`${name} (version ${version.id}, ${version.stateResolution})`, () => {
      fc.assert(
        fc.property(steps, (told) => {
          const chosen = told.filter(({ what }) => kind === 'any' || (what !== 'mix' && what !== 'merge'));
          property(play(version, chosen));
        }),
        { numRuns: 300 },
      );
    });
  }
}

holds('resolving gives what the definitions say', ({ scenario, branches }) => {
  const states = branches.map((branch) => branch.state);
  const expected = sorted(resolveByDefinition(scenario.version, states, scenario));
  assert.deepEqual(sorted(resolveState(scenario.version, states, scenario)), expected);
  scenario.tellsDepths = false;
  assert.deepEqual(
    sorted(resolveState(scenario.version, states, scenario)),
    expected,
    'without stored depths',
  );
});

holds(
  'the order of the state sets and repeated sets do not matter',
  ({ scenario, branches }) => {
    const states = branches.map((branch) => branch.state);
    const expected = sorted(resolveState(scenario.version, states, scenario));
    const [first = new Map<StateKey, EventId>(), ...rest] = states;
    for (const order of [states.toReversed(), [...rest, first], [...states, first]]) {
      const backwards = order.map((state) => new Map([...state].reverse()));
      assert.deepEqual(sorted(resolveState(scenario.version, backwards, scenario)), expected);
    }
  },
  { versions: ALL_VERSIONS },
);

holds(
  'identical sets resolve to themselves',
  ({ scenario, branches }) => {
    for (const { state } of branches) {
      assert.deepEqual(
        sorted(resolveState(scenario.version, [state, new Map(state)], scenario)),
        sorted(state),
      );
      assert.deepEqual(sorted(resolveState(scenario.version, [state], scenario)), sorted(state));
    }
  },
  { versions: ALL_VERSIONS },
);

holds(
  'what all sets share holds, and every power event that resolves passes its checks',
  ({ scenario, branches }) => {
    const states = branches.map((branch) => branch.state);
    const resolved = resolveState(scenario.version, states, scenario);
    for (const [key, id] of states[0] ?? []) {
      if (states.every((state) => state.get(key) === id)) assert.equal(resolved.get(key), id);
    }
    for (const id of resolved.values()) {
      const event = scenario.events.get(id);
      assert.ok(event);
      const cited = [...event.authEventIds, '$create' as EventId].map((auth) => scenario.events.get(auth));
      const lookup = (type: string, stateKey: string) =>
        cited.find((auth) => auth?.type === type && auth.stateKey === stateKey);
      assert.deepEqual(checkAuth(scenario.version, event, lookup), { allowed: true }, id);
    }
  },
);

function isDemoted(branch: Branch, name: string): boolean {
  const id = branch.state.get(stateKeyOf('m.room.power_levels', ''));
  const users = id && branch.scenario.events.get(id)?.content.users;
  const level = isJsonObject(users) ? users[userIdOf(name)] : undefined;
  return !branch.scenario.version.roomIdIsCreateHash && level !== 100;
}

holds(
  'of a ban by alice and power levels that the banned one sends meanwhile the ban stands',
  (history) => {
    const { scenario, branches } = history;
    const [now] = branches;
    const aliceIsIn = now?.state.get(stateKeyOf('m.room.member', userIdOf('alice'))) === '$join-alice';
    if (!now || !aliceIsIn || isDemoted(now, 'alice')) return;
    const banned = now.fork().membership('final-ban', 'alice', 'bob', 'ban', 9000);
    const meanwhile = now.fork().powerLevels('PL-by-bob', 'bob', { bob: 50, carol: 10 }, 1);
    const resolved = resolveState(scenario.version, [meanwhile.state, banned.state], scenario);
    assert.notEqual(resolved.get(stateKeyOf('m.room.power_levels', '')), '$PL-by-bob');
    assert.equal(resolved.get(stateKeyOf('m.room.member', userIdOf('bob'))), '$final-ban');
  },
  { kind: 'honest' },
);

test('auth depths are one more than those of the deepest auth event', () => {
  assert.deepEqual([authDepthFrom([]), authDepthFrom([1]), authDepthFrom([1, 5, 2])], [1, 2, 6]);
});
