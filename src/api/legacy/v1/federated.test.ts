import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { onFederation } from '../../../testing/federation/federation.ts';
import { RemoteRoom, type RemoteEvent } from '../../../testing/federation/remote-room.ts';
import type { Json } from '../../../testing/client/test-client.ts';
import { V1Client } from '../../../testing/client/v1-client.ts';

const aliasPath = (alias: string) => `/directory/room/${encodeURIComponent(alias)}`;

describe('2015: across servers', () => {
  onFederation(
    'aliases of other servers are found, and changed there only [A044] [A050]',
    async ({ a, b }) => {
      const [alice, bob] = [V1Client.of(await a.person('alice')), V1Client.of(await b.person('bob'))];
      const room = await alice.createRoom({
        room_alias_name: 'garden',
        preset: 'public_chat',
        name: 'Garden',
      });
      const alias = `#garden:${a.name}`;
      const found = await bob.ok('GET', aliasPath(alias));
      assert.equal(found.room_id, room);
      assert.ok(found.servers.includes(a.name));
      assert.ok(Array.isArray((await alice.ok('GET', aliasPath(alias))).servers));
      await bob.fails(404, 'M_NOT_FOUND', 'GET', aliasPath(`#nothing:${a.name}`));
      assert.deepEqual(await bob.ok('POST', `/join/${encodeURIComponent(alias)}`, {}), { room_id: room });
      await alice.say(room, 'welcome');
      const { end } = await bob.ok('GET', '/initialSync');
      await alice.say(room, 'and again');
      const event = await bob.eventUntil(end, ({ content }) => content.body === 'and again');
      assert.equal(event.user_id, alice.userId);
      await bob.fails(400, 'M_INVALID_PARAM', 'PUT', aliasPath(`#other:${a.name}`), { room_id: room });
      await bob.fails(400, 'M_INVALID_PARAM', 'DELETE', aliasPath(alias));
      const own = `#garden:${b.name}`;
      await bob.ok('PUT', aliasPath(own), { room_id: room });
      assert.equal((await alice.ok('GET', aliasPath(own))).room_id, room);
      const carol = V1Client.of(await b.person('carol'));
      await carol.join(room);
      await carol.fails(403, 'M_FORBIDDEN', 'DELETE', aliasPath(own));
      await bob.ok('DELETE', aliasPath(own));
      await alice.fails(404, 'M_NOT_FOUND', 'GET', aliasPath(own));
      await carol.ok('POST', carol.room(room, '/leave'), {});
      assert.deepEqual(await carol.ok('POST', carol.room(alias, '/join'), {}), { room_id: room });
      const second = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'second' });
      const dan = V1Client.of(await b.person('dan'));
      assert.equal(
        (await dan.ok('POST', `/join/${encodeURIComponent(`#second:${a.name}`)}`, {})).room_id,
        second,
      );
    },
  );

  onFederation('members are all those of a room, also who was there before this server', async ({ a, b }) => {
    const [alice, bob] = [V1Client.of(await a.person('alice')), V1Client.of(await b.person('bob'))];
    const carol = V1Client.of(await b.person('carol'));
    const room = await alice.createRoom({ room_alias_name: 'garden', preset: 'public_chat' });
    await bob.join(`#garden:${a.name}`);
    await carol.join(room);
    const everybody = [alice, bob, carol].map(({ userId }) => userId);
    const pageOf = (query: string): Promise<Json> => carol.ok('GET', carol.room(room, `/members${query}`));
    const keysOf = ({ chunk }: Json): string[] => chunk.map((event: Json) => event.state_key);
    assert.deepEqual(keysOf(await pageOf('')), everybody);
    const seen: string[] = [];
    let from = (await pageOf('?limit=0')).start;
    for (let pages = 0; pages < 3; pages++) {
      const page = await pageOf(`?from=${from}&limit=1`);
      assert.equal(page.start, from);
      seen.push(...keysOf(page));
      from = page.end;
    }
    assert.deepEqual(seen, everybody);
    assert.deepEqual(keysOf(await pageOf(`?from=${from}`)), []);
  });

  onFederation('what was redacted is gone on all servers [A054]', async ({ a, b }) => {
    const [alice, bob] = [V1Client.of(await a.person('alice')), V1Client.of(await b.person('bob'))];
    const room = await alice.createRoom({ room_alias_name: 'garden', preset: 'public_chat', name: 'Garden' });
    await bob.join(`#garden:${a.name}`);
    const { end } = await bob.events();
    const his = await bob.say(room, 'his own');
    await alice.eventUntil('START', ({ event_id: id }) => id === his);
    const text = { msgtype: 'm.text', body: 'secret', 'org.extra': { deep: 'secret' } };
    const message = await alice.send(room, 'm.room.message', text);
    const member = await alice.setState(
      room,
      'm.room.member',
      { membership: 'join', displayname: 'secret', 'org.extra': 'secret' },
      alice.userId,
    );
    const name = await alice.setState(room, 'm.room.name', { name: 'secret' });
    const rules = await alice.setState(room, 'm.room.join_rules', { join_rule: 'public', extra: 'secret' });
    const levels = await alice.ok('GET', alice.room(room, '/state/m.room.power_levels'));
    const power = await alice.setState(room, 'm.room.power_levels', { ...levels, extra: 'secret' });
    const kept: [string, object][] = [
      [message, {}],
      [member, { membership: 'join' }],
      [name, {}],
      [rules, { join_rule: 'public' }],
      [
        power,
        Object.fromEntries(Object.entries(levels).filter(([key]) => !['invite', 'historical'].includes(key))),
      ],
    ];
    await bob.eventUntil(end, ({ event_id: id }) => id === power);
    for (const [id] of kept) {
      const path = (person: V1Client) => person.room(room, `/redact/${encodeURIComponent(id)}`);
      await bob.fails(403, 'M_FORBIDDEN', 'POST', path(bob), {});
    }
    await bob.ok('POST', bob.room(room, `/redact/${encodeURIComponent(his)}`), {});
    let last = '';
    for (const [id] of kept) {
      const path = alice.room(room, `/redact/${encodeURIComponent(id)}`);
      last = (await alice.ok('POST', path, { reason: 'spam' })).event_id;
    }
    await bob.eventUntil(end, ({ event_id: id }) => id === last);
    for (const person of [alice, bob]) {
      for (const [id, content] of kept) {
        const event = await person.ok('GET', `/events/${encodeURIComponent(id)}`);
        assert.deepEqual(event.content, content);
        assert.equal(event.redacted_because.type, 'm.room.redaction');
        assert.equal(event.redacted_because.redacts, id);
        assert.equal(event.redacted_because.content.reason, 'spam');
        for (const key of ['user_id', 'room_id', 'type', 'event_id']) assert.ok(event[key], key);
      }
      const everything = JSON.stringify([
        await person.messages(room, { from: 'END', dir: 'b', limit: 100 }),
        await person.ok('GET', '/initialSync?limit=100'),
        await person.ok('GET', person.room(room, '/state')),
      ]);
      assert.ok(!everything.includes('secret'));
    }
  });

  onFederation(
    'what is too large is taken neither from clients nor from servers [A008]',
    async ({ a, startRemote }) => {
      const alice = V1Client.of(await a.person('alice'));
      const room = await alice.createRoom({ preset: 'public_chat' });
      const long = 'x'.repeat(256);
      const huge = { msgtype: 'm.text', body: 'x'.repeat(66_000) };
      await alice.fails(413, 'M_TOO_LARGE', 'POST', alice.room(room, '/send/m.room.message'), huge);
      await alice.fails(413, 'M_TOO_LARGE', 'POST', alice.room(room, `/send/${long}`), {});
      await alice.fails(413, 'M_TOO_LARGE', 'PUT', alice.room(room, `/state/org.example/${long}`), {});
      await alice.ok('PUT', alice.room(room, `/state/org.example/${long.slice(1)}`), {});
      await alice.fails(
        400,
        'M_INVALID_PARAM',
        'POST',
        alice.room(`!${long}:${a.name}`, '/send/org.example'),
        {},
      );
      await alice.ok('POST', alice.room(room, '/send/m.room.message'), { ...huge, body: 'x'.repeat(64_000) });
      const remote = await startRemote();
      const there = await RemoteRoom.join(remote, a.name, room);
      const text = { msgtype: 'm.text', body: 'hello' };
      const message = { type: 'm.room.message', content: text };
      const refused: [string, RemoteEvent][] = [
        ['65536', there.make({ ...message, content: huge })],
        ['type', there.make({ type: long, content: {} })],
        ['state_key', there.make({ type: 'org.example', content: {}, stateKey: long })],
        ['sender', there.make({ ...message, sender: `@${long}:${remote.name}` })],
        ['room_id', there.make({ ...message, more: { room_id: `!${long}:${remote.name}` } })],
        ['event_id', there.make({ ...message, more: { event_id: `$${long}` } })],
      ];
      for (const [key, event] of refused) {
        const results = (await there.sendRaw(event.pdu)) as Json;
        // An event of a room that cannot be is left without an answer.
        const said = key === 'room_id' ? key : String(results[event.eventId].error);
        assert.ok(said.includes(key), said);
        const taken = await alice.ask('GET', `/events/${encodeURIComponent(event.eventId)}`);
        assert.equal(taken.status, 404, key);
      }
      assert.deepEqual(await there.send(there.say('small enough')), [undefined]);
    },
  );

  onFederation(
    'clients may come over HTTP, servers over HTTPS, and both speak JSON [A006]',
    async ({ a, startRemote }) => {
      const alice = V1Client.of(await a.person('alice'));
      assert.match(alice.base, /^http:/);
      const room = await alice.createRoom({ name: 'Grüße 🌍' });
      const answer = await alice.ask('GET', alice.room(room, '/state/m.room.name'));
      assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
      assert.equal(answer.body.name, 'Grüße 🌍');
      const path = `${alice.base}/_matrix/client/api/v1${alice.room(room, '/send/m.room.message')}`;
      const latin1 = Buffer.from('{"msgtype":"m.text","body":"Gr\u00fc\u00dfe"}', 'latin1');
      const bad = await fetch(`${path}?access_token=${alice.token ?? ''}`, {
        method: 'POST',
        body: new Uint8Array(latin1),
      });
      assert.equal(bad.status, 400);
      assert.equal(((await bad.json()) as Json).errcode, 'M_NOT_JSON');
      const remote = await startRemote();
      const told = await remote.raw(a.name, 'GET', '/_matrix/federation/v1/version');
      assert.equal(told.statusCode, 200);
      assert.match(String(told.headers['content-type']), /^application\/json/);
      await told.body.dump();
    },
  );

  onFederation(
    'what another server says against a request is passed on in its words [A028]',
    async ({ a, startRemote }) => {
      const alice = V1Client.of(await a.person('alice'));
      const remote = await startRemote();
      remote.answer = ({ url }) =>
        url.startsWith('/_matrix/federation/v1/query/directory')
          ? { status: 403, body: { errcode: 'COM.EXAMPLE.GARDEN_CLOSED', error: 'Come in spring' } }
          : undefined;
      const alias = aliasPath(`#garden:${remote.name}`);
      const told = await alice.fails(403, 'COM.EXAMPLE.GARDEN_CLOSED', 'GET', alias);
      assert.equal(told.error, 'Come in spring');
      const join = `/join/${encodeURIComponent(`#garden:${remote.name}`)}`;
      await alice.fails(403, 'COM.EXAMPLE.GARDEN_CLOSED', 'POST', join, {});
    },
  );
});
