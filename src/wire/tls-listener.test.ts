import assert from 'node:assert/strict';
import { Agent, request } from 'undici';
import { onFederation } from '../testing/federation/federation.ts';
import type { TestAuthority } from '../testing/federation/certificates.ts';

/** The status with which an address answers somebody who says that a proxy passed the request on for another. */
async function statusOf(authority: TestAuthority, url: string, forwardedFor: string): Promise<number> {
  const agent = new Agent({ connect: { ca: authority.certificate } });
  try {
    const { statusCode, body } = await request(url, {
      dispatcher: agent,
      headers: { 'x-forwarded-for': forwardedFor },
    });
    await body.dump();
    return statusCode;
  } finally {
    await agent.destroy();
  }
}

onFederation(
  'what callers say of whom they ask for is believed where a proxy asks, not where other servers do',
  async ({ a, authority }) => {
    const path = '/_matrix/client/v1/register/m.login.registration_token/validity?token=none';
    const asked = async (base: string) => {
      const first = await statusOf(authority, base + path, '203.0.113.1');
      return [first, await statusOf(authority, base + path, '203.0.113.2')];
    };
    assert.deepEqual(await asked(a.server.url), [200, 200]);
    assert.deepEqual(await asked(`https://${a.name}`), [200, 429]);
  },
  {
    servers: 1,
    env: {
      MYELIN_LISTEN_TRUST_PROXY: 'true',
      MYELIN_LIMITS_ENABLED: 'true',
      MYELIN_LIMITS_REGISTRATION_PER_SECOND: '0.001',
      MYELIN_LIMITS_REGISTRATION_BURST: '1',
    },
  },
);

onFederation(
  'figures are not there for everybody who asks as other servers do',
  async ({ a, authority }) => {
    assert.equal(await statusOf(authority, `https://${a.name}/metrics`, '127.0.0.1'), 404);
    assert.equal(await statusOf(authority, `${a.server.url}/metrics`, '127.0.0.1'), 200);
  },
  { servers: 1 },
);

onFederation(
  'who has their token is told the figures there, too',
  async ({ a, authority }) => {
    assert.equal(await statusOf(authority, `https://${a.name}/metrics`, '127.0.0.1'), 401);
    const agent = new Agent({ connect: { ca: authority.certificate } });
    const headers = { authorization: 'Bearer for prometheus' };
    const { statusCode, body } = await request(`https://${a.name}/metrics`, { dispatcher: agent, headers });
    await body.dump();
    await agent.destroy();
    assert.equal(statusCode, 200);
  },
  { servers: 1, env: { MYELIN_METRICS_TOKEN: 'for prometheus' } },
);
