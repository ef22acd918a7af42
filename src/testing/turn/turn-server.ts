import { createHmac } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import {
  ALLOCATE,
  ATTRIBUTE,
  decodeStun,
  encodeStun,
  longTermKey,
  type StunMessage,
} from './stun-message.ts';

const REALM = 'localhost';

/** A TURN server that runs until it is closed. */
export interface TurnServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts a TURN server with a secret: coturn where it is installed, otherwise one that only checks who may have a relay. */
export async function startTurnServer(secret: string): Promise<TurnServer> {
  const installed = spawnSync('turnserver', ['--version']).error === undefined;
  return installed ? startCoturn(secret) : startChecker(secret);
}

async function startCoturn(secret: string): Promise<TurnServer> {
  const port = await freePort();
  const flags = [
    '-n',
    '--no-cli',
    '--no-tls',
    '--no-dtls',
    '--no-tcp',
    '--allow-loopback-peers',
    '--use-auth-secret',
  ];
  const options = {
    'log-file': 'stdout',
    'listening-ip': '127.0.0.1',
    'relay-ip': '127.0.0.1',
    'listening-port': port,
    'static-auth-secret': secret,
    realm: REALM,
    pidfile: '',
  };
  const named = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = spawn('turnserver', [...flags, ...named], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    port,
    close: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Answers as a TURN server with temporary credentials does, without relaying anything. */
async function startChecker(secret: string): Promise<TurnServer> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', () => resolve()));
  socket.on('message', (bytes, from) => {
    const request = decodeStun(bytes);
    const type = mayHaveRelay(request, secret) ? ALLOCATE.success : ALLOCATE.error;
    const unauthorized = new Map<number, Buffer>([
      [ATTRIBUTE.error, Buffer.from([0, 0, 4, 1])],
      [ATTRIBUTE.realm, Buffer.from(REALM)],
      [ATTRIBUTE.nonce, Buffer.from('nonce')],
    ]);
    const attributes = type === ALLOCATE.error ? unauthorized : new Map<number, Buffer>();
    socket.send(encodeStun({ type, transaction: request.transaction, attributes }), from.port, from.address);
  });
  return {
    port: socket.address().port,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** A user name says until when it is good, and its password is made of it and the secret. */
function mayHaveRelay(request: StunMessage, secret: string): boolean {
  const { attributes } = request;
  const username = attributes.get(ATTRIBUTE.username)?.toString() ?? '';
  const sum = attributes.get(ATTRIBUTE.integrity);
  if (!sum || !(Number(username.split(':')[0]) > Date.now() / 1000)) return false;
  const password = createHmac('sha1', secret).update(username).digest('base64');
  const unsigned = new Map([...attributes].filter(([name]) => name !== ATTRIBUTE.integrity));
  const signed = encodeStun({ ...request, attributes: unsigned }, longTermKey(username, REALM, password));
  return signed.subarray(-sum.length).equals(sum);
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', () => resolve()));
  const { port } = socket.address() as AddressInfo;
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}
