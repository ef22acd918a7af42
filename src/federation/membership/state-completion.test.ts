import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import * as waitingEventsStore from '../../storage/federation/waiting-events-store.ts';
import { onFederation, type FederatingServer } from '../../testing/federation/federation.ts';
import {
  assertSameState,
  LAZY,
  showsLeave,
  tell,
  whilePartial,
} from '../../testing/federation/partial-room.ts';
import type { RemoteRoom } from '../../testing/federation/remote-room.ts';
import { HeldTimers } from '../../testing/server/held-timers.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import { LOOK_MS as PROCESS_LOOK_MS, LOOKS_MISSED } from './rooms-left-behind.ts';

/**
 * Has a server be given the first whole state an event at a time.
 *
 * @param onFirst called when the first event is asked for; the server waits for it.
 * @param onEnd called once no more of it is taken; the server waits for it.
 * @returns how many events were taken.
 */
function giveSlowly(
  server: FederatingServer,
  onFirst: () => Promise<void>,
  onEnd: () => Promise<void>,
): { taken: () => number } {
  const gathering = server.server.services.eventGathering;
  const stateBefore = gathering.stateBefore.bind(gathering);
  let taken = 0;
  async function* singly<One>(parts: AsyncIterable<readonly One[]> | Iterable<readonly One[]>) {
    try {
      for await (const part of parts) {
        for (const one of part) {
          if (taken === 0) await onFirst();
          taken += 1;
          yield [one];
        }
      }
    } finally {
      gathering.stateBefore = stateBefore;
      await onEnd();
    }
  }
  gathering.stateBefore = async (...asked) => {
    const state = await stateBefore(...asked);
    return state && { ids: state.ids, missing: singly(state.missing) };
  };
  return { taken: () => taken };
}

/** How long members are waited for where somebody fetches them, in milliseconds. */
const MEMBERS_WAIT_MS = 30_000;
/** How long the whole state may take to come, in milliseconds. */
const LONGEST_WAIT_MS = 60_000;
/** How often it is looked for something that is about to be done, and how long it is waited in between, in milliseconds. */
const MOST_LOOKS = 1_000;
const LOOK_MS = 10;

/** How many events of a room's remote server wait, as the database has it. */
async function countWaiting(server: FederatingServer, { remote }: RemoteRoom): Promise<number> {
  const database = await openPlaceDatabase(server.place);
  const count = await waitingEventsStore.countOf(database, remote.name, 10);
  await database.close();
  return count;
}

for (const when of ['at once', 'later'] as const) {
  onFederation(
    `the state of a room that nobody is in any more is not fetched until somebody comes back, ${when} [B104 partial]`,
    async (federation) => {
      const { a, b } = federation;
      const ended = Promise.withResolvers<void>();
      let given: ReturnType<typeof giveSlowly> | undefined;
      let leave = () => Promise.resolve();
      let comeBack: () => Promise<unknown> = () => Promise.resolve();
      await whilePartial(
        federation,
        async (scene) => {
          const { alice, bob, room, complete } = scene;
          comeBack = () => bob.join(room.roomId, a.name);
          leave = async () => {
            const { next_batch: since } = await alice.sync();
            await bob.ok('POST', bob.room(room.roomId, '/leave'), {});
            // Who comes back before the other server knows that they left may be gone once it does.
            await alice.syncUntil(since, showsLeave(room.roomId, bob.userId));
          };
          assert.match((await room.sendTo(b.name, room.say('too early')))[0] ?? '', /could not be had/);
          assert.equal(await countWaiting(b, room), 1);
          complete(true);
          await ended.promise;
          assert.equal(given?.taken(), 1, 'the first event is not kept any more');
          if (when === 'later') {
            // What waited for the state is let go of, so that other events of that server can wait.
            for (let looks = 0; (await countWaiting(b, room)) > 0; looks++) {
              assert.ok(looks < MOST_LOOKS);
              await setTimeout(LOOK_MS);
            }
            const asked = performance.now();
            await bob.ok('GET', bob.room(room.roomId, '/members'));
            assert.ok(performance.now() - asked < MEMBERS_WAIT_MS, 'who left is not kept waiting');
            await comeBack();
          }
          await assertSameState(scene);
        },
        {
          before: async ({ room }) => {
            for (const name of ['eve', 'frank', 'grace']) {
              const userId = `@${name}:${room.remote.name}`;
              const member = { type: 'm.room.member', stateKey: userId, sender: userId };
              await room.send(room.next({ ...member, content: { membership: 'join' } }));
            }
            given = giveSlowly(
              b,
              () => leave(),
              async () => {
                if (when === 'at once') await comeBack().catch(ended.reject);
                ended.resolve();
              },
            );
          },
        },
      );
    },
  );
}

