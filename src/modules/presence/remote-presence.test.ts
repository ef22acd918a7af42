import assert from 'node:assert/strict';
import { MOST_KEPT } from '../../federation/edu-exchange.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { withBob, edu } from '../../testing/federation/remote-room-mate.ts';

withBob(
  'presence goes to other servers and comes from them, of users that they may tell of [B111]',
  async (parts) => {
    const { a, remote, alice, bob, roomId } = parts;
    await alice.ok('PUT', `/v3/presence/${encodeURIComponent(alice.userId)}/status`, {
      presence: 'unavailable',
      status_msg: 'out',
    });
    const { push } = await edu(remote, 'm.presence', (content) => content.push[0].presence === 'unavailable');
    assert.equal(push[0].user_id, alice.userId);
    assert.equal(push[0].status_msg, 'out');
    const carol = await a.person('carol');
    await alice.ok('POST', alice.room(roomId, '/invite'), { user_id: carol.userId });
    await carol.join(roomId);
    const since = (await alice.sync()).next_batch;
    const online = (user: string) => ({ user_id: user, presence: 'online', last_active_ago: 5_000 });
    const stranger = `@stranger:${remote.name}`;
    await remote.sendEdus(a.name, {
      edu_type: 'm.presence',
      content: {
        push: [
          { ...online(carol.userId), status_msg: 'forged' },
          { ...online('@eve:other.test'), status_msg: 'forged' },
          { ...online(bob), presence: 'nonsense' },
          online(stranger),
          { ...online(bob), currently_active: true, status_msg: 'there' },
        ],
      },
    });
    const isBob = (one: Json) => one.sender === bob;
    const body = await alice.syncUntil(since, (one) => (one.presence?.events ?? []).some(isBob));
    const { presence, status_msg: status } = body.presence.events.find(isBob).content;
    assert.deepEqual([presence, status], ['online', 'there']);
    await remote.sendEdus(a.name, {
      edu_type: 'm.presence',
      content: { push: [{ ...online(bob), last_active_ago: 1e300, status_msg: 'long ago' }] },
    });
    const isLongAgo = (one: Json) => isBob(one) && one.content.status_msg === 'long ago';
    const next = await alice.syncUntil(body.next_batch, (one) =>
      (one.presence?.events ?? []).some(isLongAgo),
    );
    assert.ok(Number.isSafeInteger(next.presence.events.find(isLongAgo).content.last_active_ago));
    const told = (await alice.sync()).presence.events as Json[];
    assert.ok(!JSON.stringify(told).includes('forged'));
    assert.ok(!told.some(({ sender }) => sender === stranger), 'one who shares no room is of no interest');
    const dave = await a.person('dave');
    await dave.ok('PUT', `/v3/presence/${encodeURIComponent(dave.userId)}/status`, { presence: 'online' });
    await alice.ok('PUT', `/v3/presence/${encodeURIComponent(alice.userId)}/status`, {
      ...{ presence: 'online', status_msg: 'back' },
    });
    await edu(remote, 'm.presence', (content) => content.push[0].status_msg === 'back');
    assert.ok(!JSON.stringify(remote.edus).includes(dave.userId), 'only who shares a room is told of');
  },
);

withBob(
  'an overlong status of another server is left out [B111 partial]',
  async ({ a, remote, alice, bob }) => {
    const since = (await alice.sync()).next_batch;
    const told = { user_id: bob, presence: 'online', last_active_ago: 1, status_msg: 'x'.repeat(9_000) };
    await remote.sendEdus(a.name, { edu_type: 'm.presence', content: { push: [told] } });
    const isBob = (one: Json) => one.sender === bob;
    const body = await alice.syncUntil(since, (one) => (one.presence?.events ?? []).some(isBob));
    const { presence, status_msg: status } = body.presence.events.find(isBob).content;
    assert.deepEqual([presence, status], ['online', undefined]);
  },
);

withBob(
  'a server that asks one process for somebody’s presence is told, though another process sends to it [B111 partial]',
  async ({ a, remote, alice, roomId }) => {
    await alice.say(roomId, 'hello');
    await remote.until(() => remote.pdus.find((pdu) => pdu.content.body === 'hello'));
    const other = await a.another();
    const edus = [{ edu_type: 'm.presence', content: { poll: [alice.userId] } }];
    const body = { origin: remote.name, origin_server_ts: Date.now(), pdus: [], edus };
    const uri = '/_matrix/federation/v1/send/poll';
    assert.equal((await remote.askAt(other.tlsPort ?? 0, a.name, uri, body)).status, 200);
    const { push } = await edu(remote, 'm.presence');
    assert.equal(push[0].user_id, alice.userId);
  },
);

withBob(
  'answers to a server that asks again and again and takes none are kept up to a limit [B111 partial] [A113 partial]',
  async ({ a, remote, bob }) => {
    const invite = (nobody: string) => ({
      edu_type: 'm.presence_invite',
      content: { observed_user: `@${nobody}:${a.name}`, observer_user: bob },
    });
    const answered = () => remote.edus.filter((one) => one.edu_type === 'm.presence_deny');
    const isTold = (nobody: string) =>
      answered().some(({ content }) => content.observed_user === `@${nobody}:${a.name}`);
    remote.answer = ({ url }) => (url.includes('/send/') ? { status: 500, body: {} } : undefined);
    const many = Array.from({ length: 100 }, () => invite('nobody'));
    for (let sent = 0; sent < MOST_KEPT + 300; sent += many.length) await remote.sendEdus(a.name, ...many);
    remote.answer = () => undefined;
    await remote.until(() => (isTold('nobody') ? true : undefined));
    // What comes last says that all that was kept before has come.
    while (!isTold('last')) await remote.sendEdus(a.name, invite('last'));
    const asOften = answered().filter(({ content }) => content.observed_user !== `@last:${a.name}`);
    assert.equal(asOften.length, MOST_KEPT);
  },
);
