import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { PushGateway } from '../../testing/gateways/push-gateway.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';
import { V2Client } from '../../testing/client/v2-client.ts';

describe('2015: feature profiles', () => {
  onServers(
    'a client of any profile finds the modules that it must have [A083]',
    async ({ person, server }) => {
      const [alice, bob] = [V2Client.of(await person('alice')), V2Client.of(await person('bob'))];
      const gateway = await PushGateway.start();
      server.services.plainGateways.add(gateway.name);
      try {
        const room = await alice.createRoom({ preset: 'public_chat', name: 'Garden' });
        await bob.join(room);
        const { end } = await alice.events();
        const heard = (holds: (event: Json) => boolean) => alice.eventUntil(end, holds);

        await alice.ok('POST', '/pushers/set', {
          ...{ kind: 'http', app_id: 'org.example', pushkey: 'key', lang: 'en', append: false },
          ...{ app_display_name: 'App', device_display_name: 'Phone', profile_tag: '' },
          data: { url: gateway.url },
        });
        const said = await bob.say(room, 'instant messaging, for alice');
        assert.equal((await heard(({ event_id: id }) => id === said)).user_id, bob.userId);
        await gateway.until(() => gateway.eventIds.includes(said));

        await bob.ok('PUT', `/presence/${bob.userId}/status`, { presence: 'online', status_msg: 'presence' });
        const status = await heard(
          ({ type, content }) => type === 'm.presence' && content.status_msg === 'presence',
        );
        assert.deepEqual([status.content.user_id, status.content.presence], [bob.userId, 'online']);

        await bob.read(room, said);
        const receipt = await heard(
          ({ type, content }) => type === 'm.receipt' && content[said] !== undefined,
        );
        assert.ok(receipt.content[said]['m.read'][bob.userId].ts > 0);

        await bob.ok('PUT', bob.room(room, `/typing/${bob.userId}`), { typing: true, timeout: 30_000 });
        await heard(({ type, content }) => type === 'm.typing' && content.user_ids.includes(bob.userId));

        const offer = { type: 'offer', sdp: 'v=0' };
        const call = { call_id: 'c1', version: 0, lifetime: 60_000, offer };
        const invited = await bob.send(room, 'm.call.invite', call);
        assert.deepEqual((await heard(({ event_id: id }) => id === invited)).content, call);
        assert.deepEqual(await bob.ok('GET', '/voip/turnServer'), {});

        const path = `${bob.base}/_matrix/media/v1`;
        const file = { method: 'POST', body: 'a file', headers: { 'content-type': 'text/plain' } };
        const uploaded = await fetch(`${path}/upload?access_token=${bob.token ?? ''}`, file);
        const { content_uri: uri } = (await uploaded.json()) as Json;
        const downloaded = await fetch(`${path}/download/${String(uri).slice('mxc://'.length)}`);
        assert.equal(await downloaded.text(), 'a file');

        await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'joined' });
        await alice.say(room, 'for members');
        await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'shared' });
        const carol = V2Client.of(await person('carol'));
        await carol.join(room);
        const { chunk } = await carol.messages(room, { from: 'END', dir: 'b', limit: 50 });
        const bodies = (chunk as Json[]).flatMap(({ content }) => content.body ?? []);
        assert.deepEqual(bodies, ['instant messaging, for alice']);

        const secret = await bob.send(room, 'm.room.encrypted', { ciphertext: 'opaque' });
        assert.deepEqual((await heard(({ event_id: id }) => id === secret)).content, {
          ciphertext: 'opaque',
        });
      } finally {
        gateway.close();
      }
    },
    { env: { MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8' } },
  );
});
