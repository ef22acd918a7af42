import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { bodies, type Json, type TestClient } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { V2Client } from '../../../testing/client/v2-client.ts';

/** A room of today's newest version, or of the version that the API of 2015 makes, with one person on each API in it. */
async function meet(alice: V2Client, bob: TestClient, maker: TestClient): Promise<string> {
  const other = maker === alice ? bob : alice;
  const room = await maker.createRoom({ invite: [other.userId], name: 'Both' });
  await other.join(room);
  return room;
}

const timelineOf = (body: Json, room: string): Json[] => body.rooms?.join?.[room]?.timeline.events ?? [];

describe('2015: beside today’s API', () => {
  onServers(
    'one on the API of 2015 and one on today’s talk in a room, each in their own shape [A039 partial] [A054 partial]',
    async (server) => {
      const alice = V2Client.of(await server.person('alice'));
      const bob = await server.person('bob');
      for (const maker of [alice, bob]) {
        const room = await meet(alice, bob, maker);
        const { end } = await alice.events();
        const since = (await bob.sync()).next_batch;
        const seenByBob = async (id: string): Promise<Json> => {
          const body = await bob.syncUntil(since, (one) =>
            timelineOf(one, room).some((event) => event.event_id === id),
          );
          return timelineOf(body, room).find((event) => event.event_id === id);
        };
        const seenByAlice = (id: string) => alice.eventUntil(end, (event) => event.event_id === id);

        const hers = await alice.say(room, 'from 2015');
        const shown = await seenByBob(hers);
        assert.deepEqual([shown.sender, shown.content.body], [alice.userId, 'from 2015']);
        assert.equal(shown.user_id, undefined);
        assert.equal(shown.age, undefined);
        assert.ok(shown.unsigned.age >= 0);

        const his = await bob.say(room, 'from today');
        const heard = await seenByAlice(his);
        assert.deepEqual([heard.user_id, heard.content.body], [bob.userId, 'from today']);
        assert.equal(heard.sender, undefined);
        assert.equal(heard.unsigned, undefined);
        assert.ok(heard.age >= 0);

        const marker = encodeURIComponent(hers);
        await bob.ok('POST', bob.room(room, `/receipt/m.read/${marker}`), {});
        const readByBob = await alice.eventUntil(
          end,
          ({ type, content }) =>
            type === 'm.receipt' && content[hers]?.['m.read']?.[bob.userId] !== undefined,
        );
        assert.equal(readByBob.room_id, room);
        await alice.read(room, his);
        const isReceipt = ({ type, content }: Json) =>
          type === 'm.receipt' && content[his]?.['m.read']?.[alice.userId] !== undefined;
        const ephemeralOf = (one: Json): Json[] => one.rooms?.join?.[room]?.ephemeral?.events ?? [];
        const withReceipt = await bob.syncUntil(since, (one) => ephemeralOf(one).some(isReceipt));
        assert.equal(ephemeralOf(withReceipt).find(isReceipt).room_id, undefined);

        const fixed = { msgtype: 'm.text', body: 'from today, fixed' };
        const relation = { rel_type: 'm.replace', event_id: his };
        const edit = await bob.send(room, 'm.room.message', {
          ...{ msgtype: 'm.text', body: '* from today, fixed' },
          ...{ 'm.new_content': fixed, 'm.relates_to': relation },
        });
        const asMessage = await seenByAlice(edit);
        assert.equal(
          asMessage.content.body,
          '* from today, fixed',
          'an edit is a message to who knows of none',
        );
        const edited = await bob.ok('GET', bob.room(room, `/event/${encodeURIComponent(his)}`));
        assert.equal(edited.unsigned['m.relations']['m.replace'].event_id, edit);
        const single = await alice.ok('GET', `/events/${encodeURIComponent(his)}`);
        assert.equal(single.content.body, 'from today');
        assert.equal(single.unsigned, undefined);

        await bob.send(room, 'm.reaction', {
          'm.relates_to': { rel_type: 'm.annotation', event_id: hers, key: '👍' },
        });
        await alice.eventUntil(end, (event) => event.type === 'm.reaction');

        const path = bob.room(room, `/redact/${encodeURIComponent(his)}/r1`);
        const { event_id: byBob } = await bob.ok('PUT', path, { reason: 'a slip' });
        const told = await seenByAlice(byBob);
        assert.deepEqual([told.type, told.redacts, told.user_id], ['m.room.redaction', his, bob.userId]);
        const gone = await alice.ok('GET', `/events/${encodeURIComponent(his)}`);
        assert.deepEqual(gone.content, {});
        assert.equal(gone.redacted_because.event_id, byBob);
        assert.equal(gone.redacted_because.content.reason, 'a slip');

        const target = encodeURIComponent(hers);
        const { event_id: byAlice } = await alice.ok('POST', alice.room(room, `/redact/${target}`), {});
        const redaction = await seenByBob(byAlice);
        assert.equal(redaction.redacts ?? redaction.content.redacts, hers);
        const bare = await bob.ok('GET', bob.room(room, `/event/${target}`));
        assert.deepEqual(bare.content, {});
        assert.equal(bare.unsigned.redacted_because.event_id, byAlice);

        if (maker === alice) await alice.setState(room, 'm.room.topic', { topic: 'set in 2015' });
        else await bob.setState(room, 'm.room.topic', { topic: 'set in 2015' });
        const topic = (person: TestClient) => person.ok('GET', person.room(room, '/state/m.room.topic'));
        assert.deepEqual(
          [(await topic(alice)).topic, (await topic(bob)).topic],
          ['set in 2015', 'set in 2015'],
        );
        const create = await alice.ok('GET', alice.room(room, '/state'));
        assert.equal(create.find(({ type }: Json) => type === 'm.room.create').content.creator, maker.userId);
        const history = await bob.ok('GET', bob.room(room, '/messages?dir=b&limit=100'));
        assert.deepEqual(
          bodies(history.chunk).filter((body) => body !== ''),
          ['* from today, fixed'],
        );
        const backlog = await alice.messages(room, { from: 'END', dir: 'b', limit: 100 });
        assert.deepEqual(
          backlog.chunk.map((event: Json) => event.event_id),
          history.chunk.map((event: Json) => event.event_id),
        );
      }
    },
  );
});
