import assert from 'node:assert/strict';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { onFederation } from '../../testing/federation/federation.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import type { ServerName } from '../../protocol/identifiers.ts';
import { authorizationOf, CanonicalText } from '../x-matrix.ts';

/** What stands in the content of one event, or of one message to a device, as JSON text. */
const ODD = {
  'a key with NUL': '{"a\\u0000b":1}',
  'half of a surrogate pair': '"\\ud800"',
  'much nesting': '['.repeat(600) + ']'.repeat(600),
};

/** Sends a body as it is, signed. */
async function put(remote: RemoteServer, to: ServerName, uri: string, body: string) {
  const signed = {
    method: 'PUT',
    uri,
    origin: remote.name,
    destination: to,
    content: new CanonicalText(body),
  };
  const headers = { authorization: authorizationOf(signed, remote.key), 'content-type': 'application/json' };
  return new Promise<{ status: number; body: string }>((resolve, reject) => {
    const asked = request(
      `https://${to}${uri}`,
      { method: 'PUT', headers, rejectUnauthorized: false },
      (answer) => {
        text(answer).then((read) => resolve({ status: answer.statusCode ?? 0, body: read }), reject);
      },
    );
    asked.on('error', reject).end(body);
  });
}

for (const [what, odd] of Object.entries(ODD)) {
  for (const kind of ['event', 'message to a device']) {
    onFederation(
      `a transaction is taken but for one ${kind} with ${what}`,
      async (federation) => {
        const { a, alice, room, remote } = await roomWithGuest(federation, { room_version: '10' });
        const good = room.say('good');
        const content = { msgtype: 'm.text', body: 'x', odd: 'HERE' };
        const messages = { [alice.userId]: { '*': { odd: 'HERE' } } };
        const edu = {
          edu_type: 'm.direct_to_device',
          content: { sender: room.userId, type: 't', message_id: 'm', messages },
        };
        const isEvent = kind === 'event';
        const body = {
          ...{ origin: remote.name, origin_server_ts: 1 },
          pdus: isEvent
            ? [good.pdu, { ...room.make({ type: 'm.room.message', content }).pdu, content }]
            : [good.pdu],
          edus: isEvent ? [] : [edu],
        };
        const sent = JSON.stringify(body).replaceAll('"HERE"', odd);
        const answer = await put(remote, a.name, '/_matrix/federation/v1/send/one', sent);
        assert.equal(answer.status, 200, answer.body);
        assert.deepEqual(JSON.parse(answer.body).pdus[good.eventId], {});
      },
      { servers: 1 },
    );
  }
}
