import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instanceIdOf, parseInstanceId } from './instance-id.ts';

void test('an instance ID names one network, whatever is in the IDs that it is made of', () => {
  const ids = ['irc', 'a|b', 'a', 'b', '|', '%7C', '%257C', '%', ''];
  const all = ids.flatMap((appserviceId) => ids.map((networkId) => ({ appserviceId, networkId })));
  for (const instance of all) assert.deepEqual(parseInstanceId(instanceIdOf(instance)), instance);
  assert.equal(new Set(all.map(instanceIdOf)).size, all.length);
  assert.equal(instanceIdOf({ appserviceId: 'irc', networkId: 'freenode' }), 'irc|freenode');
  assert.throws(() => parseInstanceId('irc'), /instance_id/);
});
