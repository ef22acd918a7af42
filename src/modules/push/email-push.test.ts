import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../platform/clock.ts';
import { MailSink } from '../../testing/gateways/mail-sink.ts';
import { PushGateway } from '../../testing/gateways/push-gateway.ts';
import type { TestClient } from '../../testing/client/test-client.ts';
import { onServers, type TestServer } from '../../testing/server/test-server.ts';

const sink = await MailSink.start();
const gateways: PushGateway[] = [];
test.after(async () => {
  for (const gateway of gateways) gateway.close();
  await sink.close();
});

let hoursLater = 0;
const clock = { ...systemClock, now: () => systemClock.now() + hoursLater * 3_600_000 };
const options = {
  env: {
    MYELIN_MAIL_SMTP_URL: sink.url,
    MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
    MYELIN_PUSH_EMAIL_DELAY: '3600',
    MYELIN_PUBLIC_BASE_URL: 'https://matrix.example.org',
  },
  overrides: { clock },
};
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

async function addAddress(client: TestClient, name: string, to: string): Promise<void> {
  const ask = { client_secret: 'secret', email: to, send_attempt: 1 };
  const { sid } = await client.ok('POST', '/v3/account/3pid/email/requestToken', ask);
  const link = sink.link(to);
  const body = link.searchParams.toString();
  const pressed = await fetch(client.base + link.pathname, { method: 'POST', headers: FORM, body });
  assert.equal(pressed.status, 200);
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: name } };
  await client.ok('POST', '/v3/account/3pid/add', {
    ...{ sid, client_secret: 'secret' },
    auth: { ...auth, password: `${name} password` },
  });
}

function setMail(client: TestClient, to: string): Promise<unknown> {
  return client.ok('POST', '/v3/pushers/set', {
    ...{ kind: 'email', app_id: 'm.email', pushkey: to, lang: 'en', append: true },
    ...{ app_display_name: 'Mail', device_display_name: to, data: { brand: 'Example' } },
  });
}

/** Lets mail become due, once the server has found out whom an event concerns. */
async function twoHoursLater({ server }: TestServer, gateway: PushGateway, eventId: string): Promise<void> {
  await gateway.until(() => gateway.eventIds.includes(eventId));
  hoursLater += 2;
  server.services.pushDelivery.wake();
}

/**
 * Bob, who gets mail, and Alice in a room. The mail that proves Bob's address is his first. He has a phone, too: what it is
 * told of, mail is going to tell of.
 */
async function mailedBob(server: TestServer) {
  const gateway = await PushGateway.start();
  gateways.push(gateway);
  server.server.services.plainGateways.add(gateway.name);
  const [alice, bob] = [await server.person('alice'), await server.person('bob')];
  const to = `bob-${server.place.engine}-${Math.random()}@example.org`;
  await addAddress(bob, 'bob', to);
  await bob.ok('POST', '/v3/pushers/set', {
    ...{ kind: 'http', app_id: 'phone', pushkey: 'x', lang: 'en', data: { url: gateway.url } },
    ...{ app_display_name: 'App', device_display_name: 'Phone' },
  });
  await setMail(bob, to);
  const room = await alice.createRoom({ preset: 'public_chat', name: 'Kitchen <3' });
  await bob.join(room);
  return { alice, bob, to, room, gateway };
}

