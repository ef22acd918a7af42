import assert from 'node:assert/strict';
import { eventIdOf } from '../../protocol/events/event-id.ts';
import { stateKeyOf } from '../../protocol/events/event.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import type { RemoteDraft, RemoteEvent } from '../../testing/federation/remote-room.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import type { RoomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { roomWithModerator, timeline } from './testing/remote-guest.ts';

const levels = (scene: RoomWithGuest) =>
  scene.room.state.get(stateKeyOf('m.room.power_levels', '')) as RemoteEvent;

/** The remote server learns of an event of Alice's, and takes it into account. */
async function learn({ remote, room }: RoomWithGuest, eventId: string): Promise<RemoteEvent> {
  const found = await remote.until(() => {
    const pdu = remote.pdus.find((one: Json) => eventIdOf(one, room.version) === eventId);
    return pdu as RemoteEvent['pdu'] | undefined;
  });
  const event = { pdu: found, eventId: eventId as EventId };
  room.take(event);
  room.latest = [event.eventId];
  return event;
}

/** Takes Mallory's power. */
async function demote(scene: RoomWithGuest): Promise<RemoteEvent> {
  const { alice, roomId } = scene;
  const content = { users: { [alice.userId]: 100 } };
  return learn(scene, await alice.setState(roomId, 'm.room.power_levels', content));
}

const topic = (text: string, more: Partial<RemoteDraft> = {}): RemoteDraft => ({
  ...{ type: 'm.room.topic', stateKey: '', content: { topic: text } },
  ...more,
});

/** What the server says of an event when it is asked for it. */
function asked({ remote, a }: RoomWithGuest, eventId: string): Promise<{ status: number; body: Json }> {
  return remote.ask(a.name, 'GET', `/_matrix/federation/v1/event/${encodeURIComponent(eventId)}`);
}

onFederation(
  'an event that its auth events allow and the state before it does not is rejected: nobody sees it or follows it [B101]',
  async (federation) => {
    const scene = await roomWithModerator(federation);
    const { alice, remote, room, roomId } = scene;
    const old = levels(scene);
    const demotion = await demote(scene);
    const auth = [...room.state]
      .filter(([key]) => ['m.room.create', 'm.room.member'].some((type) => key.startsWith(type)))
      .filter(([, { pdu }]) => pdu.type === 'm.room.create' || pdu.state_key === room.userId)
      .map(([, { eventId }]) => eventId);
    const rejected = room.make(topic('not any more', { auth: [...auth, old.eventId] }));
    const after = room.make({
      ...{ type: 'm.room.message', content: { body: 'on top of it' } },
      ...{ prev: [rejected.eventId], depth: rejected.pdu.depth + 1 },
    });
    const results = await room.send(rejected, after);
    assert.match(results[0] ?? '', /power/);
    assert.equal(results[1], undefined, 'what follows it is judged by itself');
    await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(roomId, '/state/m.room.topic/'));
    await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(roomId, `/event/${rejected.eventId}`));
    await alice.say(roomId, 'and on');
    const next = await remote.until(() => remote.pdus.find((pdu: Json) => pdu.content.body === 'and on'));
    const follows = next.prev_events as EventId[];
    assert.ok(follows.includes(after.eventId) && !follows.includes(rejected.eventId));
    assert.ok(!(next.auth_events as EventId[]).includes(old.eventId));
    assert.ok((next.auth_events as EventId[]).includes(demotion.eventId));
    assert.deepEqual(bodies(await timeline(alice, roomId)), ['on top of it', 'and on']);
    assert.equal((await asked(scene, rejected.eventId)).status, 404);
  },
);

