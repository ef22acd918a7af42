import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';

const POLICY_KEY = Buffer.alloc(32, 7).toString('base64').replace('=', '');

onServers(
  'who helps, and the key of the policy server, are told as configured [B002]',
  async ({ anonymous }) => {
    const nobody = anonymous();
    const support = await nobody.ok('GET', '/.well-known/matrix/support');
    assert.deepEqual(support, {
      contacts: [{ role: 'm.role.admin', email_address: 'help@example.org', matrix_id: '@help:localhost' }],
      support_page: 'https://example.org/help',
    });
    const policy = await nobody.ok('GET', '/.well-known/matrix/policy_server');
    assert.deepEqual(policy, { public_keys: { ed25519: POLICY_KEY } });
  },
  {
    env: {
      MYELIN_WELL_KNOWN_SUPPORT_EMAIL: 'help@example.org',
      MYELIN_WELL_KNOWN_SUPPORT_MATRIX_ID: '@help:localhost',
      MYELIN_WELL_KNOWN_SUPPORT_PAGE: 'https://example.org/help',
      MYELIN_WELL_KNOWN_POLICY_SERVER_KEY: POLICY_KEY,
    },
  },
);

onServers('what is not configured under well-known is not found', async ({ anonymous }) => {
  for (const name of ['client', 'support', 'policy_server']) {
    await anonymous().fails(404, 'M_NOT_FOUND', 'GET', `/.well-known/matrix/${name}`);
  }
});

onServers(
  'clients are told of the maps, and whether there are previews of links (MSC3488, MSC4452)',
  async ({ person, anonymous }) => {
    const told = await anonymous().ok('GET', '/.well-known/matrix/client');
    const maps = { map_style_url: 'https://maps.example.org/style.json' };
    assert.deepEqual([told['m.tile_server'], told['org.matrix.msc3488.tile_server']], [maps, maps]);
    const alice = await person('alice');
    const { capabilities } = await alice.ok('GET', '/v3/capabilities');
    assert.deepEqual(capabilities['io.element.msc4452.preview_url'], { enabled: false });
    const path = `/v1/media/preview_url?url=${encodeURIComponent('https://example.org/')}`;
    await alice.fails(403, 'M_FORBIDDEN', 'GET', path);
  },
  {
    env: {
      MYELIN_PUBLIC_BASE_URL: 'https://matrix.example.org',
      MYELIN_WELL_KNOWN_MAP_STYLE_URL: 'https://maps.example.org/style.json',
      MYELIN_MEDIA_URL_PREVIEWS: 'false',
    },
  },
);
