// The file of a recording (docs/adr/0034-recording.md): a header with the content key sealed for one recipient, then chunks of AES-256-GCM.
// Each chunk authenticates the header, its own number and whether it is the last: what was cut off, moved, repeated or joined is noticed.
// A key is used for one recording, so that a nonce that counts chunks is never used twice. Pure but for node:crypto.
import { createCipheriv, createDecipheriv, createHash, type KeyObject } from 'node:crypto';

/** Read in Latin-1. */
const MAGIC = 'CLREC\x00\x01\n';
const LENGTH_BYTES = 4;
const LAST = 0x8000_0000;
const TAG_BYTES = 16;
const MAX_SEALED_KEY_BYTES = 8_192;
export const CHUNK_BYTES = 64 * 1024;
const MAX_CHUNK_BYTES = 1024 * 1024;
export const CHUNK_OVERHEAD_BYTES = LENGTH_BYTES + TAG_BYTES;
/** Of the AES-256 key in the header. */
export const CONTENT_KEY_BYTES = 32;

export function recordingHeader(sealedKey: string): Buffer {
  const key = Buffer.from(sealedKey, 'latin1');
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(key.length);
  return Buffer.concat([Buffer.from(MAGIC, 'latin1'), length, key]);
}

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(index), 4);
  return nonce;
}

function context(headerDigest: Buffer, index: number, last: boolean): Buffer {
  const tail = Buffer.alloc(9);
  tail.writeBigUInt64BE(BigInt(index));
  tail.writeUInt8(last ? 1 : 0, 8);
  return Buffer.concat([headerDigest, tail]);
}

const digestOf = (header: Uint8Array): Buffer => createHash('sha256').update(header).digest();

export type ChunkSealer = (plain: Uint8Array, last: boolean) => Buffer;

/** The chunks of one recording in their order. Nothing may be sealed after the last. */
export function createChunkSealer(key: KeyObject, header: Uint8Array): ChunkSealer {
  const headerDigest = digestOf(header);
  let index = 0;
  return (plain, last) => {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(index));
    cipher.setAAD(context(headerDigest, index, last));
    index += 1;
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(((sealed.length + TAG_BYTES) | (last ? LAST : 0)) >>> 0);
    return Buffer.concat([length, sealed, cipher.getAuthTag()]);
  };
}

/** `foreign`: it is no recording. `refused`: it was changed after it was written, or joined from several, or this is not its key. */
export type ReadFault = 'foreign' | 'refused';

export type RecordingReader = {
  /** More bytes of the file. @returns what they hold, in order; a fault ends the reading */
  push(bytes: Uint8Array): readonly Uint8Array[] | ReadFault;
  /** The file has no more bytes. `cut-off`: it stops before its last chunk, and what was read is the beginning of it. */
  end(): 'whole' | 'cut-off' | ReadFault;
};

/** Null: this is no recording; `more`: it may be one. */
function headerIn(bytes: Buffer): { readonly sealedKey: string; readonly end: number } | 'more' | null {
  const begin = Buffer.from(MAGIC, 'latin1');
  if (!begin.subarray(0, bytes.length).equals(bytes.subarray(0, begin.length))) return null;
  const keyAt = begin.length + LENGTH_BYTES;
  if (bytes.length < keyAt) return 'more';
  const end = keyAt + bytes.readUInt32BE(begin.length);
  if (end - keyAt > MAX_SEALED_KEY_BYTES) return null;
  return bytes.length < end ? 'more' : { sealedKey: bytes.subarray(keyAt, end).toString('latin1'), end };
}

/** The sealed content key of a recording; null where these are not the first bytes of one. */
export function readSealedKey(bytes: Buffer): string | null {
  const found = headerIn(bytes);
  return found === null || found === 'more' ? null : found.sealedKey;
}

type State = 'reading' | 'whole' | ReadFault;

/** @param openKey makes the content key of what the header holds; null where it is not for this recipient. Called once. */
export function createRecordingReader(openKey: (sealedKey: string) => KeyObject | null): RecordingReader {
  let rest: Buffer = Buffer.alloc(0);
  let opened: { readonly key: KeyObject; readonly headerDigest: Buffer } | null = null;
  let index = 0;
  let state: State = 'reading';
  const now = (): State => state;

  function readHeader(): void {
    const found = headerIn(rest);
    if (found === 'more') return;
    const key = found === null ? null : openKey(found.sealedKey);
    if (found === null || key === null) {
      state = found === null ? 'foreign' : 'refused';
      return;
    }
    opened = { key, headerDigest: digestOf(rest.subarray(0, found.end)) };
    rest = rest.subarray(found.end);
  }

  /** @returns null where more bytes are needed, or it is no chunk of this recording */
  function readChunk({ key, headerDigest }: NonNullable<typeof opened>): Uint8Array | null {
    if (rest.length < LENGTH_BYTES) return null;
    const word = rest.readUInt32BE(0);
    const last = word >= LAST;
    const size = last ? word - LAST : word;
    if (size < TAG_BYTES || size > MAX_CHUNK_BYTES) state = 'refused';
    if (state !== 'reading' || rest.length < LENGTH_BYTES + size) return null;
    const sealed = rest.subarray(LENGTH_BYTES, LENGTH_BYTES + size);
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(index));
    decipher.setAAD(context(headerDigest, index, last));
    decipher.setAuthTag(sealed.subarray(size - TAG_BYTES));
    try {
      const plain = Buffer.concat([decipher.update(sealed.subarray(0, size - TAG_BYTES)), decipher.final()]);
      rest = rest.subarray(LENGTH_BYTES + size);
      index += 1;
      if (last) state = 'whole';
      return plain;
    } catch {
      state = 'refused';
      return null;
    }
  }

  return {
    push(bytes) {
      const found: Uint8Array[] = [];
      if (now() === 'reading') rest = Buffer.concat([rest, bytes]);
      else if (now() === 'whole' && bytes.length > 0) state = 'refused'; // something was joined to it
      if (now() === 'reading' && opened === null) readHeader();
      while (opened !== null && now() === 'reading') {
        const plain = readChunk(opened);
        if (plain === null) break;
        found.push(plain);
      }
      if (now() === 'whole' && rest.length > 0) state = 'refused';
      const after = now();
      return after === 'foreign' || after === 'refused' ? after : found;
    },
    end() {
      if (state !== 'reading') return state;
      return opened === null ? 'foreign' : 'cut-off';
    }
  };
}
