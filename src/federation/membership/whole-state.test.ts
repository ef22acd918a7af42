import assert from 'node:assert/strict';
import type { ServerName } from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { Decide } from '../../rooms/appending/room-writer.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { onFederation, type FederatingServer } from '../../testing/federation/federation.ts';
import { whilePartial } from '../../testing/federation/partial-room.ts';
import type { RemoteEvent, RemoteRoom } from '../../testing/federation/remote-room.ts';
import type { Json, TestClient } from '../../testing/client/test-client.ts';

/** More than are written down in two steps. */
const MEMBERS = 1_200;
/** Events of one transaction. */
const SENT_AT_ONCE = 50;
/** Statements of a unit that is not long: two a member of a step, and the nodes of the state. */
const SHORT = 1_500;

function memberOf(room: RemoteRoom, i: number | string): string {
  return `@member${i}:${room.remote.name}`;
}

function joinOf(userId: string): { type: string; stateKey: string; sender: string; content: Json } {
  return { type: 'm.room.member', stateKey: userId, sender: userId, content: { membership: 'join' } };
}

/** Has many users of the remote server join. */
async function joinMany(room: RemoteRoom): Promise<void> {
  for (let i = 0; i < MEMBERS; i += SENT_AT_ONCE) {
    const joins = Array.from({ length: SENT_AT_ONCE }, (_, j) => room.next(joinOf(memberOf(room, i + j))));
    assert.deepEqual(new Set(await room.send(...joins)), new Set([undefined]));
  }
}

/**
 * Watches what a server writes of rooms.
 *
 * @param most steps that are written of a state before nothing of it is any more.
 * @returns how many statements its longest unit has, and what resolves once it broke off.
 */
function watch(server: FederatingServer, most = Infinity): { longest: () => number; broken: Promise<void> } {
  const { writer } = server.server.services;
  const append = writer.append.bind(writer);
  const broken = Promise.withResolvers<void>();
  let longest = 0;
  let steps = 0;
  writer.append = <Result>(roomId: Parameters<typeof append>[0], decide: Decide<Result>) =>
    append<Result>(roomId, async (room, unit) => {
      const result = await decide(room, unit);
      assert.ok(unit instanceof UnitOfWork);
      longest = Math.max(longest, unit.writes.length + room.nodes.length);
      if (!unit.guards.some(({ statement }) => statement.text.includes('partial_rooms'))) return result;
      steps += 1;
      if (steps <= most) return result;
      broken.resolve();
      throw new MatrixError(500, 'M_UNKNOWN', 'Nothing is written any more');
    });
  return { longest: () => longest, broken: broken.promise };
}

/** Has a server be told of a state with more events, once. */
function tellMore(server: FederatingServer, more: readonly RemoteEvent[]): void {
  const gathering = server.server.services.eventGathering;
  const stateBefore = gathering.stateBefore.bind(gathering);
  gathering.stateBefore = async (...asked) => {
    gathering.stateBefore = stateBefore;
    const state = await stateBefore(...asked);
    if (!state) return undefined;
    const ids = [...state.ids, ...more.map(({ eventId }) => eventId)];
    return { ids, missing: alsoWith(state.missing, more) };
  };
}

async function* alsoWith<One>(all: AsyncIterable<One> | Iterable<One>, one: One): AsyncGenerator<One> {
  yield* all;
  yield one;
}

async function members(person: TestClient, roomId: string): Promise<string[]> {
  const { joined } = await person.ok('GET', person.room(roomId, '/joined_members'));
  return Object.keys(joined as Json).sort();
}

async function stateIds(person: TestClient, roomId: string): Promise<string[]> {
  const state: Json[] = await person.ok('GET', person.room(roomId, '/state'));
  return state.map((event) => String(event.event_id)).sort();
}

onFederation(
  'many members come in short steps, which go on after a crash, and the room is as if joined whole [B104 partial]',
  async (federation) => {
    const { a, b } = federation;
    let watched: ReturnType<typeof watch> | undefined;
    await whilePartial(
      federation,
      async ({ alice, bob, room, complete }) => {
        const { roomId } = room;
        complete(true);
        await watched?.broken;
        // Members who are written down already, or are not yet, go meanwhile.
        const leave = (i: number) => {
          const draft = joinOf(memberOf(room, i));
          return room.next({ ...draft, content: { membership: 'leave' } });
        };
        const gone = Array.from({ length: 20 }, (_, i) => leave(i * 50));
        for (const server of [a.name, b.name] as ServerName[]) {
          assert.deepEqual(new Set(await room.sendTo(server, ...gone)), new Set([undefined]));
        }
        await b.stop();
        await b.start();
        const later = watch(b);
        const again = b.client(bob.token);
        const there = await members(again, roomId);
        assert.equal(there.length, MEMBERS - gone.length + 4);
        assert.ok(!there.some((userId) => userId.includes('-none')), 'who is in no state is no member');
        assert.deepEqual(there, await members(alice, roomId));
        assert.deepEqual(await stateIds(again, roomId), await stateIds(alice, roomId));
        const longest = Math.max(watched?.longest() ?? Infinity, later.longest());
        assert.ok(longest < SHORT, `a unit of work has ${longest} statements`);
      },
      {
        async before({ room }) {
          await joinMany(room);
          // Some of these are written down before it breaks off.
          const strangers = Array.from({ length: 20 }, (_, i) =>
            room.make(joinOf(memberOf(room, `-none${i}`))),
          );
          tellMore(b, strangers);
          watched = watch(b, 2);
        },
      },
    );
  },
);
