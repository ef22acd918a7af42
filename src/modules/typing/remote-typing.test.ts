import assert from 'node:assert/strict';
import { systemClock } from '../../platform/clock.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { HeldTimers } from '../../testing/server/held-timers.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { ephemeral } from '../../testing/client/sync-body.ts';
import { withBob, edu } from '../../testing/federation/remote-room-mate.ts';

/** How long somebody types whose server does not say that they stopped. */
const TYPING_MS = 30_000;

/** A clock that can be put forward, and what was to be done in that time. */
class Hurry {
  #aheadMs = 0;
  readonly clock = { ...systemClock, now: () => systemClock.now() + this.#aheadMs };
  readonly timers = new HeldTimers(TYPING_MS);

  pass(): void {
    this.#aheadMs += TYPING_MS;
    this.timers.letGo();
  }
}

const hurry = new Hurry();

onFederation(
  'somebody of another server types no more after a while, although their server never says so [B111 partial]',
  async (federation) => {
    const { a, alice, remote, roomId, room } = await roomWithGuest(federation);
    const typing = (body: Json): string[] | undefined =>
      (body.rooms?.join?.[roomId]?.ephemeral?.events ?? []).find(({ type }: Json) => type === 'm.typing')
        ?.content.user_ids;
    const { next_batch: since } = await alice.sync();
    const content = { room_id: roomId, user_id: room.userId, typing: true };
    await remote.sendEdus(a.name, { edu_type: 'm.typing', content });
    const begun = await alice.syncUntil(since, (body) => typing(body) !== undefined);
    assert.deepEqual(typing(begun), [room.userId]);
    const waiting = alice.syncUntil(begun.next_batch, (body) => typing(body) !== undefined);
    hurry.pass();
    assert.deepEqual(typing(await waiting), []);
  },
  { servers: 1, overrides: { clock: hurry.clock, timers: hurry.timers } },
);

withBob('typing goes to other servers and comes from them [B111] [A114]', async (parts) => {
  const { a, remote, alice, bob, roomId } = parts;
  const path = alice.room(roomId, `/typing/${encodeURIComponent(alice.userId)}`);
  await alice.ok('PUT', path, { typing: true, timeout: 20_000 });
  assert.deepEqual(await edu(remote, 'm.typing'), { room_id: roomId, user_id: alice.userId, typing: true });
  await alice.ok('PUT', path, { typing: false });
  await edu(remote, 'm.typing', (content) => content.typing === false);
  const later = remote.edus.length;
  await alice.ok('PUT', path, { typing: true, timeout: 100 });
  const stopped = (one: Json) => one.edu_type === 'm.typing' && one.content.typing === false;
  await remote.until(() => remote.edus.slice(later).find(stopped));

  const since = (await alice.sync()).next_batch;
  await remote.sendEdus(
    a.name,
    { edu_type: 'm.typing', content: { room_id: roomId, user_id: `@mallory:${a.name}`, typing: true } },
    { edu_type: 'm.typing', content: { room_id: roomId, user_id: `@nobody:${remote.name}`, typing: true } },
    { edu_type: 'm.typing', content: { room_id: roomId, user_id: bob, typing: true } },
  );
  const body = await alice.syncUntil(since, (one) => ephemeral(one, roomId, 'm.typing') !== undefined);
  assert.deepEqual(ephemeral(body, roomId, 'm.typing').content.user_ids, [bob]);
  await remote.sendEdus(a.name, {
    edu_type: 'm.typing',
    content: { room_id: roomId, user_id: bob, typing: false },
  });
  const isOver = (one: Json) => ephemeral(one, roomId, 'm.typing')?.content.user_ids.length === 0;
  await alice.syncUntil(body.next_batch, isOver);
});
