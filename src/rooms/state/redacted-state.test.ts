import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';

onServers(
  'state that is redacted counts as what is left of it, at once [B030 partial]',
  async ({ person }) => {
    const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')];
    const room = await alice.createRoom({
      preset: 'public_chat',
      room_version: '10',
      power_level_content_override: { invite: 50 },
    });
    await bob.join(room);
    const invite = () =>
      bob.ask('POST', `/v3/rooms/${encodeURIComponent(room)}/invite`, { user_id: carol.userId });
    assert.equal((await invite()).status, 403);
    const state = await alice.ok('GET', alice.room(room, '/state'));
    const levels = state.find((event: { type: string }) => event.type === 'm.room.power_levels');
    await alice.ok('PUT', alice.room(room, `/redact/${encodeURIComponent(levels.event_id)}/r1`), {});
    assert.equal(
      (await invite()).status,
      200,
      'in version 10 a redaction leaves nothing of the level for invites',
    );
  },
);
