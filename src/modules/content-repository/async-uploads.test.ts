import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { TestClient } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';
import { eventually, filesIn, get, OLD, send, upload, V1 } from './testing/media-client.ts';

const DAY_MS = 86_400_000;

/** Makes a content URI; gives it without its scheme. */
async function create(client: TestClient): Promise<string> {
  const { content_uri: uri } = await client.ok('POST', '/_matrix/media/v1/create');
  return String(uri).replace('mxc://', '');
}

onServers('a content URI can be made first and uploaded to later, once [B042 partial]', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const before = Date.now();
  const made = await alice.ok('POST', '/_matrix/media/v1/create', {});
  assert.match(made.content_uri, /^mxc:\/\/localhost\/[\w-]+$/);
  assert.ok(made.unused_expires_at >= before + DAY_MS && made.unused_expires_at < before + DAY_MS + 60_000);
  const uri = await create(alice);
  await bob.fails(504, 'M_NOT_YET_UPLOADED', 'GET', `${V1}/download/${uri}?timeout_ms=0`);
  await bob.fails(504, 'M_NOT_YET_UPLOADED', 'GET', `${OLD}/thumbnail/${uri}?timeout_ms=10&width=9&height=9`);
  const bytes = randomBytes(1_000);
  const fill = (who: TestClient, to: string) =>
    send(who, 'PUT', `${OLD}/upload/${to}?filename=a`, bytes, 'image/png');
  assert.equal((await fill(bob, uri)).body.errcode, 'M_FORBIDDEN');
  const waiting = Array.from({ length: 3 }, () => get(bob, `${V1}/download/${uri}?timeout_ms=30000`));
  assert.deepEqual(await fill(alice, uri), { status: 200, body: {} });
  for (const got of await Promise.all(waiting)) {
    assert.deepEqual([got.status, got.headers.get('content-disposition')], [200, 'inline; filename="a"']);
    assert.ok(got.bytes.equals(bytes));
  }
  for (const [to, status, errcode] of [
    [uri, 409, 'M_CANNOT_OVERWRITE_MEDIA'],
    [await upload(alice, bytes, 'image/png'), 409, 'M_CANNOT_OVERWRITE_MEDIA'],
    ['localhost/none', 404, 'M_NOT_FOUND'],
    ['elsewhere.example/none', 404, 'M_NOT_FOUND'],
    ['localhost/..%2f..', 400, 'M_INVALID_PARAM'],
  ] as const) {
    const answer = await fill(alice, to);
    assert.deepEqual([answer.status, answer.body.errcode], [status, errcode], to);
  }
  const empty = await fetch(`${s.server.url}${OLD}/upload/${uri}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${alice.token ?? ''}` },
  });
  assert.equal(empty.status, 409);
});

onServers('of two uploads to one content URI at once, one is kept', async (s) => {
  const alice = await s.person('alice');
  const uri = await create(alice);
  const files = Array.from({ length: 6 }, () => randomBytes(50_000));
  const answers = await Promise.all(files.map((bytes) => send(alice, 'PUT', `${OLD}/upload/${uri}`, bytes)));
  assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 409, 409, 409, 409, 409]);
  const winner = files[answers.findIndex((answer) => answer.status === 200)];
  assert.ok(winner && (await get(alice, `${V1}/download/${uri}`)).bytes.equals(winner));
});

