import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { stateKeyOf } from '../../protocol/events/event.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { RemoteRoom, type RemoteDraft, type RemoteEvent } from '../../testing/federation/remote-room.ts';
import { bodies, type Json, type TestClient } from '../../testing/client/test-client.ts';
import { roomWithModerator, serve, timeline } from './testing/remote-guest.ts';

/** Room versions of each algorithm: the first, the second, and that of version 12. */
const VERSIONS = ['1', '2', '11', '12'];
/** How often a server is asked for events before one that came, by how many it tells at once. */
const ROUNDS = [
  [20, 40],
  [10, 10],
] as const;

/** Of two events that only their IDs tell apart, the one that stays. */
function byId(version: string, events: readonly RemoteEvent[]): RemoteEvent | undefined {
  const sha1 = (id: string) => createHash('sha1').update(id).digest('hex');
  if (version !== '1') return [...events].sort((x, y) => (x.eventId < y.eventId ? 1 : -1))[0];
  return [...events].sort((x, y) => (sha1(x.eventId) < sha1(y.eventId) ? -1 : 1))[0];
}

onFederation(
  'servers that get the sides of a fork in another order come to the same state: power first, then depth or time, then the ' +
    'hash or the ID [A107]',
  async ({ a, b, startRemote }) => {
    const remote = await startRemote();
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    for (const id of VERSIONS) {
      const mallory = `@mallory:${remote.name}`;
      const mel = `@mel:${remote.name}`;
      const users = { [mallory]: 100, [mel]: 50, ...(id === '12' ? {} : { [alice.userId]: 100 }) };
      const roomId = await alice.createRoom({
        ...{ preset: 'public_chat', room_version: id, power_level_content_override: { users } },
      });
      const room = await RemoteRoom.join(remote, a.name, roomId);
      const joining = room.next({
        ...{ type: 'm.room.member', stateKey: mel, sender: mel, content: { membership: 'join' } },
      });
      assert.deepEqual(await room.send(joining), [undefined]);
      await bob.join(roomId, a.name);
      const members: Json[] = await bob.ok('GET', bob.room(roomId, '/state'));
      const base = members.find((event) => event.state_key === bob.userId)?.event_id as EventId;

      const now = remote.now();
      const start = { prev: [base], depth: 40, ts: now };
      const make = (type: string, content: object, more: Partial<RemoteDraft> = {}) =>
        room.make({ type, stateKey: '', content: content as never, ...start, ...more });
      const rightful = make('m.room.topic', { topic: 'rightful' });
      const demotion = make(
        'm.room.power_levels',
        {
          ...room.state.get(stateKeyOf('m.room.power_levels', ''))?.pdu.content,
          users: { ...users, [mel]: 0 },
        },
        { prev: [rightful.eventId], depth: 41 },
      );
      const late = { depth: 60, ts: now + 60_000, sender: mel };
      const usurped = make('m.room.topic', { topic: 'usurped' }, late);
      const deep = make('m.room.name', { name: 'deep' }, { depth: 50 });
      const recent = make('m.room.name', { name: 'recent' }, { ts: now + 30_000 });
      const pictures = ['one', 'two'].map((name) => make('m.room.avatar', { url: `mxc://here/${name}` }));
      const sides = [[rightful, demotion], [usurped], [deep], [recent], ...pictures.map((one) => [one])];
      for (const side of sides) {
        assert.deepEqual((await room.sendTo(a.name, ...side)).filter(Boolean), []);
      }
      for (const side of sides.toReversed()) {
        assert.deepEqual((await room.sendTo(b.name, ...side)).filter(Boolean), []);
      }
      const of = async (person: TestClient) => {
        const state = (await person.ok('GET', person.room(roomId, '/state'))) as Json[];
        return new Map(state.map((event) => [`${event.type} ${event.state_key}`, event.event_id as string]));
      };
      const [here, there] = [await of(alice), await of(bob)];
      assert.deepEqual([...here].sort(), [...there].sort(), `version ${id}`);
      assert.equal(here.get('m.room.topic '), rightful.eventId, 'whose power was taken changes nothing');
      assert.equal(here.get('m.room.power_levels '), demotion.eventId);
      assert.equal(here.get('m.room.name '), (id === '1' ? deep : recent).eventId);
      assert.equal(here.get('m.room.avatar '), byId(id, pictures)?.eventId);

      const merged = await alice.say(roomId, 'merged');
      await bob.syncUntil(undefined, (body) =>
        bodies(body.rooms?.join?.[roomId]?.timeline?.events).includes('merged'),
      );
      const at = async (server: typeof a.name) => {
        const query = `event_id=${encodeURIComponent(merged)}`;
        const uri = `/_matrix/federation/v1/state_ids/${encodeURIComponent(roomId)}?${query}`;
        return ((await remote.ask(server, 'GET', uri)).body.pdu_ids as string[]).sort();
      };
      assert.deepEqual(await at(a.name), await at(b.name), 'also at the event that joins the fork');
      assert.deepEqual(await at(a.name), [...here.values()].sort());
    }
  },
);

