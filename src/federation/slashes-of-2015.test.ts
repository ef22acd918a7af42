import assert from 'node:assert/strict';
import type { EventId } from '../protocol/identifiers.ts';
import { bodies } from '../testing/client/test-client.ts';
import { onFederation } from '../testing/federation/federation.ts';
import { RemoteRoom } from '../testing/federation/remote-room.ts';
import type { RemoteAnswer } from '../testing/federation/remote-server.ts';

/** Paths that ended in a slash in 2015, without it. */
const WITHOUT_SLASH = /^\/_matrix\/(key\/v2\/server|federation\/v1\/(send|backfill)\/[^/?]+)(\?|$)/;

/** A server that knows paths only as they were in 2015. */
const of2015: RemoteAnswer = ({ url }) =>
  WITHOUT_SLASH.test(url)
    ? { status: 400, body: { errcode: 'M_UNRECOGNIZED', error: 'Unrecognized request' } }
    : undefined;

onFederation(
  'a server that knows paths with a slash at their end only is asked for its keys, for history, and sent events [A097 partial] [A103 partial] [A110 partial]',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    remote.answer = of2015;
    const alice = await a.person('alice');
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
    const room = await RemoteRoom.join(remote, a.name, roomId);
    await alice.say(roomId, 'to a server of then');
    await remote.until(() => bodies(remote.pdus).includes('to a server of then') || undefined);

    const state = [...room.state.values()].map(({ eventId }) => eventId);
    const message = (body: string, prev: readonly EventId[], depth: number) =>
      room.make({ type: 'm.room.message', content: { msgtype: 'm.text', body }, prev, depth });
    const earliest = message('earliest', room.latest, 1_000);
    const earlier = message('earlier', [earliest.eventId], 1_001);
    const later = message('later', [earlier.eventId], 1_002);
    remote.answer = (request) => {
      const { url } = request;
      if (url.includes('/get_missing_events/')) return { status: 200, body: { events: [] } };
      if (url.includes('/state_ids/'))
        return { status: 200, body: { pdu_ids: state, auth_chain_ids: state } };
      if (url.includes('/backfill/')) {
        return of2015(request) ?? { status: 200, body: { pdus: [earliest.pdu] } };
      }
      if (decodeURIComponent(url).endsWith(`/event/${earlier.eventId}`)) {
        return { status: 200, body: { pdus: [earlier.pdu] } };
      }
      return of2015(request);
    };
    assert.deepEqual(await room.send(later), [undefined]);
    const { chunk } = await alice.ok('GET', alice.room(roomId, '/messages?dir=b&limit=100'));
    assert.ok(bodies(chunk).includes('earliest'));
  },
  { servers: 1 },
);
