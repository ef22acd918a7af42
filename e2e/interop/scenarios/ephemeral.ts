import assert from 'node:assert/strict';
import type { Person } from '../person.ts';
import { roomInTouch, sharedRoom, type Scenario } from '../scene.ts';

const typing: Scenario = {
  feature: 'typing',
  async run(scene) {
    const { roomId, alice, bob } = await roomInTouch(scene);
    for (const [from, to] of bothWays(alice, bob)) {
      await from.type(roomId, true);
      await to.untilRoom(roomId, 'typing', (room) => room.typing.includes(from.userId));
      await from.type(roomId, false);
      await to.untilRoom(roomId, 'no typing', (room) => !room.typing.includes(from.userId));
    }
  },
};

const receipts: Scenario = {
  feature: 'receipts',
  async run(scene) {
    const { roomId, alice, bob } = await sharedRoom(scene);
    for (const [from, to] of bothWays(alice, bob)) {
      const id = await from.say(roomId, 'Read this');
      await to.untilEvent(roomId, id);
      await to.ok('POST', to.room(roomId, `/receipt/m.read/${encodeURIComponent(id)}`), {});
      await from.untilRoom(roomId, 'the receipt', (room) => room.receipts.get(to.userId) === id);
    }
  },
};

const presence: Scenario = {
  feature: 'presence',
  async run(scene) {
    const { alice, bob } = await sharedRoom(scene);
    for (const [from, to] of bothWays(alice, bob)) {
      const status = { presence: 'unavailable', status_msg: `Out, says ${from.userId}` };
      await from.ok('PUT', `/v3/presence/${encodeURIComponent(from.userId)}/status`, status);
      await to.until(
        'the presence',
        (world) => world.presence.get(from.userId)?.status_msg === status.status_msg,
      );
    }
  },
};

const toDevice: Scenario = {
  feature: 'messages to devices',
  async run(scene) {
    const { alice, bob } = await sharedRoom(scene);
    for (const [from, to] of bothWays(alice, bob)) {
      const content = { from: from.userId };
      const messages = { [to.userId]: { [to.deviceId]: content } };
      await from.ok('PUT', `/v3/sendToDevice/org.example.test/${crypto.randomUUID()}`, { messages });
      const got = await to.until('the message', (world) =>
        world.toDevice.find((event) => event.type === 'org.example.test'),
      );
      assert.deepEqual(got.content, content);
      assert.equal(got.sender, from.userId);
    }
  },
};

function bothWays(alice: Person, bob: Person): [Person, Person][] {
  return [
    [alice, bob],
    [bob, alice],
  ];
}

export const ephemeral = [typing, receipts, presence, toDevice];
