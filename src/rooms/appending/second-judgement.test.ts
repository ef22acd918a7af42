import assert from 'node:assert/strict';
import { stateKeyOf } from '../../protocol/events/event.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import {
  assertSameState,
  LAZY,
  sendToBoth,
  shows,
  stateOf,
  tell,
  whilePartial,
} from '../../testing/federation/partial-room.ts';
import type { RemoteEvent, RemoteRoom } from '../../testing/federation/remote-room.ts';
import { TestClient, type Json } from '../../testing/client/test-client.ts';

/** Transactions of 50 events each, together more than the events that are read at once. */
const TRANSACTIONS = 12;

/** Has somebody join and leave again; gives the join. */
async function comeAndGo(room: RemoteRoom): Promise<RemoteEvent> {
  const userId = eveOf(room);
  const member = { type: 'm.room.member', stateKey: userId, sender: userId };
  const join = room.next({ ...member, content: { membership: 'join' } });
  const gone = room.next({ ...member, content: { membership: 'leave' } });
  assert.deepEqual(await room.send(join, gone), [undefined, undefined]);
  return join;
}

function eveOf(room: RemoteRoom): string {
  return `@eve:${room.remote.name}`;
}

/** A topic by one who left, which is not in the room's state. */
function stolenTopic(room: RemoteRoom, join: RemoteEvent | undefined): RemoteEvent {
  const levels = room.state.get(stateKeyOf('m.room.power_levels', ''));
  const auth = [levels, join].flatMap((event) => event?.eventId ?? []);
  const topic = { type: 'm.room.topic', stateKey: '', content: { topic: 'taken over' } };
  const stolen = room.next({ ...topic, sender: eveOf(room), auth });
  room.state.delete(stateKeyOf('m.room.topic', ''));
  return stolen;
}

onFederation(
  'who is not in the room is heard until its members are known, and then is not in it nor its state [B104 partial]',
  async (federation) => {
    const left: { join?: RemoteEvent } = {};
    await whilePartial(
      federation,
      async (scene) => {
        const { alice, bob, room, complete } = scene;
        tell(scene, [], [left.join as RemoteEvent]);
        const { next_batch: since } = await bob.sync(LAZY);
        const stolen = stolenTopic(room, left.join);
        const message = room.say('after it');
        assert.deepEqual(await room.sendTo(federation.b.name, stolen, message), [undefined, undefined]);
        await bob.syncUntil(since, shows(room.roomId, 'after it'), LAZY);
        const other = new TestClient((await federation.b.another()).url, bob.token);
        await other.ok('GET', bob.room(room.roomId, `/event/${stolen.eventId}`));
        assert.equal((await bob.ok('GET', bob.room(room.roomId, '/state/m.room.topic'))).topic, 'taken over');
        const [atA] = await room.sendTo(federation.a.name, stolen, message);
        assert.notEqual(atA, undefined, 'who knows the members refuses it');
        complete(true);
        await assertSameState(scene);
        await bob.fails(404, 'M_NOT_FOUND', 'GET', bob.room(room.roomId, '/state/m.room.topic'));
        await bob.fails(404, 'M_NOT_FOUND', 'GET', bob.room(room.roomId, `/event/${stolen.eventId}`));
        await other.ok('GET', bob.room(room.roomId, '/members'));
        await other.fails(404, 'M_NOT_FOUND', 'GET', bob.room(room.roomId, `/event/${stolen.eventId}`));
        assert.deepEqual(await stateOf(other, room.roomId), await stateOf(bob, room.roomId));
        const said = await other.say(room.roomId, 'from another process');
        await alice.syncUntil(undefined, shows(room.roomId, 'from another process'));
        const shown = (await bob.sync()).rooms.join[room.roomId].timeline.events as Json[];
        assert.ok(shown.some((event) => event.event_id === said));
        assert.ok(!shown.some((event) => event.event_id === stolen.eventId));
        assert.ok(shown.some((event) => event.event_id === message.eventId));
        await bob.say(room.roomId, 'and on');
        await alice.syncUntil(undefined, shows(room.roomId, 'and on'));
      },
      {
        topicPower: 0,
        before: async ({ room }) => {
          left.join = await comeAndGo(room);
        },
      },
    );
  },
);