onFederation(
  'an event that only the present state does not allow fails softly: it is kept and given to servers, but not shown, and new ' +
    'events do not follow it until others do [B101]',
  async (federation) => {
    const scene = await roomWithModerator(federation);
    const { alice, a, remote, room, roomId } = scene;
    const before = [...room.latest];
    const depth = room.depth;
    const evading = room.make(topic('evaded', { prev: before, depth: depth + 1 }));
    await demote(scene);
    const { next_batch: since } = await alice.sync();
    assert.deepEqual(await room.send(evading), [undefined]);
    await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(roomId, '/state/m.room.topic/'));
    const said = await alice.say(roomId, 'unmoved');
    const next = await learn(scene, said);
    assert.ok(!(next.pdu.prev_events as EventId[]).includes(evading.eventId));
    const shown = (await alice.sync({ since })).rooms.join[roomId].timeline.events as Json[];
    assert.deepEqual(
      shown.map(({ event_id: id }) => id),
      [said],
    );
    assert.deepEqual((await asked(scene, evading.eventId)).body.pdus[0].content, { topic: 'evaded' });
    const backfill = async (from: string) => {
      const query = `v=${encodeURIComponent(from)}&limit=10`;
      const uri = `/_matrix/federation/v1/backfill/${encodeURIComponent(roomId)}?${query}`;
      const { pdus } = (await remote.ask(a.name, 'GET', uri)).body as { pdus: Json[] };
      return pdus.map((pdu) => eventIdOf(pdu as never, room.version));
    };
    assert.ok(!(await backfill(said)).includes(evading.eventId));

    const joining = room.make({
      ...{ type: 'm.room.message', content: { body: 'both' } },
      ...{ prev: [said as EventId, evading.eventId] },
    });
    assert.deepEqual(await room.send(joining), [undefined]);
    assert.deepEqual(bodies(await timeline(alice, roomId)), ['unmoved', 'both']);
    assert.ok((await backfill(joining.eventId)).includes(evading.eventId));
    await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(roomId, '/state/m.room.topic/'));
  },
);

onFederation(
  'an event whose hash is not right counts with what is left of it, and what is no event is dropped [B101]',
  async (federation) => {
    const { alice, remote, room, roomId } = await roomWithModerator(federation);
    const nina = `@nina:${remote.name}`;
    const join = room.next({
      ...{ type: 'm.room.member', stateKey: nina, sender: nina },
      content: { membership: 'join', displayname: 'Nina' },
    });
    const changed = { ...join.pdu, content: { ...join.pdu.content, displayname: 'Somebody' } };
    assert.deepEqual(await room.sendRaw(changed), { [join.eventId]: {} });
    const { joined } = await alice.ok('GET', alice.room(roomId, '/joined_members'));
    assert.deepEqual(
      [nina in joined, joined[nina]?.display_name],
      [true, null],
      'she is there, without a name',
    );

    const { pdu } = room.make({ type: 'm.room.message', content: { body: 'x' } });
    const lacks = (key: string) => Object.fromEntries(Object.entries(pdu).filter(([name]) => name !== key));
    const wrong: JsonObject[] = [
      ...['type', 'sender', 'content', 'origin_server_ts', 'prev_events', 'auth_events', 'depth', 'hashes'],
    ].map((key) => lacks(key) as JsonObject);
    wrong.push(
      { ...pdu, prev_events: 'x' },
      { ...pdu, content: [] },
      { ...pdu, type: 'x'.repeat(256) },
      { ...pdu, sender: 'nobody' },
      { ...pdu, signatures: {} },
      { ...pdu, depth: -1 },
      { ...pdu, room_id: '!other:room.test' },
    );
    const results = await room.sendRaw(...wrong);
    for (const result of Object.values(results as Record<string, Json>)) {
      assert.equal(typeof result.error, 'string');
    }
    assert.deepEqual(bodies(await timeline(alice, roomId)), []);
  },
);

