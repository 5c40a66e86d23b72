// From the pre-master secret to every key of a connection (RFC 5246 sections 5 and 6.3, RFC 7627 section 4, RFC 5705 section 4). Pure.
import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { CipherSuite } from './registry.ts';

/** P_hash of RFC 5246 section 5 with the suite's hash. */
export function prf(suite: CipherSuite, secret: KeyObject, label: string, seed: Uint8Array, lengthBytes: number): Buffer {
  const input = Buffer.concat([Buffer.from(label, 'ascii'), seed]);
  const hmac = (...data: readonly Uint8Array[]): Buffer => {
    const mac = createHmac(suite.hash, secret);
    for (const part of data) mac.update(part);
    return mac.digest();
  };
  const blocks: Buffer[] = [];
  let a = hmac(input);
  for (let made = 0; made < lengthBytes; a = hmac(a)) {
    const block = hmac(a, input);
    blocks.push(block);
    made += block.length;
  }
  const bytes = Buffer.concat(blocks, lengthBytes);
  for (const block of blocks) block.fill(0);
  return bytes;
}

/** A KeyObject of what the bytes held; the bytes are wiped. */
function keyOf(bytes: Buffer): KeyObject {
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

const digest = (suite: CipherSuite, transcript: readonly Buffer[]): Buffer => {
  const hash = createHash(suite.hash);
  for (const message of transcript) hash.update(message);
  return hash.digest();
};

/**
 * RFC 7627 section 4: bound to the whole handshake up to and including ClientKeyExchange.
 * @param preMasterSecret wiped
 */
export function extendedMasterSecret(suite: CipherSuite, preMasterSecret: Buffer, transcript: readonly Buffer[]): KeyObject {
  return keyOf(prf(suite, keyOf(preMasterSecret), 'extended master secret', digest(suite, transcript), 48));
}

/** verify_data of a Finished (RFC 5246 section 7.4.9): 12 bytes. */
export const finishedOf = (suite: CipherSuite, master: KeyObject, sender: 'client' | 'server', transcript: readonly Buffer[]): Buffer =>
  prf(suite, master, `${sender} finished`, digest(suite, transcript), 12);

export type DirectionKeys = { readonly key: KeyObject /** The implicit half of the nonce (RFC 5288 section 3): 4 bytes. */; readonly salt: Buffer };
export type TrafficKeys = { readonly client: DirectionKeys; readonly server: DirectionKeys };

/** RFC 5246 section 6.3, for AEAD: no MAC keys. */
export function trafficKeys(suite: CipherSuite, master: KeyObject, clientRandom: Buffer, serverRandom: Buffer): TrafficKeys {
  const { keyBytes } = suite;
  const block = prf(suite, master, 'key expansion', Buffer.concat([serverRandom, clientRandom]), 2 * keyBytes + 8);
  const salts = Buffer.from(block.subarray(2 * keyBytes));
  const client = { key: createSecretKey(block.subarray(0, keyBytes)), salt: salts.subarray(0, 4) };
  const server = { key: createSecretKey(block.subarray(keyBytes, 2 * keyBytes)), salt: salts.subarray(4) };
  block.fill(0);
  return { client, server };
}

/** Keying material for another protocol, without context (RFC 5705 section 4). */
export const exported = (suite: CipherSuite, master: KeyObject, label: string, clientRandom: Buffer, serverRandom: Buffer, lengthBytes: number): Buffer =>
  prf(suite, master, label, Buffer.concat([clientRandom, serverRandom]), lengthBytes);
