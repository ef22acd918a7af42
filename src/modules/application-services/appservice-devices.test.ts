import assert from 'node:assert/strict';
import { withAppservice } from '../../testing/application-services/appservice-scene.ts';

withAppservice(
  'an application service is told whether a device was made or was there',
  async ({ ghost, person }) => {
    const carl = await ghost('_irc_carl');
    const put = async (body: object) => (await carl.ask('PUT', '/v3/devices/BRIDGE', body)).status;
    const name = async () => (await carl.ok('GET', '/v3/devices/BRIDGE')).display_name;
    assert.deepEqual([await put({ display_name: 'bridge' }), await name()], [201, 'bridge']);
    assert.deepEqual([await put({ display_name: 'other' }), await name()], [200, 'other']);
    assert.deepEqual([await put({}), await name()], [200, 'other']);
    await carl.ok('DELETE', '/v3/devices/BRIDGE', {});
    assert.equal(await put({}), 201);
    const alice = await person('alice');
    await alice.fails(404, 'M_NOT_FOUND', 'PUT', '/v3/devices/BRIDGE', { display_name: 'x' });
  },
);
