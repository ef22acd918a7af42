import assert from 'node:assert/strict';
import { type MatrixClient, Method } from 'matrix-js-sdk';
import {
  CryptoEvent,
  VerificationPhase,
  type VerificationRequest,
  VerificationRequestEvent,
  VerifierEvent,
  type ShowSasCallbacks,
} from 'matrix-js-sdk/lib/crypto-api/index.js';
import { VerificationMethod } from 'matrix-js-sdk/lib/types.js';
import { onBothEngines } from '../../src/testing/server/engines.ts';
import { ServerProcess } from '../server-process.ts';
import { crypto, decrypted, encryptedRoom, setUp, talk } from './encrypted-talk.ts';
import { closeEncrypted, logIn, openEncrypted, register, until, within, type KeySafe } from './person.ts';

onBothEngines(
  'two people with two devices each cross-sign, verify each other, talk encrypted and restore history from the backup ' +
    '[B045] [B071] [B072 partial] [B137]',
  async (place) => {
    const server = await ServerProcess.start(place.env);
    const open: MatrixClient[] = [];
    const keep = async (client: Promise<MatrixClient>) => {
      open.push(await client);
      return client;
    };
    try {
      const [aliceSafe, bobSafe]: KeySafe[] = [{ recoveryKey: undefined }, { recoveryKey: undefined }];
      const alice = await keep(openEncrypted(server.url, await register(server.url, 'alice'), aliceSafe!));
      const bob = await keep(openEncrypted(server.url, await register(server.url, 'bob'), bobSafe!));
      await setUp(alice, aliceSafe!);
      await setUp(bob, bobSafe!);
      const roomId = await encryptedRoom(alice, [bob]);
      await talk(alice, bob, roomId, 'before the second devices');
      await talk(bob, alice, roomId, 'an answer');

      const second = await keep(openEncrypted(server.url, await logIn(server.url, 'alice'), aliceSafe!));
      const id = second.getDeviceId() ?? '';
      // A client ignores requests of devices of which it does not know yet.
      await until(alice, 'the second device', async () =>
        (await crypto(alice).getUserDeviceInfo([alice.getSafeUserId()])).get(alice.getSafeUserId())?.has(id),
      );
      await verify(alice, () => crypto(second).requestOwnUserVerification());
      await until(bob, 'that the second device is signed by its owner', async () => {
        return (await crypto(bob).getDeviceVerificationStatus(alice.getSafeUserId(), id))?.signedByOwner;
      });
      await talk(second, bob, roomId, 'from the second device');

      await verify(bob, () => crypto(alice).requestVerificationDM(bob.getSafeUserId(), roomId));
      for (const [one, other] of [
        [alice, bob],
        [bob, alice],
      ] as const) {
        await until(one, 'that both verified each other', async () =>
          (await crypto(one).getUserVerificationStatus(other.getSafeUserId())).isCrossSigningVerified(),
        );
      }
      await until(second, 'that its owner verified bob', async () =>
        (await crypto(second).getUserVerificationStatus(bob.getSafeUserId())).isCrossSigningVerified(),
      );
      await backedUp(bob);
      await restoreOnNewDevice(
        await keep(openEncrypted(server.url, await logIn(server.url, 'bob'), bobSafe!)),
        roomId,
      );
    } finally {
      for (const client of open) await closeEncrypted(client);
      await server.stop();
    }
  },
);

/** Two clients compare emoji, and confirm. */
async function verify(other: MatrixClient, begin: () => Promise<VerificationRequest>): Promise<void> {
  const incoming = Promise.withResolvers<VerificationRequest>();
  other.once(CryptoEvent.VerificationRequestReceived, incoming.resolve);
  const request = await begin();
  const received = await within('There never was a request to verify', incoming.promise);
  await received.accept();
  await phase(request, VerificationPhase.Ready);
  const verifier = await request.startVerification(VerificationMethod.Sas);
  await phase(received, VerificationPhase.Started);
  assert.ok(received.verifier);
  const shown = [sas(verifier), sas(received.verifier)];
  const done = [verifier.verify(), received.verifier.verify()];
  const [mine, theirs] = await within('There never was emoji to compare', Promise.all(shown));
  assert.deepEqual(mine!.sas.emoji, theirs!.sas.emoji);
  await Promise.all([mine!.confirm(), theirs!.confirm()]);
  await within('There never was an end of the verification', Promise.all(done));
  await Promise.all([phase(request, VerificationPhase.Done), phase(received, VerificationPhase.Done)]);
}

function sas(verifier: NonNullable<VerificationRequest['verifier']>): Promise<ShowSasCallbacks> {
  return new Promise((resolve, reject) => {
    verifier.once(VerifierEvent.ShowSas, resolve);
    verifier.once(VerifierEvent.Cancel, () => reject(new Error('The verification was cancelled')));
  });
}

function phase(request: VerificationRequest, wanted: VerificationPhase): Promise<void> {
  const reached = new Promise<void>((resolve, reject) => {
    const look = () => {
      if (request.phase === VerificationPhase.Cancelled) reject(new Error('The verification was cancelled'));
      if (request.phase < wanted) return;
      request.off(VerificationRequestEvent.Change, look);
      resolve();
    };
    request.on(VerificationRequestEvent.Change, look);
    look();
  });
  return within(`There never was phase ${VerificationPhase[wanted]} of a verification`, reached);
}

/** Devices that sent something, each with a key of its own. */
const SENDING_DEVICES = 3;

/** Resolves when the backup on the server has the keys of all senders. What the SDK says of it may be old. */
async function backedUp(client: MatrixClient): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = async () => {
    const { count } = await client.http.authedRequest<{ count: number }>(Method.Get, '/room_keys/version');
    if (count >= SENDING_DEVICES) resolve();
  };
  client.on(CryptoEvent.KeyBackupSessionsRemaining, () => void look().catch(reject));
  await look();
  await within('There never was a whole backup', promise);
}

/** A new device without any other: the recovery key brings its trust and the history. */
async function restoreOnNewDevice(client: MatrixClient, roomId: string): Promise<void> {
  // As clients do after a log-in: the private keys can be imported only once the public ones are known.
  assert.equal(await crypto(client).userHasCrossSigningKeys(client.getSafeUserId(), true), true);
  await crypto(client).bootstrapCrossSigning({});
  await crypto(client).loadSessionBackupPrivateKeyFromSecretStorage();
  const check = await crypto(client).checkKeyBackupAndEnable();
  assert.equal(check?.trustInfo.trusted, true);
  const restored = await crypto(client).restoreKeyBackup();
  assert.ok(restored.imported >= SENDING_DEVICES, `restored ${restored.imported} of ${restored.total} keys`);
  const said = ['before the second devices', 'an answer', 'from the second device'];
  await until(client, 'what was said before', () => {
    const found = decrypted(client, roomId).map((event) => event.getContent().body as string);
    return said.every((text) => found.includes(text));
  });
}
