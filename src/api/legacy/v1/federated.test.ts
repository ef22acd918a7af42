import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe } from 'node:test';
import sharp from 'sharp';
import { onFederation } from '../../../testing/federation.ts';
import { RemoteRoom, type RemoteEvent } from '../../../testing/remote-room.ts';
import { RemoteServer } from '../../../testing/remote-server.ts';
import type { Json, TestClient } from '../../../testing/test-client.ts';
import { V1Client } from '../../../testing/v1-client.ts';

const aliasPath = (alias: string) => `/directory/room/${encodeURIComponent(alias)}`;

/** Uploads bytes as clients of 2015 did; gives the content URI. */
async function upload(person: TestClient, bytes: Buffer, type: string): Promise<string> {
  const answer = await fetch(`${person.base}/_matrix/media/v1/upload?access_token=${person.token ?? ''}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: new Uint8Array(bytes),
  });
  return ((await answer.json()) as { content_uri: string }).content_uri;
}

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
    async ({ a, authority }) => {
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
      const remote = await RemoteServer.start(authority);
      try {
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
      } finally {
        await remote.close();
      }
    },
  );

  onFederation(
    'clients may come over HTTP, servers over HTTPS, and both speak JSON [A006]',
    async ({ a, authority }) => {
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
      const remote = await RemoteServer.start(authority);
      try {
        const told = await remote.raw(a.name, 'GET', '/_matrix/federation/v1/version');
        assert.equal(told.statusCode, 200);
        assert.match(String(told.headers['content-type']), /^application\/json/);
        await told.body.dump();
      } finally {
        await remote.close();
      }
    },
  );

  onFederation('who types is told, until they stop [A070]', async ({ a, b, authority }) => {
    const [alice, bob] = [V1Client.of(await a.person('alice')), V1Client.of(await b.person('bob'))];
    const room = await alice.createRoom({ room_alias_name: 'garden', preset: 'public_chat' });
    await bob.join(`#garden:${a.name}`);
    const carol = V1Client.of(await a.person('carol'));
    await carol.join(room);
    const remote = await RemoteServer.start(authority);
    try {
      await RemoteRoom.join(remote, a.name, room);
      const { end } = await bob.events();
      const put = (person: V1Client, body: object) =>
        person.ok('PUT', person.room(room, `/typing/${person.userId}`), body);
      const shows = (person: V1Client, ...who: V1Client[]) => {
        const wanted = who.map(({ userId }) => userId).sort();
        return person.eventUntil(
          end,
          ({ type, content }) =>
            type === 'm.typing' && JSON.stringify([...content.user_ids].sort()) === JSON.stringify(wanted),
        );
      };
      await put(alice, { typing: true, timeout: 60_000 });
      assert.equal((await shows(bob, alice)).room_id, room);
      await put(carol, { typing: true, timeout: 60_000 });
      await shows(bob, alice, carol);
      await put(alice, { typing: false });
      await shows(bob, carol);
      await put(carol, { typing: true, timeout: 200 });
      await shows(bob);
      const typed = () =>
        remote.transactions
          .flatMap(({ edus }) => edus)
          .filter(({ edu_type: type }) => type === 'm.typing')
          .map(({ content }: Json) => [content.room_id, content.user_id, content.typing]);
      const seen = await remote.until(() => {
        const found = typed();
        const stopped = found.filter(([, , typing]) => typing === false).map(([, user]) => user);
        return stopped.includes(alice.userId) && stopped.includes(carol.userId) ? found : undefined;
      });
      assert.ok(seen.some(([id, user, typing]) => id === room && user === alice.userId && typing === true));
      const path = bob.room(room, `/typing/${alice.userId}`);
      await bob.fails(403, 'M_FORBIDDEN', 'PUT', path, { typing: true, timeout: 1_000 });
    } finally {
      await remote.close();
    }
  });

  onFederation(
    'files are had by way of one’s own server, without a token, and pictures small, too [A078] [A079]',
    async ({ a, b }) => {
      const [alice, bob] = [V1Client.of(await a.person('alice')), V1Client.of(await b.person('bob'))];
      const bytes = randomBytes(200_000);
      const uri = await upload(alice, bytes, 'application/x-thing');
      assert.match(uri, new RegExp(`^mxc://${a.name}/[A-Za-z0-9_-]+$`));
      const at = (person: TestClient, what: string) => fetch(`${person.base}/_matrix/media/v1/${what}`);
      const bytesOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer());
      for (const person of [alice, bob]) {
        const got = await at(person, `download/${uri.slice('mxc://'.length)}`);
        assert.equal(got.headers.get('content-type'), 'application/x-thing');
        assert.deepEqual(await bytesOf(got), bytes);
      }
      for (const bad of [
        `${a.name}/..%2F..%2Fetc`,
        `${a.name}/a.b`,
        `..%2F..%2Fetc/passwd`,
        `${a.name}/%2e%2e`,
      ]) {
        assert.ok((await at(alice, `download/${bad}`)).status >= 400, bad);
      }
      const color = { r: 255, g: 0, b: 0 };
      const picture = await sharp({ create: { width: 1000, height: 500, channels: 3, background: color } })
        .png()
        .toBuffer();
      const shown = (await upload(alice, picture, 'image/png')).slice('mxc://'.length);
      for (const person of [alice, bob]) {
        for (const [query, width, height] of [
          ['width=320&height=240&method=crop', 320, 240],
          ['width=320&height=240&method=scale', 320, 160],
          ['width=5000&height=5000&method=scale', 1000, 500],
        ] as const) {
          const small = await at(person, `thumbnail/${shown}?${query}`);
          const about = await sharp(await bytesOf(small)).metadata();
          assert.deepEqual([about.width, about.height], [width, height], query);
        }
        const near = await sharp(
          await bytesOf(await at(person, `thumbnail/${shown}?width=300&height=200&method=crop`)),
        ).metadata();
        assert.ok(near.width >= 300 && near.width <= 1000 && near.height >= 200);
      }
    },
  );

  onFederation(
    'files, pictures and what a user may take have limits, and so has what is kept of other servers [A080]',
    async ({ a, b }) => {
      const [alice, bob] = [V1Client.of(await a.person('alice')), V1Client.of(await b.person('bob'))];
      const post = (person: TestClient, bytes: Buffer) =>
        fetch(`${person.base}/_matrix/media/v1/upload?access_token=${person.token ?? ''}`, {
          method: 'POST',
          body: new Uint8Array(bytes),
        });
      assert.equal((await post(alice, randomBytes(700_001))).status, 413);
      const files: string[] = [];
      for (let i = 0; i < 4; i++) files.push(await upload(alice, randomBytes(400_000), 'a/b'));
      assert.equal((await post(alice, randomBytes(600_000))).status, 403, 'two MiB a user');
      const large = await sharp({ create: { width: 1001, height: 1000, channels: 3, background: 'red' } })
        .png()
        .toBuffer();
      const picture = await upload(bob, large, 'image/png');
      const at = (person: TestClient, what: string, uri: string, query = '') =>
        fetch(`${person.base}/_matrix/media/v1/${what}/${uri.slice('mxc://'.length)}${query}`);
      assert.equal((await at(bob, 'thumbnail', picture, '?width=32&height=32')).status, 413);
      for (const uri of files) assert.equal((await at(bob, 'download', uri)).status, 200);
      await b.server.services?.mediaSweep.run();
      await a.stop();
      const statuses: number[] = [];
      for (const uri of files) statuses.push((await at(bob, 'download', uri)).status);
      assert.ok(
        (statuses[0] ?? 0) >= 500 && (statuses[1] ?? 0) >= 500,
        'what was fetched first is no longer kept',
      );
      assert.deepEqual(statuses.slice(2), [200, 200], 'one MiB of it is');
    },
    {
      env: {
        MYELIN_MEDIA_MAX_UPLOAD_BYTES: '700000',
        MYELIN_MEDIA_USER_QUOTA_MIB: '2',
        MYELIN_MEDIA_MAX_IMAGE_PIXELS: '1000000',
        MYELIN_MEDIA_REMOTE_CACHE_MIB: '1',
      },
    },
  );

  onFederation(
    'what another server says against a request is passed on in its words [A028]',
    async ({ a, authority }) => {
      const alice = V1Client.of(await a.person('alice'));
      const remote = await RemoteServer.start(authority);
      try {
        remote.answer = ({ url }) =>
          url.startsWith('/_matrix/federation/v1/query/directory')
            ? { status: 403, body: { errcode: 'COM.EXAMPLE.GARDEN_CLOSED', error: 'Come in spring' } }
            : undefined;
        const alias = aliasPath(`#garden:${remote.name}`);
        const told = await alice.fails(403, 'COM.EXAMPLE.GARDEN_CLOSED', 'GET', alias);
        assert.equal(told.error, 'Come in spring');
        const join = `/join/${encodeURIComponent(`#garden:${remote.name}`)}`;
        await alice.fails(403, 'COM.EXAMPLE.GARDEN_CLOSED', 'POST', join, {});
      } finally {
        await remote.close();
      }
    },
  );
});
