import assert from 'node:assert/strict';
import { after, describe } from 'node:test';
import { MailSink } from '../../../testing/gateways/mail-sink.ts';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { V1Client, v1People } from '../../../testing/client/v1-client.ts';

const V1 = '/_matrix/client/api/v1';
const V2 = '/_matrix/client/v2_alpha';
const hello = { msgtype: 'm.text', body: 'hello' };

const mails = await MailSink.start();
after(() => mails.close());

/** Settings that let somebody send three messages, and then one in a long while. */
const LIMITED = {
  MYELIN_LIMITS_ENABLED: 'true',
  MYELIN_LIMITS_MESSAGE_PER_SECOND: '0.01',
  MYELIN_LIMITS_MESSAGE_BURST: '3',
};

/** Bodies of what was said in a room, the newest first. */
async function said(person: V1Client, room: string): Promise<string[]> {
  const { chunk } = await person.messages(room, { from: 'END', dir: 'b', limit: 50 });
  return chunk.flatMap(({ content }: Json) => content.body ?? []);
}

describe('2015: API standards', () => {
  onServers(
    'every refusal says what was wrong, in a code and in words [A001] [A007]',
    async (server) => {
      const [alice, bob] = await v1People(server, 'alice', 'bob');
      const room = await alice.createRoom();
      const path = alice.room(room, '/send/m.room.message');
      const refusals = [
        await bob.fails(403, 'M_FORBIDDEN', 'POST', path, hello),
        await new V1Client(alice.base, 'nonsense').fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/initialSync'),
        await alice.fails(400, 'M_BAD_JSON', 'POST', alice.room(room, '/ban'), { reason: 'no user_id' }),
        await alice.fails(400, 'M_NOT_JSON', 'POST', '/createRoom', '{"name":'),
        await alice.fails(404, 'M_NOT_FOUND', 'GET', '/events/$nothing'),
        await alice.fails(404, 'M_UNRECOGNIZED', 'GET', '/nothing/here'),
      ];
      for (let i = 0; i < 3; i++) await alice.ok('POST', path, hello);
      const limited = await alice.fails(429, 'M_LIMIT_EXCEEDED', 'POST', path, hello);
      assert.ok(limited.retry_after_ms > 1_000 && limited.retry_after_ms <= 100_000);
      for (const { errcode, error } of [...refusals, limited]) {
        assert.match(errcode, /^M_[A-Z_]+$/);
        assert.ok(typeof error === 'string' && error.length > 10);
      }
    },
    { env: LIMITED },
  );

  onServers(
    'some refusals have a code of their own, and the code that was taken back is not among them [A002]',
    async (server) => {
      const [alice] = await v1People(server, 'alice');
      const room = await alice.createRoom({ room_alias_name: 'garden' });
      await alice.fails(400, 'M_ROOM_IN_USE', 'POST', '/createRoom', { room_alias_name: 'garden' });
      const alias = `/directory/room/${encodeURIComponent('#garden:localhost')}`;
      await alice.fails(409, 'M_ROOM_IN_USE', 'PUT', alias, { room_id: room });
      for (const path of [alice.room(room, '/messages?from=x&dir=b'), '/events?from=x']) {
        await alice.fails(400, 'M_BAD_PAGINATION', 'GET', path);
      }
      const again = { type: 'm.login.password', user: 'alice', password: 'something else' };
      await alice.fails(400, 'M_USER_IN_USE', 'POST', '/register', again);
      const alpha = { username: 'alice', password: 'something else' };
      await server.anonymous().fails(400, 'M_USER_IN_USE', 'POST', `${V2}/register`, alpha);
      const { anonymous } = server;
      const byMail = { type: 'm.login.email.url', user: 'alice', email: 'alice@example.org' };
      const { session } = await anonymous().ok('POST', `${V1}/login`, byMail);
      const asked = await anonymous().ask('POST', `${V1}/login`, { type: byMail.type, session });
      assert.deepEqual([asked.status, asked.body.errcode], [401, 'M_UNAUTHORIZED']);
    },
    { env: { MYELIN_MAIL_SMTP_URL: mails.url } },
  );

  onServers('keys that are missing are bad JSON, with accounts as with rooms', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const room = await alice.createRoom();
    const paths = ['/login', '/tokenrefresh', alice.room(room, '/invite')];
    for (const path of [...paths, `${V2}/account/password`, `${V2}/account/3pid`, `${V2}/tokenrefresh`]) {
      await alice.fails(400, 'M_BAD_JSON', 'POST', path, {});
    }
    await alice.fails(400, 'M_MISSING_PARAM', 'POST', '/_matrix/client/v3/login', {});
  });

  onServers('values that cannot be are bad JSON', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const room = await alice.createRoom();
    const wrong: [string, string, object][] = [
      ['POST', '/createRoom', { invite: ['nobody'] }],
      ['PUT', '/createRoom/1', { invite: ['nobody'] }],
      ['POST', alice.room(room, '/invite'), { user_id: 'nobody' }],
      ['PUT', alice.room(room, '/invite/1'), { user_id: 'nobody' }],
      ['POST', alice.room(room, '/ban'), { user_id: 'nobody' }],
      ['PUT', alice.room(room, '/ban/1'), { user_id: 'nobody' }],
      ['PUT', `/profile/${alice.userId}/displayname`, { displayname: 5 }],
      ['POST', `/presence/list/${alice.userId}`, { invite: ['nobody'] }],
    ];
    for (const [method, path, body] of wrong) await alice.fails(400, 'M_BAD_JSON', method, path, body);
  });

  onServers('no token is another thing than one that is not good [A003]', async (server) => {
    for (const path of [`${V1}/initialSync`, `${V2}/account/3pid`]) {
      const nobody = server.anonymous();
      await nobody.fails(401, 'M_MISSING_TOKEN', 'GET', path);
      await nobody.fails(401, 'M_UNKNOWN_TOKEN', 'GET', `${path}?access_token=nonsense`);
      nobody.token = 'nonsense';
      await nobody.fails(401, 'M_UNKNOWN_TOKEN', 'GET', path);
    }
  });

  onServers('a token in the query says who asks, everywhere [A004]', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const nobody = server.anonymous();
    const declarations = server.server.declarations.filter(
      ({ auth, paths, body }) =>
        auth === 'user' &&
        body !== 'bytes' &&
        paths.some((path) => path.startsWith(V1) || path.startsWith(V2)),
    );
    assert.ok(declarations.length > 40);
    for (const { method, paths } of declarations) {
      for (const path of paths.filter((one) => one.startsWith(V1) || one.startsWith(V2))) {
        const url = path.replaceAll(/:\w+/g, 'x');
        const body = method === 'GET' ? undefined : '[]';
        await nobody.fails(401, 'M_MISSING_TOKEN', method, url, body);
        const { status } = await nobody.ask(method, `${url}?access_token=${alice.token ?? ''}`, body);
        assert.ok(status !== 401 && status < 500, `${method} ${url}: ${status}`);
      }
    }
  });

  onServers('what is put with a transaction ID is done once [A005]', async (server) => {
    const [alice, bob, carol] = await v1People(server, 'alice', 'bob', 'carol');
    const twice = async (person: TestClient, path: string, body: object): Promise<Json> => {
      const [first, second] = [await person.ok('PUT', path, body), await person.ok('PUT', path, body)];
      assert.deepEqual(second, first, path);
      return first;
    };
    const { room_id: room } = await twice(alice, '/createRoom/1', { preset: 'public_chat', name: 'once' });
    const both = [1, 2, 3].map(() => alice.ok('PUT', '/createRoom/2', { room_alias_name: 'at-once' }));
    assert.equal(new Set((await Promise.all(both)).map(({ room_id: id }) => id)).size, 1);
    const elsewhere = V1Client.of(alice);
    const other = new V1Client((await server.another()).url, alice.token);
    const spread = [elsewhere, other, elsewhere, other].map((one) =>
      one.ok('PUT', '/createRoom/3', { name: 'far' }),
    );
    assert.equal(new Set((await Promise.all(spread)).map(({ room_id: id }) => id)).size, 1);
    assert.equal((await alice.ok('GET', '/initialSync')).rooms.length, 3);
    await server.restart();
    const later = new V1Client(server.server.url, alice.token);
    assert.equal((await later.ok('PUT', '/createRoom/1', { name: 'again' })).room_id, room);
    assert.equal((await later.ok('GET', '/initialSync')).rooms.length, 3);

    const [a, b, c] = [alice, bob, carol].map((one) => new V1Client(server.server.url, one.token));
    if (!a || !b || !c) throw new Error('Somebody is missing');
    const sent = await twice(a, a.room(room, '/send/m.room.message/1'), hello);
    const next = await a.ok('PUT', a.room(room, '/send/m.room.message/2'), hello);
    assert.notEqual(next.event_id, sent.event_id);
    const changes = async () =>
      (await a.messages(room, { from: 'START', limit: 100 })).chunk.filter(
        ({ type, state_key: key }: Json) => type === 'm.room.member' && key === bob.userId,
      ).length;
    const invitation = { user_id: bob.userId };
    await twice(a, a.room(room, '/invite/1'), invitation);
    assert.deepEqual(await twice(b, b.room(room, '/join/1'), {}), { room_id: room });
    assert.equal(await changes(), 2);
    await twice(b, b.room(room, '/leave/1'), {});
    await twice(b, `/join/${encodeURIComponent(room)}/1`, {});
    assert.equal(await changes(), 4);
    await b.ok('PUT', b.room(room, '/leave/1'), {});
    assert.equal(await changes(), 4, 'the same request does nothing, whatever happened since');
    await twice(a, a.room(room, '/ban/1'), { ...invitation, reason: 'spam' });
    assert.equal(await changes(), 5);
    assert.deepEqual(await said(a, room), ['hello', 'hello']);
    await c.join(room);
    const hers = await c.ok('PUT', c.room(room, '/send/m.room.message/1'), hello);
    assert.notEqual(hers.event_id, sent.event_id, 'transaction IDs are those of one client');

    for (const path of ['/send/m.room.message', '/join', '/invite', '/leave', '/ban']) {
      await a.fails(405, 'M_UNRECOGNIZED', 'PUT', a.room(room, path), {});
      await a.fails(405, 'M_UNRECOGNIZED', 'POST', a.room(room, `${path}/1`), {});
    }
    await a.fails(405, 'M_UNRECOGNIZED', 'PUT', '/createRoom', {});
    await a.fails(405, 'M_UNRECOGNIZED', 'POST', '/createRoom/1', {});
  });

  onServers('user IDs and aliases keep their case [A009]', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const profile = (id: string) => `/profile/${encodeURIComponent(id)}/displayname`;
    await alice.ok('PUT', profile(alice.userId), { displayname: 'Alice' });
    assert.equal((await alice.ok('GET', profile('@alice:localhost'))).displayname, 'Alice');
    await alice.fails(404, 'M_NOT_FOUND', 'GET', profile('@Alice:localhost'));
    const [bob] = await v1People(server, 'bob');
    const room = await bob.createRoom({ preset: 'private_chat' });
    await bob.ok('POST', bob.room(room, '/invite'), { user_id: '@Alice:localhost' });
    assert.deepEqual((await alice.ok('GET', '/initialSync')).rooms, [], 'somebody else is invited');
    await alice.fails(403, 'M_FORBIDDEN', 'POST', alice.room(room, '/join'), {});
    const lower = await alice.createRoom({ room_alias_name: 'garden' });
    const upper = await alice.createRoom({ room_alias_name: 'Garden' });
    const named = async (alias: string): Promise<string> =>
      (await alice.ok('GET', `/directory/room/${encodeURIComponent(alias)}`)).room_id;
    assert.deepEqual([await named('#garden:localhost'), await named('#Garden:localhost')], [lower, upper]);
    const elsewhere = `/directory/room/${encodeURIComponent('#garden:LOCALHOST')}`;
    for (const path of [elsewhere, profile('@alice:LOCALHOST')]) {
      assert.ok((await alice.ask('GET', path)).status >= 400, 'LOCALHOST is another server');
    }
  });

  onServers('names that could be taken for others are refused [A085]', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const nobody = server.anonymous();
    const alikes = ['p\u0430ypal', 'zero\u200Bwidth', '\u0410lice', 'turned\u202Eround', 'a\u0000b'];
    for (const name of alikes) {
      const v1 = { type: 'm.login.password', user: name, password: 'a long password' };
      const failed = await nobody.fails(400, 'M_FAILED_HUMAN_ID_CHECK', 'POST', `${V1}/register`, v1);
      assert.deepEqual(failed.failed_keys, ['user_id']);
      const v2 = { username: name, password: 'a long password', auth: { type: 'm.login.dummy' } };
      await nobody.fails(400, 'M_FAILED_HUMAN_ID_CHECK', 'POST', `${V2}/register`, v2);
      const wishes = { room_alias_name: name };
      const room = await alice.fails(400, 'M_FAILED_HUMAN_ID_CHECK', 'POST', '/createRoom', wishes);
      assert.deepEqual(room.failed_keys, ['room_alias']);
      if (name.includes('\0')) continue;
      const path = `/directory/room/${encodeURIComponent(`#${name}:localhost`)}`;
      await alice.fails(400, 'M_FAILED_HUMAN_ID_CHECK', 'PUT', path, { room_id: '!x:localhost' });
      await alice.fails(400, 'M_FAILED_HUMAN_ID_CHECK', 'GET', path);
    }
    const room = await alice.createRoom({ room_alias_name: 'сад' });
    const path = `/directory/room/${encodeURIComponent('#сад:localhost')}`;
    assert.equal((await alice.ok('GET', path)).room_id, room);
    const today = await server.person('bob');
    await today.createRoom({ room_alias_name: 'p\u0430ypal' });
  });

  onServers('what there was no text for in 2015 is at the paths of today alone [A086]', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const room = await alice.createRoom({ preset: 'public_chat' });
    const user = `/user/${alice.userId}`;
    const later: [string, string, object?][] = [
      ['POST', '/logout', {}],
      ['POST', '/search', {}],
      ['GET', '/devices'],
      ['GET', '/sync'],
      ['GET', '/capabilities'],
      ['POST', alice.room(room, '/kick'), {}],
      ['POST', alice.room(room, '/unban'), {}],
      ['POST', alice.room(room, '/forget'), {}],
      ['POST', alice.room(room, '/upgrade'), {}],
      ['GET', `${user}/rooms/${room}/tags`],
      ['GET', `${user}/account_data/org.example`],
    ];
    for (const [method, path, body] of later) await alice.fails(404, 'M_UNRECOGNIZED', method, path, body);
    const today = await server.person('bob');
    await today.join(room);
    await today.ok('PUT', `/v3/user/${today.userId}/rooms/${room}/tags/u.x`, {});
    await today.ok('POST', '/v3/search', { search_categories: { room_events: { search_term: 'x' } } });
    assert.ok((await today.ok('GET', '/versions')).versions.length > 0);
    await today.ok('POST', '/v3/logout', {});
  });
});
