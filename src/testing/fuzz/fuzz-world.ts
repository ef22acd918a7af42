import type { TestServer } from '../server/test-server.ts';
import { atIdentityServer } from '../identity/identity-client.ts';
import { TestClient } from '../client/test-client.ts';
import type { Pool } from './plausible.ts';

/** People, rooms and things that fuzzed requests can be about. */
export interface FuzzWorld {
  readonly pool: Pool;
  /** Access tokens: of an administrator, of a person, of a guest. */
  readonly tokens: readonly string[];
  /** An access token of the identity service. */
  readonly identityToken: string;
}

/** Fills a server. Asked again, it adds people: a request may have logged out or closed those before. */
export async function makeWorld({ server, anonymous }: TestServer, round: number): Promise<FuzzWorld> {
  const name = (of: string) => `${of}${round}`;
  await server.services.newAccounts.createUser(name('admin'), 'admin password', true);
  const login = await anonymous().ok('POST', '/v3/login', {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: name('admin') },
    password: 'admin password',
  });
  const admin = new TestClient(server.url, login.access_token);
  admin.userId = login.user_id;
  const alice = await new TestClient(server.url).register(name('alice'));
  const bob = await new TestClient(server.url).register(name('bob'));
  const guest = await anonymous().ok('POST', '/v3/register?kind=guest', {});
  const alias = name('hall');
  const hall = await alice.createRoom({
    preset: 'public_chat',
    visibility: 'public',
    room_alias_name: alias,
  });
  const old = await alice.createRoom({ room_version: '2', invite: [bob.userId] });
  const space = await alice.createRoom({ creation_content: { type: 'm.space' } });
  await bob.join(hall);
  await admin.join(hall);
  const messages = [await alice.say(hall, 'one'), await bob.say(hall, 'two'), await alice.say(old, 'three')];
  const relation = { 'm.relates_to': { rel_type: 'm.thread', event_id: messages[0] } };
  messages.push(await bob.say(hall, 'in a thread', relation));
  await alice.setState(space, 'm.space.child', { via: ['localhost'] }, hall);
  const { filter_id: filter } = await alice.ok('POST', `/v3/user/${alice.userId}/filter`, {});
  const { next_batch: token } = await alice.sync();
  const { chunk } = await alice.ok('GET', alice.room(hall, '/messages?dir=b&limit=2'));
  const pool = {
    ...{ roomid: [hall, old, space], roomidoralias: [hall, `#${alias}:localhost`, old] },
    ...{ roomalias: [`#${alias}:localhost`, `#new${round}:localhost`] },
    ...{ eventid: messages, parentid: messages, threadid: [messages[0] ?? '', 'main'] },
    ...{
      userid: [alice.userId, bob.userId, admin.userId, guest.user_id],
      deviceid: [alice.deviceId, bob.deviceId],
    },
    ...{
      user: [alice.userId, 'bob'],
      username: ['carol', 'alice'],
      servername: ['localhost', 'elsewhere.invalid'],
    },
    ...{ via: ['localhost'], server: ['localhost'], idserver: ['elsewhere.invalid'], next: [token] },
    ...{ eventtype: TYPES, type: TYPES, statekey: ['', alice.userId], reltype: ['m.thread', 'm.annotation'] },
    ...{
      txnid: ['t1', 't2'],
      since: [token],
      from: [token],
      to: [token],
      filterid: [filter],
      filter: [filter, '{}'],
    },
    ...{
      password: ['admin password', 'another password'],
      dir: ['f', 'b'],
      receipttype: ['m.read', 'm.fully_read'],
    },
    ...{
      granttype: GRANTS,
      clientid: ['nobody'],
      redirecturi: ['https://client.example/'],
      code: ['none'],
      keyname: ['displayname', 'avatar_url', 'org.example.x'],
      kind: ['override', 'content'],
      scope: ['global'],
    },
    ...{
      ruleid: ['.m.rule.master', 'mine'],
      presence: ['online', 'offline', 'unavailable'],
      method: ['scale', 'crop'],
    },
    ...{ visibility: ['public', 'private'], membership: ['join', 'leave'], newversion: ['1', '12', '99'] },
    ...{
      url: ['http://127.0.0.1:1/'],
      mediaid: ['nothing'],
      version: ['1'],
      algorithm: ['m.megolm_backup.v1.curve25519-aes-sha2'],
    },
    ...{
      ts: ['1'],
      at: [token],
      body: ['text'],
      msgtype: ['m.text'],
      tag: ['m.favourite', 'u.x'],
      preset: ['public_chat'],
    },
    ...{ chunk: [String(chunk[0]?.event_id)] },
    ...{ mxid: [alice.userId], sender: [alice.userId, bob.userId], medium: ['email', 'msisdn'] },
    ...{ address: ['alice@example.org', '447911123456'], email: ['alice@example.org'], country: ['GB'] },
  };
  const { token: identityToken = '' } = await atIdentityServer(alice);
  const tokens = [admin.token ?? '', alice.token ?? '', bob.token ?? '', guest.access_token];
  return { pool, tokens, identityToken };
}

const TYPES = [
  'm.room.message',
  'm.room.member',
  'm.room.power_levels',
  'm.room.name',
  'm.room.create',
  'org.example',
];

const GRANTS = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'];
