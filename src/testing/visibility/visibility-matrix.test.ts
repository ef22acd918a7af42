import assert from 'node:assert/strict';
import { onServers, type TestServer } from '../server/test-server.ts';
import { TestClient, type Json } from '../client/test-client.ts';
import { Chronicle } from './chronicle.ts';
import { READERS, shownOn, type About, SHOWING_NO_EVENTS } from './readers.ts';

/**
 * Every way to read a room against every kind of person and visibility of history. What people may see is worked out from
 * the specification's rules; each event holds a mark of its own, and no answer may hold a mark of what it must not show.
 */

const NAMES = [
  'early',
  'leaver',
  'kicked',
  'banned',
  'returner',
  'forgetful',
  'invited',
  'late',
  'never',
] as const;
type People = Readonly<Record<(typeof NAMES)[number] | 'creator' | 'guest', TestClient>>;

const VISIBILITIES = ['world_readable', 'shared', 'invited', 'joined'] as const;
/** How the history of a room may be read: in each act of the story. */
const STORIES: readonly (readonly string[])[] = [
  ...VISIBILITIES.map((one) => [one, one, one, one]),
  ['world_readable', 'joined', 'shared', 'invited'],
  ['joined', 'invited', 'world_readable', 'joined'],
  ['shared', 'world_readable', 'invited', 'shared'],
];

onServers(
  'each endpoint that shows people something is one of the ways, or holds no events',
  (s) => {
    const read = new Set(READERS.map(({ operation }) => operation));
    const declared = new Set(s.server.declarations.map(({ id }) => id));
    const gone = [...read, ...SHOWING_NO_EVENTS].filter((id) => !declared.has(id));
    assert.deepEqual(gone, []);
    const shown = s.server.declarations.filter(
      ({ method, auth }) => method === 'GET' && (auth === 'user' || auth === 'optional'),
    );
    const unread = shown.map(({ id }) => id).filter((id) => !read.has(id) && !SHOWING_NO_EVENTS.has(id));
    assert.deepEqual(unread, []);
    return Promise.resolve();
  },
  { engines: ['sqlite'] },
);

for (const acts of STORIES) {
  onServers(
    `nobody sees what the history's visibility hides: ${acts.join(', ')} [B050]`,
    async (s) => {
      const people = await gather(s);
      const story = await play(people, acts);
      const faults: string[] = [];
      for (const [name, client] of Object.entries(people)) {
        const who = { userId: client.userId, hasForgotten: name === 'forgetful' };
        for (const reader of READERS) {
          const about = { ...story.about, tokens: story.tokens.get(client) ?? [] };
          const texts = await reader.read(client, story.room, about);
          for (const fault of faultsOf(story.chronicle, who, reader.name, texts, about)) {
            faults.push(`${name}, ${reader.name}: ${fault}`);
          }
          const isBlind = marksIn(texts.join()).length + shownOn(texts).size === 0;
          if (name === 'creator' && isBlind && !BLIND.has(reader.name))
            faults.push(`${reader.name} shows nothing at all`);
        }
      }
      assert.deepEqual(faults, []);
    },
    {
      env: { MYELIN_REGISTRATION_GUESTS: 'true' },
      ...(new Set(acts).size === 1 ? { engines: ['sqlite'] } : {}),
    },
  );
}

/** What shows a member nothing of what was said and set. */
const BLIND = new Set(['aliases', 'joined members']);

async function gather(s: TestServer): Promise<People> {
  const people: Record<string, TestClient> = {};
  for (const name of ['creator', ...NAMES]) people[name] = await s.person(name);
  const guest = await s.anonymous().ok('POST', '/v3/register?kind=guest', {});
  people.guest = new TestClient(s.server.url, guest.access_token);
  people.guest.userId = guest.user_id;
  return people as People;
}

interface Story {
  readonly room: string;
  readonly chronicle: Chronicle;
  readonly about: Omit<About, 'tokens'>;
  readonly tokens: ReadonlyMap<TestClient, readonly string[]>;
}

