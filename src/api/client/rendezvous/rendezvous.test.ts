import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { ClientPrefix, MatrixHttpApi, type IHttpOpts, type MatrixClient } from 'matrix-js-sdk';
import { MSC4108RendezvousSession } from 'matrix-js-sdk/lib/rendezvous/index.js';
import { onServers } from '../../../testing/server/test-server.ts';

const time = { ms: Date.now(), now: () => time.ms };
const TEXT = '/_matrix/client/unstable/org.matrix.msc4108/rendezvous';
const JSON_PATH = '/unstable/io.element.msc4388/rendezvous';

onServers(
  'two devices of the client SDK meet at a session of texts [B139 partial]',
  async ({ anonymous }) => {
    const { base } = anonymous();
    const { unstable_features: features } = await anonymous().ok('GET', '/_matrix/client/versions');
    assert.equal(features['org.matrix.msc4108'], true);
    assert.equal(features['io.element.msc4388'], true);
    const client = {
      baseUrl: base,
      doesServerSupportUnstableFeature: () => Promise.resolve(true),
      http: new MatrixHttpApi<IHttpOpts & { onlyData: true }>({} as never, {
        baseUrl: base,
        prefix: ClientPrefix.Unstable,
        onlyData: true,
      }),
    } as unknown as MatrixClient;
    const one = new MSC4108RendezvousSession({ client });
    await one.send('from the first');
    const url = one.url ?? '';
    assert.ok(url.startsWith(`${base}${TEXT}/`), url);
    const two = new MSC4108RendezvousSession({ url });
    assert.equal(await two.receive(), 'from the first');
    await two.send('from the second');
    assert.equal(await one.receive(), 'from the second');
    await one.close();
    assert.equal((await fetch(url)).status, 404);
  },
);

onServers(
  'a session of texts answers to ETags, and takes 4 KiB for five minutes [B139 partial]',
  async ({ anonymous }) => {
    const { base } = anonymous();
    const send = (url: string, method: string, body: string, headers: Record<string, string> = {}) =>
      fetch(url, { method, body, headers: { 'content-type': 'text/plain', ...headers } });
    const preflight = await fetch(base + TEXT, { method: 'OPTIONS' });
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /If-Match, If-None-Match/);
    const made = await send(base + TEXT, 'POST', 'one');
    assert.equal(made.status, 201);
    assert.match(made.headers.get('access-control-expose-headers') ?? '', /ETag/i);
    assert.ok(Math.abs(new Date(made.headers.get('expires') ?? '').getTime() - time.ms - 300_000) < 2_000);
    const etag = made.headers.get('etag') ?? '';
    const { url } = (await made.json()) as { url: string };
    const shown = await fetch(url);
    assert.equal(shown.headers.get('content-type'), 'text/plain');
    assert.equal(shown.headers.get('etag'), etag);
    assert.equal(await shown.text(), 'one');
    assert.equal((await fetch(url, { headers: { 'if-none-match': etag } })).status, 304);
    assert.equal((await send(url, 'PUT', 'two')).status, 400);
    const changed = await send(url, 'PUT', 'two', { 'if-match': etag });
    assert.equal(changed.status, 202);
    assert.notEqual(changed.headers.get('etag'), etag);
    const late = await send(url, 'PUT', 'three', { 'if-match': etag });
    assert.equal(late.status, 412);
    const { errcode, ...rest } = (await late.json()) as Record<string, string>;
    assert.equal(errcode, 'M_UNKNOWN');
    assert.equal(rest['org.matrix.msc4108.errcode'], 'M_CONCURRENT_WRITE');
    assert.equal((await fetch(url, { headers: { 'if-none-match': etag } })).status, 200);
    assert.equal((await send(base + TEXT, 'POST', 'x'.repeat(4_097))).status, 413);
    const asForm = await fetch(base + TEXT, { method: 'POST', body: new URLSearchParams({ a: 'b' }) });
    assert.equal(asForm.status, 400);
    assert.equal((await fetch(url, { method: 'DELETE' })).status, 204);
    assert.equal((await fetch(url, { method: 'DELETE' })).status, 404);
    const other = (await (await send(base + TEXT, 'POST', 'one')).json()) as { url: string };
    time.ms += 300_000;
    assert.equal((await fetch(other.url)).status, 404);
  },
  { overrides: { clock: time } },
);

onServers(
  'a session of JSON is changed by who saw its last state, on any process [B139]',
  async ({ anonymous, person, another }) => {
    const client = anonymous();
    const alice = await person('alice');
    for (const who of [client, alice]) {
      assert.deepEqual(await who.ok('GET', JSON_PATH), { create_available: true });
    }
    const made = await client.ok('POST', JSON_PATH, { data: 'one' });
    assert.equal(made.expires_in_ms, 300_000);
    assert.equal(made.expires_ts, time.ms + 300_000);
    const path = `${JSON_PATH}/${made.id}`;
    const other = (await another()).url;
    const seen = await fetch(`${other}/_matrix/client${path}`);
    assert.equal(((await seen.json()) as { data: string }).data, 'one');
    const state = { sequence_token: made.sequence_token, data: 'two' };
    const changed = await alice.ok('PUT', path, state);
    assert.notEqual(changed.sequence_token, made.sequence_token);
    await client.fails(409, 'IO_ELEMENT_MSC4388_CONCURRENT_WRITE', 'PUT', path, state);
    assert.equal((await client.ok('GET', path)).data, 'two');
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((data) => client.ask('PUT', path, { ...changed, data })),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409]);
    // `fetch` does not let anybody set this header.
    const navigation = get(`${client.base}/_matrix/client${path}`, {
      headers: { 'sec-fetch-mode': 'navigate' },
    });
    const [response] = (await once(navigation, 'response')) as [IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 403);
    await client.fails(413, 'M_TOO_LARGE', 'POST', JSON_PATH, { data: 'x'.repeat(4_097) });
    await client.fails(400, 'M_MISSING_PARAM', 'POST', JSON_PATH, {});
    await client.ok('DELETE', path);
    await client.fails(404, 'M_NOT_FOUND', 'GET', path);
    await client.fails(404, 'M_NOT_FOUND', 'PUT', path, state);
  },
  { overrides: { clock: time } },
);
