import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import {
  ALLOCATE,
  ATTRIBUTE,
  decodeStun,
  encodeStun,
  longTermKey,
  type StunMessage,
} from './stun-message.ts';

/** Time after which a request is sent again, and how often: a server that starts misses the first ones. */
const AGAIN_MS = 200;
const TRIES = 150;
const UDP = Buffer.from([17, 0, 0, 0]);

/** Asks the TURN server on a port of this machine for a relay (RFC 8656, section 7). False when it refuses. */
export async function allocates(port: number, username: string, password: string): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    const challenge = await ask(socket, port, new Map([[ATTRIBUTE.transport, UDP]]));
    const realm = challenge.attributes.get(ATTRIBUTE.realm) ?? Buffer.alloc(0);
    const nonce = challenge.attributes.get(ATTRIBUTE.nonce) ?? Buffer.alloc(0);
    const attributes = new Map<number, Buffer>([
      [ATTRIBUTE.transport, UDP],
      [ATTRIBUTE.username, Buffer.from(username)],
      [ATTRIBUTE.realm, realm],
      [ATTRIBUTE.nonce, nonce],
    ]);
    const key = longTermKey(username, realm.toString(), password);
    return (await ask(socket, port, attributes, key)).type === ALLOCATE.success;
  } finally {
    socket.close();
  }
}

async function ask(
  socket: Socket,
  port: number,
  attributes: ReadonlyMap<number, Buffer>,
  key?: Buffer,
): Promise<StunMessage> {
  const message = { type: ALLOCATE.request, transaction: randomBytes(12), attributes };
  const bytes = encodeStun(message, key);
  let tries = 0;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<StunMessage>((resolve, reject) => {
      socket.removeAllListeners('message');
      socket.on('message', (answer) => {
        const decoded = decodeStun(answer);
        if (decoded.transaction.equals(message.transaction)) resolve(decoded);
      });
      const send = () => {
        tries += 1;
        if (tries > TRIES) reject(new Error('The TURN server does not answer'));
        else socket.send(bytes, port, '127.0.0.1');
      };
      timer = setInterval(send, AGAIN_MS);
      send();
    });
  } finally {
    clearInterval(timer);
  }
}
