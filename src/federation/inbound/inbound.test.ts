import assert from 'node:assert/strict';
import { signPdu, SigningKey } from '../../protocol/signing.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import type { RemoteEvent } from '../../testing/federation/remote-room.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { roomWithModerator, serve, timeline } from './testing/remote-guest.ts';

onFederation('events are taken in and shown, each once [B101]', async (federation) => {
  const { alice, roomId, room } = await roomWithModerator(federation);
  const [one, two] = [room.say('one'), room.say('two')];
  assert.deepEqual(await room.send(one, two), [undefined, undefined]);
  assert.deepEqual(await room.send(two), [undefined], 'what is known is no error');
  assert.deepEqual(bodies(await timeline(alice, roomId)), ['one', 'two']);
  const said = await alice.say(roomId, 'three');
  const event = await alice.ok('GET', alice.room(roomId, `/event/${said}`));
  assert.equal(event.content.body, 'three');
});

onFederation('forged, malformed and foreign events are refused [B101] [B115]', async (federation) => {
  const { alice, roomId, room, remote } = await roomWithModerator(federation);
  const honest = room.make({ type: 'm.room.message', content: { body: 'honest' } });
  const other = SigningKey.fromSeed(remote.key.keyId, Buffer.alloc(32, 5));
  const forged = signPdu({ ...honest.pdu, signatures: {}, depth: 99 }, room.version, remote.name, other);
  const foreign = room.make({
    type: 'm.room.message',
    content: { body: 'as Alice' },
    sender: alice.userId,
  });
  const outsider = room.make({
    type: 'm.room.message',
    content: { body: 'x' },
    sender: `@eve:${remote.name}`,
  });
  const changed = { ...honest.pdu, content: { body: 'changed' } };
  const results = await room.sendRaw(
    forged,
    foreign.pdu,
    outsider.pdu,
    { room_id: roomId },
    { ...honest.pdu, depth: 'x' },
  );
  assert.match(results[foreign.eventId].error, /not signed by/);
  assert.match(results[outsider.eventId].error, /not joined/);
  assert.equal(Object.values(results).filter((one: Json) => one.error === undefined).length, 0);
  assert.deepEqual(bodies(await timeline(alice, roomId)), []);
  assert.deepEqual(
    await room.sendRaw(changed),
    { [honest.eventId]: {} },
    'of a changed event the essence is taken',
  );
  const shown = await alice.ok('GET', alice.room(roomId, `/event/${honest.eventId}`));
  assert.deepEqual(shown.content, {});
});

onFederation(
  'events that the rules refuse are in no timeline, and nothing follows from them [B101] [A106]',
  async (federation) => {
    const { alice, roomId, room } = await roomWithModerator(federation);
    const levels = room.make({
      type: 'm.room.power_levels',
      stateKey: '',
      content: { users: { [room.userId]: 100 } },
    });
    assert.match((await room.send(levels))[0] ?? '', /.+/);
    const name = room.make({
      type: 'm.room.name',
      stateKey: '',
      content: { name: 'taken over' },
      auth: [levels.eventId],
    });
    assert.match((await room.send(name))[0] ?? '', /.+/);
    const after = room.make({ type: 'm.room.message', content: { body: 'after' }, prev: [levels.eventId] });
    assert.deepEqual(
      await room.send(after),
      [undefined],
      'what follows a rejected event is judged by the state before it',
    );
    const current = await alice.ok('GET', alice.room(roomId, '/state/m.room.power_levels/'));
    assert.equal(current.users[room.userId], 50);
    await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(roomId, `/event/${levels.eventId}`));
    assert.deepEqual(bodies(await timeline(alice, roomId)), ['after']);
  },
);

onFederation('who was banned cannot go on from before the ban: soft failure [B101]', async (federation) => {
  const { alice, roomId, room } = await roomWithModerator(federation);
  const before = room.say('before the ban');
  await room.send(before);
  await alice.ok('POST', alice.room(roomId, '/ban'), { user_id: room.userId });
  const late = room.say('from before the ban, so it says');
  assert.deepEqual(await room.send(late), [undefined]);
  assert.deepEqual(bodies(await timeline(alice, roomId)), ['before the ban']);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(roomId, `/event/${late.eventId}`));
  const said = await alice.say(roomId, 'gone');
  const answer = await room.remote.ask(
    room.resident,
    'GET',
    `/_matrix/federation/v1/event/${encodeURIComponent(said)}`,
  );
  assert.equal(answer.status, 403);
});

