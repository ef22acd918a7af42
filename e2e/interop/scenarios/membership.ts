import assert from 'node:assert/strict';
import { privateRoom, publicRoom, sharedRoom, type Scenario } from '../scene.ts';

const join: Scenario = {
  feature: 'join by alias',
  async run(scene) {
    const [alice, bob] = [await scene.home.person('alice'), await scene.away.person('bob')];
    const localpart = `room-${crypto.randomUUID().slice(0, 8)}`;
    const roomId = await publicRoom(scene, alice, { room_alias_name: localpart, name: 'The garden' });
    await bob.join(`#${localpart}:${scene.home.name}`);
    await alice.untilMember(roomId, bob.userId, 'join');
    await bob.untilRoom(roomId, 'the name', (room) => room.state.get('m.room.name ')?.content.name);
    for (const person of [alice, bob]) {
      const { joined } = await person.ok('GET', person.room(roomId, '/joined_members'));
      assert.deepEqual(Object.keys(joined).sort(), [alice.userId, bob.userId].sort());
    }
  },
};

const invite: Scenario = {
  feature: 'invite: accept, invite back, decline',
  async run(scene) {
    const [alice, bob] = [await scene.home.person('alice'), await scene.away.person('bob')];
    const [carol, dave] = [await scene.home.person('carol'), await scene.away.person('dave')];
    const roomId = await privateRoom(scene, alice, { name: 'The garden' });
    await alice.invite(roomId, bob.userId);
    const stripped = await bob.untilRoom(
      roomId,
      'the invite',
      (room) => room.membership === 'invite' && room.stripped,
    );
    const name = stripped.find((event) => event.type === 'm.room.name');
    assert.equal(name?.content.name, 'The garden');
    await bob.joinBy(roomId, scene.home.name);
    await alice.untilMember(roomId, bob.userId, 'join');

    await bob.invite(roomId, carol.userId);
    await alice.untilMember(roomId, carol.userId, 'invite');
    await carol.untilRoom(roomId, 'the invite', (room) => room.membership === 'invite');
    await carol.join(roomId);
    await bob.untilMember(roomId, carol.userId, 'join');

    await alice.invite(roomId, dave.userId);
    await dave.untilRoom(roomId, 'the invite', (room) => room.membership === 'invite');
    await dave.ok('POST', dave.room(roomId, '/leave'), {});
    await alice.untilMember(roomId, dave.userId, 'leave');
    // Nobody tells a server what it did itself: at the latest what follows the event has it look.
    await bob.untilEvent(roomId, await alice.say(roomId, 'Dave does not come'));
    await bob.untilMember(roomId, dave.userId, 'leave');
  },
};

const invitedBack: Scenario = {
  feature: 'invite withdrawn',
  async run(scene) {
    const [alice, bob] = [await scene.home.person('alice'), await scene.away.person('bob')];
    const roomId = await privateRoom(scene, alice);
    await alice.invite(roomId, bob.userId);
    await bob.untilRoom(roomId, 'the invite', (room) => room.membership === 'invite');
    await alice.ok('POST', alice.room(roomId, '/kick'), { user_id: bob.userId });
    await bob.untilRoom(roomId, 'that it is withdrawn', (room) => room.membership === 'leave');
    const { status } = await bob.ask('POST', `/v3/join/${encodeURIComponent(roomId)}`, {});
    assert.ok(status === 403 || status === 404, `joining answers ${status}`);
  },
};

const knock: Scenario = {
  feature: 'knock: let in, turned away, withdrawn',
  from: 7,
  async run(scene) {
    const alice = await scene.home.person('alice');
    const roomId = await privateRoom(scene, alice, { name: 'The garden' });
    await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'knock' });
    const knocker = async (name: string) => {
      const person = await scene.away.person(name);
      const via = `server_name=${scene.home.name}&via=${scene.home.name}`;
      await person.ok('POST', `/v3/knock/${encodeURIComponent(roomId)}?${via}`, { reason: 'Open the gate' });
      await person.untilRoom(roomId, 'the knock', (room) => room.membership === 'knock');
      const event = await alice.untilMember(roomId, person.userId, 'knock');
      assert.equal(event.content.reason, 'Open the gate');
      return person;
    };
    const bob = await knocker('bob');
    const names = bob.world.rooms.get(roomId)?.stripped.filter((event) => event.type === 'm.room.name');
    assert.equal(names?.[0]?.content.name, 'The garden');
    await alice.invite(roomId, bob.userId);
    await bob.untilRoom(roomId, 'the invite', (room) => room.membership === 'invite');
    await bob.joinBy(roomId, scene.home.name);
    await alice.untilMember(roomId, bob.userId, 'join');

    const carol = await knocker('carol');
    await alice.ok('POST', alice.room(roomId, '/kick'), { user_id: carol.userId });
    await bob.untilMember(roomId, carol.userId, 'leave');
    await carol.untilRoom(roomId, 'the refusal', (room) => room.membership === 'leave');

    const dave = await knocker('dave');
    await dave.ok('POST', dave.room(roomId, '/leave'), {});
    await alice.untilMember(roomId, dave.userId, 'leave');
  },
};

