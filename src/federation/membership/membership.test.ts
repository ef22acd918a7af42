import assert from 'node:assert/strict';
import { roomVersion } from '../../protocol/room-versions.ts';
import { finishPdu } from '../../protocol/signing.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { bodies, type Json, type TestClient } from '../../testing/client/test-client.ts';

const VERSIONS = Array.from({ length: 12 }, (_, i) => String(i + 1));

/** What somebody has of a room in an initial sync. */
async function joined(person: TestClient, room: string): Promise<Json> {
  return (await person.sync()).rooms.join[room];
}

/** Waits until somebody sees an event in a room. */
async function sees(person: TestClient, room: string, holds: (event: Json) => boolean): Promise<Json> {
  const body = await person.syncUntil(undefined, (answer) => {
    return (answer.rooms?.join?.[room]?.timeline?.events ?? []).some(holds);
  });
  return body.rooms.join[room].timeline.events.find(holds);
}

const joins = (userId: string) => (event: Json) =>
  event.type === 'm.room.member' && event.state_key === userId && event.content.membership === 'join';
const says = (text: string) => (event: Json) => event.content?.body === text;

onFederation(
  'rooms of every version are joined by way of another server, and talked in [B104 partial] [A108]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    for (const version of VERSIONS) {
      const wishes = { preset: 'public_chat', room_version: version, name: `v${version}` };
      const room = await alice.createRoom(wishes);
      await alice.say(room, 'before');
      assert.deepEqual(await bob.join(room, a.name), { room_id: room });
      const state: Json[] = await bob.ok('GET', bob.room(room, '/state'));
      const ofAlice: Json[] = await alice.ok('GET', alice.room(room, '/state'));
      const ids = (events: Json[]) => events.map((event) => event.event_id).sort();
      assert.deepEqual(ids(state), ids(ofAlice), `both have the state of version ${version}`);
      const members = await bob.ok('GET', bob.room(room, '/joined_members'));
      assert.deepEqual(Object.keys(members.joined).sort(), [alice.userId, bob.userId].sort());
      const shown = await joined(bob, room);
      assert.equal(shown.timeline.events.at(-1).state_key, bob.userId);
      assert.equal(shown.summary['m.joined_member_count'], 2);
      const name = shown.state.events.find((event: Json) => event.type === 'm.room.name');
      assert.equal(name.content.name, `v${version}`);
      const said = await bob.say(room, 'hello');
      assert.equal((await sees(alice, room, says('hello'))).event_id, said);
      await alice.setState(room, 'm.room.topic', { topic: 'of all' });
      await sees(bob, room, (event) => event.type === 'm.room.topic');
      const redact = alice.room(room, `/redact/${encodeURIComponent(said)}/r${version}`);
      await alice.ok('PUT', redact, {});
      await sees(bob, room, (event) => event.type === 'm.room.redaction');
      const redacted = await bob.ok('GET', bob.room(room, `/event/${encodeURIComponent(said)}`));
      assert.deepEqual(redacted.content, {}, `redacted on both servers in version ${version}`);
    }
  },
);

onFederation(
  'invites reach users of other servers, and are taken or declined [B106] [B107 partial]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    for (const version of ['1', '10', '12']) {
      const wishes = { room_version: version, name: 'inside', invite: [bob.userId] };
      const room = await alice.createRoom(wishes);
      const invited = await bob.syncUntil(undefined, (body) => body.rooms?.invite?.[room] !== undefined);
      const shown: Json[] = invited.rooms.invite[room].invite_state.events;
      assert.equal(shown.find((event) => event.type === 'm.room.name').content.name, 'inside');
      const own = shown.find((event) => event.state_key === bob.userId);
      assert.deepEqual([own.sender, own.content.membership], [alice.userId, 'invite']);
      await bob.ok('POST', bob.room(room, '/leave'), {});
      const left = await bob.syncUntil(invited.next_batch, (body) => body.rooms?.leave?.[room] !== undefined);
      const [leave] = left.rooms.leave[room].timeline.events;
      assert.deepEqual([leave?.state_key, leave?.content.membership], [bob.userId, 'leave']);
      await sees(
        alice,
        room,
        (event) => event.state_key === bob.userId && event.content.membership === 'leave',
      );
      await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
      await bob.syncUntil(left.next_batch, (body) => body.rooms?.invite?.[room] !== undefined);
      await bob.join(room);
      const said = await bob.say(room, 'thank you');
      assert.equal((await sees(alice, room, says('thank you'))).event_id, said);
      await bob.ok('POST', bob.room(room, '/leave'), {});
      await sees(
        alice,
        room,
        (event) => event.state_key === bob.userId && event.content.membership === 'leave',
      );
      await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/join'), {});
    }
  },
);

