import assert from 'node:assert/strict';
import { systemClock } from '../../platform/clock.ts';
import { systemTimers, type Timers } from '../../platform/timers.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import type { Json } from '../../testing/client/test-client.ts';

/** How long somebody types whose server does not say that they stopped. */
const TYPING_MS = 30_000;

/** A clock that can be put forward, and what was to be done in that time. */
class Hurry {
  #aheadMs = 0;
  readonly #due = new Set<() => void>();
  readonly clock = { ...systemClock, now: () => systemClock.now() + this.#aheadMs };
  readonly timers: Timers = {
    after: (ms, run) => {
      if (ms !== TYPING_MS) return systemTimers.after(ms, run);
      this.#due.add(run);
      return { cancel: () => this.#due.delete(run) };
    },
  };

  pass(): void {
    this.#aheadMs += TYPING_MS;
    const due = [...this.#due];
    this.#due.clear();
    for (const run of due) run();
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
