import assert from 'node:assert/strict';
import type { TestClient } from '../../testing/client/test-client.ts';
import { type Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';
import { find } from './testing/searching.ts';

onServers(
  'A message is found by what it says now: edits and redactions reach the index [B070]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const edit = (who: TestClient, eventId: string, body: string) =>
      who.say(room, `* ${body}`, {
        'm.new_content': { msgtype: 'm.text', body },
        'm.relates_to': { rel_type: 'm.replace', event_id: eventId },
      });
    const redact = (eventId: string) =>
      alice.ok('PUT', alice.room(room, `/redact/${eventId}/t${eventId.slice(1)}`), {});
    const id = async (term: string) =>
      (await find(alice, term)).results.map(({ result }: Json) => result.event_id);
    const first = await alice.say(room, 'original words');
    assert.deepEqual(await id('original'), [first]);
    const change = await edit(alice, first, 'changed words');
    assert.deepEqual(await id('original'), []);
    assert.deepEqual(await id('changed'), [first]);
    await edit(bob, first, 'forged');
    assert.deepEqual(await id('forged'), []);
    assert.deepEqual(await id('changed'), [first]);
    await redact(change);
    assert.deepEqual(await id('changed'), []);
    assert.deepEqual(await id('original'), [first]);
    await redact(first);
    assert.deepEqual(await id('words'), []);
    const { searchIndex } = s.server.services;
    await searchIndex.catchUp();
    const topic = await alice.setState(room, 'm.room.topic', { topic: 'spoken of' });
    assert.deepEqual(await id('spoken'), [topic]);
    await redact(topic);
    assert.deepEqual(await id('spoken'), []);
  },
);

onServers(
  'Who left before an edit finds a message by what it said then, and not by the edit [B070]',
  async (s) => {
    const [alice, bob, carol] = [await s.person('alice'), await s.person('bob'), await s.person('carol')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    for (const who of [bob, carol]) await who.join(room);
    const message = await alice.say(room, 'original words');
    const edit = (body: string) =>
      alice.say(room, `* ${body}`, {
        'm.new_content': { msgtype: 'm.text', body },
        'm.relates_to': { rel_type: 'm.replace', event_id: message },
      });
    const leave = (who: TestClient) => who.ok('POST', who.room(room, '/leave'), {});
    await leave(bob);
    const second = await edit('second words');
    await leave(carol);
    await edit('third words');
    const terms = ['original', 'second', 'third'];
    const foundBy = async (who: TestClient) => {
      const found: string[] = [];
      for (const term of terms) {
        const { count, results } = await find(who, term);
        assert.equal(count, results.length);
        if (results.some(({ result }: Json) => result.event_id === message)) found.push(term);
      }
      return found;
    };
    assert.deepEqual(await foundBy(alice), ['third']);
    assert.deepEqual(await foundBy(bob), ['original']);
    assert.deepEqual(await foundBy(carol), ['second']);
    await alice.ok('PUT', alice.room(room, `/redact/${second}/t`), {});
    assert.deepEqual(await foundBy(carol), ['original']);
    await alice.ok('PUT', alice.room(room, `/redact/${message}/u`), {});
    for (const who of [alice, bob, carol]) assert.deepEqual(await foundBy(who), []);
  },
);
