import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { test, type TestContext } from 'node:test';
import { onServers } from '../../testing/server/test-server.ts';
import { NameNetwork, type WellKnownHandler } from '../../testing/federation/name-network.ts';
import { WellKnownServers } from './well-known-servers.ts';

const HOUR = 3_600_000;
const HAS_VERSION_6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

function inNetwork(run: (network: NameNetwork) => Promise<void>): (context: TestContext) => Promise<void> {
  return async (context) => {
    let network: NameNetwork;
    try {
      network = await NameNetwork.start();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
      return context.skip('this user may not listen on port 443');
    }
    try {
      await run(network);
    } finally {
      await network.close();
    }
  };
}

/** An answer of `.well-known`. */
const says =
  (server: string, headers: Record<string, string> = {}): WellKnownHandler =>
  (_request, response) =>
    response.writeHead(200, headers).end(JSON.stringify({ 'm.server': server }));

void test(
  'each form of a server name leads to the right address, port, certificate and Host header, over real sockets [A096] [B096]',
  inNetwork(async (network) => {
    await network.listen('8448', 8448);
    const one = await network.listen('one');
    const other = await network.listen('other');
    const { address } = network;
    network.hosts('port.test', 'plain.test', 'srv.test', 'old.test', 'target.test', 'both.test');
    network.hosts('name.test', 'deleg.test', 'wk-port.test', 'wk-ip.test', 'wk-ip-port.test', 'wk-srv.test');
    network.hosts('wk-old.test', 'wk-plain.test');
    for (const [name, server] of [
      ['wk-ip.test', address],
      ['wk-ip-port.test', `${address}:${one}`],
      ['wk-port.test', `name.test:${one}`],
      ['wk-srv.test', 'deleg.test'],
      ['wk-old.test', 'old.test'],
      ['wk-plain.test', 'plain.test'],
    ] as const) {
      network.wellKnown.set(name, says(server));
    }
    network.services('_matrix-fed._tcp.srv.test', [1, 1, one, 'target.test']);
    network.services('_matrix._tcp.old.test', [1, 1, other, 'target.test']);
    network.services('_matrix-fed._tcp.both.test', [1, 1, one, 'target.test']);
    network.services('_matrix._tcp.both.test', [1, 1, other, 'target.test']);
    network.services('_matrix-fed._tcp.deleg.test', [1, 1, other, 'target.test']);
    // A delegation by `.well-known` comes before the host's own records.
    network.services('_matrix-fed._tcp.wk-srv.test', [1, 1, one, 'target.test']);
    const cases: [name: string, at: string, host: string, sni: string][] = [
      [address, '8448', address, 'none'],
      [`${address}:${one}`, 'one', `${address}:${one}`, 'none'],
      [`port.test:${one}`, 'one', `port.test:${one}`, 'port.test'],
      ['wk-ip.test', '8448', address, 'none'],
      ['wk-ip-port.test', 'one', `${address}:${one}`, 'none'],
      ['wk-port.test', 'one', `name.test:${one}`, 'name.test'],
      ['wk-srv.test', 'other', 'deleg.test', 'deleg.test'],
      ['wk-old.test', 'other', 'old.test', 'old.test'],
      ['wk-plain.test', '8448', 'plain.test', 'plain.test'],
      ['srv.test', 'one', 'srv.test', 'srv.test'],
      ['both.test', 'one', 'both.test', 'both.test'],
      ['old.test', 'other', 'old.test', 'old.test'],
      ['plain.test', '8448', 'plain.test', 'plain.test'],
    ];
    for (const [name, at, host, sni] of cases) {
      assert.deepEqual(await network.ask(name), { at, host, sni }, name);
    }
    const asked = (name: string) => network.dns.asked.filter((one) => one.endsWith(name));
    assert.ok(
      !asked('port.test').some((one) => one.startsWith('SRV')),
      'with a port, only addresses are asked for',
    );
    assert.ok(asked('port.test').includes('A port.test') && asked('port.test').includes('AAAA port.test'));
    const order = network.dns.asked.filter((one) => /SRV .*\.plain\.test/.test(one)).slice(0, 2);
    assert.deepEqual(order, ['SRV _matrix-fed._tcp.plain.test', 'SRV _matrix._tcp.plain.test']);
    assert.ok(
      !asked('_matrix._tcp.both.test').length,
      'the old name is not asked for where there is the new one',
    );
    if (HAS_VERSION_6) {
      const six = await network.listen('six', 0, undefined, '::1');
      network.dns.addresses.set('six.test', ['::1']);
      const found = { at: 'six', host: `six.test:${six}`, sni: 'six.test' };
      assert.deepEqual(await network.ask(`six.test:${six}`), found);
    }
  }),
);

