import assert from 'node:assert/strict';
import { onServers } from '../../../testing/test-server.ts';

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
    assert.deepEqual(policy, { public_keys: { ed25519: 'a2V5' } });
  },
  {
    env: {
      MYELIN_WELL_KNOWN_SUPPORT_EMAIL: 'help@example.org',
      MYELIN_WELL_KNOWN_SUPPORT_MATRIX_ID: '@help:localhost',
      MYELIN_WELL_KNOWN_SUPPORT_PAGE: 'https://example.org/help',
      MYELIN_WELL_KNOWN_POLICY_SERVER_KEY: 'a2V5',
    },
  },
);

onServers('what is not configured under well-known is not found', async ({ anonymous }) => {
  for (const name of ['client', 'support', 'policy_server']) {
    await anonymous().fails(404, 'M_NOT_FOUND', 'GET', `/.well-known/matrix/${name}`);
  }
});