onFederation(
  'an invite is taken back, and who is removed learns of it [B106] [B107 partial]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const room = await alice.createRoom({ invite: [bob.userId] });
    const invited = await bob.syncUntil(undefined, (body) => body.rooms?.invite?.[room] !== undefined);
    await alice.ok('POST', alice.room(room, '/kick'), { user_id: bob.userId });
    const gone = await bob.syncUntil(invited.next_batch, (body) => body.rooms?.leave?.[room] !== undefined);
    await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
    await bob.syncUntil(gone.next_batch, (body) => body.rooms?.invite?.[room] !== undefined);
    await bob.join(room);
    await alice.ok('POST', alice.room(room, '/ban'), { user_id: bob.userId });
    await bob.syncUntil(undefined, (body) => body.rooms?.leave?.[room] !== undefined, {
      filter: JSON.stringify({ room: { include_leave: true } }),
    });
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/join'), {});
  },
);

onFederation('one knocks on a room of another server and is let in [B105 partial]', async ({ a, b }) => {
  const [alice, bob] = [await a.person('alice'), await b.person('bob')];
  const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } };
  const room = await alice.createRoom({ room_version: '10', name: 'closed', initial_state: [rules] });
  const path = `/v3/knock/${encodeURIComponent(room)}?via=${encodeURIComponent(a.name)}`;
  assert.deepEqual(await bob.ok('POST', path, { reason: 'please' }), { room_id: room });
  const knocking = await bob.syncUntil(undefined, (body) => body.rooms?.knock?.[room] !== undefined);
  const shown: Json[] = knocking.rooms.knock[room].knock_state.events;
  assert.equal(shown.find((event) => event.type === 'm.room.name').content.name, 'closed');
  const knock = await sees(alice, room, (event) => event.content?.membership === 'knock');
  assert.deepEqual([knock.sender, knock.content.reason], [bob.userId, 'please']);
  await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
  await bob.syncUntil(knocking.next_batch, (body) => body.rooms?.invite?.[room] !== undefined);
  await bob.join(room);
  await bob.say(room, 'here');
  await sees(alice, room, says('here'));
});

onFederation(
  'a restricted room is joined through another room, with a server that vouches [B104 partial]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const carol = await b.person('carol');
    for (const version of ['8', '10', '12']) {
      const club = await alice.createRoom({ preset: 'public_chat', room_version: version });
      const allow = [{ type: 'm.room_membership', room_id: club }];
      const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'restricted', allow } };
      const room = await alice.createRoom({ room_version: version, initial_state: [rules] });
      const path = `/v3/join/${encodeURIComponent(room)}?via=${encodeURIComponent(a.name)}`;
      await carol.fails(403, 'M_FORBIDDEN', 'POST', path, {});
      await bob.join(club, a.name);
      await bob.join(room, a.name);
      const member = await bob.ok('GET', bob.room(room, `/state/m.room.member/${bob.userId}`));
      assert.equal(member.join_authorised_via_users_server, alice.userId);
      await bob.say(room, 'in');
      await sees(alice, room, says('in'));
      await carol.join(club, b.name);
      await carol.join(room);
      await sees(alice, room, (event) => event.state_key === carol.userId);
    }
  },
);

onFederation(
  'a client cannot say who vouches for it: nobody gets into a restricted room like that [B104 partial]',
  async ({ a, b }) => {
    const [alice, dave, bob] = [await a.person('alice'), await a.person('dave'), await b.person('bob')];
    const club = await alice.createRoom({ preset: 'public_chat' });
    const allow = [{ type: 'm.room_membership', room_id: club }];
    const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'restricted', allow } };
    const room = await alice.createRoom({ initial_state: [rules] });
    const claims = { membership: 'join', join_authorised_via_users_server: alice.userId };
    const own = (person: TestClient) => person.room(room, `/state/m.room.member/${person.userId}`);
    await dave.fails(403, 'M_FORBIDDEN', 'PUT', own(dave), claims);
    await bob.join(club, a.name);
    await bob.join(room, a.name);
    await bob.ok('PUT', own(bob), { ...claims, displayname: 'Bobby' });
    await sees(alice, room, (event) => event.content.displayname === 'Bobby');
    for (const left of [room, club]) {
      await bob.ok('POST', bob.room(left, '/leave'), {});
      await sees(alice, left, (event) => event.content.membership === 'leave');
    }
    const path = `/v3/join/${encodeURIComponent(room)}?via=${encodeURIComponent(a.name)}`;
    await bob.fails(403, 'M_FORBIDDEN', 'POST', path, {});
  },
);

