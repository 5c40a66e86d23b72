// The commitment and the 20-digit security code (call-security.md "Why the code needs more than two thumbprints", "The code"). Pure.
// Nonces and codes are never put into an error's text.
import { createHash, hkdfSync, timingSafeEqual } from 'node:crypto';
import { CloisterError } from '../kernel/errors.ts';

const COMMITMENT_LABEL = 'cloister security code commitment v1';
const CODE_LABEL = 'cloister security code v1';
const CODE_DIGITS = 20;
const HASH_BYTES = 32;
const CALL_ID_LENGTH = 36;

export type SecurityCodeInput = {
  /** The call's UUID as its 36 ASCII characters. */
  readonly callId: string;
  /** 32 bytes each. Caller is who made the offer of this exchange. */
  readonly thumbprintCaller: Uint8Array;
  readonly thumbprintCallee: Uint8Array;
  readonly nonceCaller: Uint8Array;
  readonly nonceCallee: Uint8Array;
};

/**
 * What the caller sends with its offer in place of its nonce.
 * @param nonce 32 bytes
 * @returns 32 bytes
 */
export function commitment(nonce: Uint8Array): Uint8Array {
  requireLength('nonce', nonce, HASH_BYTES);
  return new Uint8Array(createHash('sha256').update(COMMITMENT_LABEL, 'ascii').update(nonce).digest());
}

/** Whether the revealed nonce is the one that was committed to; false, too, for values of a wrong length. In constant time. */
export function commitmentHolds(nonce: Uint8Array, committed: Uint8Array): boolean {
  if (nonce.length !== HASH_BYTES || committed.length !== HASH_BYTES) return false;
  return timingSafeEqual(commitment(nonce), committed);
}

/**
 * The code that both panels show, as `ddddd ddddd ddddd ddddd`.
 * @throws CloisterError CL_INTERNAL where an input has a wrong length
 */
export function securityCode(input: SecurityCodeInput): string {
  const { callId, thumbprintCaller, thumbprintCallee, nonceCaller, nonceCallee } = input;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the call id is bytes of the derivation, so it has to be ASCII.
  if (callId.length !== CALL_ID_LENGTH || !/^[\x00-\x7f]*$/.test(callId)) throw new CloisterError('CL_INTERNAL', 'the call id is not 36 ASCII characters');
  requireLength('thumbprintCaller', thumbprintCaller, HASH_BYTES);
  requireLength('thumbprintCallee', thumbprintCallee, HASH_BYTES);
  requireLength('nonceCaller', nonceCaller, HASH_BYTES);
  requireLength('nonceCallee', nonceCallee, HASH_BYTES);
  const okm = hkdfSync(
    'sha256',
    Buffer.concat([thumbprintCaller, thumbprintCallee]),
    Buffer.concat([nonceCaller, nonceCallee]),
    Buffer.from(CODE_LABEL + callId, 'ascii'),
    16
  );
  const digits = (BigInt(`0x${Buffer.from(okm).toString('hex')}`) % 10n ** BigInt(CODE_DIGITS)).toString().padStart(CODE_DIGITS, '0');
  return (digits.match(/\d{5}/g) ?? []).join(' ');
}

function requireLength(name: string, value: Uint8Array, length: number): void {
  if (value.length !== length) throw new CloisterError('CL_INTERNAL', `${name} has ${value.length} bytes instead of ${length}`);
}
