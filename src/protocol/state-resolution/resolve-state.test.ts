import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROOM_VERSIONS, roomVersion, type RoomVersion } from '../room-versions.ts';
import { Scenario, userIdOf, type Branch } from './scenario.ts';

const V2_VERSIONS = [...ROOM_VERSIONS.values()].filter((version) => version.stateResolution !== 'v1');
/** Room version 11 with the algorithm of version 12, to tell the algorithm from the other changes. */
const V11_WITH_V21: RoomVersion = { ...roomVersion('11'), stateResolution: 'v2.1' };

/** Runs a scenario in every room version with algorithm 2 or 2.1, and with the branches in either order. */
function inEveryVersion(
  name: string,
  tell: (scenario: Scenario) => { branches: readonly Branch[]; expected: Record<string, string | undefined> },
): void {
  for (const version of [...V2_VERSIONS, V11_WITH_V21]) {
    test(`${name} (version ${version.id}, ${version.stateResolution})`, () => {
      const scenario = new Scenario(version);
      const { branches, expected } = tell(scenario);
      for (const order of [branches, branches.toReversed()]) {
        const resolved = scenario.resolve(...order);
        for (const [key, event] of Object.entries(expected)) assert.equal(resolved.get(key), event, key);
      }
    });
  }
}

function memberKey(person: string): string {
  return `m.room.member/${userIdOf(person)}`;
}

inEveryVersion('a ban beats the promotion that the banned one makes meanwhile', (scenario) => {
  const left = scenario.room({ bob: 50, carol: 0 });
  const right = left.fork();
  left.membership('ban-bob', 'alice', 'bob', 'ban', 2000);
  right.powerLevels('PL-bob', 'bob', { bob: 50, carol: 50 }, 1000);
  return {
    branches: [left, right],
    expected: { [memberKey('bob')]: 'ban-bob', 'm.room.power_levels': 'PL0' },
  };
});

inEveryVersion('of two power levels the one of the more powerful sender is checked first', (scenario) => {
  const left = scenario.room({ bob: 50, carol: 0 });
  const right = left.fork();
  left.powerLevels('PL-alice', 'alice', { bob: 0, carol: 0 }, 2000);
  right.powerLevels('PL-bob', 'bob', { bob: 50, carol: 50 }, 1000);
  return { branches: [left, right], expected: { 'm.room.power_levels': 'PL-alice' } };
});

inEveryVersion('of two power levels by equals the later one stands', (scenario) => {
  const left = scenario.room({ bob: 50, carol: 0 });
  const right = left.fork();
  left.powerLevels('PL-late', 'bob', { bob: 50, carol: 20 }, 2000);
  right.powerLevels('PL-early', 'bob', { bob: 50, carol: 10 }, 1000);
  return { branches: [left, right], expected: { 'm.room.power_levels': 'PL-late' } };
});

inEveryVersion('whoever joins while the room is closed does not get in', (scenario) => {
  const left = scenario.room({ bob: 50 });
  const right = left.fork();
  const content = { join_rule: 'invite' };
  left.send('JR-closed', { sender: 'bob', type: 'm.room.join_rules', key: '', content, ts: 2000 });
  right.join('eve', 'join-eve', 1000).powerLevels('PL1', 'alice', { bob: 50, eve: 50 }, 1001);
  return {
    branches: [left, right],
    expected: {
      'm.room.join_rules': 'JR-closed',
      [memberKey('eve')]: undefined,
      'm.room.power_levels': 'PL1',
    },
  };
});

inEveryVersion('a topic based on later power levels wins whatever the time it claims', (scenario) => {
  const left = scenario.room({ bob: 50 });
  const right = left.fork();
  left.powerLevels('PL1', 'alice', { bob: 60 }, 3000).topic('topic-new', 'bob', 1000);
  right.topic('topic-old', 'bob', 2000);
  return { branches: [left, right], expected: { 'm.room.topic': 'topic-new', 'm.room.power_levels': 'PL1' } };
});

inEveryVersion('at the same mainline position the later topic wins, then the greater ID', (scenario) => {
  const left = scenario.room({ bob: 50 });
  const [right, third] = [left.fork(), left.fork()];
  left.topic('topic-b', 'bob', 2000);
  right.topic('topic-c', 'alice', 1000);
  third.topic('topic-a', 'bob', 2000);
  return { branches: [left, right, third], expected: { 'm.room.topic': 'topic-b' } };
});

inEveryVersion('power levels off the mainline count where they branched off', (scenario) => {
  const left = scenario.room({ bob: 50 });
  const right = left.fork();
  left.powerLevels('PL-alice', 'alice', { bob: 60 }, 1000).topic('topic-off', 'alice', 9000);
  right.powerLevels('PL-bob', 'bob', { bob: 50, carol: 20 }, 2000).topic('topic-on', 'bob', 3000);
  // Bob's power levels come second and are allowed, so they are the mainline; alice's topic leads back to PL0 only.
  return {
    branches: [left, right],
    expected: { 'm.room.power_levels': 'PL-bob', 'm.room.topic': 'topic-on' },
  };
});

