import { createHash, createHmac } from 'node:crypto';

const COOKIE = 0x2112_a442;
const HEADER = 20;
/** Bytes of the attribute MESSAGE-INTEGRITY with its header. */
const INTEGRITY = 24;

/** Kinds of messages (RFC 8656, section 17). */
export const ALLOCATE = { request: 0x0003, success: 0x0103, error: 0x0113 } as const;

/** Attributes (RFC 8489, section 18.3; RFC 8656, section 18). */
export const ATTRIBUTE = {
  username: 0x0006,
  integrity: 0x0008,
  error: 0x0009,
  realm: 0x0014,
  nonce: 0x0015,
  transport: 0x0019,
} as const;

/** A STUN message. */
export interface StunMessage {
  readonly type: number;
  /** 12 bytes that a request and its response share. */
  readonly transaction: Buffer;
  readonly attributes: ReadonlyMap<number, Buffer>;
}

/** Writes a message (RFC 8489, section 5), signed when a key is given. */
export function encodeStun({ type, transaction, attributes }: StunMessage, key?: Buffer): Buffer {
  const parts = [...attributes].map(([name, value]) => encodeAttribute(name, value));
  const body = Buffer.concat(parts);
  const length = body.length + (key === undefined ? 0 : INTEGRITY);
  const header = Buffer.alloc(8);
  header.writeUInt16BE(type, 0);
  header.writeUInt16BE(length, 2);
  header.writeUInt32BE(COOKIE, 4);
  const message = Buffer.concat([header, transaction, body]);
  if (key === undefined) return message;
  const sum = createHmac('sha1', key).update(message).digest();
  return Buffer.concat([message, encodeAttribute(ATTRIBUTE.integrity, sum)]);
}

/** Reads a message. */
export function decodeStun(bytes: Buffer): StunMessage {
  const attributes = new Map<number, Buffer>();
  for (let at = HEADER; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16BE(at + 2);
    attributes.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, at + 4 + length));
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return { type: bytes.readUInt16BE(0), transaction: bytes.subarray(8, HEADER), attributes };
}

/** The key of long-term credentials (RFC 8489, section 9.2.2). */
export function longTermKey(username: string, realm: string, password: string): Buffer {
  return createHash('md5').update(`${username}:${realm}:${password}`).digest();
}

function encodeAttribute(name: number, value: Buffer): Buffer {
  const attribute = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  attribute.writeUInt16BE(name, 0);
  attribute.writeUInt16BE(value.length, 2);
  value.copy(attribute, 4);
  return attribute;
}
