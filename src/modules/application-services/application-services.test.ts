import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { startAppservice, type Received } from '../../testing/application-services/application-service.ts';
import { Ghost, withAppservice } from '../../testing/application-services/appservice-scene.ts';
import type { TestClient } from '../../testing/client/test-client.ts';
import { type Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

const says = (text: string) => (request: Received) =>
  request.path.includes('/transactions/') &&
  (request.body.events as Json[]).some((event) => event.content?.body === text);

describe('2015: application services', () => {
  withAppservice(
    'an application service is told in order what concerns it, and nothing else [B117] [B116] [A087] [A089] [A095]',
    async ({ service, person, ghost }) => {
      const alice = await person('alice');
      const elsewhere = await alice.createRoom({ name: 'elsewhere' });
      await alice.say(elsewhere, 'not for the bridge');
      const room = await alice.createRoom({ preset: 'public_chat' });
      const carl = await ghost('_irc_carl');
      await alice.ok('POST', alice.room(room, '/invite'), { user_id: carl.userId });
      await carl.join(room);
      for (const text of ['one', 'two', 'three']) await alice.say(room, text);
      await carl.say(room, 'from irc', { external_url: 'https://irc.example.org/1' });
      const { token } = await service.next(says('from irc'));
      assert.equal(token, 'Bearer token-of-the-homeserver');
      const events = service.events();
      assert.ok(events.every((event) => event.room_id === room));
      const texts = events.flatMap((event) => event.content.body ?? []);
      assert.deepEqual(texts, ['one', 'two', 'three', 'from irc']);
      assert.equal(events.at(-1).content.external_url, 'https://irc.example.org/1');
      const ofCarl = events.filter((event) => event.state_key === carl.userId);
      assert.deepEqual(
        ofCarl.map((event) => event.content.membership),
        ['invite', 'join'],
      );

      await alice.ok('PUT', alice.room(room, `/typing/${encodeURIComponent(alice.userId)}`), {
        typing: true,
        timeout: 20_000,
      });
      const last = await alice.say(room, 'read this');
      await alice.ok('POST', alice.room(room, `/receipt/m.read/${encodeURIComponent(last)}`), {});
      const ofType = (type: string) => (request: Received) =>
        ((request.body?.ephemeral ?? []) as Json[]).some(
          (one) => one.type === type && (type === 'm.presence' || one.room_id === room),
        );
      await service.next(ofType('m.typing'));
      const { body } = await service.next(ofType('m.receipt'));
      const receipt = (body.ephemeral as Json[]).find((one) => one.type === 'm.receipt');
      assert.ok(receipt.content[last]['m.read'][alice.userId]);
      await alice.ok('PUT', `/v3/presence/${encodeURIComponent(alice.userId)}/status`, {
        presence: 'online',
      });
      await service.next(ofType('m.presence'));
    },
  );

  withAppservice(
    'an application service is told of presence in the form of a sync, of one who would rather be talked to as well [B117]',
    async ({ service, person, ghost }) => {
      const alice = await person('alice');
      await (await ghost('_irc_carl')).join(await alice.createRoom({ preset: 'public_chat' }));
      const status = `/_matrix/client/api/v1/presence/${alice.userId}/status`;
      await alice.ok('PUT', status, { presence: 'free_for_chat', status_msg: 'come in' });
      const isOfAlice = (one: Json) => one.sender === alice.userId && one.content.status_msg === 'come in';
      const told = ({ body }: Received) => ((body?.ephemeral ?? []) as Json[]).find(isOfAlice);
      const { content } = told(await service.next((request) => told(request) !== undefined));
      assert.equal(content.presence, 'online');
      assert.equal(content.currently_active, true);
      const synced = await alice.ok('GET', '/v3/sync?timeout=0');
      const { last_active_ago: _, ...shown } = (synced.presence.events as Json[]).find(isOfAlice).content;
      const { last_active_ago: ago, ...rest } = content;
      assert.deepEqual(rest, shown);
      assert.equal(typeof ago, 'number');
    },
  );

  withAppservice(
    'a transaction is sent again as it was until it is taken, over restarts of the server [B117] [A089]',
    async ({ service, person, ghost, stop, start }) => {
      const alice = await person('alice');
      const room = await alice.createRoom({ preset: 'public_chat' });
      const carl = await ghost('_irc_carl');
      await carl.join(room);
      await alice.say(room, 'taken at once');
      await service.next(says('taken at once'));
      service.answer = ({ path }) => (path.includes('/transactions/') ? [500] : [200]);
      await alice.say(room, 'in need of a second try');
      const first = await service.next(says('in need of a second try'));
      const count = service.received.length;
      await stop();
      await start();
      service.answer = () => [200];
      const again = await service.next(
        (request) => service.received.indexOf(request) >= count && says('in need of a second try')(request),
      );
      const idOf = ({ path }: Received) => /\/transactions\/([^?]+)/.exec(path)?.[1];
      assert.equal(idOf(again), idOf(first));
      assert.deepEqual(again.body, first.body);
    },
  );

  withAppservice(
    'an application service says when something happened; from others that is ignored [B123] [A091]',
    async ({ person, ghost }) => {
      const alice = await person('alice');
      const carl = await ghost('_irc_carl');
      const room = await alice.createRoom({ preset: 'public_chat' });
      await carl.join(room);
      const sendAt = async (client: TestClient, txn: string, ts = 1_234_567_890_000) => {
        const path = client.room(room, `/send/m.room.message/${txn}?ts=${ts}`);
        const { event_id: id } = await client.ok('PUT', path, { msgtype: 'm.text', body: 'then' });
        return (await alice.ok('GET', alice.room(room, `/event/${encodeURIComponent(id)}`))).origin_server_ts;
      };
      assert.equal(await sendAt(carl, 'a'), 1_234_567_890_000);
      assert.equal(await sendAt(carl, 'latest', Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
      assert.notEqual(await sendAt(alice, 'b'), 1_234_567_890_000);
      for (const ts of ['-1', '9007199254740992', '1.5', 'now'])
        await carl.fails(
          400,
          'M_INVALID_PARAM',
          'PUT',
          carl.room(room, `/send/m.room.message/c?ts=${ts}`),
          {},
        );
    },
  );

  withAppservice('a service whose router says M_NOT_FOUND is told on the old paths [B125]', async (scene) => {
    const { service, person, ghost } = scene;
    service.answer = ({ path }) =>
      path.startsWith('/_matrix/app/v1/') ? [404, { errcode: 'M_NOT_FOUND', error: 'No such route' }] : [200];
    const alice = await person('alice');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await (await ghost('_irc_carl')).join(room);
    await alice.say(room, 'to an old one');
    const isTold = ({ path, body }: Received) =>
      path.startsWith('/transactions/') &&
      (body.events as Json[]).some((event) => event.content?.body === 'to an old one');
    await service.next(isTold);
  });

  withAppservice('a service that knows only the old paths is asked on those [B125]', async (scene) => {
    const { service, person, ghost } = scene;
    service.answer = ({ path }) => (path.startsWith('/_matrix/app/v1/') ? [404] : [200]);
    const alice = await person('alice');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await (await ghost('_irc_carl')).join(room);
    await alice.say(room, 'to an old one');
    await service.next(
      (request) => request.path.startsWith('/transactions/') && says('to an old one')(request),
    );
  });

  withAppservice(
    'an application service pings itself through the server [B118]',
    async ({ service, bot, person }) => {
      const path = '/v1/appservice/irc/ping';
      const { duration_ms: ms } = await bot.ok('POST', path, { transaction_id: 'meow' });
      assert.equal(typeof ms, 'number');
      const ping = await service.next((request) => request.path.startsWith('/_matrix/app/v1/ping'));
      assert.deepEqual(ping.body, { transaction_id: 'meow' });
      service.answer = () => [403, { errcode: 'M_FORBIDDEN' }];
      const refused = await bot.fails(502, 'M_BAD_STATUS', 'POST', path, {});
      assert.equal(refused.status, 403);
      await bot.fails(403, 'M_FORBIDDEN', 'POST', '/v1/appservice/other/ping', {});
      await (await person('alice')).fails(403, 'M_FORBIDDEN', 'POST', path, {});
    },
  );
});

const limited = await startAppservice({ rate_limited: true });
onServers(
  'the sender of an application service is never limited, whatever its users are',
  async ({ server }) => {
    try {
      const bot = new Ghost(server.url, '@ircbot:localhost');
      const room = await bot.createRoom();
      for (let i = 0; i < 12; i++) await bot.say(room, `m${i}`);
    } finally {
      await limited.close();
    }
  },
  {
    engines: ['sqlite'],
    env: {
      MYELIN_LIMITS_ENABLED: 'true',
      MYELIN_LIMITS_MESSAGE_PER_SECOND: '0.01',
      MYELIN_LIMITS_MESSAGE_BURST: '5',
      MYELIN_APPLICATION_SERVICES_FILES: limited.file,
    },
  },
);
