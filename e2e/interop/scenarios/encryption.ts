import { EventType, MsgType } from 'matrix-js-sdk';
import { decrypted, encryptedRoom, setUp, talk } from '../../js-sdk/encrypted-talk.ts';
import { closeEncrypted, logIn, openEncrypted, register, until, type KeySafe } from '../../js-sdk/person.ts';
import assert from 'node:assert/strict';
import { Person } from '../person.ts';
import { sharedRoom, type Scenario } from '../scene.ts';

const deviceLists: Scenario = {
  feature: 'device lists',
  async run(scene) {
    const { alice, bob } = await sharedRoom(scene);
    for (const [from, to] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      to.world.changedDevices.clear();
      await uploadKeys(from, 'first');
      await to.until('new devices', (world) => world.changedDevices.has(from.userId));
      await untilDevice(from, to, 'first');
      // What was looked up is kept: another server must be told of the change.
      await uploadKeys(from, 'second');
      await untilDevice(from, to, 'second');
      const laptop = await logInAgain(from);
      await uploadKeys(laptop, 'third');
      await untilDevice(laptop, to, 'third');
      await laptop.ok('POST', '/v3/logout', {});
      await untilDevice(laptop, to, undefined);
    }
  },
};

/** The same user on another device. */
async function logInAgain(person: Person): Promise<Person> {
  const user = person.userId.slice(1, person.userId.indexOf(':'));
  const device = new Person(person.base);
  const answer = await device.ok('POST', '/v3/login', {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user },
    password: `${user} password`,
  });
  device.token = answer.access_token;
  device.userId = answer.user_id;
  device.deviceId = answer.device_id;
  return device;
}

/** Publishes device keys; nobody checks their signature before a client does. */
async function uploadKeys(person: Person, key: string): Promise<void> {
  await person.ok('POST', '/v3/keys/upload', {
    device_keys: {
      user_id: person.userId,
      device_id: person.deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
      keys: { [`ed25519:${person.deviceId}`]: key, [`curve25519:${person.deviceId}`]: key },
      signatures: { [person.userId]: { [`ed25519:${person.deviceId}`]: 'unchecked' } },
    },
  });
}

/** Resolves when somebody else's server gives that key of the device, or knows the device no more. */
async function untilDevice(of: Person, by: Person, key: string | undefined): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const answer = await by.ok('POST', '/v3/keys/query', { device_keys: { [of.userId]: [] } });
    const device = answer.device_keys[of.userId]?.[of.deviceId];
    if (device?.keys[`ed25519:${of.deviceId}`] === key) return;
    assert.ok(performance.now() < deadline, `${by.userId} sees ${JSON.stringify(device)}, not ${key}`);
    by.world.changedDevices.clear();
    await by.until('changed devices', (world) => world.changedDevices.has(of.userId));
  }
}

const encrypted: Scenario = {
  feature: 'encrypted messages, a second device',
  async run(scene) {
    const names = { alice: `a${crypto.randomUUID()}`, bob: `b${crypto.randomUUID()}` };
    const safes: KeySafe[] = [{ recoveryKey: undefined }, { recoveryKey: undefined }];
    const login = {
      alice: await register(scene.home.url, names.alice),
      bob: await register(scene.away.url, names.bob),
    };
    const alice = await openEncrypted(scene.home.url, login.alice, safes[0]!);
    const bob = await openEncrypted(scene.away.url, login.bob, safes[1]!);
    const open = [alice, bob];
    try {
      await setUp(alice, safes[0]!);
      await setUp(bob, safes[1]!);
      const roomId = await encryptedRoom(alice, [bob], scene.version);
      await talk(alice, bob, roomId, 'a secret');
      await talk(bob, alice, roomId, 'another');
      // A device that comes later reads what is said from then on, on either side.
      const second = await openEncrypted(scene.away.url, await logIn(scene.away.url, names.bob), safes[1]!);
      open.push(second);
      await until(alice, 'the second device', async () => {
        const devices = await alice.getCrypto()?.getUserDeviceInfo([bob.getSafeUserId()], true);
        return devices?.get(bob.getSafeUserId())?.has(second.getDeviceId() ?? '');
      });
      const { event_id: id } = await alice.sendEvent(roomId, EventType.RoomMessage, {
        msgtype: MsgType.Text,
        body: 'for both devices',
      });
      for (const device of [bob, second]) {
        await until(device, 'the message', () =>
          decrypted(device, roomId).find((event) => event.getId() === id),
        );
      }
      await talk(second, alice, roomId, 'from the second device');
    } finally {
      for (const client of open) await closeEncrypted(client);
    }
  },
};

export const encryption = [deviceLists, encrypted];
