import { createHmac } from 'node:crypto';
import { onServers } from '../../../testing/test-server.ts';

onServers(
  'NUL in a password cannot make the code of a user stand for an administrator [B011 partial]',
  async ({ anonymous }) => {
    const client = anonymous();
    const path = '/_synapse/admin/v1/register';
    const { nonce } = await client.ok('GET', path);
    const asUser = `${nonce}\0mallory\0long password\0admin\0notadmin`;
    const mac = createHmac('sha1', 'sesame').update(asUser).digest('hex');
    const username = 'mallory';
    const admin = { nonce, username, password: 'long password', admin: true, user_type: 'notadmin', mac };
    await client.fails(400, 'M_INVALID_PARAM', 'POST', path, admin);
    const user = { nonce, username, password: 'long password\0admin', mac };
    await client.fails(400, 'M_INVALID_PARAM', 'POST', path, user);
  },
  { env: { MYELIN_REGISTRATION_SHARED_SECRET: 'sesame' } },
);
