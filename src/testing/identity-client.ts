import { TestClient } from './test-client.ts';

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