onFederation(
  'the rules for m.room.create, members, join rules and power hold; what is against them changes nothing [A106]',
  async (federation) => {
    const scene = await roomWithModerator(federation);
    const { alice, a, remote, room, roomId } = scene;
    const mallory = room.userId;
    const nina = `@nina:${remote.name}`;
    const member = (target: string, membership: string, sender = mallory): RemoteDraft => ({
      ...{ type: 'm.room.member', stateKey: target, sender, content: { membership } },
    });
    const rules = (rule: string): RemoteDraft => ({
      ...{ type: 'm.room.join_rules', stateKey: '', content: { join_rule: rule } },
    });
    const power = (users: JsonObject): RemoteDraft => ({
      ...{ type: 'm.room.power_levels', stateKey: '', content: { users } },
    });
    const state = async () => {
      const events = (await alice.ok('GET', alice.room(roomId, '/state'))) as Json[];
      return events.map(({ event_id: id }) => id as string).sort();
    };
    const refused = async (draft: RemoteDraft): Promise<RemoteEvent> => {
      const before = await state();
      const event = room.make(draft);
      const [error] = await room.send(event);
      assert.equal(typeof error, 'string', JSON.stringify(draft));
      assert.deepEqual(await state(), before, JSON.stringify(draft));
      return event;
    };
    const taken = async (draft: RemoteDraft): Promise<void> => {
      const event = room.next(draft);
      assert.deepEqual(await room.send(event), [undefined], JSON.stringify(draft));
      assert.ok((await state()).includes(event.eventId), JSON.stringify(draft));
    };
    const create = { room_version: '10', creator: mallory };
    await refused({ type: 'm.room.create', stateKey: '', content: create });
    await refused({ type: 'm.room.create', stateKey: '', content: create, prev: [], auth: [] });
    await refused(member(nina, 'join'));
    await taken(member(nina, 'join', nina));
    await refused(topic('without power', { sender: nina }));
    await refused(member(alice.userId, 'leave'));
    await refused(member(mallory, 'leave', nina));
    await refused(member(alice.userId, 'ban'));
    await refused(power({ [mallory]: 100 }));
    await refused(power({ [mallory]: 50 }));
    await taken(topic('by one with power'));
    await taken(member(nina, 'ban'));
    await refused(member(nina, 'join', nina));
    await refused(member(nina, 'invite'));
    await taken(member(nina, 'leave'));
    await taken(rules('invite'));
    await refused(member(nina, 'join', nina));
    await taken(member(nina, 'invite'));
    await taken(member(nina, 'join', nina));
    const outsider = `@outsider:${remote.name}`;
    await refused(member(`@friend:${remote.name}`, 'invite', outsider));
    const unauthorised = await refused({
      ...{ type: 'm.room.message', sender: outsider, content: { body: 'from outside' } },
    });

    const onTop = room.next({
      ...{ type: 'm.room.message', content: { body: 'on top of that' }, prev: [unauthorised.eventId] },
    });
    assert.deepEqual(await room.send(onTop), [undefined]);
    const by = room.make({
      ...{ type: 'm.room.message', content: { body: 'by that' } },
      auth: [(await refused(power({ [mallory]: 99 }))).eventId],
    });
    assert.match((await room.send(by))[0] ?? '', /.+/, 'it authorises nothing');
    await alice.say(roomId, 'on');
    const next = await remote.until(() => remote.pdus.find((pdu: Json) => pdu.content.body === 'on'));
    const follows = next.prev_events as EventId[];
    assert.ok(follows.includes(onTop.eventId) && !follows.includes(unauthorised.eventId));
    const uri = `/_matrix/federation/v1/event_auth/${encodeURIComponent(roomId)}/${encodeURIComponent(onTop.eventId)}`;
    const { auth_chain: chain } = (await remote.ask(a.name, 'GET', uri)).body as { auth_chain: Json[] };
    const known = new Set(chain.map((pdu) => eventIdOf(pdu as never, room.version)));
    const named = [onTop.pdu as Json, ...chain].flatMap((pdu) => pdu.auth_events as EventId[]);
    assert.ok(
      named.every((id) => known.has(id)),
      'the chain of those that authorise it is whole',
    );
    const types = ['m.room.create', 'm.room.power_levels', 'm.room.member', 'm.room.join_rules'];
    assert.ok(chain.every(({ type }) => types.includes(type)));
  },
);

onFederation(
  'an event that follows rejected ones takes the place of what those followed, which servers are given all the same [B101]',
  async (federation) => {
    const scene = await roomWithModerator(federation);
    const { a, alice, remote, room, roomId } = scene;
    const last = room.say('last');
    assert.deepEqual(await room.send(last), [undefined]);
    const levelsOfNobody = { type: 'm.room.power_levels', stateKey: '', content: { users: {} } };
    const rejected = room.make(levelsOfNobody);
    const more = room.make({ ...levelsOfNobody, prev: [rejected.eventId], depth: rejected.pdu.depth + 1 });
    const results = await room.send(rejected, more);
    assert.ok(results.every((reason) => reason !== undefined));
    const after = room.make({
      ...{ type: 'm.room.message', content: { body: 'after' } },
      ...{ prev: [more.eventId], depth: more.pdu.depth + 1 },
    });
    assert.deepEqual(await room.send(after), [undefined]);
    await alice.say(roomId, 'next');
    const next = await remote.until(() => remote.pdus.find((pdu: Json) => pdu.content.body === 'next'));
    assert.deepEqual(next.prev_events, [after.eventId]);
    const path = `/_matrix/federation/v1/backfill/${encodeURIComponent(roomId)}`;
    const from = encodeURIComponent(eventIdOf(next, room.version));
    const { body } = await remote.ask(a.name, 'GET', `${path}?v=${from}&limit=3`);
    assert.deepEqual(bodies(body.pdus), ['next', 'after', 'last']);
  },
  { servers: 1 },
);