const restricted: Scenario = {
  feature: 'restricted join',
  from: 8,
  async run(scene) {
    const { roomId: club, alice, bob } = await sharedRoom(scene);
    const carol = await scene.away.person('carol');
    const roomId = await privateRoom(scene, alice, {
      initial_state: [
        {
          type: 'm.room.join_rules',
          state_key: '',
          content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: club }] },
        },
      ],
    });
    const via = `server_name=${scene.home.name}&via=${scene.home.name}`;
    const refused = await carol.ask('POST', `/v3/join/${encodeURIComponent(roomId)}?${via}`, {});
    assert.equal(refused.status, 403, JSON.stringify(refused.body));
    await bob.joinBy(roomId, scene.home.name);
    const event = await alice.untilMember(roomId, bob.userId, 'join');
    assert.equal(event.content.join_authorised_via_users_server, alice.userId);
    // The second of the other server needs a signature of the home server, too.
    await carol.joinBy(club, scene.home.name);
    await carol.joinBy(roomId, scene.home.name);
    await alice.untilMember(roomId, carol.userId, 'join');
    const id = await carol.say(roomId, 'so am I');
    await alice.untilEvent(roomId, id);
  },
};

const leave: Scenario = {
  feature: 'leave',
  async run(scene) {
    const { roomId, alice, bob } = await sharedRoom(scene);
    await bob.ok('POST', bob.room(roomId, '/leave'), {});
    await alice.untilMember(roomId, bob.userId, 'leave');
    await bob.untilRoom(roomId, 'that he left', (room) => room.membership === 'leave');
    const path = bob.room(roomId, '/send/m.room.message/1');
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', path, { msgtype: 'm.text', body: 'Still here?' });
    await bob.joinBy(roomId, scene.home.name);
    await alice.untilMember(roomId, bob.userId, 'join');
  },
};

const kick: Scenario = {
  feature: 'kick',
  async run(scene) {
    const { roomId, alice, bob } = await sharedRoom(scene);
    await alice.ok('POST', alice.room(roomId, '/kick'), { user_id: bob.userId, reason: 'Shouting' });
    const event = await bob.untilMember(roomId, bob.userId, 'leave');
    assert.equal(event.content.reason, 'Shouting');
    assert.equal(event.sender, alice.userId);
    await bob.joinBy(roomId, scene.home.name);
    await alice.untilMember(roomId, bob.userId, 'join');
    const carol = await scene.home.person('carol');
    await carol.join(roomId);
    await carol.untilMember(roomId, carol.userId, 'join');
    await alice.promote(roomId, bob.userId, 50);
    await bob.untilMember(roomId, carol.userId, 'join');
    await bob.untilPower(roomId, 50);
    await bob.ok('POST', bob.room(roomId, '/kick'), { user_id: carol.userId });
    await alice.untilMember(roomId, carol.userId, 'leave');
    await carol.untilRoom(roomId, 'the kick', (room) => room.membership === 'leave');
  },
};

const ban: Scenario = {
  feature: 'ban, unban',
  async run(scene) {
    const { roomId, alice, bob } = await sharedRoom(scene);
    await alice.ok('POST', alice.room(roomId, '/ban'), { user_id: bob.userId, reason: 'Shouting' });
    await bob.untilMember(roomId, bob.userId, 'ban');
    const via = `server_name=${scene.home.name}&via=${scene.home.name}`;
    await bob.fails(403, 'M_FORBIDDEN', 'POST', `/v3/join/${encodeURIComponent(roomId)}?${via}`, {});
    await alice.ok('POST', alice.room(roomId, '/unban'), { user_id: bob.userId });
    await bob.joinBy(roomId, scene.home.name);
    await alice.untilMember(roomId, bob.userId, 'join');
  },
};

export const membership = [join, invite, invitedBack, knock, restricted, leave, kick, ban];