for (const [size, rounds] of ROUNDS) {
  onFederation(
    `events before one that came are asked for ${rounds} times and not more of a server that tells ${size} at once, and then the state before the last of them [A109]`,
    async (federation) => {
      const { alice, roomId, room, remote } = await roomWithModerator(federation);
      const before = [...room.state.values()];
      const said = Array.from({ length: size * rounds + 60 }, (_, i) => room.say(`m${i}`));
      const place = (id: string) => said.findIndex(({ eventId }) => eventId === id);
      const edge = said[58] as RemoteEvent;
      serve(remote, [], { [edge.eventId]: before });
      const others = remote.answer;
      remote.answer = (request) => {
        const { url, body } = request;
        if (url.includes('/get_missing_events/')) {
          const end = Math.min(...(body.latest_events as string[]).map(place));
          const events = said.slice(Math.max(end - size, 0), end).map(({ pdu }) => pdu);
          return { status: 200, body: { events } };
        }
        const isEdge = decodeURIComponent(url).endsWith(`/event/${edge.eventId}`);
        return isEdge ? { status: 200, body: { pdus: [edge.pdu] } } : others(request);
      };
      assert.deepEqual(await room.send(said.at(-1) as RemoteEvent), [undefined]);
      const asked = (what: string) => remote.seen.filter(({ url }) => url.includes(`/${what}/`));
      assert.deepEqual(
        asked('get_missing_events').map(({ body }) => body.limit),
        Array.from({ length: rounds }, () => 50),
      );
      assert.deepEqual([asked('state_ids').length, asked('event').length], [1, 1]);
      const seen: string[] = [];
      for (let from = ''; seen.length <= size * rounds;) {
        const page = await alice.ok('GET', alice.room(roomId, `/messages?dir=b&limit=67${from}`));
        seen.push(...bodies(page.chunk));
        from = `&from=${page.end}`;
      }
      const texts = said.slice(-size * rounds - 1).map(({ pdu }) => pdu.content.body as string);
      assert.deepEqual(seen.slice(0, size * rounds + 1).reverse(), texts);
    },
  );
}

onFederation(
  'a server that tells the same events again and again is not asked for ever [A109]',
  async (federation) => {
    const { alice, roomId, room, remote } = await roomWithModerator(federation);
    const said = Array.from({ length: 40 }, (_, i) => room.say(`m${i}`));
    serve(remote, said.slice(10, -1));
    const [error] = await room.send(said.at(-1) as RemoteEvent);
    assert.match(error ?? '', /could not be had/);
    assert.equal(remote.seen.filter(({ url }) => url.includes('/get_missing_events/')).length, 2);
    assert.deepEqual(bodies(await timeline(alice, roomId)), []);
  },
);

onFederation(
  'where servers disagree about what authorises an event, its auth chain is asked for and judged [A109]',
  async (federation) => {
    const { alice, roomId, room, remote } = await roomWithModerator(federation);
    const latest = [...room.latest];
    const chain = [...room.state.values()];
    const levels = room.state.get(stateKeyOf('m.room.power_levels', ''))?.eventId;
    const renamed = room.next({
      ...{ type: 'm.room.member', stateKey: room.userId },
      content: { membership: 'join', displayname: 'another' },
    });
    const stolen = room.make({
      type: 'm.room.power_levels',
      stateKey: '',
      content: { users: { [room.userId]: 100 } },
    });
    const honest = room.make({ type: 'm.room.message', content: { body: 'honest' }, prev: latest });
    const auth = (honest.pdu.auth_events as EventId[]).filter((one) => one !== levels);
    const dishonest = room.make({
      ...{ type: 'm.room.message', content: { body: 'dishonest' }, prev: latest },
      auth: [...auth, stolen.eventId],
    });
    remote.answer = ({ url }) => {
      if (!url.includes('/event_auth/')) return undefined;
      const pdus = [...chain, renamed, stolen].map(({ pdu }) => pdu);
      return { status: 200, body: { auth_chain: pdus } };
    };
    assert.deepEqual(await room.send(honest), [undefined]);
    assert.equal(remote.seen.filter(({ url }) => url.includes('/event_auth/')).length, 1);
    assert.match((await room.send(dishonest))[0] ?? '', /.+/, 'ERROR, as it was called in 2015');
    assert.deepEqual(bodies(await timeline(alice, roomId)), ['honest']);
    const power = await alice.ok('GET', alice.room(roomId, '/state/m.room.power_levels/'));
    assert.equal(power.users[room.userId], 50);
  },
);