onFederation(
  'who was refused for what did not hold is heard once that is known, and what was redacted by nobody is not [B104 partial]',
  async (federation) => {
    const former: RemoteEvent[] = [];
    const person = (name: string, room: RemoteRoom) => `@${name}:${room.remote.name}`;
    const message = (body: string) => ({ type: 'm.room.message', content: { msgtype: 'm.text', body } });
    const member = (userId: string, membership: string, sender = userId) => ({
      ...{ type: 'm.room.member', stateKey: userId, sender, content: { membership } },
    });
    await whilePartial(
      federation,
      async (scene) => {
        const { alice, bob, room, complete } = scene;
        const frank = person('frank', room);
        tell(scene, [], former);
        const idOf = (type: string, key = '') => room.state.get(stateKeyOf(type, key))?.eventId;
        const levels = idOf('m.room.power_levels');
        const [joined] = former;
        const { next_batch: since } = await bob.sync(LAZY);
        const said = await bob.say(room.roomId, 'mine');
        // Mallory, who left, removes Frank, and takes back what Bob said.
        const auth = [idOf('m.room.create'), levels, joined?.eventId, idOf('m.room.member', frank)].flatMap(
          (id) => id ?? [],
        );
        const kick = room.make({ ...member(frank, 'leave', room.userId), auth });
        room.latest = [kick.eventId];
        const redacts = { type: 'm.room.redaction', content: { redacts: said } };
        const redaction = room.make({ ...redacts, auth: auth.slice(0, 3) });
        room.latest = [redaction.eventId];
        const topic = room.next({
          ...{ type: 'm.room.topic', stateKey: '', sender: frank, content: { topic: 'of Frank' } },
        });
        const last = room.next({ ...message('the last'), sender: person('eve', room) });
        const { atA, atB } = await sendToBoth(federation, scene, kick, redaction, topic, last);
        assert.deepEqual(
          atB,
          [undefined, undefined, undefined, undefined],
          'it is not certain what is wrong',
        );
        assert.deepEqual([atA[2], atA[3]], [undefined, undefined]);
        await bob.syncUntil(since, shows(room.roomId, 'the last'), LAZY);
        await bob.fails(404, 'M_NOT_FOUND', 'GET', bob.room(room.roomId, `/event/${topic.eventId}`));
        complete(true);
        await assertSameState(scene);
        assert.equal((await bob.ok('GET', bob.room(room.roomId, '/state/m.room.topic'))).topic, 'of Frank');
        const shown: Json[] = (await bob.sync()).rooms.join[room.roomId].timeline.events;
        const ids = shown.map((event) => event.event_id);
        assert.ok(ids.includes(topic.eventId));
        assert.ok(!ids.includes(kick.eventId) && !ids.includes(redaction.eventId));
        assert.deepEqual((await bob.ok('GET', bob.room(room.roomId, `/event/${said}`))).content.body, 'mine');
        await bob.say(room.roomId, 'and on');
        await alice.syncUntil(undefined, shows(room.roomId, 'and on'));
        await assertSameState(scene);
      },
      {
        ...{ topicPower: 0, guestPower: 50 },
        before: async ({ room }) => {
          const joined = room.state.get(stateKeyOf('m.room.member', room.userId));
          if (joined) former.push(joined);
          const events = ['frank', 'eve'].map((name) => room.next(member(person(name, room), 'join')));
          events.push(room.next(member(room.userId, 'leave')));
          assert.deepEqual(await room.send(...events), [undefined, undefined, undefined]);
        },
      },
    );
  },
);

