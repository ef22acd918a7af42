import assert from 'node:assert/strict';
import { roomVersion } from '../../protocol/room-versions.ts';
import { finishPdu } from '../../protocol/signing.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { says, sees } from './testing/room-sight.ts';

onFederation(
  'a room is usable before its members are here, which then come, also after a restart [B104 partial]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat', name: 'large' });
    const others = ['carol', 'dan', 'erin'];
    for (const name of others) await (await a.person(name)).join(room);
    const gathering = b.server.services.eventGathering;
    const asked = Promise.withResolvers<void>();
    gathering.stateBefore = () => {
      asked.resolve();
      return Promise.resolve(undefined);
    };
    await bob.join(room, a.name);
    await asked.promise;
    const lazy = { filter: JSON.stringify({ room: { state: { lazy_load_members: true } } }) };
    const early = await bob.sync(lazy);
    const shown = early.rooms.join[room].state.events;
    assert.equal(shown.find((event: Json) => event.type === 'm.room.name').content.name, 'large');
    assert.ok(!shown.some((event: Json) => event.state_key === `@carol:${a.name}`), 'she is not known yet');
    const eager = await bob.sync();
    assert.equal(eager.rooms?.join?.[room], undefined, 'who wants all members waits for the room');
    const said = await bob.say(room, 'already talking');
    assert.equal((await sees(alice, room, says('already talking'))).event_id, said);
    const asking = await a.server.services.federationClient
      .request(b.name, {
        method: 'GET',
        path: `/_matrix/federation/v1/state_ids/${encodeURIComponent(room)}?event_id=${encodeURIComponent(said)}`,
      })
      .catch((error: Json) => error.status);
    assert.equal(asking, 403, 'what is not known is not told');
    await b.stop();
    await b.start();
    const again = b.client(bob.token);
    const members = await again.ok('GET', bob.room(room, '/joined_members'));
    const expected = [...others.map((name) => `@${name}:${a.name}`), alice.userId, bob.userId];
    assert.deepEqual(Object.keys(members.joined).sort(), expected.sort());
    const later = await again.syncUntil(
      early.next_batch,
      (body) => {
        const events: Json[] = body.rooms?.join?.[room]?.state?.events ?? [];
        return events.some((event) => event.state_key === `@carol:${a.name}`);
      },
      lazy,
    );
    assert.equal(later.rooms.join[room].summary['m.joined_member_count'], 5);
    const whole = (await again.sync({ since: eager.next_batch })).rooms.join[room];
    const shownThen = [...whole.state.events, ...whole.timeline.events];
    assert.ok(
      shownThen.some((event: Json) => event.state_key === `@carol:${a.name}`),
      'then it comes whole',
    );
    assert.ok(shownThen.some((event: Json) => event.event_id === said));
    const ids = (events: Json[]) => events.map((event) => event.event_id).sort();
    const ofAlice = await alice.ok('GET', alice.room(room, '/state'));
    assert.deepEqual(ids(await again.ok('GET', bob.room(room, '/state'))), ids(ofAlice));
    const old = await again.ok('GET', bob.room(room, `/context/${said}`));
    assert.deepEqual(ids(old.state), ids(ofAlice), 'the state at what was said meanwhile is whole, too');
    await alice.say(room, 'welcome');
    await sees(again, room, says('welcome'));
  },
);

onFederation(
  'who joins without members is told whether any were left out, and needs no more than is given [B104 partial]',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const alice = await a.person('alice');
    const joining = async (room: string, name: string) => {
      const member = `${encodeURIComponent(room)}/${encodeURIComponent(`@${name}:${remote.name}`)}`;
      const made = await remote.ask(a.name, 'GET', `/_matrix/federation/v1/make_join/${member}?ver=11`);
      const version = roomVersion(made.body.room_version);
      const join = finishPdu(made.body.event, version, remote.name, remote.key);
      const path = `${encodeURIComponent(room)}/${encodeURIComponent(join.eventId)}?omit_members=true`;
      const sent = await remote.ask(a.name, 'PUT', `/_matrix/federation/v2/send_join/${path}`, join.pdu);
      assert.equal(sent.status, 200, JSON.stringify(sent.body));
      const keys = sent.body.state.map((pdu: Json) => `${pdu.type} ${pdu.state_key}`);
      return {
        ...sent.body,
        keys: keys.sort(),
        members: keys.filter((key: string) => key.includes('member')),
      };
    };
    const options = { preset: 'public_chat', name: 'named', room_version: '11' };
    const small = await alice.createRoom(options);
    const whole = await joining(small, 'mallory');
    assert.equal(whole.members_omitted, false);
    assert.equal(whole.servers_in_room, undefined);
    assert.deepEqual(whole.members, [`m.room.member ${alice.userId}`]);

    const large = await alice.createRoom(options);
    for (const name of ['carol', 'dan', 'erin']) await (await a.person(name)).join(large);
    const part = await joining(large, 'mallory');
    assert.equal(part.members_omitted, true);
    assert.deepEqual(part.servers_in_room, [a.name]);
    assert.deepEqual(part.members, []);
    assert.deepEqual(
      part.keys,
      whole.keys.filter((key: string) => !key.includes('member')),
    );
    assert.ok(
      part.auth_chain.some((pdu: Json) => pdu.state_key === alice.userId),
      'who made the room authorises what is in its state',
    );
    const again = await joining(large, 'another');
    assert.deepEqual(again.keys, part.keys, 'a room that other servers are in');
  },
  { servers: 1 },
);
