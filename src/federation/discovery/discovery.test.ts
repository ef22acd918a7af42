import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServiceRecord } from '../../platform/dns.ts';
import type { OutgoingAnswer, OutgoingHttp } from '../../platform/outgoing-http.ts';
import { serverName } from '../../protocol/identifiers.ts';
import { orderServices } from './order-services.ts';
import { ServerResolution } from './server-resolution.ts';
import { WellKnownServers } from './well-known-servers.ts';

/** A resolution with what `.well-known` and SRV records say. */
function resolution(
  wellKnown: Readonly<Record<string, string>>,
  records: Readonly<Record<string, ServiceRecord[]>> = {},
): ServerResolution {
  const known = {
    of: (host: string) =>
      Promise.resolve(wellKnown[host] === undefined ? undefined : serverName(wellKnown[host])),
  };
  const dns = { services: (name: string) => Promise.resolve(records[name] ?? []) };
  return new ServerResolution(known as WellKnownServers, dns, () => 0);
}

void test('each form of a server name is resolved as it should be [B096 partial] [A096 partial]', async () => {
  const one = (host: string, port: number, tlsName = host, hostHeader = tlsName) => [
    { host, port, tlsName, hostHeader },
  ];
  const record = (name: string, port: number): ServiceRecord[] => [{ name, port, priority: 1, weight: 1 }];
  const found = resolution(
    {
      'literal.test': '192.0.2.7',
      'port.test': 'other.test:4443',
      'name.test': 'delegated.test',
      'plain.test': 'nothing.test',
    },
    {
      '_matrix-fed._tcp.delegated.test': record('target.test', 1234),
      '_matrix._tcp.delegated.test': record('wrong.test', 1),
      '_matrix._tcp.old.test': record('oldtarget.test', 99),
    },
  );
  const cases: [string, object][] = [
    ['192.0.2.1', one('192.0.2.1', 8448)],
    ['192.0.2.1:99', one('192.0.2.1', 99, '192.0.2.1', '192.0.2.1:99')],
    ['[2001:db8::1]:99', one('2001:db8::1', 99, '2001:db8::1', '[2001:db8::1]:99')],
    ['host.test:99', one('host.test', 99, 'host.test', 'host.test:99')],
    ['literal.test', one('192.0.2.7', 8448)],
    ['port.test', one('other.test', 4443, 'other.test', 'other.test:4443')],
    ['name.test', one('target.test', 1234, 'delegated.test')],
    ['plain.test', one('nothing.test', 8448)],
    ['old.test', one('oldtarget.test', 99, 'old.test')],
    ['lone.test', one('lone.test', 8448)],
  ];
  for (const [name, routes] of cases) assert.deepEqual(await found.routes(serverName(name)), routes, name);
});

void test('SRV records are tried by priority, and within one as their weights say [A096 partial]', () => {
  const record = (name: string, priority: number, weight: number) => ({ name, priority, weight, port: 1 });
  const records = [record('c', 2, 1), record('a', 1, 10), record('b', 1, 30)];
  const order = (draw: number) => orderServices(records, () => draw).map((one) => one.name);
  assert.deepEqual(order(0), ['a', 'b', 'c']);
  assert.deepEqual(order(0.9), ['b', 'a', 'c']);
  const first = Array.from({ length: 100 }, (_, i) => order(i / 100)[0]);
  assert.equal(first.filter((name) => name === 'b').length, 75);
});

void test('what .well-known says is kept as long as it allows, within bounds [B096 partial]', async () => {
  let now = 1_000_000_000_000;
  let asked = 0;
  let answer: { status: number; headers: Record<string, string>; text: string } | undefined;
  const http = {
    request: (wanted: { url: string; maxBytes: number }): Promise<OutgoingAnswer> => {
      asked += 1;
      assert.equal(wanted.url, 'https://host.test/.well-known/matrix/server');
      assert.ok(wanted.maxBytes < 100_000);
      if (!answer) return Promise.reject(new Error('unreachable'));
      const { status, headers, text } = answer;
      return Promise.resolve({ status, headers, body: Buffer.from(text), url: wanted.url });
    },
  };
  const hours = (count: number) => (now += count * 3_600_000);
  const known = new WellKnownServers(http as unknown as OutgoingHttp, { now: () => now });
  const says = async (delegated: string | undefined, times: number, why: string) => {
    asked = 0;
    assert.equal(await known.of('host.test'), delegated, why);
    assert.equal(asked, times, why);
  };
  const good = (control: string, name = 'there.test:443') => ({
    status: 200,
    headers: { 'cache-control': control },
    text: JSON.stringify({ 'm.server': name }),
  });
  answer = good('max-age=7200');
  await says('there.test:443', 1, 'at first');
  hours(1.9);
  await says('there.test:443', 0, 'while it may be kept');
  hours(0.2);
  answer = good('max-age=999999999');
  await says('there.test:443', 1, 'when that is over');
  hours(47);
  await says('there.test:443', 0, 'for two days at most');
  hours(2);
  answer = undefined;
  await says(undefined, 1, 'that was too long ago');
  await says(undefined, 0, 'failures are remembered, too');
  hours(1.1);
  answer = good('no-store');
  await says('there.test:443', 1, 'but not for long');
  hours(0.2);
  answer = undefined;
  await says('there.test:443', 1, 'a host that cannot be asked delegates as it did');
  for (const text of ['no JSON', '[]', '{}', '{"m.server":7}', '{"m.server":"not a name!"}']) {
    hours(60);
    answer = { status: 200, headers: {}, text };
    await says(undefined, 1, text);
  }
});
