import assert from 'node:assert/strict';
import { HeldTimers } from '../../testing/server/held-timers.ts';
import { freePort } from '../../testing/server/free-port.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { PATIENCE_MS } from './join-turns.ts';

const part = encodeURIComponent;

onFederation(
  'a knock goes to the next server where one cannot be reached, and the next is not in the room [B105 partial]',
  async ({ a, b, c }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } };
    const room = await alice.createRoom({ room_version: '10', initial_state: [rules] });
    const servers = [`localhost:${await freePort()}`, c.name, a.name];
    const path = `/v3/knock/${part(room)}?${servers.map((server) => `via=${part(server)}`).join('&')}`;
    assert.deepEqual(await bob.ok('POST', path, {}), { room_id: room });
    const member = await alice.ok('GET', alice.room(room, `/state/m.room.member/${bob.userId}`));
    assert.equal(member.membership, 'knock');
  },
  { servers: 3 },
);

onFederation(
  'a restricted join goes to the next server where one is in the room but cannot vouch for it [B104 partial]',
  async ({ a, b, c }) => {
    const alice = await a.person('alice');
    const [bob, carol] = [await b.person('bob'), await c.person('carol')];
    const club = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
    const allow = [{ type: 'm.room_membership', room_id: club }];
    const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'restricted', allow } };
    const room = await alice.createRoom({ room_version: '10', initial_state: [rules] });
    for (const place of [club, room]) await carol.join(place, a.name);
    await carol.ok('POST', carol.room(club, '/leave'), {});
    await bob.join(club, a.name);
    await bob.fails(
      400,
      'M_UNABLE_TO_AUTHORISE_JOIN',
      'POST',
      `/v3/join/${part(room)}?via=${part(c.name)}`,
      {},
    );
    await bob.ok('POST', `/v3/join/${part(room)}?via=${part(c.name)}&via=${part(a.name)}`, {});
    const { next_batch: since } = await carol.sync();
    const said = await bob.say(room, 'in');
    await carol.syncUntil(since, (body) =>
      (body.rooms?.join?.[room]?.timeline.events ?? []).some((event: Json) => event.event_id === said),
    );
    const member = await alice.ok('GET', alice.room(room, `/state/m.room.member/${bob.userId}`));
    assert.equal(member.join_authorised_via_users_server, alice.userId);
  },
  { servers: 3 },
);

const timers = new HeldTimers(PATIENCE_MS);

onFederation(
  'who joins by way of a server that does not answer does not keep others out of the room',
  async ({ a, b, startRemote }) => {
    const [alice, bob, eve] = [await a.person('alice'), await b.person('bob'), await b.person('eve')];
    const remote = await startRemote();
    const room = await alice.createRoom({ preset: 'public_chat' });
    const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    remote.holds = ({ url }) => {
      if (!url.includes('/make_join/')) return undefined;
      asked.resolve();
      return held.promise;
    };
    let isOver = false;
    const stuck = eve.ask('POST', `/v3/join/${part(room)}?via=${part(remote.name)}`, {}).finally(() => {
      isOver = true;
    });
    await asked.promise;
    void timers.planned().then((endPatience) => endPatience());
    await bob.join(room, a.name);
    assert.equal(isOver, false);
    held.resolve();
    await stuck;
  },
  { overrides: { timers } },
);

/** A template, as a server makes it that knows how. */
function templateOf(roomId: string, userId: string, membership: string): Json {
  return {
    ...{ type: 'm.room.member', room_id: roomId, sender: userId, state_key: userId, content: { membership } },
    ...{ auth_events: [], prev_events: ['$before'], depth: 2 },
  };
}

onFederation(
  'what a server has against the form of a join is not told to the client as its own fault [B104 partial]',
  async ({ a, startRemote }) => {
    const [alice, remote] = [await a.person('alice'), await startRemote()];
    const roomId = `!there:${remote.name}`;
    const event = templateOf(roomId, alice.userId, 'join');
    const path = `/v3/join/${part(roomId)}?via=${part(remote.name)}`;
    for (const step of ['/make_join/', '/send_join/']) {
      for (const errcode of ['M_INVALID_PARAM', 'M_MISSING_PARAM']) {
        remote.answer = ({ url }) => {
          if (url.includes(step)) return { status: 400, body: { errcode, error: 'What is that?' } };
          const isTemplate = url.includes('/make_join/');
          return isTemplate ? { status: 200, body: { room_version: '10', event } } : undefined;
        };
        await alice.fails(502, 'M_UNKNOWN', 'POST', path, {});
      }
    }
  },
  { servers: 1 },
);

onFederation(
  'no template is signed that is for something else than was asked for, and the next server is asked [B104] [B105] [B107 partial]',
  async ({ a, startRemote }) => {
    const [alice, remote] = [await a.person('alice'), await startRemote()];
    const next = await startRemote();
    const roomId = `!there:${remote.name}`;
    const via = [remote, next].map(({ name }) => `via=${part(name)}`).join('&');
    const ask = { join: `/v3/join/${part(roomId)}?${via}`, knock: `/v3/knock/${part(roomId)}?${via}` };
    for (const step of ['join', 'knock'] as const) {
      const right = templateOf(roomId, alice.userId, step);
      const wrong: Json[] = [
        { type: 'm.room.power_levels' },
        { room_id: '!other:there.test' },
        { sender: `@alice:${remote.name}` },
        { state_key: `@alice:${remote.name}` },
        { content: { membership: 'leave' } },
      ];
      for (const change of wrong) {
        const seen: string[] = [];
        remote.answer = ({ url }) => {
          if (url.includes(`/send_${step}/`)) seen.push('signed');
          if (!url.includes(`/make_${step}/`)) return undefined;
          return { status: 200, body: { room_version: '10', event: { ...right, ...change } } };
        };
        next.answer = ({ url }) => {
          if (url.includes(`/make_${step}/`)) seen.push('next');
          return undefined;
        };
        await alice.ask('POST', ask[step], {});
        assert.deepEqual(seen, ['next'], JSON.stringify(change));
      }
    }
  },
  { servers: 1 },
);
