import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import {
  assertSameState,
  LAZY,
  sendToBoth,
  shows,
  showsLeave,
  tell,
  whilePartial,
} from '../../testing/federation/partial-room.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';

onFederation(
  'what others say is shown at once in a room whose members are yet to come, with who says it [B104 partial]',
  async (federation) => {
    await whilePartial(federation, async (scene) => {
      const { bob, room, complete } = scene;
      tell(scene);
      const { next_batch: since } = await bob.sync(LAZY);
      const events = [room.say('early'), room.say('still early')];
      assert.deepEqual(await sendToBoth(federation, scene, ...events), {
        atA: [undefined, undefined],
        atB: [undefined, undefined],
      });
      const body = await bob.syncUntil(since, shows(room.roomId, 'still early'), LAZY);
      const state: Json[] = body.rooms.join[room.roomId].state.events;
      assert.ok(
        state.some((event) => event.state_key === room.userId && event.content.membership === 'join'),
      );
      await bob.say(room.roomId, 'welcome');
      complete(true);
      await assertSameState(scene);
      const whole = (await bob.sync()).rooms.join[room.roomId];
      assert.deepEqual(bodies(whole.timeline.events), ['early', 'still early', 'welcome']);
    });
  },
);

onFederation(
  'what came between is fetched in a room whose members are yet to come; what is not told waits for them [B104 partial]',
  async (federation) => {
    await whilePartial(federation, async (scene) => {
      const { bob, room, complete } = scene;
      const { next_batch: since } = await bob.sync(LAZY);
      const events = [room.say('one'), room.say('two')] as const;
      tell(scene, [events[0]]);
      assert.deepEqual(await room.sendTo(federation.b.name, events[1]), [undefined]);
      const body = await bob.syncUntil(since, shows(room.roomId, 'two'), LAZY);
      assert.deepEqual(bodies(body.rooms.join[room.roomId].timeline.events), ['one', 'two']);
      const [lost, last] = [room.say('lost'), room.say('last')];
      assert.match((await room.sendTo(federation.b.name, last))[0] ?? '', /could not be had/);
      tell(scene, [lost]);
      complete(true);
      await bob.syncUntil(body.next_batch, shows(room.roomId, 'last'), LAZY);
      await room.sendTo(federation.a.name, ...events, lost, last);
      await assertSameState(scene);
    });
  },
);

onFederation(
  'who types and who read is shown in a room whose members are yet to come [B104 partial]',
  async (federation) => {
    const { b } = federation;
    await whilePartial(federation, async (scene) => {
      const { bob, room, remote } = scene;
      const { roomId, userId } = room;
      const said = await bob.say(roomId, 'hello');
      const { next_batch: since } = await bob.sync(LAZY);
      const typing = { room_id: roomId, user_id: userId, typing: true };
      const receipt = { [userId]: { data: { ts: 1_700_000_000_000 }, event_ids: [said] } };
      await remote.sendEdus(
        b.name,
        { edu_type: 'm.typing', content: typing },
        { edu_type: 'm.receipt', content: { [roomId]: { 'm.read': receipt } } },
      );
      const found = new Set<string>();
      await bob.syncUntil(
        since,
        (body) => {
          const events: Json[] = body.rooms?.join?.[roomId]?.ephemeral?.events ?? [];
          for (const { type, content } of events)
            if (JSON.stringify(content).includes(userId)) found.add(type);
          return found.size === 2;
        },
        LAZY,
      );
      assert.deepEqual([...found].sort(), ['m.receipt', 'm.typing']);
    });
  },
);

onFederation(
  'who leaves a room whose members are yet to come can come back before they are here [B104 partial]',
  async (federation) => {
    await whilePartial(federation, async (scene) => {
      const { alice, bob, room, complete } = scene;
      const { roomId } = room;
      const { next_batch: since } = await alice.sync();
      await bob.ok('POST', bob.room(roomId, '/leave'), {});
      await alice.syncUntil(since, showsLeave(roomId, bob.userId));
      await alice.say(roomId, 'meanwhile');
      await bob.join(roomId, federation.a.name);
      await bob.say(roomId, 'back again');
      await alice.syncUntil(undefined, shows(roomId, 'back again'));
      await alice.say(roomId, 'welcome back');
      await bob.syncUntil(undefined, shows(roomId, 'welcome back'), LAZY);
      complete(true);
      await assertSameState(scene);
      const shown = bodies((await bob.sync()).rooms.join[roomId].timeline.events);
      assert.deepEqual(shown.slice(-3), ['meanwhile', 'back again', 'welcome back']);
    });
  },
);

