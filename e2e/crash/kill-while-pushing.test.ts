import assert from 'node:assert/strict';
import { onBothEngines } from '../../src/testing/server/engines.ts';
import { PushGateway } from '../../src/testing/gateways/push-gateway.ts';
import { TestClient } from '../../src/testing/client/test-client.ts';
import { MessageSenders } from '../message-senders.ts';
import { ServerProcess } from '../server-process.ts';

const ROUNDS = 2;
const SENDERS = 8;

onBothEngines(
  'a server killed while it pushes tells the gateway of every event all the same [B133 partial]',
  async (place) => {
    const gateway = await PushGateway.start();
    const env = {
      ...place.env,
      MYELIN_PUSH_PLAIN_GATEWAYS: gateway.name,
      MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
    };
    let server = await ServerProcess.start(env);
    try {
      const { people, roomId } = await begin(server, gateway);
      for (let round = 0; round < ROUNDS; round++) {
        const senders = new MessageSenders(roomId, `r${round}`);
        const sending = senders.run(people.map((one) => new TestClient(server.url, one.token)));
        await Promise.race([senders.acknowledged(30 + 40 * round), sending]);
        await server.kill();
        await sending;
        server = await ServerProcess.start(env);
        const sent = senders.sendings.flatMap((one) => one.eventId ?? []);
        await gateway.until(() => sent.every((eventId) => gateway.eventIds.includes(eventId)));
      }
      const doubles = gateway.eventIds.length - new Set(gateway.eventIds).size;
      assert.ok(doubles <= ROUNDS, `${doubles} events were told of twice: more than were under way`);
    } finally {
      await server.stop();
      gateway.close();
    }
  },
);

async function begin(server: ServerProcess, gateway: PushGateway) {
  const bob = await new TestClient(server.url).register('bob');
  const roomId = await bob.createRoom({ preset: 'public_chat' });
  await bob.ok('POST', '/v3/pushers/set', {
    ...{ kind: 'http', app_id: 'org.example.app', pushkey: 'key', lang: 'en' },
    ...{ app_display_name: 'App', device_display_name: 'Phone', data: { url: gateway.url } },
  });
  const people: TestClient[] = [];
  for (let number = 0; number < SENDERS; number++) {
    const person = await new TestClient(server.url).register(`sender${number}`);
    await person.join(roomId);
    people.push(person);
  }
  return { people, roomId };
}
