import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../json.ts';
import { AuthRoom, userOf } from './auth-room.ts';

test('levels that no double can hold are refused in every part of the power levels (versions 1 to 9)', () => {
  const tooLarge = Number('1e400');
  const users = { [userOf('alice')]: 100 };
  const contents: JsonObject[] = [
    { users, ban: tooLarge },
    { users, events: { 'm.room.name': tooLarge } },
    { users, notifications: { room: tooLarge } },
    { users: { ...users, [userOf('bob')]: tooLarge } },
  ];
  for (const version of ['1', '5', '9']) {
    for (const content of contents) {
      const isAllowed = new AuthRoom(version).allows('alice', 'm.room.power_levels', '', content);
      assert.equal(isAllowed, false, `${Object.keys(content).join()} in version ${version}`);
    }
  }
});