onFederation(
  'the state of a room is fetched where everybody was put out of it, for that is judged again [B104 partial]',
  async (federation) => {
    const { b } = federation;
    await whilePartial(
      federation,
      async (scene) => {
        const { bob, room, complete } = scene;
        tell(scene);
        const { partialRooms } = b.server.services;
        const roomId = room.roomId as RoomId;
        const { next_batch: since } = await bob.sync(LAZY);
        const out = { type: 'm.room.member', stateKey: bob.userId, content: { membership: 'leave' } };
        assert.deepEqual(await room.sendTo(b.name, room.next(out)), [undefined]);
        await bob.syncUntil(since, (body) => body.rooms?.leave?.[roomId] !== undefined, LAZY);
        assert.ok(partialRooms.isPartial(roomId));
        complete(true);
        assert.ok(await partialRooms.whenComplete(roomId, LONGEST_WAIT_MS));
      },
      { guestPower: 60 },
    );
  },
);

const looks = new HeldTimers(PROCESS_LOOK_MS);

onFederation(
  'the state of a room is fetched by another process where the one that began with it is gone [B104 partial]',
  async (federation) => {
    const { b } = federation;
    let other: FederatingServer['server'] | undefined;
    await whilePartial(
      federation,
      async ({ room, complete }) => {
        const roomId = room.roomId as RoomId;
        const { partialRooms, laterNews } = (other ?? b.server).services;
        await laterNews.about([roomId], 0);
        assert.ok(partialRooms.isPartial(roomId));
        complete(false);
        await b.stop();
        for (let i = 0; i < LOOKS_MISSED; i++) looks.letGo();
        assert.ok(await partialRooms.whenComplete(roomId, LONGEST_WAIT_MS));
      },
      {
        before: async () => {
          other = await b.another();
        },
      },
    );
  },
  { engines: ['postgres'], overrides: { timers: looks } },
);

onFederation(
  'the state of a room is left to the process that says that it fetches it [B104 partial]',
  async (federation) => {
    const { b } = federation;
    const database = await openPlaceDatabase(b.place);
    let other: FederatingServer['server'] | undefined;
    await whilePartial(
      federation,
      async ({ room, complete }) => {
        const roomId = room.roomId as RoomId;
        const { partialRooms, eventGathering, laterNews } = (other ?? b.server).services;
        await laterNews.about([roomId], 0);
        const stateBefore = eventGathering.stateBefore.bind(eventGathering);
        let asked = 0;
        eventGathering.stateBefore = (...of) => {
          asked += 1;
          return stateBefore(...of);
        };
        let heard: () => void = () => undefined;
        database.subscribe((changes) => {
          if (changes.some(({ topic }) => topic === 'partial-room')) heard();
        });
        for (let i = 0; i < 3 * LOOKS_MISSED; i++) {
          const told = new Promise<void>((resolve) => (heard = resolve));
          looks.letGo();
          await told;
        }
        complete(true);
        assert.ok(await partialRooms.whenComplete(roomId, LONGEST_WAIT_MS));
        assert.equal(asked, 0);
      },
      {
        before: async () => {
          other = await b.another();
        },
      },
    );
    await database.close();
  },
  { engines: ['postgres'], overrides: { timers: looks } },
);

onFederation(
  'where a server tells what is no state, the whole state of a room is had from another one [B104 partial]',
  async (federation) => {
    const { a, b } = federation;
    const asked = new Set<string>();
    await whilePartial(
      federation,
      async (scene) => {
        scene.complete(true);
        const { partialRooms } = b.server.services;
        assert.ok(await partialRooms.whenComplete(scene.room.roomId as RoomId, MEMBERS_WAIT_MS));
        assert.deepEqual([...asked], [a.name, scene.remote.name]);
        await assertSameState(scene);
      },
      {
        before: async ({ alice, roomId }) => {
          const said = (await alice.say(roomId, 'no state')) as EventId;
          const gathering = b.server.services.eventGathering;
          const stateBefore = gathering.stateBefore.bind(gathering);
          gathering.stateBefore = async (server, room, eventId) => {
            asked.add(server);
            const state = await stateBefore(a.name, room, eventId);
            const message = await gathering.event(a.name, room, said);
            if (server !== a.name || !state || !message) return state;
            async function* more() {
              yield* state?.missing ?? [];
              if (message) yield [message];
            }
            return { ids: [...state.ids, said], missing: more() };
          };
        },
      },
    );
  },
);
