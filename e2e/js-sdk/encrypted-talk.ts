import assert from 'node:assert/strict';
import { EventType, type MatrixClient, type MatrixEvent, MsgType, Preset, Visibility } from 'matrix-js-sdk';
import type { CryptoApi } from 'matrix-js-sdk/lib/crypto-api/index.js';
import { until, type KeySafe } from './person.ts';

const ENCRYPTION = {
  type: 'm.room.encryption',
  state_key: '',
  content: { algorithm: 'm.megolm.v1.aes-sha2' },
};

/** The cryptography of a client that has it. */
export function crypto(client: MatrixClient): CryptoApi {
  const api = client.getCrypto();
  assert.ok(api);
  return api;
}

/** What a client does at the first log-in: cross-signing keys, secret storage, key backup. */
export async function setUp(client: MatrixClient, safe: KeySafe): Promise<void> {
  await crypto(client).bootstrapCrossSigning({
    authUploadDeviceSigningKeys: async (upload) => {
      await upload(null);
    },
  });
  await crypto(client).bootstrapSecretStorage({
    setupNewKeyBackup: true,
    createSecretStorageKey: async () => {
      const key = await crypto(client).createRecoveryKeyFromPassphrase();
      safe.recoveryKey = key.privateKey;
      return key;
    },
  });
  assert.equal(await crypto(client).isCrossSigningReady(), true);
  assert.equal(await crypto(client).isSecretStorageReady(), true);
}

/** An encrypted room in which all of them are; of the server's default version if none is given. */
export async function encryptedRoom(
  owner: MatrixClient,
  guests: readonly MatrixClient[],
  version?: string,
): Promise<string> {
  const { room_id: roomId } = await owner.createRoom({
    ...(version === undefined ? {} : { room_version: version }),
    preset: Preset.PrivateChat,
    visibility: Visibility.Private,
    initial_state: [ENCRYPTION],
    invite: guests.map((guest) => guest.getSafeUserId()),
  });
  for (const guest of guests) {
    await until(guest, 'the invitation', () => guest.getRoom(roomId)?.getMyMembership() === 'invite');
    await guest.joinRoom(roomId);
    await until(
      owner,
      'who joined',
      () => owner.getRoom(roomId)?.getMember(guest.getSafeUserId())?.membership === 'join',
    );
    await until(guest, 'the room', () => guest.getRoom(roomId)?.hasEncryptionStateEvent());
  }
  return roomId;
}

/** One says something, the other reads it. */
export async function talk(
  from: MatrixClient,
  to: MatrixClient,
  roomId: string,
  text: string,
): Promise<void> {
  await until(from, 'the room', () => from.getRoom(roomId)?.hasEncryptionStateEvent());
  const { event_id: id } = await from.sendEvent(roomId, EventType.RoomMessage, {
    msgtype: MsgType.Text,
    body: text,
  });
  const event = await until(to, text, () => decrypted(to, roomId).find((one) => one.getId() === id));
  assert.equal(event.getContent().body, text);
  assert.equal(event.getWireType(), 'm.room.encrypted');
}

/** Messages of a room that the client could decrypt. */
export function decrypted(client: MatrixClient, roomId: string): MatrixEvent[] {
  const events = client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [];
  return events.filter((event) => event.isEncrypted() && event.getType() === 'm.room.message');
}
