import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { pino } from 'pino';
import { Erasure } from '../../../modules/erasure/index.ts';
import type { UserId } from '../../../protocol/identifiers.ts';
import { GuardFailed } from '../../../storage/database.ts';
import { sql } from '../../../storage/sql.ts';
import { openPlaceDatabase } from '../../../testing/server/place-database.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { TestClient, type Json } from '../../../testing/client/test-client.ts';

/** The server tells its log of what fails here on purpose. */
const QUIET = { overrides: { log: pino({ level: 'silent' }) } };
const AUTH = { type: 'm.login.password', user: 'alice', password: 'alice password' };

onServers(
  'a closed account is gone for good and out of its rooms [B013 partial]',
  async ({ person, anonymous }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await bob.createRoom({ preset: 'public_chat' });
    await alice.join(room);
    const auth = { type: 'm.login.password', user: 'alice', password: 'alice password' };
    const answer = await alice.ok('POST', '/v3/account/deactivate', { auth });
    assert.equal(answer.id_server_unbind_result, 'success');
    await alice.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    const login = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'alice' },
      password: 'alice password',
    };
    await anonymous().fails(403, 'M_USER_DEACTIVATED', 'POST', '/v3/login', login);
    await anonymous().fails(400, 'M_USER_IN_USE', 'GET', '/v3/register/available?username=alice');
    const members = await bob.ok('GET', bob.room(room, '/joined_members'));
    assert.deepEqual(Object.keys(members.joined), [bob.userId]);
  },
);

onServers(
  'who joins after somebody was erased gets their messages redacted, nobody else does [B013]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await bob.createRoom({ preset: 'public_chat' });
    await alice.join(room);
    const eventId = encodeURIComponent(await alice.say(room, 'to be forgotten'));
    await bob.say(room, 'of bob');
    const late = await person('late');
    await late.join(room);
    const auth = { type: 'm.login.password', user: 'alice', password: 'alice password' };
    await alice.ok('POST', '/v3/account/deactivate', { auth, erase: true });
    const later = await person('later');
    await later.join(room);
    for (const [reader, texts] of [
      [bob, ['of bob', 'to be forgotten']],
      [late, ['of bob', 'to be forgotten']],
      [later, ['of bob']],
    ] as const) {
      const { chunk } = await reader.ok('GET', reader.room(room, '/messages?dir=b&limit=50'));
      const messages = chunk.filter((event: Json) => event.type === 'm.room.message');
      assert.equal(messages.length, 2, 'the events are there');
      assert.deepEqual(
        messages.flatMap(({ content }: Json) => content.body ?? []),
        texts,
      );
      const event = await reader.ok('GET', reader.room(room, `/event/${eventId}`));
      assert.equal(event.content.body, texts[1]);
      const timeline = (await reader.sync()).rooms.join[room].timeline.events;
      const shown = timeline.flatMap(({ content }: Json) => content.body ?? []);
      assert.deepEqual(shown, [...texts].reverse());
    }
  },
);

