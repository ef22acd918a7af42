import assert from 'node:assert/strict';
import { onBothEngines, type TestPlace } from '../../src/testing/server/engines.ts';
import { TestClient } from '../../src/testing/client/test-client.ts';
import { MessageSenders } from '../message-senders.ts';
import { ServerProcess } from '../server-process.ts';
import { readMessages, StreamFollower, type Seen } from '../stream-follower.ts';

const ROUNDS = process.env.MYELIN_CRASH_ROUNDS;
const ROUNDS_BY_DEFAULT = { sqlite: 5, postgres: 3 };
const SENDERS = 64;

/** What lives longer than a server process. */
interface Life {
  readonly place: TestPlace;
  readonly roomId: string;
  readonly people: readonly TestClient[];
  readonly follower: StreamFollower;
}

onBothEngines(
  'a server killed while 64 people send loses nothing and repeats nothing [B006] [A005 partial]',
  async (place) => {
    let server = await ServerProcess.start(place.env);
    const life = await begin(server, place);
    const rounds = ROUNDS === undefined ? ROUNDS_BY_DEFAULT[place.engine] : Number(ROUNDS);
    let before: Seen[] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        const senders = new MessageSenders(life.roomId, `r${round}`);
        // Kills at ever other points of the server's life: just started, caches warm, in the middle of things.
        await killWhileSending(server, life, senders, 40 + ((round * 173) % 700));
        server = await ServerProcess.start(place.env);
        before = await checkAfterRestart(server, life, senders, before);
      }
    } finally {
      await server.stop();
    }
  },
);

async function begin(server: ServerProcess, place: TestPlace): Promise<Life> {
  const host = await new TestClient(server.url).register('host');
  const roomId = await host.createRoom({ preset: 'public_chat' });
  const people = await Promise.all(
    Array.from({ length: SENDERS }, async (_, number) => {
      const person = await new TestClient(server.url).register(`sender${number}`);
      await person.join(roomId);
      return person;
    }),
  );
  const follower = new StreamFollower(host, roomId);
  assert.ok(await follower.step(0));
  return { place, roomId, people, follower };
}

async function killWhileSending(
  server: ServerProcess,
  { people, follower }: Life,
  senders: MessageSenders,
  afterAnswers: number,
): Promise<void> {
  const sending = senders.run(people.map((person) => new TestClient(server.url, person.token)));
  follower.moveTo(server.url);
  const following = followToTheEnd(follower);
  await Promise.race([senders.acknowledged(afterAnswers), sending]);
  await server.kill();
  await Promise.all([sending, following]);
}

async function followToTheEnd(follower: StreamFollower): Promise<void> {
  while (await follower.step(5_000));
}

/** Gives all messages of the room. */
async function checkAfterRestart(
  server: ServerProcess,
  { roomId, follower, people }: Life,
  senders: MessageSenders,
  before: readonly Seen[],
): Promise<Seen[]> {
  const reader = new TestClient(server.url, people[0]?.token);
  const acknowledged = senders.sendings.filter(({ eventId }) => eventId !== undefined);
  const atStart = await readMessages(reader, roomId);
  assertHolds(atStart, acknowledged);

  const again = (sender: TestClient) => new TestClient(server.url, sender.token);
  await senders.retry(again);
  for (const sending of acknowledged.slice(-SENDERS)) {
    const eventId = await senders.send({ ...sending, sender: again(sending.sender) });
    assert.equal(eventId, sending.eventId, 'a repeated transaction gives the event of the first');
  }
  const all = await readMessages(reader, roomId);
  assertHolds(all, senders.sendings);
  assert.deepEqual(all.slice(0, atStart.length), atStart, 'what was there after the restart stays as it is');
  assert.deepEqual(all.slice(0, before.length), before, 'what was there before the crash stays as it is');
  assert.equal(all.length, before.length + senders.sendings.length, 'each transaction made one event');

  follower.moveTo(server.url);
  await follower.catchUp(all.map(({ id }) => id));
  assert.deepEqual(
    follower.seen,
    all,
    'the stream tells the room, in its order, without a gap or a repetition',
  );
  return all;
}

function assertHolds(messages: readonly Seen[], sendings: MessageSenders['sendings']): void {
  const idOf = new Map(messages.map(({ id, body }) => [body, id]));
  assert.equal(new Set(messages.map(({ id }) => id)).size, messages.length, 'no event is there twice');
  assert.equal(idOf.size, messages.length, 'no transaction made two events');
  for (const { transaction, eventId } of sendings) assert.equal(idOf.get(transaction), eventId);
}
