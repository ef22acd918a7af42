import assert from 'node:assert/strict';
import { DatabaseProxy } from '../../storage/testing/database-proxy.ts';
import { TestClient } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

onServers(
  'a topic is set again that was redacted while the process could not hear of it',
  async (s) => {
    const proxy = await DatabaseProxy.start(String(s.place.env.MYELIN_DATABASE_URL));
    const other = await s.another({ MYELIN_DATABASE_URL: proxy.url });
    try {
      const alice = await s.person('alice');
      const deaf = new TestClient(other.url, alice.token);
      const room = await deaf.createRoom();
      const path = deaf.room(room, '/state/m.room.topic');
      const { event_id: id } = await deaf.ok('PUT', path, { topic: 'tea' });
      const [listener] = proxy.listening;
      listener?.hold();
      await alice.ok('PUT', alice.room(room, `/redact/${encodeURIComponent(id)}/r`), {});
      listener?.cut();
      await other.services.laterNews.about([room], 0);
      assert.equal((await deaf.ok('GET', path)).topic, undefined);
      await deaf.ok('PUT', path, { topic: 'tea' });
      assert.equal((await alice.ok('GET', path)).topic, 'tea');
    } finally {
      await other.close();
      proxy.stop();
    }
  },
  { engines: ['postgres'] },
);
