// protocol.md "Names": ids made from keys and addresses. Pure: the same input gives the same 26 characters everywhere.
import { createHash } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const ID_CHARACTERS = 26;

/** RFC 4648 section 6 in lower case, the first 26 characters: 130 of the hash's 256 bits. */
function shortBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((value >> bits) & 31);
      if (text.length === ID_CHARACTERS) return text;
    }
  }
  return text;
}

/** @param spki the public key's SubjectPublicKeyInfo in DER */
export function endpointIdOf(spki: Uint8Array): string {
  return shortBase32(createHash('sha256').update(spki).digest());
}

/** @param account an account in its normal (lower case) form */
export function accountIdOf(account: string): string {
  return shortBase32(createHash('sha256').update('cloister account:').update(account, 'ascii').digest());
}