onFederation('a fork is joined again, and both sides of it count [A105] [A107]', async (federation) => {
  const { alice, roomId, room, remote } = await roomWithModerator(federation);
  const start = [...room.latest];
  const topic = await alice.setState(roomId, 'm.room.topic', { topic: 'by Alice' });
  const name = room.make({
    type: 'm.room.name',
    stateKey: '',
    content: { name: 'by Mallory' },
    prev: start,
  });
  assert.deepEqual(await room.send(name), [undefined]);
  const state = async (type: string) => alice.ok('GET', alice.room(roomId, `/state/${type}/`));
  assert.equal((await state('m.room.topic')).topic, 'by Alice');
  assert.equal((await state('m.room.name')).name, 'by Mallory');
  const merged = await alice.say(roomId, 'merged');
  const pdu = await remote.until(() => remote.pdus.find((one: Json) => one.content?.body === 'merged'));
  assert.deepEqual([...pdu.prev_events].sort(), [topic, name.eventId].sort());
  assert.equal(
    pdu.depth,
    Math.max(room.depth, name.pdu.depth, remote.pdus.find((one: Json) => one.type === 'm.room.topic').depth) +
      1,
  );
  const ids = await remote.ask(
    room.resident,
    'GET',
    `/_matrix/federation/v1/state_ids/${encodeURIComponent(roomId)}?event_id=${encodeURIComponent(merged)}`,
  );
  assert.ok(ids.body.pdu_ids.includes(topic) && ids.body.pdu_ids.includes(name.eventId));
  room.latest = [merged as never];
  room.depth = pdu.depth;
  assert.deepEqual(await room.send(room.say('on one line')), [undefined]);
  assert.deepEqual(bodies(await timeline(alice, roomId)), ['merged', 'on one line']);
});

onFederation(
  'where a fork disagrees the resolution decides, on every server the same, whatever came first [A107] [B101]',
  async (federation) => {
    const { alice, roomId, room } = await roomWithModerator(federation);
    const { a, b } = federation;
    const bob = await b.person('bob');
    await bob.join(roomId, a.name);
    const member = await alice.ok('GET', alice.room(roomId, '/members'));
    const join = member.chunk.find((event: Json) => event.state_key === bob.userId).event_id;
    const start = { prev: [join], depth: 50 };
    const now = Date.now();
    const topic = (text: string, ts: number) =>
      room.make({ type: 'm.room.topic', stateKey: '', content: { topic: text }, ts, ...start });
    const [later, earlier] = [topic('later', now + 60_000), topic('earlier', now)];
    const name = room.make({ type: 'm.room.name', stateKey: '', content: { name: 'beside' }, ...start });
    const { next_batch: since } = await bob.sync();
    assert.deepEqual(await room.sendTo(a.name, later, earlier, name), [undefined, undefined, undefined]);
    for (const event of [name, earlier, later])
      assert.deepEqual(await room.sendTo(b.name, event), [undefined]);
    for (const person of [alice, bob]) {
      assert.equal((await person.ok('GET', person.room(roomId, '/state/m.room.topic/'))).topic, 'later');
      assert.equal((await person.ok('GET', person.room(roomId, '/state/m.room.name/'))).name, 'beside');
    }
    const body = await alice.sync({ use_state_after: 'true' });
    const after = body.rooms.join[roomId].state_after;
    const shown = after.events.find((event: Json) => event.type === 'm.room.topic');
    assert.equal(shown.content.topic, 'later', 'the state is told although the timeline ends otherwise');
    const ofBob = (await bob.sync({ since })).rooms.join[roomId];
    assert.equal(ofBob.timeline.events.length, 3);
  },
);

onFederation('what lies between is asked for [B103 partial] [A109]', async (federation) => {
  const { alice, roomId, room, remote } = await roomWithModerator(federation);
  const said = Array.from({ length: 6 }, (_, i) => room.say(`m${i}`));
  serve(remote, said.slice(0, -1));
  assert.deepEqual(await room.send(said.at(-1) as RemoteEvent), [undefined]);
  assert.deepEqual(bodies(await timeline(alice, roomId)), ['m0', 'm1', 'm2', 'm3', 'm4', 'm5']);
});

onFederation(
  'where the gap is too wide, the state is fetched and believed as far as it is allowed [B102 partial] [A109]',
  async (federation) => {
    const { alice, roomId, room, remote } = await roomWithModerator(federation);
    const before = [...room.state.values()];
    const lost = room.next({ type: 'm.room.name', stateKey: '', content: { name: 'in the gap' } });
    const gap = room.say('lost');
    const forged = room.make({
      type: 'm.room.topic',
      stateKey: '',
      content: { topic: 'forged' },
      sender: alice.userId,
    });
    const last = room.say('after the gap');
    serve(remote, [], { [gap.eventId]: [...before, lost, forged] });
    const answerStates = remote.answer;
    remote.answer = (request) => {
      const path = decodeURIComponent(request.url);
      const single = [lost, gap, forged].find(({ eventId }) => path.endsWith(`/event/${eventId}`));
      return single ? { status: 200, body: { pdus: [single.pdu] } } : answerStates(request);
    };
    assert.deepEqual(await room.send(last), [undefined]);
    assert.deepEqual(bodies(await timeline(alice, roomId)), ['after the gap']);
    assert.equal((await alice.ok('GET', alice.room(roomId, '/state/m.room.name/'))).name, 'in the gap');
    await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(roomId, '/state/m.room.topic/'));
    assert.deepEqual(await room.send(gap), [undefined], 'it comes late');
    await alice.say(roomId, 'and goes on');
    const pdu = await remote.until(() =>
      remote.pdus.find((one: Json) => one.content?.body === 'and goes on'),
    );
    assert.ok(pdu.prev_events.includes(last.eventId));
    assert.ok(!pdu.prev_events.includes(gap.eventId), 'what came late is followed already');
    assert.deepEqual(bodies(await timeline(alice, roomId)), ['after the gap', 'lost', 'and goes on']);
  },
);

