// The secret that the relays and the service share: read from a file that nobody but its owner can read, and kept as a key object, which no log prints.
import { createSecretKey, type KeyObject } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { CloisterError } from '../kernel/errors.ts';

/** Guessed from one login that somebody got, it makes as many as wanted: 128 bits, written as text. */
const MIN_CHARACTERS = 22;
const MAX_BYTES = 1_024;

/** @throws CloisterError CL_RELAY_SECRET */
export async function readSharedSecret(path: string): Promise<KeyObject> {
  const wrong = (what: string, cause?: unknown): CloisterError => new CloisterError('CL_RELAY_SECRET', `${path} ${what}`, { cause });
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw wrong('cannot be read', cause);
  }
  try {
    const { mode, size } = await file.stat();
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw wrong('can be read by others than its owner; set its mode to 600');
    if (size > MAX_BYTES) throw wrong('is too large for a secret');
    const text = (await file.readFile('utf8')).trim();
    if (text.length < MIN_CHARACTERS || /\s/.test(text)) throw wrong(`must hold one secret of ${MIN_CHARACTERS} characters or more, without blanks`);
    return createSecretKey(text, 'utf8');
  } finally {
    await file.close();
  }
}
