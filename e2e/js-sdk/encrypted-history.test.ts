import assert from 'node:assert/strict';
import { Attachment, EncryptedAttachment } from '@matrix-org/matrix-sdk-crypto-wasm';
import { EventType, type MatrixClient, MsgType } from 'matrix-js-sdk';
import { onBothEngines } from '../../src/testing/server/engines.ts';
import { ServerProcess } from '../server-process.ts';
import { decrypted, encryptedRoom, setUp, talk } from './encrypted-talk.ts';
import { closeEncrypted, openEncrypted, register, until, type KeySafe } from './person.ts';

onBothEngines(
  'who is invited to an encrypted room reads what was said there before, and files stay encrypted on the server ' +
    '[B045] [B042 partial]',
  async (place) => {
    const server = await ServerProcess.start(place.env);
    const open: MatrixClient[] = [];
    try {
      for (const name of ['alice', 'bob', 'carol']) {
        const safe: KeySafe = { recoveryKey: undefined };
        const client = await openEncrypted(server.url, await register(server.url, name), safe);
        open.push(client);
        await setUp(client, safe);
      }
      const [alice, bob, carol] = open as [MatrixClient, MatrixClient, MatrixClient];
      const roomId = await encryptedRoom(alice, [bob]);
      await talk(alice, bob, roomId, 'before carol was there');
      await sendFile(alice, bob, roomId);

      await alice.invite(roomId, carol.getSafeUserId());
      await until(carol, 'the invitation', () => carol.getRoom(roomId)?.getMyMembership() === 'invite');
      await carol.joinRoom(roomId);
      await until(carol, 'what was said before', () =>
        decrypted(carol, roomId).find((event) => event.getContent().body === 'before carol was there'),
      );
    } finally {
      for (const client of open) await closeEncrypted(client);
      await server.stop();
    }
  },
);

/** One encrypts a file, uploads it and sends its key; the other downloads and decrypts it. */
async function sendFile(from: MatrixClient, to: MatrixClient, roomId: string): Promise<void> {
  const bytes = new TextEncoder().encode('what only the two of them may read');
  const { encryptedData, mediaEncryptionInfo } = Attachment.encrypt(bytes);
  const { content_uri: url } = await from.uploadContent(new Blob([new Uint8Array(encryptedData)]), {
    type: 'application/octet-stream',
  });
  const file = { url, ...(JSON.parse(mediaEncryptionInfo ?? '') as object) };
  await from.sendEvent(roomId, EventType.RoomMessage, {
    msgtype: MsgType.File,
    body: 'secret.txt',
    file,
  } as never);
  const event = await until(to, 'the file', () =>
    decrypted(to, roomId).find((one) => one.getContent().body === 'secret.txt'),
  );
  const { file: got } = event.getContent<{ file: { url: string } }>();
  const response = await fetch(
    to.mxcUrlToHttp(got.url, undefined, undefined, undefined, false, true, true) ?? '',
    {
      headers: { authorization: `Bearer ${to.getAccessToken() ?? ''}` },
    },
  );
  const stored = new Uint8Array(await response.arrayBuffer());
  assert.notDeepEqual(stored, bytes);
  const read = Attachment.decrypt(new EncryptedAttachment(stored, JSON.stringify(got)));
  assert.deepEqual(new Uint8Array(read), bytes);
}
