import assert from 'node:assert/strict';
import { withAppservice } from '../../../testing/application-services/appservice-scene.ts';

withAppservice('2015: users and rooms of other networks are found by their URIs [A094]', async (scene) => {
  const alice = await scene.person('alice');
  const known: Record<string, object> = {
    'irc://irc.example.org/bob': { user_id: '@_irc_bob:localhost' },
    'mailto:bob@example.org': { user_id: '@_irc_mail_bob:localhost' },
    'tel:+441234567890': { user_id: '@_irc_tel_441234567890:localhost' },
    'xmpp:bob@example.org': { user_id: '@_irc_xmpp_bob:localhost' },
    'sip:bob@example.org': { user_id: '@_irc_sip_bob:localhost' },
    'irc://irc.example.org/%23garden': { alias: '#_irc_garden:localhost' },
    'irc://irc.example.org/thief': { user_id: alice.userId },
  };
  scene.service.answer = ({ path }) => {
    const uri = new URL(path, 'http://localhost').searchParams.get('uri');
    const found = uri === null ? undefined : known[uri];
    return found === undefined ? [404, { errcode: 'M_NOT_FOUND', error: 'Nobody' }] : [200, found];
  };
  const ask = (what: string, uri: string) =>
    alice.ask('GET', `/_matrix/app/v1/${what}?uri=${encodeURIComponent(uri)}`);
  for (const [uri, answer] of Object.entries(known)) {
    if (uri.endsWith('/thief')) continue;
    const { status, body } = await ask('alias' in answer ? 'alias' : 'user', uri);
    assert.deepEqual([status, body], [200, answer], uri);
  }
  const stranger = await ask('user', 'mailto:nobody@example.org');
  assert.deepEqual([stranger.status, stranger.body.errcode], [404, 'M_NOT_FOUND']);
  const thief = await ask('user', 'irc://irc.example.org/thief');
  assert.equal(thief.status, 404, 'a service speaks for its own users only');
  const odd = await ask('user', 'gopher://example.org/bob');
  assert.deepEqual([odd.status, odd.body.errcode], [400, 'M_INVALID_PARAM']);
});