onFederation(
  'three servers hear each other, and one who comes late hears all [B104 partial] [A108]',
  async ({ a, b, c }) => {
    const [alice, bob, carol] = [await a.person('alice'), await b.person('bob'), await c.person('carol')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room, a.name);
    // A server that has not all of a room yet lets nobody in.
    await bob.ok('GET', bob.room(room, '/joined_members'));
    await carol.join(room, b.name);
    for (const person of [alice, bob]) await sees(person, room, joins(carol.userId));
    for (const [person, text] of [
      [alice, 'one'],
      [bob, 'two'],
      [carol, 'three'],
    ] as const)
      await person.say(room, text);
    for (const person of [alice, bob, carol]) {
      for (const text of ['one', 'two', 'three']) await sees(person, room, says(text));
    }
    const shown = bodies((await joined(alice, room)).timeline.events);
    assert.deepEqual([...shown].sort(), ['one', 'three', 'two']);
  },
  { servers: 3 },
);

onFederation(
  'history from before the join is fetched page by page, to the beginning [B103 partial] [A110]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat', name: 'old' });
    const said = Array.from({ length: 130 }, (_, i) => `m${i}`);
    for (const text of said) await alice.say(room, text);
    await bob.join(room, a.name);
    const shown = await joined(bob, room);
    assert.equal(shown.timeline.limited, true);
    const found: string[] = [];
    let last: Json;
    for (let from = shown.timeline.prev_batch; from !== undefined; from = last.end) {
      last = await bob.ok('GET', bob.room(room, `/messages?dir=b&limit=20&from=${from}`));
      found.push(...bodies(last.chunk));
    }
    assert.deepEqual(found.reverse(), said);
    assert.equal(last.chunk.at(-1).type, 'm.room.create');
    const context = await bob.ok('GET', bob.room(room, `/context/${last.chunk.at(-1).event_id}?limit=4`));
    assert.equal(context.events_after[0].state_key, alice.userId);
    await bob.say(room, 'and now');
    assert.deepEqual(bodies((await joined(bob, room)).timeline.events).slice(-1), ['and now']);
  },
);

onFederation('an event is found by its time on another server [B102 partial]', async ({ a, b }) => {
  const [alice, bob] = [await a.person('alice'), await b.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  const first = await alice.say(room, 'first');
  const { origin_server_ts: ts } = await alice.ok('GET', alice.room(room, `/event/${first}`));
  for (let i = 0; i < 5; i++) await alice.say(room, `m${i}`);
  await bob.join(room, a.name);
  const path = `/v1/rooms/${encodeURIComponent(room)}/timestamp_to_event?dir=f&ts=${ts}`;
  const found = await bob.ok('GET', path);
  assert.equal(found.origin_server_ts, ts);
  const context = await bob.ok('GET', bob.room(room, `/context/${found.event_id}`));
  assert.equal(context.event.event_id, found.event_id);
});

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

onFederation('who left comes back, and hears what was said meanwhile [B104 partial]', async ({ a, b }) => {
  const [alice, bob] = [await a.person('alice'), await b.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room, a.name);
  await bob.say(room, 'first');
  await sees(alice, room, says('first'));
  await bob.ok('POST', bob.room(room, '/leave'), {});
  await sees(alice, room, (event) => event.state_key === bob.userId && event.content.membership === 'leave');
  await alice.say(room, 'while you were away');
  await alice.setState(room, 'm.room.topic', { topic: 'new' });
  await bob.join(room, a.name);
  assert.equal((await bob.ok('GET', bob.room(room, '/state/m.room.topic/'))).topic, 'new');
  await alice.say(room, 'welcome back');
  await sees(bob, room, says('welcome back'));
  await bob.say(room, 'thanks');
  await sees(alice, room, says('thanks'));
  const found: string[] = [];
  for (let from: string | undefined = ''; from !== undefined;) {
    const page: Json = await bob.ok(
      'GET',
      bob.room(room, `/messages?dir=b&limit=20${from === '' ? '' : `&from=${from}`}`),
    );
    found.push(...bodies(page.chunk));
    from = page.end;
  }
  assert.deepEqual([...found].sort(), ['first', 'thanks', 'welcome back', 'while you were away']);
});

onFederation(
  'who blocks invites gets none from other servers, and they are told so [B054] [B106]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const path = `/v3/user/${encodeURIComponent(bob.userId)}/account_data/m.invite_permission_config`;
    await bob.ok('PUT', path, { default_action: 'block' });
    const { next_batch: since } = await bob.sync();
    const room = await alice.createRoom({});
    const invite = { user_id: bob.userId };
    await alice.fails(403, 'M_INVITE_BLOCKED', 'POST', alice.room(room, '/invite'), invite);
    assert.equal((await bob.sync({ since })).rooms?.invite, undefined);
    await bob.ok('PUT', path, { default_action: 'allow' });
    await alice.ok('POST', alice.room(room, '/invite'), invite);
    await bob.syncUntil(since, (body) => body.rooms?.invite?.[room] !== undefined);
  },
);
