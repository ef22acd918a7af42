import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import { type RemoteEvent } from '../../testing/federation/remote-room.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { bodies } from '../../testing/client/test-client.ts';
import { serve, timeline } from './testing/remote-guest.ts';

/** What a server tells at once, however many it is asked for. */
const AT_ONCE = 20;

onFederation(
  'a gap of more events than a server tells at once is filled step by step [B103 partial]',
  async (federation) => {
    const { alice, roomId, room, remote } = await roomWithGuest(federation);
    const texts = Array.from({ length: 90 }, (_, i) => `m${i}`);
    const said = texts.map((text) => room.say(text));
    const asked: string[] = [];
    remote.answer = ({ url, body }) => {
      const path = decodeURIComponent(url);
      asked.push(path.replace(/\?.*/, '').split('/')[4] as string);
      if (!path.includes('/get_missing_events/')) return undefined;
      return { status: 200, body: { events: before(said, body).map(({ pdu }) => pdu) } };
    };
    assert.deepEqual(await room.send(said.at(-1) as RemoteEvent), [undefined]);
    assert.deepEqual(
      asked,
      Array.from({ length: 5 }, () => 'get_missing_events'),
      'nothing else is needed',
    );
    const page = await alice.ok('GET', alice.room(roomId, '/messages?dir=f&limit=100'));
    assert.deepEqual(bodies(page.chunk), texts);
  },
);

onFederation(
  'events are placed by what they follow, whatever depth they claim [B103 partial]',
  async (federation) => {
    const { alice, roomId, room, remote } = await roomWithGuest(federation, { room_version: '5' });
    const message = (body: string, depth: number) =>
      room.next({ type: 'm.room.message', content: { msgtype: 'm.text', body }, depth });
    const said = [message('one', 70), message('two', 9), message('three', 80), message('four', 8)];
    serve(remote, said.slice(0, -1));
    assert.deepEqual(await room.send(said.at(-1) as RemoteEvent), [undefined]);
    assert.deepEqual(bodies(await timeline(alice, roomId)), ['one', 'two', 'three', 'four']);
  },
  { servers: 1 },
);

onFederation(
  'a state without the event with which its room began is not believed: what follows it waits [B102 partial]',
  async (federation) => {
    const { alice, roomId, room, remote } = await roomWithGuest(federation);
    const state = [...room.state.values()].filter(({ pdu }) => pdu.type !== 'm.room.create');
    const [lost, last] = [room.say('lost'), room.say('last')];
    serve(remote, [], { [lost.eventId]: state });
    const answerStates = remote.answer;
    remote.answer = (request) =>
      decodeURIComponent(request.url).endsWith(`/event/${lost.eventId}`)
        ? { status: 200, body: { pdus: [lost.pdu] } }
        : answerStates(request);
    assert.match((await room.send(last))[0] ?? '', /could not be had/);
    await alice.say(roomId, 'not disturbed');
    assert.deepEqual(await room.send(lost, last), [undefined, undefined]);
    assert.deepEqual(bodies(await timeline(alice, roomId)), ['not disturbed', 'lost', 'last']);
  },
  { servers: 1 },
);

/** The events right before the latest ones that were named. */
function before(
  events: readonly RemoteEvent[],
  { latest_events: latest, limit }: { latest_events: string[]; limit: number },
): RemoteEvent[] {
  const end = Math.min(...latest.map((id) => events.findIndex(({ eventId }) => eventId === id)));
  return events.slice(Math.max(end - Math.min(limit, AT_ONCE), 0), end);
}