onFederation(
  'what others redact in a room whose members are yet to come is redacted once they are known [B104 partial]',
  async (federation) => {
    await whilePartial(federation, async (scene) => {
      const { bob, room, complete } = scene;
      tell(scene);
      const { next_batch: since } = await bob.sync(LAZY);
      const [message, other] = [room.say('regretted'), room.say('not meant')];
      const redaction = room.next({
        type: 'm.room.redaction',
        content: { redacts: message.eventId },
        more: { redacts: other.eventId },
      });
      await sendToBoth(federation, scene, message, other, redaction);
      const isShown = (body: Json) =>
        (body.rooms?.join?.[room.roomId]?.timeline.events ?? []).some(
          (event: Json) => event.event_id === redaction.eventId,
        );
      await bob.syncUntil(since, isShown, LAZY);
      complete(true);
      await assertSameState(scene);
      const contentOf = async ({ eventId }: RemoteEvent): Promise<unknown> =>
        (await bob.ok('GET', bob.room(room.roomId, `/event/${eventId}`))).content;
      assert.deepEqual(await contentOf(message), {});
      assert.deepEqual(await contentOf(other), other.pdu.content);
    });
  },
);

onFederation(
  'what came before the members of a room is judged again also after a restart in between [B104 partial]',
  async (federation) => {
    const { a, b } = federation;
    await whilePartial(
      federation,
      async (scene) => {
        const { alice, bob, room, complete } = scene;
        tell(scene);
        const { next_batch: since } = await bob.sync(LAZY);
        const topic = { type: 'm.room.topic', stateKey: '', content: { topic: 'of Mallory' } };
        const events = [room.say('early'), room.next(topic), room.say('still early')];
        await sendToBoth(federation, scene, ...events);
        await bob.syncUntil(since, shows(room.roomId, 'still early'), LAZY);
        const stopping = b.stop();
        complete(false);
        await stopping;
        await b.start();
        const again = b.client(bob.token);
        await assertSameState({ ...scene, bob: again });
        assert.equal(
          (await again.ok('GET', bob.room(room.roomId, '/state/m.room.topic'))).topic,
          'of Mallory',
        );
        assert.deepEqual(await room.sendTo(a.name, room.say('after it')), [undefined]);
        await alice.say(room.roomId, 'and on');
        await again.syncUntil(undefined, shows(room.roomId, 'and on'));
        await assertSameState({ ...scene, bob: again });
      },
      { topicPower: 0 },
    );
  },
);

/** IDs of a room's messages and topics, the newest first. */
async function timelineOf(person: TestClient, roomId: string): Promise<string[]> {
  const ids: string[] = [];
  for (let from = ''; ;) {
    const page = await person.ok('GET', person.room(roomId, `/messages?dir=b&limit=100${from}`));
    for (const { type, event_id: id } of page.chunk as Json[]) {
      if (type === 'm.room.message' || type === 'm.room.topic') ids.push(id as string);
    }
    if (page.end === undefined) return ids;
    from = `&from=${encodeURIComponent(page.end as string)}`;
  }
}

onFederation(
  'more events than are read at once are judged again, those that are not allowed among them [B104 partial]',
  async (federation) => {
    const left: { join?: RemoteEvent } = {};
    await whilePartial(
      federation,
      async (scene) => {
        const { bob, room, complete } = scene;
        const { roomId } = room;
        tell(scene, [], [left.join as RemoteEvent]);
        const said: string[] = [];
        for (let i = 0; i < TRANSACTIONS; i++) {
          const stolen = stolenTopic(room, left.join);
          const messages = Array.from({ length: 49 }, (_, j) => room.say(`${i} ${j}`));
          const results = await room.sendTo(federation.b.name, stolen, ...messages);
          assert.deepEqual(new Set(results), new Set([undefined]));
          said.unshift(...messages.map((event) => event.eventId).reverse());
        }
        assert.equal((await bob.ok('GET', bob.room(roomId, '/state/m.room.topic'))).topic, 'taken over');
        complete(true);
        await assertSameState(scene);
        await bob.fails(404, 'M_NOT_FOUND', 'GET', bob.room(roomId, '/state/m.room.topic'));
        assert.deepEqual(await timelineOf(bob, roomId), said);
      },
      {
        topicPower: 0,
        before: async ({ room }) => {
          left.join = await comeAndGo(room);
        },
      },
    );
  },
);
