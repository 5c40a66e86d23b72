// The verdict of a call (call-security.md "The verdict"): the only place where a shield is earned. Pure.
import type { EncryptionState } from '../room/state.ts';
import type { CallRecord } from './call.ts';

/**
 * `null` while nothing is proven. After the end it stays what it was, so that people can see what the call had been.
 * A call that was secured anew is `end-to-end` until people compare its new code.
 */
export function verdict(call: CallRecord): EncryptionState | null {
  const { agreed, secured, codesMatchHere, securedAnew, failed } = call.encryption;
  if (failed) return 'failed';
  if (agreed === null || !secured) return null;
  if (agreed === 'standard') return 'standard';
  if (codesMatchHere === true) return 'end-to-end-verified';
  return call.peer.identity === 'verified' && !securedAnew ? 'end-to-end-verified' : 'end-to-end';
}

/** Who confirmed that nobody is in between. */
export function confirmedBy(call: CallRecord): 'certificates' | 'people' | null {
  if (verdict(call) !== 'end-to-end-verified') return null;
  return call.encryption.codesMatchHere === true ? 'people' : 'certificates';
}