onServers(
  'one mail tells of what stays unread, in text and HTML [B061 partial]',
  async (server) => {
    const { alice, bob, to, room, gateway } = await mailedBob(server);
    const read = await alice.say(room, 'this was read');
    await bob.ok('POST', bob.room(room, `/receipt/m.read/${read}`), {});
    await alice.say(room, 'grüße & <b>cake</b>');
    const last = await alice.send(room, 'm.room.encrypted', {
      algorithm: 'm.megolm.v1.aes-sha2',
      ciphertext: 'x',
    });
    assert.equal(sink.count(to), 1);
    await twoHoursLater(server, gateway, last);
    const mail = await sink.arrived(to, 2);
    assert.match(mail, /^Subject: 2 messages you have not read in Kitchen <3\r$/m);
    assert.match(mail, /UTC alice: grüße & <b>cake<\/b>\r$/m);
    assert.match(mail, /UTC alice: \(an encrypted message\)\r$/m);
    assert.match(mail, /<b>alice<\/b>: grüße &#38; &#60;b&#62;cake&#60;\/b&#62;<\/li>/);
    assert.match(mail, /Kitchen &#60;3<\/a>/);
    assert.ok(!mail.includes('this was read'));
    assert.match(mail, /^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$/m);
  },
  options,
);

onServers(
  'whoever has a mail can end them without logging in, by its link or at one click [B061 partial]',
  async (server) => {
    const { alice, bob, to, room, gateway } = await mailedBob(server);
    await twoHoursLater(server, gateway, await alice.say(room, 'hello'));
    const mail = await sink.arrived(to, 2);
    const [, header = ''] = /^List-Unsubscribe:\s+<(https:[^>]+)>/m.exec(mail) ?? [];
    const link = new URL(header);
    assert.equal(link.origin, 'https://matrix.example.org');
    assert.equal(mail.split(header).length, 4, 'the link is in the header, the text and the HTML');
    const page = await server.anonymous().ask('GET', link.pathname + link.search);
    assert.ok(page.body.includes(`sent to ${to}`));
    assert.equal((await bob.ok('GET', '/v3/pushers')).pushers.length, 2, 'looking at the link ends nothing');
    const body = 'List-Unsubscribe=One-Click';
    const clicked = await fetch(server.server.url + link.pathname + link.search, {
      ...{ method: 'POST', headers: FORM, body },
    });
    assert.equal(clicked.status, 200);
    assert.equal((await bob.ok('GET', '/v3/pushers')).pushers.length, 1);
    const again = await server.anonymous().ask('GET', link.pathname + link.search);
    assert.match(again.body, /no more mail/);
  },
  options,
);

onServers(
  'mails come at most once an interval, also after a restart [B061 partial]',
  async (server) => {
    const { alice, to, room, gateway } = await mailedBob(server);
    await twoHoursLater(server, gateway, await alice.say(room, 'first'));
    assert.match(await sink.arrived(to, 2), /alice: first/);
    const second = await alice.say(room, 'second');
    await gateway.until(() => gateway.eventIds.includes(second));
    await server.restart();
    server.server.services.pushDelivery.wake();
    assert.equal(sink.count(to), 2);
    await twoHoursLater(server, gateway, second);
    const mail = await sink.arrived(to, 3);
    assert.match(mail, /alice: second/);
    assert.ok(!mail.includes('first'));
  },
  options,
);

onServers(
  'mail goes only to addresses of the user, and ends with them [B061 partial]',
  async (server) => {
    const { alice, bob, to } = await mailedBob(server);
    const pusher = {
      ...{ kind: 'email', app_id: 'm.email', pushkey: to, lang: 'en', data: {} },
      ...{ app_display_name: 'Mail', device_display_name: 'Mail' },
    };
    await alice.fails(400, 'M_THREEPID_NOT_FOUND', 'POST', '/v3/pushers/set', pusher);
    await bob.fails(400, 'M_INVALID_PARAM', 'POST', '/v3/pushers/set', { ...pusher, app_id: 'other' });
    await bob.ok('POST', '/v3/account/3pid/delete', { medium: 'email', address: to });
    assert.equal((await bob.ok('GET', '/v3/pushers')).pushers.length, 1);
  },
  options,
);

onServers(
  'a mail server that does not answer does not keep the server from stopping',
  async (server) => {
    const { alice, to, room, gateway } = await mailedBob(server);
    sink.fallSilent();
    try {
      await twoHoursLater(server, gateway, await alice.say(room, 'hello'));
      await sink.arrived(to, 2);
      const stopped = server.server.services.pushDelivery.stop().then(() => 'stopped');
      const late = AbortSignal.timeout(15_000);
      const waited = new Promise((resolve) => late.addEventListener('abort', () => resolve('still at it')));
      assert.equal(await Promise.race([stopped, waited]), 'stopped');
    } finally {
      sink.answer();
    }
  },
  options,
);
