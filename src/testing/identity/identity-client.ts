import assert from 'node:assert/strict';
import type { MailSink } from '../gateways/mail-sink.ts';
import { TestClient } from '../client/test-client.ts';

const V2 = '/_matrix/identity/v2';

/** The same person at an identity server, known there by what their homeserver vouches for. */
export async function atIdentityServer(person: TestClient, base = person.base): Promise<TestClient> {
  const path = `/v3/user/${person.userId}/openid/request_token`;
  const vouched = await person.ok('POST', path, {});
  const client = new TestClient(base);
  client.token = (await client.ok('POST', `${V2}/account/register`, vouched)).token;
  client.userId = person.userId;
  return client;
}

/** Proves an address at an identity server, in one of its versions, by the link that was sent there, pressing its button. */
export async function proveAddress(
  client: TestClient,
  sink: MailSink,
  email: string,
  version: '/_matrix/identity/v2' | '/_matrix/identity/api/v1',
): Promise<{ sid: string; client_secret: string }> {
  const before = sink.count(email);
  const ask = { client_secret: 'secret', email, send_attempt: before + 1 };
  const { sid } = await client.ok('POST', `${version}/validate/email/requestToken`, ask);
  await sink.arrived(email, before + 1);
  const link = sink.link(email, before + 1);
  const page = await fetch(client.base + link.pathname + link.search);
  assert.equal(page.status, 200);
  const pressed = await fetch(client.base + link.pathname, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: link.searchParams.toString(),
  });
  assert.equal(pressed.status, 200);
  return { sid: String(sid), client_secret: 'secret' };
}