inEveryVersion('a kick and a ban that lost their sender’s power are undone', (scenario) => {
  const left = scenario.room({ bob: 50, carol: 0 });
  const right = left.fork();
  left.powerLevels('PL1', 'alice', { bob: 0, carol: 0 });
  right.membership('ban-carol', 'bob', 'carol', 'ban');
  return {
    branches: [left, right],
    expected: { [memberKey('carol')]: 'join-carol', 'm.room.power_levels': 'PL1' },
  };
});

inEveryVersion('a key that only some sets have is in conflict', (scenario) => {
  const left = scenario.room({ bob: 50 });
  const right = left.fork();
  left.topic('topic', 'bob').join('carol', 'join-carol');
  return {
    branches: [left, right],
    expected: { 'm.room.topic': 'topic', [memberKey('carol')]: 'join-carol' },
  };
});

inEveryVersion('of two long branches the one whose sender took the other’s power stands', (scenario) => {
  const left = scenario.room({ bob: 50, carol: 50 });
  const right = left.fork();
  for (let i = 0; i < 1000; i++) {
    if (i % 2) left.topic(`topic-left-${i}`, 'alice', 10_000 + i);
    else left.powerLevels(`PL-left-${i}`, 'alice', { bob: i === 998 ? 0 : 50, carol: i % 50 }, 10_000 + i);
    if (i % 2) right.topic(`topic-right-${i}`, 'bob', 20_000 + i);
    else right.powerLevels(`PL-right-${i}`, 'bob', { bob: 50, carol: 50, dan: i % 50 }, 20_000 + i);
  }
  return {
    branches: [left, right],
    expected: { 'm.room.power_levels': 'PL-left-998', 'm.room.topic': 'topic-left-999' },
  };
});

/** Who sent the power levels has left in both sets, but the sets disagree on which they are. */
function senderHasLeft(version: RoomVersion): Map<string, string> {
  const scenario = new Scenario(version);
  const left = scenario.room({ bob: 90, carol: 0 });
  left.powerLevels('PL1', 'bob', { bob: 90, carol: 10 });
  const right = left.fork();
  right.powerLevels('PL2', 'bob', { bob: 90, carol: 20 });
  right.membership('leave-bob', 'bob', 'bob', 'leave');
  left.state.set(...leaveOf(right, 'bob'));
  return scenario.resolve(left, right);
}

function leaveOf(branch: Branch, person: string): Parameters<Branch['state']['set']> {
  const entry = [...branch.state].find(([key]) => key.endsWith(`\0${userIdOf(person)}`));
  assert.ok(entry);
  return entry;
}

test('problem A of MSC4297: from unconflicted state, power levels of one who left are lost; from empty state not', () => {
  assert.equal(senderHasLeft(roomVersion('11')).get('m.room.power_levels'), undefined);
  assert.equal(senderHasLeft(V11_WITH_V21).get('m.room.power_levels'), 'PL2');
  assert.equal(senderHasLeft(roomVersion('12')).get('m.room.power_levels'), 'PL2');
});

/** The event between two conflicting power levels is in every auth chain, so without the subgraph it is not replayed. */
function eventBetweenIsMissing(version: RoomVersion): Map<string, string> {
  const scenario = new Scenario(version);
  const old = scenario.room({ bob: 0, carol: 0 });
  const recent = old.fork();
  recent.powerLevels('PL1', 'alice', { bob: 90, carol: 0 });
  recent.send('name', { sender: 'bob', type: 'm.room.name', key: '', content: { name: 'n' } });
  old.state.set(...([...recent.state].find(([, id]) => id === '$name') ?? assert.fail()));
  recent.powerLevels('PL2', 'bob', { bob: 90, carol: 80 });
  return scenario.resolve(old, recent);
}

test('problem B of MSC4297: power levels are reset where the ones between are missing; with the subgraph not', () => {
  assert.equal(eventBetweenIsMissing(roomVersion('11')).get('m.room.power_levels'), 'PL0');
  assert.equal(eventBetweenIsMissing(V11_WITH_V21).get('m.room.power_levels'), 'PL2');
  assert.equal(eventBetweenIsMissing(roomVersion('12')).get('m.room.power_levels'), 'PL2');
});

