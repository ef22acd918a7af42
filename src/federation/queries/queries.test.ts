import assert from 'node:assert/strict';
import type { RoomId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { onFederation, type FederatingServer } from '../../testing/federation/federation.ts';
import { RemoteRoom } from '../../testing/federation/remote-room.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';

const path = (userId: string) => `/v3/profile/${encodeURIComponent(userId)}`;

onFederation('profiles of people on other servers are looked up there [A112] [B109]', async ({ a, b }) => {
  const alice = await a.person('alice');
  const bob = await b.person('bob');
  await bob.ok('PUT', `${path(bob.userId)}/displayname`, { displayname: 'Bob from there' });
  await bob.ok('PUT', `${path(bob.userId)}/avatar_url`, { avatar_url: 'mxc://there/picture' });
  assert.deepEqual(await alice.ok('GET', path(bob.userId)), {
    displayname: 'Bob from there',
    avatar_url: 'mxc://there/picture',
  });
  assert.deepEqual(await alice.ok('GET', `${path(bob.userId)}/displayname`), {
    displayname: 'Bob from there',
  });
  await alice.fails(404, 'M_NOT_FOUND', 'GET', `${path(bob.userId)}/m.tz`);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', path(`@nobody:${b.name}`));
  assert.equal((await alice.ask('GET', path('@nobody:localhost:1'))).status, 502);
});

onFederation(
  'rooms are found and joined by aliases of other servers, and people there talk [A112] [B109] [B033 partial]',
  async ({ a, b }) => {
    const alice = await a.person('alice');
    const bob = await b.person('bob');
    const roomId = await bob.createRoom({ preset: 'public_chat', room_alias_name: 'meet' });
    const alias = encodeURIComponent(`#meet:${b.name}`);
    const found = await alice.ok('GET', `/v3/directory/room/${alias}`);
    assert.equal(found.room_id, roomId);
    assert.deepEqual(found.servers, [b.name]);
    await alice.fails(
      404,
      'M_NOT_FOUND',
      'GET',
      `/v3/directory/room/${encodeURIComponent(`#none:${b.name}`)}`,
    );
    const [sinceA, sinceB] = [(await alice.sync()).next_batch, (await bob.sync()).next_batch];
    assert.equal((await alice.ok('POST', `/v3/join/${alias}`, {})).room_id, roomId);
    await alice.say(roomId, 'from a');
    const says = (text: string) => (body: Json) =>
      bodies(body.rooms?.join?.[roomId]?.timeline?.events).includes(text);
    const heard = await bob.syncUntil(sinceB, says('from a'));
    await bob.say(roomId, 'from b');
    await alice.syncUntil(sinceA, says('from b'));
    assert.deepEqual((await bob.ok('GET', `/v3/directory/room/${alias}`)).servers, [b.name, a.name]);

    await b.stop();
    await alice.say(roomId, 'while b was away');
    await b.start();
    await b.client(bob.token).syncUntil(heard.next_batch, says('while b was away'));
  },
);

onFederation("a room's canonical alias may be another server's, if that says so", async ({ a, b }) => {
  const alice = await a.person('alice');
  const bob = await b.person('bob');
  const roomId = await bob.createRoom({
    preset: 'public_chat',
    room_alias_name: 'meet',
    power_level_content_override: { state_default: 0, events: {} },
  });
  await bob.createRoom({ room_alias_name: 'elsewhere' });
  await alice.join(`#meet:${b.name}`);
  const canonical = alice.room(roomId, '/state/m.room.canonical_alias/');
  for (const name of ['elsewhere', 'nowhere']) {
    await alice.fails(400, 'M_BAD_ALIAS', 'PUT', canonical, { alias: `#${name}:${b.name}` });
  }
  const many = Array.from({ length: 21 }, (_, i) => `#${i}:${b.name}`);
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', canonical, { alt_aliases: many });
  await bob.ok('PUT', `/v3/directory/room/${encodeURIComponent(`#other:${b.name}`)}`, { room_id: roomId });
  const added = { alias: `#other:${b.name}`, alt_aliases: [`#meet:${b.name}`] };
  await alice.ok('PUT', canonical, added);
  assert.deepEqual(await alice.ok('GET', canonical), added);
  await b.stop();
  await alice.ok('PUT', canonical, { alias: `#other:${b.name}` });
  assert.equal((await alice.ask('PUT', canonical, { alias: `#new:${b.name}` })).status, 502);
});

onFederation('directories of other servers are shown [B109] [B033 partial]', async ({ a, b }) => {
  const alice = await a.person('alice');
  const bob = await b.person('bob');
  const roomId = await bob.createRoom({ visibility: 'public', name: 'Gardeners', preset: 'public_chat' });
  await bob.createRoom({ visibility: 'public', name: 'Cooks', preset: 'public_chat' });
  const list = await alice.ok('GET', `/v3/publicRooms?server=${b.name}&limit=1`);
  assert.equal(list.chunk.length, 1);
  assert.equal(list.total_room_count_estimate, 2);
  const rest = await alice.ok('GET', `/v3/publicRooms?server=${b.name}&since=${list.next_batch}`);
  assert.deepEqual([...list.chunk, ...rest.chunk].map((room: Json) => room.name).sort(), [
    'Cooks',
    'Gardeners',
  ]);
  const filtered = await alice.ok('POST', `/v3/publicRooms?server=${b.name}`, {
    filter: { generic_search_term: 'garden' },
  });
  assert.deepEqual(
    filtered.chunk.map((room: Json) => room.room_id),
    [roomId],
  );
  assert.deepEqual((await alice.ok('GET', '/v3/publicRooms')).chunk, []);
});

/** Declares a test with a server that is asked, and one that does nothing but ask. */
function whenAsked(
  title: string,
  run: (parts: {
    a: FederatingServer;
    remote: RemoteServer;
    ask: (path: string, body?: JsonObject) => Promise<{ status: number; body: Json }>;
  }) => Promise<void>,
): void {
  onFederation(
    title,
    async ({ a, startRemote }) => {
      const remote = await startRemote();
      const ask = (path: string, body?: JsonObject) =>
        remote.ask(a.name, body ? 'POST' : 'GET', `/_matrix/federation/v1/${path}`, body);
      await run({ a, remote, ask });
    },
    { servers: 1 },
  );
}

whenAsked(
  'servers are told the profiles of people here, one field if they ask for one [A112] [B109]',
  async ({ a, ask }) => {
    const alice = await a.person('alice');
    const put = (field: string, value: string) =>
      alice.ok('PUT', `${path(alice.userId)}/${field}`, { [field]: value });
    await put('displayname', 'Alice');
    const of = (user: string, field = '') => ask(`query/profile?user_id=${encodeURIComponent(user)}${field}`);
    const all = { displayname: 'Alice', avatar_url: 'mxc://here/picture' };
    const only = async (field: string) => (await of(alice.userId, `&field=${field}`)).body;
    assert.deepEqual(await only('avatar_url'), {}, 'what is not set is left out');
    await put('avatar_url', all.avatar_url);
    assert.deepEqual(await of(alice.userId), { status: 200, body: all });
    assert.deepEqual(await only('displayname'), { displayname: all.displayname });
    assert.deepEqual(await only('avatar_url'), { avatar_url: all.avatar_url });
    const refusal = async (asked: Promise<{ status: number; body: Json }>) => {
      const { status, body } = await asked;
      return [status, body.errcode];
    };
    assert.deepEqual(await refusal(of(`@nobody:${a.name}`)), [404, 'M_NOT_FOUND']);
    assert.deepEqual(await refusal(of('@x:other.test')), [400, 'M_INVALID_PARAM']);
    assert.deepEqual(await refusal(ask('query/profile')), [400, 'M_MISSING_PARAM']);
    assert.deepEqual(await refusal(ask('query/nothing')), [404, 'M_NOT_FOUND'], 'a query that nobody knows');
  },
);

whenAsked(
  'servers are told the rooms of aliases here, and which servers are in them [A112] [B109]',
  async ({ a, remote, ask }) => {
    const alice = await a.person('alice');
    const roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'meet' });
    const of = (alias: string) => ask(`query/directory?room_alias=${encodeURIComponent(alias)}`);
    const found = await of(`#meet:${a.name}`);
    assert.deepEqual(found, { status: 200, body: { room_id: roomId, servers: [a.name] } });
    await RemoteRoom.join(remote, a.name, roomId);
    assert.deepEqual((await of(`#meet:${a.name}`)).body.servers, [a.name, remote.name]);
    const none = await of(`#none:${a.name}`);
    assert.deepEqual([none.status, none.body.errcode], [404, 'M_NOT_FOUND']);
    assert.equal((await of('#meet:other.test')).status, 400);
  },
);

