import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A certificate and its private key, both PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** An authority that signs certificates for tests (X.509, RFC 5280). */
export class TestAuthority {
  /** Its own certificate, PEM. */
  readonly certificate: string;
  readonly #key: KeyObject;
  readonly #days: number;

  /** @param options.days from now until what it signs expires. */
  constructor({ days = 30 }: { readonly days?: number } = {}) {
    this.#days = days;
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = privateKey;
    const isAuthority = extension('551d13', sequence(Buffer.from('0101ff', 'hex')));
    this.certificate = this.#sign(NAME, publicKey, [isAuthority]);
  }

  /** A certificate for DNS names and IPv4 addresses. */
  issue(...names: readonly string[]): Certificate {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const alternatives = names.map((name) =>
      isIPv4(name) ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name)),
    );
    const certificate = this.#sign(sequence(), publicKey, [
      extension('551d11', sequence(...alternatives), true),
    ]);
    return { certificate, key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() };
  }

  #sign(subject: Buffer, publicKey: KeyObject, extensions: readonly Buffer[]): string {
    const day = 24 * 3_600_000;
    const content = sequence(
      der(0xa0, der(0x02, Buffer.from([2]))),
      der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(12)])),
      ECDSA_SHA256,
      NAME,
      sequence(utcTime(Date.now() - day), utcTime(Date.now() + this.#days * day)),
      subject,
      publicKey.export({ format: 'der', type: 'spki' }),
      der(0xa3, sequence(...extensions)),
    );
    const signature = Buffer.concat([Buffer.from([0]), sign('sha256', content, this.#key)]);
    const whole = sequence(content, ECDSA_SHA256, der(0x03, signature));
    const lines = whole.toString('base64').replace(/.{64}/g, '$&\n');
    return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  }
}

const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));
const NAME = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from('Test authority')))));

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [Buffer.from('0101ff', 'hex')] : []), der(0x04, value));
}

function utcTime(ms: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/[-T:]/g, '')}Z`));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

/** A tag, a length and a value (X.690). */
function der(tag: number, value: Buffer): Buffer {
  const length =
    value.length < 0x80
      ? [value.length]
      : value.length < 0x100
        ? [0x81, value.length]
        : [0x82, value.length >> 8, value.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), value]);
}