inEveryVersion('auth events order two conflicting events also through others not in conflict', (scenario) => {
  const old = scenario.room({ bob: 50, carol: 0 });
  old.powerLevels('PL-old', 'bob', { bob: 50, carol: 10 }, 1000);
  const recent = old.fork();
  recent.powerLevels('PL-between-1', 'alice', { bob: 50, carol: 20 }, 1001);
  recent.powerLevels('PL-between-2', 'alice', { bob: 50, carol: 30 }, 1002);
  recent.send('name', { sender: 'alice', type: 'm.room.name', key: '', content: { name: 'n' } });
  old.state.set(...([...recent.state].find(([, id]) => id === '$name') ?? assert.fail()));
  recent.powerLevels('PL-new', 'alice', { bob: 50, carol: 30 }, 1002);
  // By the senders' levels alone alice's new ones would come first, and bob's old ones would be put on top.
  return { branches: [old, recent], expected: { 'm.room.power_levels': 'PL-new' } };
});

inEveryVersion('a rejected auth event does not stand in for missing state', (scenario) => {
  const left = scenario.room({ bob: 50 });
  const content = { join_rule: 'invite' };
  left.send('JR1', { sender: 'alice', type: 'm.room.join_rules', key: '', content });
  const right = left.fork();
  left.join('carol', 'join-carol').powerLevels('PL1', 'alice', { carol: 50 }).topic('topic', 'carol');
  const [key] = leaveOf(left, 'carol');
  left.state.delete(key);
  scenario.rejectedNames.add('join-carol');
  return { branches: [left, right], expected: { 'm.room.topic': undefined, 'm.room.power_levels': 'PL1' } };
});

inEveryVersion('an accepted auth event does stand in for missing state', (scenario) => {
  const left = scenario.room({ bob: 50 });
  const content = { join_rule: 'invite' };
  left.send('JR1', { sender: 'alice', type: 'm.room.join_rules', key: '', content });
  const right = left.fork();
  left.join('carol', 'join-carol').powerLevels('PL1', 'alice', { carol: 50 }).topic('topic', 'carol');
  const [key] = leaveOf(left, 'carol');
  left.state.delete(key);
  return { branches: [left, right], expected: { 'm.room.topic': 'topic', 'm.room.power_levels': 'PL1' } };
});

inEveryVersion('a rejected event that the resolved state allows enters it', (scenario) => {
  const left = scenario.room({ bob: 50 });
  const right = left.fork();
  left.topic('topic', 'bob');
  scenario.rejectedNames.add('topic');
  return { branches: [left, right], expected: { 'm.room.topic': 'topic' } };
});

inEveryVersion('unknown events are left out', (scenario) => {
  const left = scenario.room({ bob: 50 });
  const right = left.fork();
  left.topic('topic-known', 'bob', 1000);
  right.topic('topic-unknown', 'bob', 2000);
  for (const id of scenario.events.keys()) if (id === '$topic-unknown') scenario.events.delete(id);
  return { branches: [left, right], expected: { 'm.room.topic': 'topic-known' } };
});

test('an auth chain longer than the call stack is deep resolves, with and without stored auth depths', () => {
  for (const tellsDepths of [true, false]) {
    const scenario = new Scenario(roomVersion('10'));
    scenario.tellsDepths = tellsDepths;
    const left = scenario.room({ bob: 50 });
    for (let i = 0; i < 10_000; i++) left.powerLevels(`PL-${i}`, 'alice', { bob: 50, carol: i % 50 });
    const right = left.fork();
    left.topic('topic-left', 'alice');
    right.topic('topic-right', 'bob');
    assert.equal(scenario.resolve(left, right).get('m.room.topic'), 'topic-right');
  }
});

test('a recent conflict looks up few events of a long auth chain', () => {
  const scenario = new Scenario(roomVersion('10'));
  const left = scenario.room({ bob: 50 });
  for (let i = 0; i < 2_000; i++) left.powerLevels(`PL-${i}`, 'alice', { bob: 50, carol: i % 50 });
  const right = left.fork();
  left.topic('topic-left', 'alice').powerLevels('PL-left', 'alice', { bob: 50 });
  right.topic('topic-right', 'alice').powerLevels('PL-right', 'alice', { bob: 51 });
  scenario.lookups = 0;
  scenario.resolve(left, right);
  assert.ok(scenario.lookups < 500, `${scenario.lookups} lookups`);
});

test('auth events that servers of version 2 made into a cycle end the resolution all the same', () => {
  for (const tellsDepths of [true, false]) {
    const scenario = new Scenario(roomVersion('2'));
    scenario.tellsDepths = tellsDepths;
    const left = scenario.room({ bob: 50 });
    const right = left.fork();
    const levels = { type: 'm.room.power_levels', key: '', sender: 'alice' };
    left.send('PL-a', { ...levels, auth: ['create', 'join-alice', 'PL-b'] });
    left.send('PL-b', { ...levels, auth: ['create', 'join-alice', 'PL-a'] });
    right.topic('topic', 'bob');
    const resolved = scenario.resolve(left, right);
    assert.equal(resolved.get('m.room.topic'), 'topic');
    assert.equal(resolved.get('m.room.create'), 'create');
  }
});
