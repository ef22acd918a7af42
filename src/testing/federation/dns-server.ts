import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import type { ServiceRecord } from '../../platform/dns.ts';
import type { Lookup } from '../../platform/reachable-addresses.ts';

const [A, AAAA, SRV] = [1, 28, 33];
const KINDS: Readonly<Record<number, string>> = { [A]: 'A', [AAAA]: 'AAAA', [SRV]: 'SRV' };
const [FAILURE, NAME_ERROR] = [2, 3];

/** A name server for tests, over UDP (RFC 1035, RFC 2782): what it does not know does not exist. */
export class DnsServer {
  /** Addresses by name. */
  readonly addresses = new Map<string, readonly string[]>();
  /** SRV records by name. */
  readonly services = new Map<string, readonly ServiceRecord[]>();
  /** What it was asked, such as `SRV _matrix._tcp.example.org`. */
  readonly asked: string[] = [];
  /** Whether it answers with a failure (SERVFAIL), whatever it is asked. */
  isBroken = false;
  readonly #socket: Socket;
  readonly #resolver = new Resolver({ timeout: 10_000, tries: 3 });

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#resolver.setServers([this.address]);
    socket.on('message', (message, from) => socket.send(this.#answer(message), from.port, from.address));
  }

  static async start(): Promise<DnsServer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new DnsServer(socket);
  }

  /** Where it answers. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  /** Resolves names by asking it, as `dns.lookup` asks the machine. */
  readonly lookup = ((
    host: string,
    _options: unknown,
    done: (error: Error | null, found: { address: string; family: number }[]) => void,
  ): void => {
    const asked = Promise.allSettled([this.#resolver.resolve4(host), this.#resolver.resolve6(host)]);
    void asked.then((results) => {
      const found = results.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
      const addresses = found.map((address) => ({ address, family: isIPv4(address) ? 4 : 6 }));
      done(found.length > 0 ? null : new Error(`${host} has no address`), addresses);
    });
  }) as unknown as Lookup;

  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  #answer(message: Buffer): Buffer {
    let at = 12;
    const labels: string[] = [];
    for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
      labels.push(message.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const type = message.readUInt16BE(at + 1);
    const name = labels.join('.').toLowerCase();
    this.asked.push(`${KINDS[type] ?? String(type)} ${name}`);
    const records = this.isBroken ? [] : this.#records(name, type);
    const isKnown = this.addresses.has(name) || this.services.has(name);
    const header = Buffer.from(message.subarray(0, 12));
    header.writeUInt16BE(0x8180 | (this.isBroken ? FAILURE : isKnown ? 0 : NAME_ERROR), 2);
    [1, records.length, 0, 0].forEach((count, i) => header.writeUInt16BE(count, 4 + 2 * i));
    return Buffer.concat([
      header,
      message.subarray(12, at + 5),
      ...records.map((data) => record(type, data)),
    ]);
  }

  #records(name: string, type: number): Buffer[] {
    if (type === SRV) return (this.services.get(name) ?? []).map(serviceData);
    const addresses = this.addresses.get(name) ?? [];
    if (type === A) return addresses.filter(isIPv4).map((one) => Buffer.from(one.split('.').map(Number)));
    // Of the addresses of version 6, tests need that of this machine only.
    if (type === AAAA)
      return addresses.filter((one) => one === '::1').map(() => Buffer.from([...LOOPBACK, 1]));
    return [];
  }
}

const LOOPBACK = Array.from({ length: 15 }, () => 0);

/** A record of the name that was asked for, good for a minute. */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(60, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function serviceData({ priority, weight, port, name }: ServiceRecord): Buffer {
  const numbers = Buffer.alloc(6);
  [priority, weight, port].forEach((number, i) => numbers.writeUInt16BE(number, 2 * i));
  const labels = name
    .split('.')
    .filter((label) => label !== '')
    .flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  return Buffer.concat([numbers, ...labels, Buffer.from([0])]);
}