onServers(
  'what is kept of who is erased goes, also when closing the account broke off; of others it stays',
  async (s) => {
    const [alice, bob, carol] = [await s.person('alice'), await s.person('bob'), await s.person('carol')];
    const room = await bob.createRoom({ preset: 'public_chat' });
    for (const person of [alice, carol]) {
      await person.join(room);
      const profile = `/v3/profile/${person.userId}/displayname`;
      await person.ok('PUT', profile, { displayname: 'A name' });
      const data = `/v3/user/${person.userId}/account_data/org.example.secret`;
      await person.ok('PUT', data, { secret: 'kept' });
      await person.ok('PUT', `/v3/presence/${person.userId}/status`, {
        ...{ presence: 'online', status_msg: 'Here I am' },
      });
      await person.ok('POST', '/v3/room_keys/version', {
        algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2',
        auth_data: { public_key: 'kept', signatures: {} },
      });
    }
    const failing = () => Promise.reject(new Error('The machine fails'));
    const finish = mock.method(Erasure.prototype, 'finish', failing);
    await alice.ok('POST', '/v3/account/deactivate', { auth: AUTH, erase: true });
    await carol.ok('POST', '/v3/account/deactivate', {
      auth: { ...AUTH, user: 'carol', password: 'carol password' },
    });
    const profileOf = (reader: TestClient, { userId }: TestClient) =>
      reader.ok('GET', `/v3/profile/${userId}`);
    assert.equal((await profileOf(bob, alice)).displayname, 'A name');
    finish.mock.restore();
    await s.restart();
    const later = new TestClient(s.server.url, bob.token);
    for (const { userId } of [alice, carol]) await untilLeft(later, room, userId);
    assert.deepEqual(await profileOf(later, alice), {});
    assert.equal((await profileOf(later, carol)).displayname, 'A name');
    const database = await openPlaceDatabase(s.place);
    for (const table of ['account_data', 'backup_versions', 'presence', 'profiles']) {
      const holds = async (userId: string) => {
        const rows = await database.all(sql(`SELECT * FROM ${table} WHERE user_id = ?`), userId);
        return /kept|Here I am|A name/.test(JSON.stringify(rows));
      };
      assert.deepEqual([await holds(alice.userId), await holds(carol.userId)], [false, true], table);
    }
    await database.close();
  },
  QUIET,
);

/** Syncs until somebody has left the room. */
async function untilLeft(reader: TestClient, room: string, userId: string): Promise<void> {
  for (let since: string | undefined; ;) {
    const { joined } = await reader.ok('GET', reader.room(room, '/joined_members'));
    if (!(userId in joined)) return;
    since = (await reader.sync(since === undefined ? {} : { since, timeout: 30_000 })).next_batch;
  }
}

onServers(
  'an account whose closing broke off leaves its rooms at the next start',
  async (s) => {
    const [alice, bob] = [await s.person('alice'), await s.person('bob')];
    const room = await bob.createRoom({ preset: 'public_chat' });
    await alice.join(room);
    const { departures } = s.server.services;
    mock.method(departures, 'leaveAll', () => Promise.reject(new Error('The machine fails')));
    await alice.ok('POST', '/v3/account/deactivate', { auth: AUTH });
    await alice.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    const { joined } = await bob.ok('GET', bob.room(room, '/joined_members'));
    assert.ok(alice.userId in joined);
    await s.restart();
    await untilLeft(new TestClient(s.server.url, bob.token), room, alice.userId);
  },
  QUIET,
);

onServers(
  'who closes an account leaves rooms in which others write at the same time',
  async (s) => {
    const [alice, bob] = [await s.person('alice'), await s.person('bob')];
    const rooms: string[] = [];
    for (let n = 0; n < 3; n++) rooms.push(await bob.createRoom({ preset: 'public_chat' }));
    for (const room of rooms) await alice.join(room);
    const [busy, blocked] = rooms;
    const { changes, accounts } = s.server.services;
    const leave = changes.leave.bind(changes);
    let tries = 0;
    const mocked = mock.method(changes, 'leave', (...asked: Parameters<typeof leave>) => {
      if (asked[1] === blocked || (asked[1] === busy && ++tries < 3))
        return Promise.reject(new GuardFailed());
      return leave(...asked);
    });
    const isOut = async (room: string | undefined) =>
      !(alice.userId in (await bob.ok('GET', bob.room(room ?? '', '/joined_members'))).joined);
    await alice.ok('POST', '/v3/account/deactivate', { auth: AUTH });
    assert.deepEqual(await Promise.all(rooms.map(isOut)), [true, false, true]);
    mocked.mock.restore();
    const user = alice.userId as UserId;
    assert.equal(await accounts.deactivate(user), true, 'asked again, it goes on');
    assert.equal(await isOut(blocked), true);
    await assert.rejects(accounts.deactivate(user), { errcode: 'M_NOT_FOUND' }, 'then nothing is left');
  },
  QUIET,
);