onFederation('an event whose past nobody tells is refused and changes nothing [B101]', async (federation) => {
  const { alice, roomId, room } = await roomWithModerator(federation);
  room.say('never sent');
  const last = room.say('out of nowhere');
  assert.match((await room.send(last))[0] ?? '', /could not be had/);
  assert.deepEqual(bodies(await timeline(alice, roomId)), []);
});

onFederation('a server that the access control list shuts out is not heard [B114]', async (federation) => {
  const { alice, roomId, room, remote } = await roomWithModerator(federation);
  await alice.setState(roomId, 'm.room.server_acl', { allow: ['*'], deny: ['localhost'] });
  assert.match((await room.send(room.say('hello?')))[0] ?? '', /access control/);
  const path = `/_matrix/federation/v1/state_ids/${encodeURIComponent(roomId)}?event_id=${encodeURIComponent(room.latest[0] ?? '')}`;
  assert.equal((await remote.ask(room.resident, 'GET', path)).status, 403);
  assert.deepEqual(bodies(await timeline(alice, roomId)), []);
});

onFederation(
  'redactions of other servers take effect where their sender may, also before their target comes [B030]',
  async (federation) => {
    const { alice, roomId, room } = await roomWithModerator(federation);
    const said = room.say('to be redacted');
    const base = [...room.latest];
    await room.send(said);
    const ofAlice = await alice.say(roomId, 'hers');
    const redaction = (target: string) =>
      room.make({ type: 'm.room.redaction', content: {}, prev: base, more: { redacts: target } });
    const late = room.make({ type: 'm.room.message', content: { body: 'comes late' }, prev: base });
    for (const target of [said.eventId, ofAlice, late.eventId]) {
      assert.deepEqual(await room.send(redaction(target)), [undefined]);
    }
    await room.send(late);
    const content = async (eventId: string) =>
      (await alice.ok('GET', alice.room(roomId, `/event/${eventId}`))).content;
    assert.deepEqual(await content(said.eventId), {});
    assert.deepEqual(await content(ofAlice), {}, 'power 50 is enough');
    assert.deepEqual(await content(late.eventId), {});
  },
);

onFederation('events of another server count as unread, and notify [B063]', async (federation) => {
  const { alice, roomId, room } = await roomWithModerator(federation);
  const { next_batch: since } = await alice.sync();
  await room.send(room.say('one'), room.say('two'));
  const body = await alice.syncUntil(since, (answer) => answer.rooms?.join?.[roomId] !== undefined);
  assert.equal(body.rooms.join[roomId].unread_notifications.notification_count, 2);
});

onFederation(
  'a server that forks a room again and again does not make it grow ends [A105] [B101]',
  async (federation) => {
    const { alice, roomId, room, remote } = await roomWithModerator(federation);
    const start = [...room.latest];
    const forks = Array.from({ length: 50 }, (_, i) =>
      room.make({ type: 'm.room.message', content: { body: `f${i}` }, prev: start }),
    );
    assert.ok((await room.send(...forks)).every((error) => error === undefined));
    await alice.say(roomId, 'on top');
    const pdu = await remote.until(() => remote.pdus.find((one: Json) => one.content?.body === 'on top'));
    assert.ok(pdu.prev_events.length <= 11, `${pdu.prev_events.length} ends are left`);
    assert.equal(bodies(await timeline(alice, roomId)).length, 51);
  },
);

onFederation(
  'depths and events as large as they may be are taken, larger ones refused [A104 partial]',
  async (federation) => {
    const { alice, roomId, room } = await roomWithModerator(federation, '5');
    const deep = room.next({ type: 'm.room.message', content: { body: 'deep' }, depth: 2 ** 62 });
    assert.deepEqual(await room.send(deep), [undefined]);
    assert.deepEqual(
      await room.send(room.next({ type: 'm.room.message', content: { body: 'next' }, depth: 7 })),
      [undefined],
    );
    const large = room.make({ type: 'm.room.message', content: { body: 'x'.repeat(66_000) } });
    assert.match((await room.send(large))[0] ?? '', /at most 65536/);
    await alice.say(roomId, 'on top');
    assert.deepEqual(bodies(await timeline(alice, roomId)), ['deep', 'next', 'on top']);
  },
);
