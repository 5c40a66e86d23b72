// The record layer (RFC 6347 section 4.1) with AES-GCM (RFC 5288): datagrams in and out of records, and their protection. What is malformed is dropped
// in silence, as section 4.1.2.7 wants, since anybody can send it.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { DirectionKeys } from './key-schedule.ts';
import { type CipherSuite, DTLS_1_0, DTLS_1_2 } from './registry.ts';

export type DtlsRecord = { readonly type: number; readonly epoch: number; readonly sequence: number; readonly body: Buffer };

export const RECORD_HEADER_BYTES = 13;
const EXPLICIT_NONCE_BYTES = 8;
const TAG_BYTES = 16;
/** What protection adds to a record's content. */
export const PROTECTION_BYTES = EXPLICIT_NONCE_BYTES + TAG_BYTES;
const MAX_PLAIN_BYTES = 2 ** 14;
const MAX_SEQUENCE = 2 ** 48 - 1;

/** The records of a datagram, up to the first that is none; of a version that is not ours they are skipped. */
export function readRecords(datagram: Buffer): DtlsRecord[] {
  const records: DtlsRecord[] = [];
  for (let offset = 0; offset + RECORD_HEADER_BYTES <= datagram.length; ) {
    const start = offset + RECORD_HEADER_BYTES;
    const end = start + datagram.readUInt16BE(offset + 11);
    if (end > datagram.length) break;
    const version = datagram.readUInt16BE(offset + 1);
    const epoch = datagram.readUInt16BE(offset + 3);
    const spoken = version === DTLS_1_2 || (version === DTLS_1_0 && epoch === 0);
    const limit = MAX_PLAIN_BYTES + (epoch === 0 ? 0 : PROTECTION_BYTES);
    if (spoken && end - start <= limit)
      records.push({ type: datagram.readUInt8(offset), epoch, sequence: datagram.readUIntBE(offset + 5, 6), body: datagram.subarray(start, end) });
    offset = end;
  }
  return records;
}

function header(type: number, epoch: number, sequence: number, length: number): Buffer {
  if (sequence > MAX_SEQUENCE) throw new RangeError('the record numbers of this epoch are used up');
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt16BE(DTLS_1_2, 1);
  bytes.writeUInt16BE(epoch, 3);
  bytes.writeUIntBE(sequence, 5, 6);
  bytes.writeUInt16BE(length, 11);
  return bytes;
}

export const plainRecord = (type: number, sequence: number, content: Uint8Array): Buffer => Buffer.concat([header(type, 0, sequence, content.length), content]);

/** RFC 5246 section 6.2.3.3: epoch and number, then type, version and the length of what is protected. */
function additionalData(type: number, epoch: number, sequence: number, length: number): Buffer {
  const plain = header(type, epoch, sequence, length);
  return Buffer.concat([plain.subarray(3, 11), plain.subarray(0, 3), plain.subarray(11)]);
}

/** The explicit half of the nonce is epoch and record number, which never come twice under one key. */
export function protectRecord(suite: CipherSuite, keys: DirectionKeys, type: number, epoch: number, sequence: number, content: Uint8Array): Buffer {
  const head = header(type, epoch, sequence, content.length + PROTECTION_BYTES);
  const explicit = head.subarray(3, 11);
  const cipher = createCipheriv(suite.cipher, keys.key, Buffer.concat([keys.salt, explicit]), { authTagLength: TAG_BYTES });
  cipher.setAAD(additionalData(type, epoch, sequence, content.length));
  return Buffer.concat([head, explicit, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

/** @returns null for what does not authenticate */
export function unprotectRecord(suite: CipherSuite, keys: DirectionKeys, { type, epoch, sequence, body }: DtlsRecord): Buffer | null {
  const length = body.length - PROTECTION_BYTES;
  if (length < 0) return null;
  const nonce = Buffer.concat([keys.salt, body.subarray(0, EXPLICIT_NONCE_BYTES)]);
  const decipher = createDecipheriv(suite.cipher, keys.key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(additionalData(type, epoch, sequence, length));
  decipher.setAuthTag(body.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(body.subarray(EXPLICIT_NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch {
    return null;
  }
}
