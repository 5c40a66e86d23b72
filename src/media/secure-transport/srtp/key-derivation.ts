// Session keys from a master key (RFC 3711 section 4.3 with a key derivation rate of 0; RFC 7714 section 11 and RFC 6188 section 3 for AEAD). Pure.
import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';

/** RFC 3711 section 4.3.2. */
export const keyLabels = {
  rtp: { cipherKey: 0, authenticationKey: 1, salt: 2 },
  rtcp: { cipherKey: 3, authenticationKey: 4, salt: 5 }
} as const;

const BLOCK_BYTES = 16;
/** Index and label end at the fourteenth byte (RFC 3711 section 4.3.1); before an index of 0 of six bytes the label is this one. */
const LABEL_AT = 7;

/** @param masterSalt 14 bytes, or 12, which count as if two zeros followed */
export function deriveBytes(masterKey: Uint8Array, masterSalt: Uint8Array, label: number, lengthBytes: number): Buffer {
  const counter = Buffer.alloc(BLOCK_BYTES);
  counter.set(masterSalt);
  counter.writeUInt8(counter.readUInt8(LABEL_AT) ^ label, LABEL_AT);
  const cipher = createCipheriv(masterKey.length === 32 ? 'aes-256-ctr' : 'aes-128-ctr', masterKey, counter);
  return cipher.update(Buffer.alloc(lengthBytes));
}

/** Handed to each cipher as a key object: bytes would be made into one again for every packet, at several times the cost. */
export function deriveKey(masterKey: Uint8Array, masterSalt: Uint8Array, label: number, lengthBytes: number): KeyObject {
  const bytes = deriveBytes(masterKey, masterSalt, label, lengthBytes);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}
