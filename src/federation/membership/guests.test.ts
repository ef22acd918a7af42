import assert from 'node:assert/strict';
import { stateKeyOf } from '../../protocol/events/event.ts';
import { onFederation, type FederatingServer } from '../../testing/federation/federation.ts';
import { LAZY, tell, whilePartial } from '../../testing/federation/partial-room.ts';
import type { RemoteEvent } from '../../testing/federation/remote-room.ts';
import type { Json, TestClient } from '../../testing/client/test-client.ts';

const MAY_JOIN = { type: 'm.room.guest_access', state_key: '', content: { guest_access: 'can_join' } };

async function guest(server: FederatingServer): Promise<TestClient> {
  const client = server.client(undefined);
  const body = await client.ok('POST', '/v3/register?kind=guest', {});
  const { access_token: token, user_id: userId, device_id: deviceId } = body;
  return Object.assign(client, { token, userId, deviceId });
}

onFederation(
  'a guest joins a room by way of another server where the room lets guests in, and is out when it no longer does [B049 partial] [B104 partial]',
  async ({ a, b }) => {
    const [alice, bob, visitor] = [await a.person('alice'), await b.person('bob'), await guest(b)];
    const open = await alice.createRoom({ preset: 'public_chat', initial_state: [MAY_JOIN] });
    const closed = await alice.createRoom({ preset: 'public_chat' });
    const join = (room: string) => `/v3/join/${encodeURIComponent(room)}?via=${a.name}`;
    await visitor.fails(403, 'M_GUEST_ACCESS_FORBIDDEN', 'POST', join(closed), {});
    const membersOf = async (room: string) =>
      Object.keys((await alice.ok('GET', alice.room(room, '/joined_members'))).joined as object).sort();
    assert.deepEqual(await membersOf(closed), [alice.userId], 'nobody was asked to let the guest in');
    const { next_batch: since } = await alice.sync();
    const hears = (who: TestClient, membership: string) =>
      alice.syncUntil(since, (body) => {
        const events: Json[] = body.rooms?.join?.[open]?.timeline.events ?? [];
        return events.some(
          (event) => event.state_key === who.userId && event.content.membership === membership,
        );
      });
    await visitor.ok('POST', join(open), {});
    await bob.ok('POST', join(open), {});
    await hears(bob, 'join');
    assert.deepEqual(await membersOf(open), [alice.userId, bob.userId, visitor.userId].sort());
    await visitor.say(open, 'hello');
    await alice.setState(open, 'm.room.guest_access', { guest_access: 'forbidden' });
    await hears(visitor, 'leave');
    assert.deepEqual(await membersOf(open), [alice.userId, bob.userId].sort());
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);

onFederation(
  'a guest is out of a room of another server when it redacts what let guests in [B049 partial]',
  async ({ a, b }) => {
    const [alice, visitor] = [await a.person('alice'), await guest(b)];
    const room = await alice.createRoom({ preset: 'public_chat' });
    const access = await alice.setState(room, 'm.room.guest_access', MAY_JOIN.content);
    const { next_batch: since } = await alice.sync();
    await visitor.ok('POST', `/v3/join/${encodeURIComponent(room)}?via=${a.name}`, {});
    const hears = (membership: string) =>
      alice.syncUntil(since, (body) => {
        const events: Json[] = body.rooms?.join?.[room]?.timeline.events ?? [];
        return events.some(
          (event) => event.state_key === visitor.userId && event.content.membership === membership,
        );
      });
    await hears('join');
    await alice.ok('PUT', alice.room(room, `/redact/${encodeURIComponent(access)}/1`), {});
    await hears('leave');
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);

onFederation(
  'a guest is out of a room once its members are known, where who let guests in was not in it [B049 partial] [B104 partial]',
  async (federation) => {
    const { b } = federation;
    let joined: RemoteEvent | undefined;
    await whilePartial(
      federation,
      async (scene) => {
        const { alice, bob, room, complete } = scene;
        const { roomId } = room;
        tell(scene, [], joined ? [joined] : []);
        const visitor = await guest(b);
        await visitor.fails(403, 'M_GUEST_ACCESS_FORBIDDEN', 'POST', visitor.room(roomId, '/join'), {});
        const levels = room.state.get(stateKeyOf('m.room.power_levels', ''));
        const auth = [levels, joined].flatMap((event) => event?.eventId ?? []);
        const sender = `@eve:${room.remote.name}`;
        const before = room.state.get(stateKeyOf('m.room.guest_access', ''));
        const { next_batch: bobSince } = await bob.sync(LAZY);
        const opened = room.next({
          type: MAY_JOIN.type,
          stateKey: '',
          content: MAY_JOIN.content,
          sender,
          auth,
        });
        if (before) room.take(before);
        else room.state.delete(stateKeyOf('m.room.guest_access', ''));
        room.latest = [opened.eventId];
        assert.deepEqual(await room.sendTo(b.name, opened), [undefined]);
        await bob.syncUntil(
          bobSince,
          (body) => JSON.stringify(body.rooms?.join?.[roomId] ?? {}).includes(opened.eventId),
          LAZY,
        );
        const { next_batch: since } = await alice.sync();
        await visitor.ok('POST', visitor.room(roomId, '/join'), {});
        complete(true);
        await alice.syncUntil(since, (body) => {
          const events: Json[] = body.rooms?.join?.[roomId]?.timeline.events ?? [];
          return events.some(
            (event) => event.state_key === visitor.userId && event.content.membership === 'leave',
          );
        });
        const { joined: members } = await bob.ok('GET', bob.room(roomId, '/joined_members'));
        assert.ok(bob.userId in members && !(visitor.userId in members));
      },
      {
        guestAccessPower: 0,
        before: async ({ room }) => {
          const userId = `@eve:${room.remote.name}`;
          const member = { type: 'm.room.member', stateKey: userId, sender: userId };
          joined = room.next({ ...member, content: { membership: 'join' } });
          const gone = room.next({ ...member, content: { membership: 'leave' } });
          assert.deepEqual(await room.send(joined, gone), [undefined, undefined]);
        },
      },
    );
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);
