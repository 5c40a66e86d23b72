// STUN messages written for the fuzzer, apart from the stack's own code (RFC 8489 sections 5, 14 and 14.5 to 14.7, RFC 8445 section 7.1). What is written may break any
// rule; the integrity and the fingerprint can be right all the same.
import { createHmac } from 'node:crypto';
import { crc32 } from 'node:zlib';

export type Attribute = readonly [type: number, value: Buffer];

export const STUN = { request: 0x0001, indication: 0x0011, success: 0x0101, error: 0x0111 } as const;
export const ATTRIBUTE = {
  username: 0x0006,
  priority: 0x0024,
  useCandidate: 0x0025,
  controlled: 0x8029,
  controlling: 0x802a,
  mapped: 0x0020,
  error: 0x0009
} as const;
const INTEGRITY = 0x0008;
const FINGERPRINT = 0x8028;
const COOKIE = 0x2112a442;
const FINGERPRINT_XOR = 0x5354554e;

function attribute([type, value]: Attribute): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
}

function message(type: number, transaction: Buffer, attributes: readonly Buffer[], moreBytes: number): Buffer {
  const body = Buffer.concat(attributes);
  const head = Buffer.alloc(20);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE((body.length + moreBytes) % 2 ** 16, 2);
  head.writeUInt32BE(COOKIE, 4);
  transaction.copy(head, 8);
  return Buffer.concat([head, body]);
}

/** @param password null for a message without integrity */
export function writeStun(type: number, transaction: Buffer, attributes: readonly Attribute[], password: string | null): Buffer {
  const parts = attributes.map(attribute);
  if (password !== null) {
    const covered = message(type, transaction, parts, 24);
    parts.push(attribute([INTEGRITY, createHmac('sha1', password).update(covered).digest()]));
  }
  const covered = message(type, transaction, parts, 8);
  const fingerprint = Buffer.alloc(4);
  fingerprint.writeUInt32BE((crc32(covered) ^ FINGERPRINT_XOR) >>> 0);
  return message(type, transaction, [...parts, attribute([FINGERPRINT, fingerprint])], 0);
}
