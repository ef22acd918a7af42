import assert from 'node:assert/strict';
import { pino } from 'pino';
import { loadConfig } from './platform/config/load-config.ts';
import { startServer } from './server.ts';
import { atIdentityServer } from './testing/identity/identity-client.ts';
import { FAST, onServers } from './testing/server/test-server.ts';

const OF_HOMESERVER = [
  '/_matrix/client/versions',
  '/_matrix/client/v3/login',
  '/_matrix/client/api/v1/login',
  '/_matrix/federation/v1/version',
  '/_matrix/key/v2/server',
  '/_matrix/media/v3/config',
  '/.well-known/matrix/client',
  '/oauth2/metadata',
];

onServers(
  'an identity server by itself answers nothing that is a homeserver’s',
  async (s) => {
    const nobody = s.anonymous();
    await nobody.ok('GET', '/_matrix/identity/v2');
    await nobody.ok('GET', '/_matrix/identity/api/v1');
    await nobody.ok('GET', '/health');
    for (const path of OF_HOMESERVER) await nobody.fails(404, 'M_UNRECOGNIZED', 'GET', path);
    await nobody.fails(404, 'M_UNRECOGNIZED', 'POST', '/_matrix/client/v3/register', {});
    const onBind = '/_matrix/federation/v1/3pid/onbind';
    await nobody.fails(404, 'M_UNRECOGNIZED', 'PUT', onBind, { invites: [] });
  },
  { env: { MYELIN_ROLES: 'identity' } },
);

onServers('a homeserver is no identity server unless that is configured', async (s) => {
  const nobody = s.anonymous();
  await nobody.ok('GET', '/_matrix/client/versions');
  for (const path of ['/_matrix/identity/v2', '/_matrix/identity/versions', '/_matrix/identity/api/v1']) {
    await nobody.fails(404, 'M_UNRECOGNIZED', 'GET', path);
  }
});

onServers(
  'a process may answer clients only, or other servers only',
  async (s) => {
    const nobody = s.anonymous();
    await nobody.ok('GET', '/_matrix/federation/v1/version');
    await nobody.fails(404, 'M_UNRECOGNIZED', 'GET', '/_matrix/client/versions');
  },
  { env: { MYELIN_ROLES: 'federation' } },
);

onServers(
  'the API of 2015 can be switched off',
  async (s) => {
    const nobody = s.anonymous();
    await nobody.ok('GET', '/_matrix/identity/v2');
    const lookup = '/_matrix/identity/api/v1/lookup?medium=email&address=a@example.org';
    await nobody.fails(404, 'M_UNRECOGNIZED', 'GET', lookup);
    const sign = '/_matrix/identity/api/v1/sign-ed25519?mxid=@a:localhost&token=none&private_key=none';
    const unknown = await nobody.fails(404, 'M_UNRECOGNIZED', 'POST', sign);
    assert.match(unknown.error, /no invitation with this token/);
    assert.equal((await nobody.ask('GET', '/')).status, 404);
  },
  { env: { MYELIN_ROLES: 'identity', MYELIN_IDENTITY_API_V1: 'false' } },
);

onServers(
  'processes on one database share the roles between them',
  async (s) => {
    const alice = await s.person('alice');
    const env = { ...FAST, ...s.place.env, MYELIN_ROLES: 'identity' };
    const log = pino({ level: 'error' }, pino.destination(2));
    const identity = await startServer(loadConfig({ env }), { log });
    try {
      const known = await atIdentityServer(alice, identity.url);
      const account = await known.ok('GET', '/_matrix/identity/v2/account');
      assert.equal(account.user_id, alice.userId);
      await alice.fails(404, 'M_UNRECOGNIZED', 'GET', '/_matrix/identity/v2');
    } finally {
      await identity.close();
    }
  },
  { engines: ['postgres'] },
);
