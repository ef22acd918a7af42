import assert from 'node:assert/strict';
import type { Json } from '../testing/client/test-client.ts';
import { onTwoProcesses } from '../testing/server/two-processes.ts';

const e = encodeURIComponent;

onTwoProcesses('who joined at one process is in the room at another at once', async (p) => {
  const [alice, bob] = [await p.person('alice'), await p.person('bob')];
  const elsewhere = p.there(bob);
  type Ask = (room: string, event: string) => [method: string, path: string, body?: Json];
  const asks: Ask[] = [
    (room) => ['PUT', bob.room(room, '/send/m.room.message/one'), { msgtype: 'm.text', body: 'hi' }],
    (room) => ['GET', bob.room(room, '/messages?dir=b')],
    (room) => ['GET', bob.room(room, '/state')],
    (room) => ['GET', bob.room(room, '/state/m.room.create')],
    (room) => ['GET', bob.room(room, '/members')],
    (room) => ['GET', bob.room(room, '/joined_members')],
    (room, event) => ['GET', bob.room(room, `/event/${e(event)}`)],
    (room, event) => ['GET', bob.room(room, `/context/${e(event)}`)],
    (room) => ['PUT', bob.room(room, `/typing/${e(bob.userId)}`), { typing: true, timeout: 1_000 }],
    (room, event) => ['POST', bob.room(room, `/receipt/m.read/${e(event)}`), {}],
    (room, event) => ['POST', bob.room(room, '/read_markers'), { 'm.fully_read': event }],
    (room, event) => ['POST', bob.room(room, `/report/${e(event)}`), { reason: 'spam' }],
    (room, event) => ['PUT', bob.room(room, `/redact/${e(event)}/two`), {}],
    (room) => ['POST', bob.room(room, '/invite'), { user_id: '@carol:localhost' }],
  ];
  for (const ask of asks) {
    const room = await alice.createRoom({
      preset: 'public_chat',
      power_level_content_override: { invite: 0 },
    });
    await p.there(alice).say(room, 'the room is in use there');
    await elsewhere.ok('GET', '/v3/joined_rooms');
    let event = '';
    const join = async () => {
      await bob.join(room);
      event = await bob.say(room, 'here');
    };
    const answer = await p.unheard(join, () => elsewhere.ask(...ask(room, event)));
    assert.equal(answer.status, 200, `${ask('room', 'event')[1]}: ${JSON.stringify(answer.body)}`);
  }
});

onTwoProcesses('who was invited at one process may join at another at once', async (p) => {
  const [alice, bob] = [await p.person('alice'), await p.person('bob')];
  const room = await alice.createRoom();
  await p.there(alice).say(room, 'the room is in use there');
  await p.there(bob).ok('GET', '/v3/joined_rooms');
  const invite = () => alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
  const answer = await p.unheard(invite, () => p.there(bob).ask('POST', bob.room(room, '/join'), {}));
  assert.deepEqual([answer.status, answer.body.room_id], [200, room]);
});

onTwoProcesses('who got power at one process has it at another at once', async (p) => {
  const [alice, bob] = [await p.person('alice'), await p.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  await p.there(bob).say(room, 'the room is in use there');
  const give = () => alice.setState(room, 'm.room.power_levels', { users: { [bob.userId]: 100 } });
  const name = bob.room(room, '/state/m.room.name');
  const answer = await p.unheard(give, () => p.there(bob).ask('PUT', name, { name: 'Tea' }));
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
});

onTwoProcesses('who made a room at one process reads it at another at once', async (p) => {
  const alice = await p.person('alice');
  await p.there(alice).ok('GET', '/v3/joined_rooms');
  let room = '';
  const answer = await p.unheard(
    async () => (room = await alice.createRoom()),
    () => p.there(alice).ask('GET', alice.room(room, '/messages?dir=b')),
  );
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
});

onTwoProcesses('who left a room at one process may forget it at another at once', async (p) => {
  const alice = await p.person('alice');
  const room = await alice.createRoom();
  await p.there(alice).say(room, 'what is written there has all before it heard there');
  await p.there(alice).ok('GET', '/v3/joined_rooms');
  const leave = () => alice.ok('POST', alice.room(room, '/leave'), {});
  const answer = await p.unheard(leave, () => p.there(alice).ask('POST', alice.room(room, '/forget'), {}));
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
});

onTwoProcesses('a push rule that was made at one process is there at another at once', async (p) => {
  const alice = await p.person('alice');
  const path = '/v3/pushrules/global/content/tea';
  await p.there(alice).ok('GET', '/v3/pushrules/');
  const make = () => alice.ok('PUT', path, { pattern: 'tea', actions: ['notify'] });
  const answer = await p.unheard(make, () => p.there(alice).ask('GET', path));
  assert.equal(answer.body.pattern, 'tea');
});

onTwoProcesses('what is not allowed is refused, whatever else happened meanwhile', async (p) => {
  const [alice, bob] = [await p.person('alice'), await p.person('bob')];
  const room = await alice.createRoom();
  await p.there(alice).say(room, 'the room is in use there');
  const talk = () => alice.say(room, 'news');
  const answer = await p.unheard(talk, () => p.there(bob).ask('POST', bob.room(room, '/join'), {}));
  assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_FORBIDDEN']);
});

onTwoProcesses('who may act again by way of one process may at another at once', async (p) => {
  const { newAccounts } = p.server.services;
  const bob = await p.person('bob');
  const root = p.anonymous();
  const admin = await newAccounts.createUser('root', 'root password', true);
  root.token = (await newAccounts.openSession(admin)).accessToken;
  const elsewhere = p.there(bob);
  for (const [path, is] of [
    ['lock', 'locked'],
    ['suspend', 'suspended'],
  ] as const) {
    const moderate = (on: boolean) => root.ok('PUT', `/v1/admin/${path}/${bob.userId}`, { [is]: on });
    await moderate(true);
    await p.otherServices.laterNews.about([bob.userId], 0);
    const refused = await elsewhere.ask('POST', '/v3/createRoom', {});
    assert.equal(refused.body.errcode, `M_USER_${is.toUpperCase()}`);
    const answer = await p.unheard(
      () => moderate(false),
      () => elsewhere.ask('POST', '/v3/createRoom', {}),
    );
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
  }
});