whenAsked(
  'servers page through the directory here, forward and back, and filter it [B109]',
  async ({ a, ask }) => {
    const alice = await a.person('alice');
    const names = Array.from({ length: 60 }, (_, i) => `room ${i}`);
    for (const [i, name] of names.entries()) {
      const type = i === 7 ? { creation_content: { type: 'm.space' } } : {};
      await alice.createRoom({ visibility: 'public', name, ...type });
    }
    const inNetwork = await alice.createRoom({ name: 'of a network' });
    await a.server.services.directory.setNetwork('irc', 'freenode', inNetwork as RoomId, true);
    const get = async (query: Record<string, string>) =>
      (await ask(`publicRooms?${new URLSearchParams({ limit: '0', ...query }).toString()}`)).body;
    const post = async (body: JsonObject) => (await ask('publicRooms', body)).body;
    const shown = ({ chunk }: Json): string[] => chunk.map((room: Json) => room.name);
    for (const whole of [(await ask('publicRooms')).body, await post({}), await get({})]) {
      assert.deepEqual(shown(whole).sort(), [...names].sort());
      assert.deepEqual([whole.next_batch, whole.prev_batch], [undefined, undefined]);
      assert.equal(whole.total_room_count_estimate, 60);
    }
    const pages = [await get({ limit: '25' })];
    for (let since = pages[0].next_batch; since !== undefined; since = pages.at(-1).next_batch) {
      pages.push(await (pages.length === 1 ? get({ limit: '25', since }) : post({ limit: 25, since })));
    }
    assert.deepEqual(pages.map(shown).flat().sort(), [...names].sort());
    const [first, second, third] = pages;
    assert.deepEqual([pages.length, first.prev_batch], [3, undefined]);
    const back = await get({ limit: '25', since: third.prev_batch });
    assert.deepEqual(back.chunk, second.chunk);
    const beginning = await post({ limit: 25, since: back.prev_batch });
    assert.deepEqual([beginning.chunk, beginning.prev_batch], [first.chunk, undefined]);
    assert.deepEqual((await get({ limit: '25', since: beginning.next_batch })).chunk, second.chunk);

    const search = (term: string) => post({ filter: { generic_search_term: term } });
    assert.deepEqual(
      shown(await search('ROOM 3')).sort(),
      names.filter((name) => name.startsWith('room 3')),
    );
    assert.deepEqual(shown(await post({ filter: { room_types: ['m.space'] } })), ['room 7']);
    assert.equal(shown(await post({ filter: { room_types: [null] } })).length, 59);
    assert.deepEqual(shown(await get({ third_party_instance_id: 'irc|freenode' })), ['of a network']);
    assert.deepEqual(shown(await post({ third_party_instance_id: 'irc|other' })), []);
    assert.equal(shown(await get({ include_all_networks: 'true' })).length, 61);
    const wrong = await ask('publicRooms?since=x');
    assert.deepEqual([wrong.status, wrong.body.errcode], [400, 'M_INVALID_PARAM']);
  },
);
