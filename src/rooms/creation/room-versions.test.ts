import assert from 'node:assert/strict';
import type { Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

const VERSIONS = Array.from({ length: 12 }, (_, i) => String(i + 1));
/** What version 5 is about, the validity of other servers' keys, is shown in `key-validity.test.ts`. */
const ROWS = VERSIONS.map(
  (version) => `[B0${83 + Number(version)}${version === '5' ? ' partial' : ''}]`,
).join(' ');

onServers(
  `rooms of every version take joins, messages, state and redactions ${ROWS} [B030] [B032 partial]`,
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    for (const version of VERSIONS) {
      const room = await alice.createRoom({
        preset: 'public_chat',
        room_version: version,
        name: `v${version}`,
      });
      assert.equal(room.includes(':'), version !== '12');
      await bob.join(room);
      const event = await bob.say(room, 'to be redacted');
      assert.match(event, Number(version) <= 2 ? /^\$.+:localhost$/ : /^\$[A-Za-z0-9+/_-]{43}$/);
      const create = await alice.ok('GET', alice.room(room, '/state/m.room.create/'));
      assert.equal(create.room_version, version);
      assert.equal(create.creator, Number(version) < 11 ? alice.userId : undefined);
      const path = alice.room(room, `/redact/${encodeURIComponent(event)}/r`);
      const { event_id: redaction } = await alice.ok('PUT', path, { reason: 'because' });
      const redacted = await bob.ok('GET', bob.room(room, `/event/${encodeURIComponent(event)}`));
      assert.deepEqual(redacted.content, {});
      assert.equal(redacted.unsigned?.redacted_because?.event_id, redaction);
      const shown = await bob.ok('GET', bob.room(room, `/event/${encodeURIComponent(redaction)}`));
      assert.equal(shown.redacts, event);
      assert.deepEqual(shown.content, { reason: 'because', redacts: event });
    }
    await alice.fails(400, 'M_UNSUPPORTED_ROOM_VERSION', 'POST', '/v3/createRoom', { room_version: '99' });
  },
);

onServers('everybody may redact what they sent themselves, in every version [B030]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  for (const version of VERSIONS) {
    const room = await alice.createRoom({ preset: 'public_chat', room_version: version });
    await bob.join(room);
    const own = await bob.say(room, 'oops');
    await bob.ok('PUT', bob.room(room, `/redact/${encodeURIComponent(own)}/r1`), {});
    const other = await alice.say(room, 'stays');
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', bob.room(room, `/redact/${encodeURIComponent(other)}/r2`), {});
  }
});

onServers(
  'many at once write into rooms of every kind of event ID [B084] [B085] [B086]',
  async ({ person }) => {
    const alice = await person('alice');
    for (const version of ['1', '2', '3', '11']) {
      const room = await alice.createRoom({ room_version: version });
      const sent = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          i % 4 === 0 ? alice.setState(room, 'org.example', { i }, `k${i}`) : alice.say(room, `m${i}`),
        ),
      );
      const { chunk } = await alice.ok('GET', alice.room(room, '/messages?dir=b&limit=40'));
      assert.deepEqual(new Set(chunk.map((event: Json) => event.event_id)), new Set(sent));
    }
  },
);