void test(
  'a host whose SRV record names no target says that no server is there: it is not looked for at port 8448',
  inNetwork(async (network) => {
    await network.listen('8448', 8448);
    const other = await network.listen('other');
    network.hosts('closed.test', 'target.test', 'half.test');
    network.services('_matrix-fed._tcp.closed.test', [0, 0, 0, '.']);
    network.services('_matrix._tcp.closed.test', [1, 1, other, 'target.test']);
    await assert.rejects(network.ask('closed.test'), { name: 'FederationError', reason: 'unreachable' });
    network.services('_matrix-fed._tcp.half.test', [0, 0, 0, '.'], [1, 1, other, 'target.test']);
    const found = { at: 'other', host: 'half.test', sni: 'half.test' };
    assert.deepEqual(await network.ask('half.test'), found, 'another record names one');
  }),
);

void test(
  'SRV targets are tried by priority, share the load by weight, and the next one takes over, over real sockets [A096] [B096]',
  inNetwork(async (network) => {
    const light = await network.listen('light');
    const heavy = await network.listen('heavy');
    const spare = await network.listen('spare');
    const wrong = await network.listen('wrong', 0, ['target.test']);
    network.hosts('srv.test', 'target.test');
    const down = 1;
    network.services(
      '_matrix-fed._tcp.srv.test',
      [20, 1, spare, 'target.test'],
      [10, 1, light, 'target.test'],
      [10, 3, heavy, 'target.test'],
    );
    const met = new Map<unknown, number>();
    for (let i = 0; i < 20; i++) {
      network.draw = i / 20;
      const { at } = await network.ask('srv.test');
      met.set(at, (met.get(at) ?? 0) + 1);
    }
    assert.deepEqual(Object.fromEntries(met), { light: 5, heavy: 15 });
    for (const first of [
      [10, 1, down, 'target.test'],
      [10, 1, heavy, 'no-such-host.test'],
      [10, 1, wrong, 'target.test'],
    ] as [number, number, number, string][]) {
      network.services('_matrix-fed._tcp.srv.test', [20, 1, spare, 'target.test'], first);
      const answer = { at: 'spare', host: 'srv.test', sni: 'srv.test' };
      assert.deepEqual(await network.ask('srv.test'), answer, first.join(' '));
    }
    network.services(
      '_matrix-fed._tcp.srv.test',
      [10, 1, wrong, 'target.test'],
      [20, 1, down, 'target.test'],
    );
    await assert.rejects(network.ask('srv.test'), 'a certificate for the target is none for the server');
    network.services('_matrix-fed._tcp.srv.test', [10, 1, heavy, 'target.test']);
    const client = network.client();
    network.dns.isBroken = true;
    await assert.rejects(network.ask('srv.test', client), 'nobody says where it is');
    network.dns.isBroken = false;
    assert.equal((await network.ask('srv.test', client)).at, 'heavy', 'which is not remembered');
  }),
);

