import assert from 'node:assert/strict';
import { onFederation, type TestFederation } from '../../testing/federation/federation.ts';
import { SigningKey, signPdu } from '../../protocol/signing.ts';
import { RemoteRoom } from '../../testing/federation/remote-room.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** What an event that is so far ahead of the time meets with, by room version and for how long the key is valid. */
const CASES: [string, number, number, 'taken' | 'refused'][] = [
  ['4', HOUR, 365 * DAY, 'taken'],
  ['5', HOUR, 0, 'taken'],
  ['5', HOUR, 2 * HOUR, 'refused'],
  ['5', 30 * DAY, 6 * DAY, 'taken'],
  ['5', 30 * DAY, 8 * DAY, 'refused'],
  ['12', HOUR, 2 * HOUR, 'refused'],
];

/** A server whose key is valid for a time, in ms. */
async function serverWithKey({ startRemote }: TestFederation, validFor: number): Promise<RemoteServer> {
  const remote = await startRemote();
  remote.answer = ({ url }) => {
    if (!url.startsWith('/_matrix/key/v2/server')) return undefined;
    return { status: 200, body: remote.publishedKeys({ valid_until_ts: Date.now() + validFor }) };
  };
  return remote;
}

onFederation(
  'from room version 5 on a key signs only events of the time for which it is valid, at most of 7 days ahead [B088]',
  async (federation) => {
    const { a } = federation;
    const alice = await a.person('alice');
    for (const [version, validFor, ahead, expected] of CASES) {
      const remote = await serverWithKey(federation, validFor);
      const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version });
      const room = await RemoteRoom.join(remote, a.name, roomId);
      const draft = { type: 'm.room.message', content: { body: 'x' }, ts: Date.now() + ahead };
      const [error] = await room.send(room.make(draft));
      const what = `version ${version}, valid for ${validFor}, ${ahead} ahead: ${error}`;
      if (expected === 'taken') assert.equal(error, undefined, what);
      else assert.match(error ?? '', /was valid/, what);
    }
  },
  { servers: 1 },
);

let skewMs = 0;

onFederation(
  'a server changes its key while events are under way: what the old one signed before counts, what it signs later does not',
  async (federation) => {
    const { a } = federation;
    const remote = await federation.startRemote();
    const alice = await a.person('alice');
    const room = await RemoteRoom.join(remote, a.name, await alice.createRoom({ preset: 'public_chat' }));
    const before = room.say('signed before');
    const old = remote.key;
    remote.key = SigningKey.fromSeed('ed25519:new', Buffer.alloc(32, 7));
    const expired = { [old.keyId]: { key: old.publicKey, expired_ts: Date.now() } };
    remote.answer = ({ url }) =>
      url.startsWith('/_matrix/key/v2/server')
        ? { status: 200, body: remote.publishedKeys({ old_verify_keys: expired }) }
        : undefined;
    // Keys are not asked for twice within some seconds.
    skewMs += 60_000;
    const after = room.say('signed after');
    assert.deepEqual(await room.send(before, after), [undefined, undefined]);
    const { pdu, eventId } = room.make({
      type: 'm.room.message',
      content: { body: 'signed too late' },
      ts: Date.now() + 1_000,
    });
    const late = signPdu({ ...pdu, signatures: {} }, room.version, remote.name, old);
    const results = await room.sendRaw(late);
    assert.match(results[eventId].error, /was valid/);
    await a.stop();
    await a.start();
    assert.match((await room.sendRaw(late))[eventId].error, /was valid/, 'nor after a restart');
    assert.deepEqual(await room.send(room.say('still')), [undefined]);
  },
  { servers: 1, overrides: { clock: { now: () => Date.now() + skewMs } } },
);

let shiftMs = 0;

onFederation(
  'a server whose keys could not be had is asked again after the clock was set back',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    remote.answer = ({ url }) => (url.startsWith('/_matrix/key/') ? { status: 500, body: {} } : undefined);
    const send = () =>
      remote.ask(a.name, 'PUT', `/_matrix/federation/v1/send/${remote.newId()}`, { pdus: [] });
    assert.equal((await send()).status, 401);
    shiftMs -= HOUR;
    remote.answer = () => undefined;
    assert.equal((await send()).status, 200);
  },
  { servers: 1, overrides: { clock: { now: () => Date.now() + shiftMs } } },
);
