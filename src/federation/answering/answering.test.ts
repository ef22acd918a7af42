import assert from 'node:assert/strict';
import { onFederation, type TestFederation } from '../../testing/federation/federation.ts';
import { RemoteRoom } from '../../testing/federation/remote-room.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import { bodies, type Json, type TestClient } from '../../testing/client/test-client.ts';

interface Asking {
  readonly alice: TestClient;
  readonly remote: RemoteServer;
  /** Asks the server; the path begins after `/_matrix/federation/v1`. */
  ask(method: 'GET' | 'POST', path: string, body?: object): Promise<{ status: number; body: Json }>;
}

async function asking({ a, startRemote }: TestFederation): Promise<Asking> {
  const remote = await startRemote();
  const alice = await a.person('alice');
  const ask: Asking['ask'] = (method, path, body) =>
    remote.ask(a.name, method, `/_matrix/federation/v1${path}`, body as Json);
  return { alice, remote, ask };
}

const part = encodeURIComponent;
const types = (pdus: Json[]) => pdus.map((pdu) => pdu.type).sort();

onFederation(
  'a server in a room is answered about its events and states [B102] [A111 partial]',
  async (federation) => {
    const { alice, remote, ask } = await asking(federation);
    const room = await alice.createRoom({ preset: 'public_chat', room_version: '10', name: 'first' });
    await RemoteRoom.join(remote, federation.a.name, room);
    const said = await alice.say(room, 'hello');
    const renamed = await alice.setState(room, 'm.room.name', { name: 'second' });
    const event = await ask('GET', `/event/${part(said)}`);
    assert.equal(event.body.origin, federation.a.name);
    assert.deepEqual([event.body.pdus.length, event.body.pdus[0].content.body], [1, 'hello']);
    const at = `${part(room)}?event_id=${part(renamed)}`;
    const state = await ask('GET', `/state/${at}`);
    const name = state.body.pdus.find((pdu: Json) => pdu.type === 'm.room.name');
    assert.equal(name.content.name, 'first', 'the state is that before the event');
    const ids = await ask('GET', `/state_ids/${at}`);
    assert.equal(ids.body.pdu_ids.length, state.body.pdus.length);
    assert.equal(ids.body.auth_chain_ids.length, state.body.auth_chain.length);
    assert.ok(types(state.body.auth_chain).includes('m.room.create'));
    const chain = await ask('GET', `/event_auth/${part(room)}/${part(said)}`);
    assert.deepEqual(
      types(chain.body.auth_chain),
      ['m.room.create', 'm.room.join_rules', 'm.room.member', 'm.room.power_levels'].filter((type) =>
        types(chain.body.auth_chain).includes(type),
      ),
    );
    const time = await ask('GET', `/timestamp_to_event/${part(room)}?dir=b&ts=9000000000000`);
    assert.equal(time.body.event_id, renamed);
    assert.equal((await ask('GET', '/event/$nothing')).status, 404);
    assert.equal((await ask('GET', `/state/${part(room)}?event_id=$nothing`)).status, 404);
  },
);

onFederation(
  'in room version 12 the create event is part of auth chains although no event names it [B102 partial]',
  async (federation) => {
    const { alice, remote, ask } = await asking(federation);
    const room = await alice.createRoom({ preset: 'public_chat', room_version: '12' });
    await RemoteRoom.join(remote, federation.a.name, room);
    const said = await alice.say(room, 'hello');
    const at = `${part(room)}?event_id=${part(said)}`;
    const create = `$${room.slice(1)}`;
    const { body: state } = await ask('GET', `/state/${at}`);
    assert.equal(types(state.auth_chain).filter((type) => type === 'm.room.create').length, 1);
    assert.ok((await ask('GET', `/state_ids/${at}`)).body.auth_chain_ids.includes(create));
    const { body: chain } = await ask('GET', `/event_auth/${part(room)}/${part(said)}`);
    assert.ok(types(chain.auth_chain).includes('m.room.create'));
  },
);

onFederation(
  'a server that is not in a room is told nothing of it [B102 partial] [B103 partial]',
  async (federation) => {
    const { alice, ask } = await asking(federation);
    const room = await alice.createRoom({ preset: 'public_chat' });
    const said = await alice.say(room, 'secret');
    const at = `${part(room)}?event_id=${part(said)}`;
    const missing = { earliest_events: [], latest_events: [said] };
    for (const answer of [
      await ask('GET', `/event/${part(said)}`),
      await ask('GET', `/state/${at}`),
      await ask('GET', `/state_ids/${at}`),
      await ask('GET', `/event_auth/${part(room)}/${part(said)}`),
      await ask('GET', `/backfill/${part(room)}?v=${part(said)}&limit=10`),
      await ask('POST', `/get_missing_events/${part(room)}`, missing),
    ]) {
      assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_FORBIDDEN']);
    }
  },
);