void test(
  '.well-known is followed over redirects, believed within bounds and kept as it says, over real sockets [B096]',
  inNetwork(async (network) => {
    await network.listen('8448', 8448);
    const one = await network.listen('one');
    network.hosts('wk.test', 'there.test', 'moved.test');
    const to = { at: 'one', host: `there.test:${one}`, sni: 'there.test' };
    const nowhere = { at: '8448', host: 'wk.test', sni: 'wk.test' };
    const good = JSON.stringify({ 'm.server': `there.test:${one}` });
    const redirect =
      (status: number, location: string): WellKnownHandler =>
      (_request, response) =>
        response.writeHead(status, { location }).end();
    network.wellKnown.set('moved.test', says(`there.test:${one}`));
    const answers: [string, WellKnownHandler, object][] = [
      ['moved', redirect(302, 'https://moved.test/.well-known/matrix/server'), to],
      ['moved for good', redirect(308, '//moved.test/.well-known/matrix/server'), to],
      ['in a circle', redirect(302, '/.well-known/matrix/server'), nowhere],
      [
        'of no type',
        (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(good),
        to,
      ],
      [
        'too large',
        (_request, response) => response.end(`${good.slice(0, -1)},"x":"${'x'.repeat(60_000)}"}`),
        nowhere,
      ],
      ['an error', (_request, response) => response.writeHead(500).end(good), nowhere],
      ['no JSON', (_request, response) => response.end('<html>'), nowhere],
      ['no such key', (_request, response) => response.end('{}'), nowhere],
      ['no server name', says('not a name'), nowhere],
    ];
    for (const [what, handler, expected] of answers) {
      network.wellKnown.set('wk.test', handler);
      network.wellKnownAsked = 0;
      assert.deepEqual(await network.ask('wk.test'), expected, what);
      assert.ok(network.wellKnownAsked <= 6, what);
    }
    const known = new WellKnownServers(network.http, { now: () => network.now });
    const asks = async (after: number, expected: object, times: number, why: string) => {
      network.now += after * HOUR;
      network.wellKnownAsked = 0;
      // The resolution is new each time: what is kept is what `.well-known` said.
      assert.deepEqual(await network.ask('wk.test', network.client(known)), expected, why);
      assert.equal(network.wellKnownAsked, times, why);
    };
    network.wellKnown.set('wk.test', says(`there.test:${one}`));
    await asks(0, to, 1, 'at first');
    await asks(23.9, to, 0, 'a day, where nothing is said');
    network.wellKnown.set('wk.test', says(`there.test:${one}`, { 'cache-control': 'public, max-age=3600' }));
    await asks(0.2, to, 1, 'after a day');
    await asks(0.9, to, 0, 'as long as it says');
    network.wellKnown.set('wk.test', says(`there.test:${one}`, { 'cache-control': 'max-age=31536000' }));
    await asks(0.2, to, 1, 'after the time that it said');
    await asks(47.9, to, 0, 'two days');
    network.wellKnown.set('wk.test', (_request, response) => response.writeHead(404).end());
    await asks(0.2, nowhere, 1, 'never longer than two days');
    await asks(0.01, nowhere, 0, 'an error is kept, too');
    network.wellKnown.set('wk.test', says(`there.test:${one}`));
    await asks(1, to, 1, 'for an hour at most');
  }),
);

void test(
  '.well-known of a host that cannot prove its name is not believed [B096]',
  inNetwork(async (network) => {
    await network.listen('8448', 8448);
    const elsewhere = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.7`;
    await network.listen('elsewhere', 443, ['other.test'], elsewhere);
    network.dns.addresses.set('victim.test', [elsewhere]);
    network.wellKnown.set('victim.test', says(network.address));
    await assert.rejects(network.ask('victim.test'));
    assert.equal(network.wellKnownAsked, 0, 'it was not even asked');
    network.wellKnown.set('honest.test', says(network.address));
    network.hosts('honest.test');
    assert.equal((await network.ask('honest.test')).at, '8448');
  }),
);

onServers(
  'this server says where it is to be found, where that is configured [B096]',
  async ({ server }) => {
    const answer = await fetch(`${server.url}/.well-known/matrix/server`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
    assert.deepEqual(await answer.json(), { 'm.server': 'matrix.example.org:443' });
  },
  { env: { MYELIN_WELL_KNOWN_SERVER: 'matrix.example.org:443' } },
);
