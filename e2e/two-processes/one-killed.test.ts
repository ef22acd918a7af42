import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINES, makePlace } from '../../src/testing/server/engines.ts';
import { TestClient } from '../../src/testing/client/test-client.ts';
import { MessageSenders } from '../message-senders.ts';
import { ServerProcess } from '../server-process.ts';
import { readMessages, StreamFollower } from '../stream-follower.ts';

const SENDERS = 64;
const FOLLOWERS = 50;
const KILL_AFTER = 400;
const STOP_AFTER = 800;
const skip = ENGINES.includes('postgres') ? false : 'there is no PostgreSQL';

test(
  'two processes on one database are one server, and one of them killed is not missed',
  { skip },
  async () => {
    const place = await makePlace('postgres');
    try {
      const staying = await ServerProcess.start(place.env);
      const dying = await ServerProcess.start(place.env);
      try {
        await killOneOf(staying, dying);
      } finally {
        await Promise.all([staying.stop(), dying.kill()]);
      }
    } finally {
      await place.remove();
    }
  },
);

async function killOneOf(staying: ServerProcess, dying: ServerProcess): Promise<void> {
  const urlOf = (number: number) => (number % 2 === 0 ? staying.url : dying.url);
  const host = await new TestClient(staying.url).register('host');
  const roomId = await host.createRoom({ preset: 'public_chat' });
  const people = await Promise.all(
    Array.from({ length: SENDERS }, async (_, number) => {
      const person = await new TestClient(urlOf(number)).register(`sender${number}`);
      await person.join(roomId);
      return person;
    }),
  );
  const followers = people.slice(0, FOLLOWERS).map((person) => new StreamFollower(person, roomId));
  for (const follower of followers) assert.ok(await follower.step(0));

  const senders = new MessageSenders(roomId, 'm');
  const senderAtOther = (sender: TestClient) => new TestClient(staying.url, sender.token);
  const sending = senders.run(people);
  let done = false;
  const following = followers.map((follower) => follow(follower, staying.url, () => done));
  await Promise.race([senders.acknowledged(KILL_AFTER), sending]);
  await dying.kill();
  await Promise.race([senders.acknowledged(STOP_AFTER), sending]);
  senders.stop();
  await sending;
  await senders.retry(senderAtOther);
  const last = senders.sendings.at(-1);
  assert.ok(last?.eventId);
  done = true;
  await Promise.all(following);

  const all = await readMessages(new TestClient(staying.url, host.token), roomId);
  assert.deepEqual(
    all.map(({ id }) => id).sort(),
    senders.sendings.map(({ eventId }) => eventId).sort(),
    'each message that was sent is one event',
  );
  for (const follower of followers) {
    await follower.catchUp(all.map(({ id }) => id));
    assert.deepEqual(follower.seen, all, 'each client saw each event once, in the order of the room');
  }
}

/** Follows the stream, at the other process when its own is gone. */
async function follow(follower: StreamFollower, other: string, isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    if (!(await follower.step(1_000))) follower.moveTo(other);
  }
}
