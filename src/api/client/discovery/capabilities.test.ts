import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';

onServers(
  'versions, capabilities and discovery [B001] [B002] [B008]',
  async ({ person, anonymous }) => {
    const versions = await anonymous().ok('GET', '/_matrix/client/versions');
    assert.ok(versions.versions.includes('v1.19') && versions.versions.includes('r0.6.1'));
    const alice = await person('alice');
    const { capabilities } = await alice.ok('GET', '/v3/capabilities');
    assert.equal(capabilities['m.room_versions']?.default, '12');
    assert.equal(Object.keys(capabilities['m.room_versions']?.available ?? {}).length, 12);
    const enabled = (name: string) => capabilities[`m.${name}`]?.enabled;
    const asIsPossible = ['change_password', 'profile_fields', 'set_displayname', 'set_avatar_url'];
    for (const name of [...asIsPossible, '3pid_changes', 'get_login_token'])
      assert.equal(enabled(name), true, name);
    assert.equal(enabled('forget_forced_upon_leave'), false);
    assert.equal(capabilities['m.account_moderation'], undefined, 'of administrators alone');
    await anonymous().fails(401, 'M_MISSING_TOKEN', 'GET', '/v3/capabilities');
    const wellKnown = await anonymous().ok('GET', '/.well-known/matrix/client');
    assert.equal(wellKnown['m.homeserver']?.base_url, 'https://matrix.example.org');
    const { headers } = await anonymous().ask('GET', '/.well-known/matrix/client');
    assert.equal(headers.get('access-control-allow-origin'), '*');
    await anonymous().fails(404, 'M_NOT_FOUND', 'GET', '/.well-known/matrix/support');
  },
  { env: { MYELIN_PUBLIC_BASE_URL: 'https://matrix.example.org' } },
);

onServers(
  'guests are told that they can change their name and nothing else [B002 partial] [B049 partial]',
  async ({ anonymous }) => {
    const guest = anonymous();
    const made = await guest.ok('POST', '/v3/register?kind=guest', {});
    guest.token = made.access_token;
    const { capabilities } = await guest.ok('GET', '/v3/capabilities');
    assert.deepEqual(capabilities['m.profile_fields'], { enabled: true, allowed: ['displayname'] });
    const enabled = (name: string) => capabilities[`m.${name}`].enabled;
    const names = ['change_password', 'set_displayname', 'set_avatar_url', '3pid_changes', 'get_login_token'];
    assert.deepEqual(names.map(enabled), [false, true, false, false, false]);
    const refused = (method: string, path: string, body: object) =>
      guest.fails(403, 'M_GUEST_ACCESS_FORBIDDEN', method, path, body);
    await refused('POST', '/v3/account/password', { new_password: 'a new password' });
    await refused('PUT', `/v3/profile/${made.user_id}/avatar_url`, { avatar_url: 'mxc://x/y' });
    await refused('POST', '/v3/account/3pid/add', { sid: 's', client_secret: 'c' });
    await refused('POST', '/v1/login/get_token', {});
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);
