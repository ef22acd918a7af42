import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { roomVersion } from '../room-versions.ts';
import { Scenario, userIdOf, type Branch } from './scenario.ts';

function newScenario(): Scenario {
  return new Scenario(roomVersion('1'));
}

function topic(branch: Branch, name: string, sender: string, depth: number): Branch {
  return branch.send(name, { sender, type: 'm.room.topic', key: '', content: { topic: name }, depth });
}

function powerLevels(branch: Branch, name: string, sender: string, users: object, depth: number): Branch {
  const content = { users: { [userIdOf('alice')]: 100, ...users } };
  return branch.send(name, { sender, type: 'm.room.power_levels', key: '', content, depth });
}

function bySha1(...names: string[]): string[] {
  const hash = (name: string): string => createHash('sha1').update(`$${name}`).digest('hex');
  return names.sort((a, b) => (hash(a) < hash(b) ? -1 : 1));
}

test('the deepest topic that is allowed wins', () => {
  const scenario = newScenario();
  const left = scenario.room({ bob: 50, carol: 0 });
  const [right, third] = [left.fork(), left.fork()];
  topic(left, 'shallow', 'alice', 100);
  topic(right, 'deep', 'bob', 101);
  topic(third, 'forbidden', 'carol', 102);
  assert.equal(scenario.resolve(left, right, third).get('m.room.topic'), 'deep');
  assert.equal(scenario.resolve(third, left, right).get('m.room.topic'), 'deep');
});

test('at the same depth the topic with the least SHA-1 wins', () => {
  const scenario = newScenario();
  const left = scenario.room({ bob: 50 });
  const right = left.fork();
  topic(left, 'one', 'alice', 100);
  topic(right, 'two', 'alice', 100);
  assert.equal(scenario.resolve(left, right).get('m.room.topic'), bySha1('one', 'two')[0]);
});

test('where no topic is allowed the shallowest stands', () => {
  const scenario = newScenario();
  const left = scenario.room({ carol: 0 });
  const right = left.fork();
  topic(left, 'shallow', 'carol', 100);
  topic(right, 'deep', 'carol', 101);
  assert.equal(scenario.resolve(left, right).get('m.room.topic'), 'shallow');
});

test('power levels are taken by rising depth until one is not allowed', () => {
  const scenario = newScenario();
  const first = scenario.room({ bob: 50 });
  const [second, third, fourth] = [first.fork(), first.fork(), first.fork()];
  powerLevels(first, 'PL-1', 'alice', { [userIdOf('bob')]: 50 }, 100);
  powerLevels(second, 'PL-2', 'alice', { [userIdOf('bob')]: 10 }, 101);
  powerLevels(third, 'PL-3', 'bob', { [userIdOf('bob')]: 50 }, 102);
  powerLevels(fourth, 'PL-4', 'alice', { [userIdOf('bob')]: 60 }, 103);
  assert.equal(scenario.resolve(third, first, fourth, second).get('m.room.power_levels'), 'PL-2');
});

test('power levels of the same depth are taken by falling SHA-1', () => {
  const scenario = newScenario();
  const left = scenario.room({ bob: 50 });
  const right = left.fork();
  powerLevels(left, 'PL-1', 'alice', {}, 100);
  powerLevels(right, 'PL-2', 'alice', {}, 100);
  assert.equal(scenario.resolve(left, right).get('m.room.power_levels'), bySha1('PL-1', 'PL-2')[0]);
});

test('a key that only some sets have is not in conflict', () => {
  const scenario = newScenario();
  const left = scenario.room({ carol: 0 });
  const right = left.fork();
  topic(left, 'topic', 'carol', 100);
  assert.equal(scenario.resolve(left, right).get('m.room.topic'), 'topic');
});

test('join rules and memberships are decided before the rest, on the resolved power levels', () => {
  const scenario = newScenario();
  const left = scenario.room({ bob: 50, carol: 0 });
  const right = left.fork();
  const ban = { membership: 'ban' };
  left.send('ban-bob', {
    sender: 'alice',
    type: 'm.room.member',
    key: userIdOf('bob'),
    content: ban,
    depth: 100,
  });
  topic(right, 'topic-bob', 'bob', 200);
  topic(left, 'topic-alice', 'alice', 101);
  const resolved = scenario.resolve(left, right);
  assert.equal(resolved.get(`m.room.member/${userIdOf('bob')}`), 'ban-bob');
  assert.equal(resolved.get('m.room.topic'), 'topic-alice');
});
