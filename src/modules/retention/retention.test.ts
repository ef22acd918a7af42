import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodies, TestClient, type Json } from '../../testing/client/test-client.ts';
import { onServers, type TestServer } from '../../testing/server/test-server.ts';
import { maxLifetime } from './retention-policy.ts';

const HOUR = 3_600_000;
const CONFIGURATION = '/unstable/org.matrix.msc1763/retention/configuration';
const ON = { MYELIN_RETENTION_ENABLED: 'true', MYELIN_RETENTION_LEAST_MAX_LIFETIME: '0' };

let now = Date.now();
const overrides = { clock: { now: () => now } };

async function timeline(person: TestClient, room: string): Promise<Json[]> {
  const events: Json[] = [];
  for (let from = ''; ;) {
    const page = await person.ok('GET', person.room(room, `/messages?dir=f&limit=100${from}`));
    events.push(...(page.chunk as Json[]));
    if (page.end === undefined) return events;
    from = `&from=${page.end}`;
  }
}

/** Lets time pass, and the server look for what is too old then. */
async function later(s: TestServer, ms: number): Promise<void> {
  now += ms;
  await s.server.services.retention.run();
}

void test('a room’s wish holds within what the server allows', () => {
  const limits = { enabled: true, defaultMaxMs: 50, leastMaxMs: 10, mostMaxMs: 100 };
  const cases: [object | undefined, number | undefined][] = [
    [undefined, 50],
    [{}, 50],
    [{ max_lifetime: 'x' }, 50],
    [{ max_lifetime: -1 }, 50],
    [{ max_lifetime: 1 }, 10],
    [{ max_lifetime: 60 }, 60],
    [{ max_lifetime: 1_000 }, 100],
  ];
  for (const [content, expected] of cases) assert.equal(maxLifetime(content as never, limits), expected);
  const open = { enabled: true, defaultMaxMs: undefined, leastMaxMs: undefined, mostMaxMs: undefined };
  assert.equal(maxLifetime({ max_lifetime: 7 }, open), 7);
  assert.equal(maxLifetime(undefined, open), undefined);
});

onServers(
  'messages that are older than their room allows are removed, everything else stays [B144]',
  async (s) => {
    const [alice, bob] = [await s.person('alice'), await s.person('bob')];
    const policy = { type: 'm.room.retention', state_key: '', content: { max_lifetime: 24 * HOUR } };
    const room = await alice.createRoom({ preset: 'public_chat', name: 'brief', initial_state: [policy] });
    const lasting = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const old = await alice.say(room, 'an old secret');
    const edit = {
      msgtype: 'm.text',
      body: '* worse',
      'm.new_content': { msgtype: 'm.text', body: 'worse' },
    };
    const about = { 'm.relates_to': { rel_type: 'm.replace', event_id: old } };
    await alice.send(room, 'm.room.message', { ...edit, ...about });
    // More than are looked at in one go.
    for (let i = 0; i < 120; i++) await alice.send(room, 'org.example.event', { i });
    await alice.say(lasting, 'stays for ever');
    const search = async () => {
      const body = { search_categories: { room_events: { search_term: 'secret' } } };
      return (await bob.ok('POST', '/v3/search', body)).search_categories.room_events.count;
    };
    await later(s, 12 * HOUR);
    assert.ok(bodies(await timeline(bob, room)).includes('an old secret'), 'not yet');
    const young = await bob.say(room, 'a young one');
    await later(s, 13 * HOUR);
    const left = await timeline(bob, room);
    assert.deepEqual(
      bodies(left).filter((text) => text !== ''),
      ['a young one'],
    );
    assert.equal(
      left.filter((event) => event.type === 'org.example.event' && 'i' in event.content).length,
      0,
    );
    const shown = left.find((event) => event.event_id === old);
    assert.deepEqual(shown.content, {});
    assert.equal(shown.unsigned.redacted_because.type, 'm.room.retention');
    assert.equal(shown.unsigned['m.relations'], undefined);
    assert.equal((await bob.ok('GET', bob.room(room, '/state/m.room.name'))).name, 'brief');
    assert.deepEqual(bodies(await timeline(alice, lasting)), ['stays for ever']);
    assert.equal(await search(), 0);
    await s.restart();
    const again = new TestClient(s.server.url, bob.token);
    const texts = (await timeline(again, room)).map((event) => JSON.stringify(event)).join();
    assert.ok(!texts.includes('secret') && !texts.includes('worse'));
    assert.ok(texts.includes(young));
    await later(s, 24 * HOUR);
    assert.equal(bodies(await timeline(again, room)).join(''), '');
    assert.deepEqual(await again.ok('GET', CONFIGURATION), { policies: {}, limits: {} });
  },
  { env: ON, overrides },
);

onServers(
  'rooms that say nothing are kept as the server says, by whichever process is first [B144 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const room = await alice.createRoom();
    await alice.say(room, 'old');
    const other = await s.another();
    now += 3 * HOUR;
    await Promise.all([s.server.services.retention.run(), other.services.retention.run()]);
    await alice.say(room, 'new');
    const events = await timeline(alice, room);
    assert.deepEqual(bodies(events), ['', 'new']);
    const because = events.find(({ unsigned }) => unsigned.redacted_because)?.unsigned.redacted_because;
    assert.deepEqual([because.type, because.sender], ['m.room.redaction', alice.userId]);
    assert.equal(typeof because.origin_server_ts, 'number');
    const elsewhere = new TestClient(other.url, alice.token);
    await elsewhere.syncUntil(undefined, (body) => JSON.stringify(body).includes('"new"'));
    assert.deepEqual(bodies(await timeline(elsewhere, room)), ['', 'new']);
    assert.deepEqual(await alice.ok('GET', CONFIGURATION), {
      policies: { '*': { max_lifetime: 2 * HOUR } },
      limits: { max_lifetime: { max: 4 * HOUR } },
    });
  },
  {
    env: {
      ...ON,
      MYELIN_RETENTION_DEFAULT_MAX_LIFETIME: '7200',
      MYELIN_RETENTION_MOST_MAX_LIFETIME: '14400',
    },
    overrides,
  },
);

onServers('nothing is removed where that is not wanted [B144 partial]', async (s) => {
  const alice = await s.person('alice');
  const policy = { type: 'm.room.retention', state_key: '', content: { max_lifetime: 1 } };
  const room = await alice.createRoom({ initial_state: [policy] });
  await alice.say(room, 'stays');
  await s.restart();
  const again = new TestClient(s.server.url, alice.token);
  assert.deepEqual(bodies(await timeline(again, room)), ['stays']);
  await again.fails(404, 'M_UNRECOGNIZED', 'GET', CONFIGURATION);
});
