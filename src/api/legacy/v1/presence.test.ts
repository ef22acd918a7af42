import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { systemClock } from '../../../platform/clock.ts';
import { onFederation } from '../../../testing/federation/federation.ts';
import type { Json } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { v1People, V1Client } from '../../../testing/client/v1-client.ts';
import { V2Client } from '../../../testing/client/v2-client.ts';

const MINUTE = 60_000;
let later = 0;
const clock = { ...systemClock, now: () => systemClock.now() + later };

const statusPath = (of: string) => `/presence/${encodeURIComponent(of)}/status`;
const set = (person: V1Client, presence: string, more: object = {}) =>
  person.ok('PUT', statusPath(person.userId), { presence, ...more });
const listPath = (person: V1Client) => `/presence/list/${encodeURIComponent(person.userId)}`;
const change = (person: V1Client, changes: object) => person.ok('POST', listPath(person), changes);
const list = (person: V1Client): Promise<Json[]> => person.ok('GET', listPath(person));
/** The state that a person's list has of another; undefined for who is not in it. */
async function listed(person: V1Client, other: string): Promise<string | undefined> {
  return (await list(person)).find(({ content }) => content.user_id === other)?.content.presence;
}
const asks = async (person: V1Client): Promise<string[]> =>
  (await list(person))
    .filter(({ type }) => type === 'm.presence_invite')
    .map(({ content }) => content.observer_user);
