import { randomBytes } from 'node:crypto';
import { EventType, MsgType } from 'matrix-js-sdk';
import { decrypted, encryptedRoom, setUp, talk } from '../../js-sdk/encrypted-talk.ts';
import { closeEncrypted, logIn, openEncrypted, register, until, type KeySafe } from '../../js-sdk/person.ts';
import { Person } from '../person.ts';
import { roomInTouch, type Scenario } from '../scene.ts';

const deviceLists: Scenario = {
  feature: 'device lists',
  async run(scene) {
    const { alice, bob } = await roomInTouch(scene);
    for (const [from, to] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      to.world.changedDevices.clear();
      await uploadKeys(from);
      await to.until('new devices', (world) => world.changedDevices.has(from.userId));
      await untilDevice(from, to, true);
      // What was looked up is kept: another server must be told of a change.
      const laptop = await logInAgain(from);
      await uploadKeys(laptop);
      await untilDevice(laptop, to, true);
      await laptop.ok('POST', '/v3/logout', {});
      await untilDevice(laptop, to, false);
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
async function uploadKeys(person: Person): Promise<void> {
  const { userId, deviceId } = person;
  await person.ok('POST', '/v3/keys/upload', {
    device_keys: {
      user_id: userId,
      device_id: deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
      keys: { [`ed25519:${deviceId}`]: randomBase64(32), [`curve25519:${deviceId}`]: randomBase64(32) },
      signatures: { [userId]: { [`ed25519:${deviceId}`]: randomBase64(64) } },
    },
  });
}

function randomBase64(bytes: number): string {
  return randomBytes(bytes).toString('base64').replaceAll('=', '');
}

/** Resolves when somebody else's server knows a device, or knows it no more. */
async function untilDevice(of: Person, by: Person, isThere: boolean): Promise<void> {
  await by.untilAnswer(
    `${of.deviceId} ${isThere ? 'come' : 'gone'}`,
    () => by.ok('POST', '/v3/keys/query', { device_keys: { [of.userId]: [] } }),
    (answer) => (answer.device_keys[of.userId]?.[of.deviceId] !== undefined) === isThere,
  );
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