/** An upload whose first half has come; `end` sends the rest and gives the status. */
async function beginUpload(client: TestClient, uri: string, incoming: string) {
  const upload = request(`${client.base}${OLD}/upload/${uri}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${client.token ?? ''}`, 'content-length': 200_000 },
  });
  upload.write(randomBytes(100_000));
  await eventually(() => filesIn(incoming).length === 1);
  const end = async (): Promise<number | undefined> => {
    upload.end(randomBytes(100_000));
    const [response] = (await once(upload, 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };
  return { end };
}

let now = Date.now();

onServers(
  'what is never uploaded and what nothing refers to is removed, and nothing else',
  async (s) => {
    const alice = await s.person('alice');
    const { mediaSweep } = s.server.services;
    const content = () => filesIn(join(s.place.dataDir, 'media', 'content')).length;
    const kept = await upload(alice, randomBytes(100), 'image/png');
    const old = [await create(alice), await create(alice), await create(alice)];
    await alice.fails(429, 'M_LIMIT_EXCEEDED', 'POST', '/_matrix/media/v1/create', {});
    now += 11_000;
    const uri = await create(alice);
    const late = await send(alice, 'PUT', `${OLD}/upload/${old[0] ?? ''}`, randomBytes(100));
    assert.deepEqual([late.status, late.body.errcode], [404, 'M_NOT_FOUND']);
    await alice.fails(404, 'M_NOT_FOUND', 'GET', `${V1}/download/${old[0] ?? ''}?timeout_ms=0`);
    await mediaSweep.run();
    await alice.fails(504, 'M_NOT_YET_UPLOADED', 'GET', `${V1}/download/${uri}?timeout_ms=0`);
    const slow = await beginUpload(alice, uri, join(s.place.dataDir, 'media', 'incoming'));
    assert.equal((await send(alice, 'PUT', `${OLD}/upload/${uri}`, randomBytes(100))).status, 200);
    assert.equal(await slow.end(), 409);
    assert.equal(content(), 3);
    await mediaSweep.run();
    assert.equal(content(), 3, 'what came just now stays, whether referred to or not');
    now += DAY_MS + 1;
    await Promise.all([mediaSweep.run(), mediaSweep.run()]);
    assert.equal(content(), 2);
    for (const one of [kept, uri]) assert.equal((await get(alice, `${V1}/download/${one}`)).status, 200);
  },
  {
    overrides: { clock: { now: () => now } },
    env: {
      MYELIN_MEDIA_UNFINISHED_UPLOADS: '3',
      MYELIN_MEDIA_UNFINISHED_LIFETIME: '10',
    },
  },
);

onServers(
  'once it is frozen, new files are for those who say who they are [B042 partial]',
  async (s) => {
    const alice = await s.person('alice');
    now = Date.parse('2026-01-01T00:00:00Z') - 1;
    const older = await upload(alice, Buffer.from('old'), 'text/plain');
    now += 1;
    const newer = await upload(alice, Buffer.from('new'), 'text/plain');
    assert.equal((await get(s.anonymous(), `${OLD}/download/${older}`)).status, 200);
    await s.anonymous().fails(404, 'M_NOT_FOUND', 'GET', `${OLD}/download/${newer}`);
    await s.anonymous().fails(404, 'M_NOT_FOUND', 'GET', `${OLD}/thumbnail/${newer}?width=1&height=1`);
    for (const uri of [older, newer]) assert.equal((await get(alice, `${V1}/download/${uri}`)).status, 200);
  },
  {
    overrides: { clock: { now: () => now } },
    env: { MYELIN_MEDIA_FREEZE_UNAUTHENTICATED_AT: '2026-01-01T00:00:00Z' },
  },
);

onServers('other servers are not asked where that is not wanted, and names lead nowhere else', async (s) => {
  const alice = await s.person('alice');
  const elsewhere = 'elsewhere.example/abc?allow_remote=false';
  await alice.fails(404, 'M_NOT_FOUND', 'GET', `${OLD}/download/${elsewhere}`);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', `${OLD}/thumbnail/${elsewhere}&width=1&height=1`);
  for (const path of [
    'localhost/..%2F..%2Fsigning.key',
    'localhost/a.b',
    'not%20a%20server/abc',
    'x%2F..%2Fy/abc',
  ]) {
    await alice.fails(400, 'M_INVALID_PARAM', 'GET', `${V1}/download/${path}`);
  }
});

onServers('who waits hears of an upload, also of one to another process', async (s) => {
  const alice = await s.person('alice');
  const uri = await create(alice);
  const elsewhere = new TestClient((await s.another()).url, alice.token);
  const waiting = get(elsewhere, `${V1}/download/${uri}?timeout_ms=30000`);
  await send(alice, 'PUT', `${OLD}/upload/${uri}`, Buffer.from('content'), 'text/plain');
  assert.equal((await waiting).bytes.toString(), 'content');
});
