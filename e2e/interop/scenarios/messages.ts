import assert from 'node:assert/strict';
import { bodies } from '../../../src/testing/client/test-client.ts';
import { sharedRoom, type Scenario } from '../scene.ts';

const MESSAGES = 10;

const chat: Scenario = {
  feature: 'chat',
  async run(scene) {
    const { roomId, alice, bob } = await sharedRoom(scene);
    const said: string[] = [];
    for (let i = 0; i < MESSAGES; i++) {
      const [from, to] = i % 2 === 0 ? [alice, bob] : [bob, alice];
      said.push(`${i}: a word with 🌱 and \u0000 and \u{10ffff}`.replace('\u0000', '"\\'));
      const id = await from.say(roomId, said[i]!);
      const event = await to.untilEvent(roomId, id);
      assert.equal(event.sender, from.userId);
      // A peer may tell others of a message before its own user can see it.
      await from.untilEvent(roomId, id);
    }
    for (const person of [alice, bob]) {
      assert.deepEqual(bodies(await person.history(roomId)).reverse(), said);
    }
  },
};

const atOnce: Scenario = {
  feature: 'chat at once: both sides see all',
  async run(scene) {
    const { roomId, alice, bob } = await sharedRoom(scene);
    const numbers = Array.from({ length: MESSAGES }, (_, i) => i);
    const talk = async (person: typeof alice) => {
      const ids: string[] = [];
      for (const i of numbers) ids.push(await person.say(roomId, `${i}`));
      return ids;
    };
    const all = (await Promise.all([talk(alice), talk(bob)])).flat();
    for (const person of [alice, bob]) for (const id of all) await person.untilEvent(roomId, id);
    const last = await bob.say(roomId, 'done');
    await alice.untilEvent(roomId, last);
    const topic = { topic: 'After it all' };
    await alice.setState(roomId, 'm.room.topic', topic);
    await bob.untilRoom(roomId, 'the topic', (room) => room.state.get('m.room.topic ')?.content.topic);
  },
};

const edit: Scenario = {
  feature: 'edits, reactions, threads',
  async run(scene) {
    const { roomId, alice, bob } = await sharedRoom(scene);
    const first = await alice.say(roomId, 'Helo');
    await bob.untilEvent(roomId, first);
    const edited = await alice.say(roomId, '* Hello', {
      'm.new_content': { msgtype: 'm.text', body: 'Hello' },
      'm.relates_to': { rel_type: 'm.replace', event_id: first },
    });
    const { content } = await bob.untilEvent(roomId, edited);
    assert.deepEqual(content['m.relates_to'], { rel_type: 'm.replace', event_id: first });
    assert.equal(content['m.new_content'].body, 'Hello');

    const relates = { 'm.relates_to': { rel_type: 'm.annotation', event_id: first, key: '👍' } };
    await alice.untilEvent(roomId, await bob.send(roomId, 'm.reaction', relates));
    const threaded = { 'm.relates_to': { rel_type: 'm.thread', event_id: first } };
    const answer = await bob.say(roomId, 'In a thread', threaded);
    const seen = await alice.untilEvent(roomId, answer);
    assert.deepEqual(seen.content['m.relates_to'], threaded['m.relates_to']);
  },
};

const redaction: Scenario = {
  feature: 'redactions',
  async run(scene) {
    const { roomId, alice, bob } = await sharedRoom(scene);
    const [hers, his] = [await alice.say(roomId, 'Oh dear'), await bob.say(roomId, 'Oh my')];
    await bob.untilEvent(roomId, hers);
    await alice.untilEvent(roomId, his);
    // Each their own, then a moderator somebody else's.
    const third = await bob.say(roomId, 'Bad word');
    await alice.untilEvent(roomId, third);
    for (const [by, target, other] of [
      [alice, hers, bob],
      [bob, his, alice],
      [alice, third, bob],
    ] as const) {
      const path = by.room(roomId, `/redact/${encodeURIComponent(target)}/${crypto.randomUUID()}`);
      const { event_id: id } = await by.ok('PUT', path, { reason: 'A mistake' });
      await other.untilEvent(roomId, id);
      const seen = await other.ok('GET', other.room(roomId, `/event/${encodeURIComponent(target)}`));
      assert.deepEqual(seen.content, {});
      assert.equal(seen.unsigned.redacted_because.event_id, id);
    }
    // Who is no moderator cannot.
    const kept = await alice.say(roomId, 'Kept');
    await bob.untilEvent(roomId, kept);
    const path = bob.room(roomId, `/redact/${encodeURIComponent(kept)}/${crypto.randomUUID()}`);
    await bob.ask('PUT', path, {});
    await alice.untilEvent(roomId, await bob.say(roomId, 'after that'));
    const seen = await alice.ok('GET', alice.room(roomId, `/event/${encodeURIComponent(kept)}`));
    assert.equal(seen.content.body, 'Kept');
  },
};

const state: Scenario = {
  feature: 'state, power levels',
  async run(scene) {
    const { roomId, alice, bob } = await sharedRoom(scene);
    const path = bob.room(roomId, '/state/m.room.topic/');
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', path, { topic: 'Not mine to say' });
    await alice.promote(roomId, bob.userId, 50);
    await bob.untilPower(roomId, 50);
    await bob.setState(roomId, 'm.room.topic', { topic: 'Tulips' });
    await alice.untilRoom(roomId, 'the topic', (room) => room.state.get('m.room.topic ')?.content.topic);
    await alice.setState(roomId, 'm.room.name', { name: 'The garden' });
    await bob.untilRoom(roomId, 'the name', (room) => room.state.get('m.room.name ')?.content.name);
    const name = { displayname: 'Bob the gardener' };
    await bob.ok('PUT', `/v3/profile/${encodeURIComponent(bob.userId)}/displayname`, name);
    await alice.untilRoom(
      roomId,
      'the display name',
      (room) => room.state.get(`m.room.member ${bob.userId}`)?.content.displayname === 'Bob the gardener',
    );
    for (const type of ['m.room.create', 'm.room.power_levels', 'm.room.topic', 'm.room.name']) {
      assert.deepEqual(await alice.state(roomId, type), await bob.state(roomId, type), type);
    }
  },
};

export const messages = [chat, atOnce, edit, redaction, state];