/** Four acts: people come, go, are thrown out and come back; something is said and changed in between. */
async function play(people: People, acts: readonly string[]): Promise<Story> {
  const { creator, early, leaver, kicked, banned, returner, forgetful, invited, late } = people;
  const [first = 'shared', ...later] = acts;
  const room = await creator.createRoom({
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: first } }],
  });
  const tokens = new Map<TestClient, string[]>();
  let marks = 0;
  const mark = () => `mark${(marks += 1)}end`;
  const say = (who: TestClient, more: object = {}) => who.say(room, `word ${mark()}`, more);
  const act = async (who: TestClient, deed: string, whom: TestClient) =>
    who.ok('POST', who.room(room, `/${deed}`), { user_id: whom.userId, reason: mark() });
  const enter = async (who: TestClient) => {
    await act(creator, 'invite', who);
    await say(creator);
    await who.join(room);
  };
  const rootId = await say(creator);
  const related = async (who: TestClient) => {
    await say(who, { 'm.relates_to': { rel_type: 'm.thread', event_id: rootId } });
    const body = `word ${mark()}`;
    await creator.say(room, `* ${body}`, {
      'm.new_content': { msgtype: 'm.text', body },
      'm.relates_to': { rel_type: 'm.replace', event_id: rootId },
    });
    await creator.send(room, 'm.reaction', {
      'm.relates_to': { rel_type: 'm.annotation', event_id: rootId, key: mark() },
    });
  };
  const turn = async () => {
    const visibility = later.shift();
    await creator.setState(room, 'm.room.topic', { topic: `word ${mark()}` });
    await say(creator);
    for (const who of Object.values(people)) {
      if (who === people.guest) continue;
      tokens.set(who, [...(tokens.get(who) ?? []), (await who.sync()).next_batch]);
    }
    if (visibility !== undefined) {
      await creator.setState(room, 'm.room.history_visibility', { history_visibility: visibility });
    }
    await say(creator);
  };

  for (const who of [early, leaver, kicked, banned, returner, forgetful]) await enter(who);
  await related(early);
  const regretted = await say(creator);
  await turn();
  await act(leaver, 'leave', leaver);
  await act(creator, 'kick', kicked);
  await act(creator, 'ban', banned);
  await act(returner, 'leave', returner);
  await creator.ok('PUT', creator.room(room, `/redact/${regretted}/once`), { reason: mark() });
  await related(creator);
  await act(creator, 'invite', invited);
  await act(creator, 'invite', late);
  await act(forgetful, 'leave', forgetful);
  await forgetful.ok('POST', forgetful.room(room, '/forget'), {});
  await turn();
  await late.join(room);
  await related(late);
  await turn();
  await act(creator, 'invite', returner);
  await returner.join(room);
  await act(creator, 'invite', kicked);
  await related(early);
  await creator.setState(room, 'm.room.name', { name: `word ${mark()}` });
  await say(creator);

  const all = await creator.ok('GET', creator.room(room, '/messages?dir=f&limit=500'));
  const chronicle = new Chronicle(all.chunk);
  return {
    room,
    chronicle,
    tokens,
    about: { rootId, eventIds: all.chunk.map((event: Json) => event.event_id) },
  };
}

function faultsOf(
  chronicle: Chronicle,
  { userId, hasForgotten }: { userId: string; hasForgotten: boolean },
  reader: string,
  texts: readonly string[],
  about: About,
): string[] {
  const known = chronicle.mayComeAcross(userId);
  const hidden = new Set<string>();
  for (const { event } of chronicle.happenings) {
    if (known.has(event.event_id)) continue;
    hidden.add(event.event_id);
    for (const one of marksIn(JSON.stringify(event.content))) hidden.add(one);
  }
  const leaks = [...marksIn(texts.join('\n')), ...shownOn(texts)].filter((one) => hidden.has(one));
  const faults = [...new Set(leaks)].map((one) => `shows ${describe(chronicle, one)}`);
  if (!chronicle.isOpenTo(userId, hasForgotten)) return faults;
  // What one was joined to and has forgotten is gone; the rest is there as for anybody.
  const visible = hasForgotten ? [] : about.eventIds.filter((_, index) => chronicle.isVisible(userId, index));
  if (reader === 'event') {
    const answered = new Set(texts.map((text) => String((JSON.parse(text) as Json).event_id)));
    faults.push(...visible.filter((id) => !answered.has(id)).map((id) => `hides ${describe(chronicle, id)}`));
  }
  if (reader === 'messages' || reader === 'context') {
    const listed = shownOn(texts);
    faults.push(...visible.filter((id) => !listed.has(id)).map((id) => `hides ${describe(chronicle, id)}`));
  }
  return faults;
}

function marksIn(text: string): string[] {
  return [...text.matchAll(/mark\d+end/g)].map(([one]) => one);
}

function describe(chronicle: Chronicle, what: string): string {
  const index = chronicle.happenings.findIndex(({ event }) =>
    JSON.stringify([event.event_id, event.content]).includes(what),
  );
  const { event, after } = chronicle.happenings[index] ?? {};
  return `${what} (${index}: ${event?.type} ${event?.state_key ?? ''} ${JSON.stringify(event?.content)} while ${after?.visibility})`;
}