onFederation(
  'where a part of a room is not told whose members are yet to come, it goes on from the state after it [B104 partial]',
  async (federation) => {
    await whilePartial(federation, async (scene) => {
      const { bob, room, complete, remote } = scene;
      const { next_batch: since } = await bob.sync(LAZY);
      const [lost, between, last] = [room.say('lost'), room.say('between'), room.say('last')];
      const events = [...room.state.values()];
      const ids = events.map(({ eventId }) => eventId);
      const pdus = events.map(({ pdu }) => pdu as Json);
      const answers: [string, Json][] = [
        ['/event_auth/', { auth_chain: pdus }],
        ['/get_missing_events/', { events: [between.pdu] }],
        ['/state_ids/', { pdu_ids: ids, auth_chain_ids: ids }],
        ['/state/', { pdus, auth_chain: pdus }],
        [`/event/${encodeURIComponent(lost.eventId)}`, { pdus: [lost.pdu] }],
      ];
      for (const { eventId, pdu } of events) {
        answers.push([`/event/${encodeURIComponent(eventId)}`, { pdus: [pdu as Json] }]);
      }
      remote.answer = ({ url }) => {
        const body = answers.find(([path]) => url.includes(path))?.[1];
        return body && { status: 200, body };
      };
      assert.deepEqual(await room.sendTo(federation.b.name, last), [undefined]);
      await bob.syncUntil(since, shows(room.roomId, 'last'), LAZY);
      await room.sendTo(federation.a.name, lost, between, last);
      await bob.say(room.roomId, 'heard');
      complete(true);
      await assertSameState(scene);
      await scene.alice.syncUntil(undefined, shows(room.roomId, 'heard'));
    });
  },
);

onFederation(
  'of a room whose members are yet to come everything else is told at once, and a member once they are known [B104 partial]',
  async (federation) => {
    await whilePartial(federation, async ({ alice, bob, room: { roomId }, complete }) => {
      const { partialRooms } = federation.b.server.services;
      const whenComplete = partialRooms.whenComplete.bind(partialRooms);
      let waits = 0;
      partialRooms.whenComplete = (...room) => {
        waits += 1;
        return whenComplete(...room);
      };
      const state = (key: string) => bob.room(roomId, `/state/${key}`);
      await bob.fails(404, 'M_NOT_FOUND', 'GET', state('m.room.avatar'));
      assert.equal(waits, 0);
      assert.equal((await bob.ok('GET', state('m.room.name'))).name, 'large');
      const asked = bob.ok('GET', state(`m.room.member/${encodeURIComponent(alice.userId)}`));
      complete(true);
      assert.equal((await asked).membership, 'join');
    });
  },
);

onFederation(
  'a sync waits once for the members of all rooms that are yet to come, not for each [B104 partial]',
  async (federation) => {
    await whilePartial(federation, async ({ alice, bob }) => {
      const dora = await federation.a.person('dora');
      for (const name of ['two', 'three']) {
        const roomId = await alice.createRoom({ preset: 'public_chat', name });
        await dora.join(roomId);
        await bob.join(roomId, federation.a.name);
      }
      const { partialRooms } = federation.b.server.services;
      assert.equal(partialRooms.count, 3);
      const whenComplete = partialRooms.whenComplete.bind(partialRooms);
      let waitedMs = 0;
      partialRooms.whenComplete = (roomId, timeoutMs) => {
        waitedMs += timeoutMs;
        return whenComplete(roomId, timeoutMs);
      };
      await bob.sync();
      assert.ok(waitedMs > 0 && waitedMs < 1_500, `waited ${waitedMs} ms`);
    });
  },
);
