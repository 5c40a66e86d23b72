// A short secret for one receiver's eyes: a JWE with ECDH-ES over P-256 and A256GCM (RFC 7518 sections 4.6, 5.3) to a key made for one answer.
// Invariants: what does not open whole is null; who sent it is not proven here but by the envelope that it comes in.
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';
import type { SealingKey } from './port.ts';

const ALGORITHM = 'ECDH-ES';
const ENCRYPTION = 'A256GCM';

export type SealingPair = { readonly publicKey: SealingKey; readonly privateKey: KeyObject };

export function makeSealingPair(): SealingPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return { publicKey: { kty: 'EC', crv: 'P-256', x, y }, privateKey };
}

/** @returns null where the key is no point of the curve */
export async function sealFor(key: SealingKey, text: string): Promise<string | null> {
  try {
    const publicKey = createPublicKey({ key: { ...key }, format: 'jwk' });
    return await new CompactEncrypt(Buffer.from(text)).setProtectedHeader({ alg: ALGORITHM, enc: ENCRYPTION }).encrypt(publicKey);
  } catch {
    return null;
  }
}

export async function openSealed(privateKey: KeyObject, sealed: string): Promise<string | null> {
  try {
    const { plaintext } = await compactDecrypt(sealed, privateKey, { keyManagementAlgorithms: [ALGORITHM], contentEncryptionAlgorithms: [ENCRYPTION] });
    return new TextDecoder('utf-8', { fatal: true }).decode(plaintext);
  } catch {
    return null;
  }
}