/** Asks again until something holds: data between servers comes when it comes, each asking takes a while. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) if (await holds()) return;
  throw new Error('It never came to be');
}
const presenceOf = (other: string, state: string) => (event: Json) =>
  event.type === 'm.presence' && event.content.user_id === other && event.content.presence === state;

describe('2015: presence', () => {
  onServers(
    'people say whether they are there, and others are told [A061]',
    async (server) => {
      const [alice, bob, carol] = await v1People(server, 'alice', 'bob', 'carol');
      const room = await alice.createRoom({ preset: 'public_chat' });
      await bob.join(room);
      for (const presence of ['online', 'unavailable', 'free_for_chat', 'offline'] as const) {
        await set(alice, presence, { status_msg: `I am ${presence}` });
        later += 5_000;
        const status = await bob.ok('GET', statusPath(alice.userId));
        assert.deepEqual([status.presence, status.status_msg], [presence, `I am ${presence}`]);
        assert.ok(
          status.last_active_ago >= 5_000 && status.last_active_ago < MINUTE,
          String(status.last_active_ago),
        );
        const today = await bob.ok('GET', `/_matrix/client/v3${statusPath(alice.userId)}`);
        assert.equal(today.presence, presence === 'free_for_chat' ? 'online' : presence);
      }
      await alice.events();
      const streaming = await bob.ok('GET', statusPath(alice.userId));
      assert.equal(streaming.presence, 'online', 'who follows the event stream is there');
      await bob.fails(403, 'M_FORBIDDEN', 'PUT', statusPath(alice.userId), { presence: 'offline' });
      await carol.fails(404, 'M_NOT_FOUND', 'GET', statusPath(alice.userId));
      await carol.fails(404, 'M_NOT_FOUND', 'GET', statusPath('@nobody:localhost'));
      const ofToday = `/_matrix/client/v3${statusPath(alice.userId)}`;
      await carol.fails(403, 'M_FORBIDDEN', 'GET', ofToday);
      const bad = await alice.ask('PUT', statusPath(alice.userId), { presence: 'asleep' });
      assert.equal(bad.status, 400);
    },
    { overrides: { clock } },
  );

  onServers(
    'who becomes more available or says something is active, who becomes less so is not [A064]',
    async (server) => {
      const [alice, bob] = await v1People(server, 'alice', 'bob');
      const room = await alice.createRoom({ preset: 'public_chat' });
      await bob.join(room);
      const ago = async (): Promise<number> =>
        (await bob.ok('GET', statusPath(alice.userId))).last_active_ago;
      await set(alice, 'online');
      for (const [presence, isActive] of [
        ['unavailable', false],
        ['online', true],
        ['free_for_chat', true],
        ['online', false],
        ['offline', false],
        ['unavailable', true],
        ['free_for_chat', true],
        ['free_for_chat', false],
        ['offline', false],
      ] as const) {
        const before = await ago();
        later += 10_000;
        await set(alice, presence);
        const after = await ago();
        if (isActive) assert.ok(after < 10_000, `${presence}: ${after}`);
        else assert.ok(after >= before + 10_000, `${presence}: ${after}, before ${before}`);
      }
      await set(alice, 'online');
      later += 10_000;
      assert.ok((await ago()) >= 10_000);
      await alice.say(room, 'still here');
      assert.ok((await ago()) < 10_000);
    },
    { overrides: { clock } },
  );

  onServers('those in the same rooms and those with one in their list are told [A063]', async (server) => {
    const [alice, bob, carol, dan] = await v1People(server, 'alice', 'bob', 'carol', 'dan');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    await change(carol, { invite: [alice.userId] });
    await change(alice, { accept: [carol.userId] });
    const since = new Map<V1Client, string>();
    for (const person of [bob, carol, dan]) since.set(person, (await person.events()).end);
    await set(alice, 'unavailable', { status_msg: 'thinking' });
    for (const person of [bob, carol]) {
      const event = await person.eventUntil(since.get(person) ?? '', presenceOf(alice.userId, 'unavailable'));
      assert.equal(event.content.status_msg, 'thinking');
    }
    const { chunk } = await dan.events({ from: since.get(dan) ?? '' });
    assert.deepEqual(
      chunk.filter(({ content }: Json) => content.user_id === alice.userId),
      [],
    );
    const synced = await V2Client.of(carol).sync();
    const [shown] = synced.presence.events.filter(({ sender }: Json) => sender === alice.userId);
    assert.equal(shown.content.presence, 'unavailable');
    assert.equal((await carol.ok('GET', statusPath(alice.userId))).presence, 'unavailable');
  });

  onServers('a new name or picture is told in every room, and with the presence [A065]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const rooms = [
      await alice.createRoom({ preset: 'public_chat' }),
      await alice.createRoom({ preset: 'public_chat' }),
    ];
    for (const room of rooms) await bob.join(room);
    await set(alice, 'online');
    const { end } = await bob.events();
    const picture = 'mxc://localhost/face';
    await alice.ok('PUT', `/profile/${alice.userId}/displayname`, { displayname: 'Alice M' });
    await alice.ok('PUT', `/profile/${alice.userId}/avatar_url`, { avatar_url: picture });
    for (const room of rooms) {
      await bob.eventUntil(
        end,
        ({ type, room_id: id, content }) =>
          type === 'm.room.member' &&
          id === room &&
          content.displayname === 'Alice M' &&
          content.avatar_url === picture,
      );
    }
    const told = await bob.eventUntil(
      end,
      ({ type, content }) =>
        type === 'm.presence' && content.user_id === alice.userId && content.avatar_url === picture,
    );
    assert.deepEqual([told.content.displayname, told.content.presence], ['Alice M', 'online']);
  });

  onFederation(
    'whoever is invited into a list and accepts is in it, also across servers [A062]',
    async ({ a, b }) => {
      const alice = V1Client.of(await a.person('alice'));
      for (const other of [V1Client.of(await a.person('here')), V1Client.of(await b.person('there'))]) {
        await set(other, 'online', { status_msg: 'hello' });
        await change(other, { invite: [alice.userId] });
        await until(async () => (await asks(alice)).includes(other.userId));
        await change(alice, { deny: [other.userId] });
        assert.deepEqual(await asks(alice), []);
        await change(other, { drop: [alice.userId] });
        assert.deepEqual(await list(other), []);

        await change(alice, { invite: [other.userId] });
        await until(async () => (await asks(other)).includes(alice.userId));
        assert.equal(await listed(alice, other.userId), undefined, 'nobody is in it who has not accepted');
        await alice.fails(404, 'M_NOT_FOUND', 'GET', statusPath(other.userId));
        const { end } = await alice.events();
        await change(other, { accept: [alice.userId] });
        assert.deepEqual(await asks(other), []);
        await until(async () => (await listed(alice, other.userId)) === 'online');
        await alice.eventUntil(end, presenceOf(other.userId, 'online'));
        await set(other, 'unavailable');
        await alice.eventUntil(end, presenceOf(other.userId, 'unavailable'));
        const status = await alice.ok('GET', statusPath(other.userId));
        assert.equal(status.presence, 'unavailable');
        assert.deepEqual(await list(other), [], 'it is not the other’s list');

        await change(alice, { drop: [other.userId] });
        assert.equal(await listed(alice, other.userId), undefined);
        await alice.fails(404, 'M_NOT_FOUND', 'GET', statusPath(other.userId));
        await change(alice, { invite: [other.userId] });
        await until(async () => (await asks(other)).includes(alice.userId));
        await change(other, { invite: [alice.userId] });
        await until(async () => (await listed(alice, other.userId)) !== undefined);
        await until(async () => (await listed(other, alice.userId)) !== undefined);
        assert.deepEqual([await asks(alice), await asks(other)], [[], []], 'who invites in turn accepts');
      }
      await alice.fails(404, 'M_NOT_FOUND', 'POST', listPath(alice), { invite: [`@nobody:${a.name}`] });
      await alice.fails(400, 'M_BAD_JSON', 'POST', listPath(alice), { invite: [alice.userId] });
      const stranger = V1Client.of(await a.person('stranger'));
      await stranger.fails(403, 'M_FORBIDDEN', 'GET', listPath(alice));
      await stranger.fails(403, 'M_FORBIDDEN', 'POST', listPath(alice), { drop: [] });
    },
  );

  onFederation(
    'servers invite, accept, deny, ask for presence and tell it [A113]',
    async ({ a, startRemote }) => {
      const alice = V1Client.of(await a.person('alice'));
      const shy = V1Client.of(await a.person('shy'));
      const remote = await startRemote();
      const zoe = `@zoe:${remote.name}`;
      const edus = (type: string): Json[] =>
        remote.edus.filter((one) => one.edu_type === type).map(({ content }) => content);
      const told = (type: string, holds: (content: Json) => boolean): Promise<Json> =>
        remote.until(() => edus(type).find(holds));
      const send = (edu_type: string, content: Json) => remote.sendEdus(a.name, { edu_type, content });
      const states = () => edus('m.presence').flatMap(({ push }) => push ?? []);
      const both = { observed_user: alice.userId, observer_user: zoe };
      await set(alice, 'online', { status_msg: 'first' });
      await send('m.presence_invite', both);
      await until(async () => (await asks(alice)).includes(zoe));
      await send('m.presence', { poll: [alice.userId] });
      await change(alice, { deny: [zoe] });
      await told('m.presence_deny', ({ observer_user: by }) => by === zoe);
      assert.deepEqual(states(), [], 'who was not let in is told nothing');

      await send('m.presence_invite', both);
      await until(async () => (await asks(alice)).includes(zoe));
      await change(alice, { accept: [zoe] });
      assert.deepEqual(await told('m.presence_accept', () => true), both);
      const first = await remote.until(() => states().find(({ status_msg: text }) => text === 'first'));
      assert.deepEqual([first.user_id, first.presence], [alice.userId, 'online']);
      assert.ok(first.last_active_ago >= 0);
      await set(alice, 'unavailable', { status_msg: 'second' });
      await remote.until(() => states().find(({ status_msg: text }) => text === 'second'));

      const before = states().length;
      await send('m.presence', { poll: [alice.userId, shy.userId, `@nobody:${a.name}`] });
      const polled = await remote.until(() => states().slice(before).at(0));
      assert.deepEqual([polled.user_id, polled.status_msg], [alice.userId, 'second']);
      await set(alice, 'free_for_chat');
      await remote.until(() => states().find(({ presence }) => presence === 'free_for_chat'));
      const free = states().length;
      await send('m.presence', { poll: [alice.userId] });
      assert.equal((await remote.until(() => states().slice(free).at(0))).presence, 'free_for_chat');
      await send('m.presence', { unpoll: [alice.userId] });
      await set(alice, 'online', { status_msg: 'third' });

      await change(alice, { invite: [zoe] });
      const theirs = { observed_user: zoe, observer_user: alice.userId };
      assert.deepEqual(await told('m.presence_invite', () => true), theirs);
      assert.ok(!states().some(({ status_msg: text }) => text === 'third'), 'it is asked for no more');
      assert.ok(!states().some(({ user_id: id }) => id !== alice.userId));
      const { end } = await alice.events();
      await send('m.presence_accept', theirs);
      await told('m.presence', ({ poll }) => poll?.includes(zoe));
      await send('m.presence', { push: [{ user_id: zoe, presence: 'free_for_chat', last_active_ago: 5 }] });
      await alice.eventUntil(end, presenceOf(zoe, 'free_for_chat'));
      assert.equal(await listed(alice, zoe), 'free_for_chat');
      await change(alice, { drop: [zoe] });
      await told('m.presence', ({ unpoll }) => unpoll?.includes(zoe));

      await send('m.presence_invite', { ...both, observer_user: shy.userId });
      await send('m.presence_invite', { ...both, observed_user: `@nobody:${a.name}` });
      await told('m.presence_deny', ({ observed_user: id }) => id === `@nobody:${a.name}`);
      assert.deepEqual(await asks(alice), [], 'a server speaks for its own users');
    },
    { servers: 1 },
  );
});
