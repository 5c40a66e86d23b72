// Whose key opens this room's recordings. Only its public half may be here: a private key in the configuration is refused.
import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { SealingKey } from '../src/identity/port.ts';
import { CloisterError } from '../src/kernel/errors.ts';

/**
 * @param path of a PEM file with a P-256 public key
 * @throws CloisterError CL_CONFIG_INVALID
 */
export async function readRecordingRecipient(path: string): Promise<SealingKey> {
  const invalid = (why: string, cause?: unknown): CloisterError => new CloisterError('CL_CONFIG_INVALID', `recording.recipient: ${path} ${why}`, { cause });
  const pem = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw invalid('cannot be read', cause);
  });
  if (pem.includes('PRIVATE KEY'))
    throw invalid('holds a private key, which would lie beside what it opens: name the public key, and keep the private one elsewhere');
  let jwk: ReturnType<ReturnType<typeof createPublicKey>['export']> & { readonly crv?: string; readonly x?: string; readonly y?: string };
  try {
    jwk = createPublicKey(pem).export({ format: 'jwk' });
  } catch (cause) {
    throw invalid('is no public key in PEM', cause);
  }
  const { crv, x, y } = jwk;
  if (crv !== 'P-256' || x === undefined || y === undefined) throw invalid('is no key of the curve P-256; make one with cloister recording make-key');
  return { kty: 'EC', crv, x, y };
}
