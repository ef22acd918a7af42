import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import { allRooms, counts, SlidingConnection } from './testing/sliding-connection.ts';

onServers('filters choose the rooms of a list [B138 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const plain = await bob.createRoom({ name: 'Plain Talk' });
  const secret = await bob.createRoom({
    name: 'secret',
    initial_state: [
      { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
    ],
  });
  const space = await bob.createRoom({ creation_content: { type: 'm.space' } });
  const direct = await bob.createRoom({ is_direct: true });
  const invite = await alice.createRoom({ invite: [bob.userId] });
  await bob.setState(space, 'm.space.child', { via: ['localhost'] }, plain);
  const mine = `/v3/user/${encodeURIComponent(bob.userId)}`;
  await bob.ok('PUT', `${mine}/account_data/m.direct`, { [alice.userId]: [direct] });
  await bob.ok('PUT', `${mine}/rooms/${encodeURIComponent(plain)}/tags/m.favourite`, {});
  const filters: Record<string, [object, string[]]> = {
    dm: [{ is_dm: true }, [direct]],
    notDm: [{ is_dm: false, not_room_types: ['m.space'], is_invite: false }, [plain, secret]],
    encrypted: [{ is_encrypted: true }, [secret]],
    invites: [{ is_invite: true }, [invite]],
    spaces: [{ room_types: ['m.space'] }, [space]],
    untyped: [{ room_types: [null], is_invite: false }, [plain, secret, direct]],
    inSpace: [{ spaces: [space] }, [plain]],
    named: [{ room_name_like: 'TALK' }, [plain]],
    tagged: [{ tags: ['m.favourite', 'm.lowpriority'] }, [plain]],
    untagged: [{ not_tags: ['m.favourite'], is_invite: false }, [secret, space, direct]],
  };
  const sliding = new SlidingConnection(bob);
  for (const [name, [wanted, expected]] of Object.entries(filters)) {
    sliding.pos = undefined;
    const body = await sliding.next(allRooms(0, [], { filters: wanted }));
    assert.deepEqual(new Set(Object.keys(body.rooms)), new Set(expected), name);
    assert.deepEqual(counts(body), { all: expected.length }, name);
  }
  const lists = Object.fromEntries(
    Object.entries(filters).map(([name, [wanted]]) => [name, { filters: wanted, timeline_limit: 0 }]),
  );
  sliding.pos = undefined;
  await sliding.next({ lists });
  await bob.setState(plain, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' });
  await bob.ok('PUT', `${mine}/account_data/m.direct`, { [alice.userId]: [direct, secret] });
  await bob.ok('PUT', `${mine}/rooms/${encodeURIComponent(secret)}/tags/m.favourite`, {});
  await bob.setState(space, 'm.space.child', { via: ['localhost'] }, secret);
  await bob.setState(plain, 'm.room.name', { name: 'quiet' });
  await bob.join(invite);
  const after = await sliding.next({ lists });
  assert.deepEqual(counts(after), {
    ...{ dm: 2, notDm: 2, encrypted: 2, invites: 0, spaces: 1, untyped: 4, inSpace: 2, named: 0 },
    ...{ tagged: 2, untagged: 3 },
  });
  assert.equal(after.rooms[secret].is_dm, true);
  assert.equal(after.rooms[invite].initial, true);
  await bob.ok('PUT', `${mine}/account_data/m.direct`, {});
  const undone = await sliding.next({ lists });
  assert.deepEqual(
    [undone.rooms[secret].is_dm, undone.rooms[direct].is_dm, counts(undone).dm],
    [false, false, 0],
  );
});

onServers(
  'a room that changes while a filter is being compiled is judged by what it is then',
  async (world) => {
    const bob = await world.person('bob');
    const mine = `/v3/user/${encodeURIComponent(bob.userId)}`;
    const encryption = { algorithm: 'm.megolm.v1.aes-sha2' };
    const [plain, space] = [
      await bob.createRoom({ name: 'Plain' }),
      await bob.createRoom({ creation_content: { type: 'm.space' } }),
    ];
    const filters = {
      // What is encrypted and named is read first, and then the tags, which are held up.
      encrypted: { is_encrypted: true, not_tags: ['m.lowpriority'] },
      tagged: { room_name_like: 'Plain', tags: ['m.favourite'] },
      inSpace: { spaces: [space], not_tags: ['m.lowpriority'] },
    };
    const { accountData } = world.server.services;
    const ofRooms = accountData.ofRooms.bind(accountData);
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    accountData.ofRooms = async (...args) => {
      const found = await ofRooms(...args);
      asked.resolve();
      await gate.promise;
      return found;
    };
    const requests = Object.entries(filters).map(([name, wanted]) => {
      const sliding = new SlidingConnection(bob, name);
      const wishes = { lists: { [name]: { filters: wanted, timeline_limit: 0 } } };
      return { sliding, wishes, first: sliding.next(wishes) };
    });
    await asked.promise;
    await bob.setState(plain, 'm.room.encryption', encryption);
    await bob.setState(space, 'm.space.child', { via: ['localhost'] }, plain);
    await bob.ok('PUT', `${mine}/rooms/${encodeURIComponent(plain)}/tags/m.favourite`, {});
    accountData.ofRooms = ofRooms;
    gate.resolve();
    for (const { sliding, wishes, first } of requests) {
      await first;
      const name = sliding.connId;
      assert.deepEqual(counts(await sliding.next(wishes)), { [name]: 1 }, name);
    }
  },
);