onFederation(
  'history that its users may not see is given to a server redacted [B103]',
  async (federation) => {
    const { alice, remote, ask } = await asking(federation);
    const visibility = {
      type: 'm.room.history_visibility',
      state_key: '',
      content: { history_visibility: 'joined' },
    };
    const room = await alice.createRoom({
      preset: 'public_chat',
      room_version: '10',
      initial_state: [visibility],
    });
    const before = await alice.say(room, 'before you came');
    await RemoteRoom.join(remote, federation.a.name, room);
    await alice.say(room, 'one');
    await alice.say(room, 'two');
    const last = await alice.say(room, 'three');
    const page = await ask('GET', `/backfill/${part(room)}?v=${part(last)}&limit=100`);
    assert.deepEqual(bodies(page.body.pdus), ['three', 'two', 'one', '']);
    const messages = (page.body.pdus as Json[]).filter(({ type }) => type === 'm.room.message');
    assert.deepEqual(messages.at(-1).content, {}, 'what was said before is redacted');
    assert.equal(page.body.pdus.at(-1).type, 'm.room.create');
    const few = await ask('GET', `/backfill/${part(room)}?v=${part(last)}&limit=2`);
    assert.deepEqual(bodies(few.body.pdus), ['three', 'two']);
    const range = { earliest_events: [before], latest_events: [last], limit: 10 };
    const missing = await ask('POST', `/get_missing_events/${part(room)}`, range);
    assert.deepEqual(bodies(missing.body.events), ['one', 'two']);
    const single = await ask('GET', `/event/${part(before)}`);
    assert.deepEqual(single.body.pdus[0].content, {});
  },
);

onFederation(
  'servers of 2015 are answered: one event, the present state, history, and what came after an event [A111]',
  async (federation) => {
    const { alice, remote, ask } = await asking(federation);
    const { a } = federation;
    const room = await alice.createRoom({ preset: 'public_chat', room_version: '10', name: 'first' });
    await RemoteRoom.join(remote, a.name, room);
    const said = await alice.say(room, 'one');
    const renamed = await alice.setState(room, 'm.room.name', { name: 'second' });
    await alice.say(room, 'two');
    const single = await ask('GET', `/pdu/${part(a.name)}/${part(said)}/`);
    const [pdu] = single.body.pdus;
    assert.deepEqual([single.body.origin, pdu.content.body, single.body.pdus.length], [a.name, 'one', 1]);
    assert.equal(typeof single.body.origin_server_ts, 'number');
    assert.equal((await ask('GET', `/pdu/${part(a.name)}/none/`)).status, 404);
    const state = await ask('GET', `/state/${part(room)}/`);
    assert.equal(state.body.origin, a.name);
    const name = state.body.pdus.find((one: Json) => one.type === 'm.room.name');
    assert.equal(name.content.name, 'second');
    const before = await ask('GET', `/state/${part(room)}/?event_id=${part(renamed)}`);
    const earlier = before.body.pdus.find((one: Json) => one.type === 'm.room.name');
    assert.equal(earlier.content.name, 'first');
    const history = await ask('GET', `/backfill/${part(room)}/?v=${part(renamed)}&limit=2`);
    assert.deepEqual(types(history.body.pdus), ['m.room.message', 'm.room.name']);
    const pulled = await ask('GET', `/pull/?origin=${part(remote.name)}&v=${part(said)}`);
    assert.equal(pulled.body.origin, a.name);
    assert.deepEqual(
      pulled.body.pdus.map((one: Json) => one.content.body ?? one.content.name),
      ['second', 'two'],
    );
    const both = await ask('GET', `/pull/?v=${part(renamed)}&v=${part(said)}`);
    assert.deepEqual(both.body.pdus, pulled.body.pdus, 'of one room each event once');
    const other = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
    const secret = await alice.say(other, 'secret');
    for (const path of [`/state/${part(other)}/`, `/pull/?v=${part(secret)}`]) {
      assert.equal((await ask('GET', path)).status, 403, path);
    }
  },
  { servers: 1 },
);

onFederation(
  'a server that asks for whole states again and again has to wait, and other servers are answered meanwhile',
  async (federation) => {
    const { a } = federation;
    const { alice, remote, ask } = await asking(federation);
    const other = await federation.startRemote();
    const room = await alice.createRoom({ preset: 'public_chat' });
    for (const one of [remote, other]) await RemoteRoom.join(one, a.name, room);
    const said = await alice.say(room, 'hello');
    const path = `/state_ids/${part(room)}?event_id=${part(said)}`;
    const { log } = a.server.services;
    const byIds = log.byIds.bind(log);
    const gate = Promise.withResolvers<void>();
    let isHeld = true;
    log.byIds = async (ids) => {
      if (isHeld) await gate.promise;
      return byIds(ids);
    };
    let refused = 0;
    const isFull = Promise.withResolvers<void>();
    const answers = Array.from({ length: 40 }, async () => {
      const answer = await ask('GET', path);
      if (answer.status === 429 && ++refused === 18) isFull.resolve();
      return answer;
    });
    try {
      await isFull.promise;
      isHeld = false;
      const uri = `/_matrix/federation/v1${path}`;
      assert.equal((await other.ask(a.name, 'GET', uri)).status, 200);
      assert.equal(refused, 18, 'the others of the first still wait');
    } finally {
      gate.resolve();
    }
    const all = await Promise.all(answers);
    assert.equal(all.filter(({ status }) => status === 200).length, 22);
    assert.equal(all.find(({ status }) => status === 429)?.body.errcode, 'M_LIMIT_EXCEEDED');
    assert.equal((await ask('GET', path)).status, 200, 'later it may ask again');
  },
  { servers: 1 },
);
