import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isJsonObject, type JsonValue } from '../../protocol/json.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';
import { schemas2015 } from '../../testing/client/v1-client.ts';
import { V2Client } from '../../testing/client/v2-client.ts';

/** The names of the schemas that some events of an answer are held against. */
function namesIn(answer: JsonValue): Set<string> {
  const names = new Set<string>();
  const visit = (value: JsonValue | undefined): void => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (!isJsonObject(value)) return;
    const { type, content } = value;
    if (typeof type === 'string' && isJsonObject(content)) {
      names.add(type);
      if (typeof content.msgtype === 'string') names.add(`${type}#${content.msgtype}`);
    }
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(answer);
  return names;
}

describe('2015: event schemas', () => {
  test('every example is as its schema says', () => {
    for (const [name, example] of schemas2015.examples()) {
      assert.deepEqual(schemas2015.faultsIn(example), [], name);
    }
    const broken = { type: 'm.room.name', event_id: '$1', room_id: '!r', state_key: '', content: {} };
    if (schemas2015.names().length > 0) assert.ok(schemas2015.faultsIn([broken]).length > 0);
  });

  onServers(
    'events of every type that has a schema are served as it says, on both old APIs',
    async (server) => {
      const alice = V2Client.of(await server.person('alice'));
      const bob = V2Client.of(await server.person('bob'));
      const room = await alice.createRoom({
        name: 'Schemas',
        topic: 'All of them',
        room_alias_name: 'schemas',
      });
      await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
      await bob.join(room);
      const { end: start } = await bob.events();
      const said = await alice.say(room, 'to be redacted');
      await alice.ok('POST', alice.room(room, `/redact/${encodeURIComponent(said)}`), {});
      let last = said;
      for (const [name, { type, content }] of schemas2015.examples() as Map<string, Json>) {
        if (name.startsWith('m.room.message') || name.startsWith('m.call.')) {
          last = await alice.send(room, type, content);
        }
      }
      const token = {
        display_name: 'Carol',
        key_validity_url: 'https://id.example.org/valid',
        public_key: 'abc',
      };
      await alice.setState(room, 'm.room.third_party_invite', token, 'a-token');
      await alice.setState(room, 'm.room.canonical_alias', { alias: '#schemas:localhost' });
      await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'shared' });
      await alice.setState(room, 'm.room.aliases', { aliases: ['#schemas:localhost'] }, 'localhost');
      await alice.ok('PUT', `/presence/${alice.userId}/status`, { presence: 'online' });
      await bob.read(room, last);
      await bob.ok('PUT', bob.room(room, `/typing/${bob.userId}`), { typing: true, timeout: 30_000 });

      const wanted = schemas2015.names().filter((name) => name !== 'm.room.message');
      const inV1 = new Set<string>();
      let from = start;
      const { rooms, presence, receipts } = await alice.ok('GET', '/initialSync?limit=100');
      for (const name of namesIn([rooms, presence, receipts])) inV1.add(name);
      for (let i = 0; i < 10; i++) {
        const { chunk, end } = await bob.events({ from, timeout: 0 });
        for (const name of namesIn(chunk)) inV1.add(name);
        if (end === from) break;
        from = end;
      }
      assert.deepEqual(
        wanted.filter((name) => !inV1.has(name)),
        [],
        'in version 1',
      );
      const filter = await alice.filter({ room: { timeline: { limit: 100 } } });
      const inV2 = namesIn(await alice.sync({ filter }));
      assert.deepEqual(
        wanted.filter((name) => !inV2.has(name)),
        [],
        'in version 2 alpha',
      );
    },
  );
});
