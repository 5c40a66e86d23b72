// The security code of one exchange: what this side knows of the other's part of it, and the code that both parts make. Nonces and commitments are told as
// hexadecimal text. Pure.
// Invariants: what is settled stays; a nonce counts that came with the signed answer or that fits what was committed to with the offer, and no other.
import type { SecurityCodeInput } from '../encryption/security-code.ts';

export type Agreement =
  /** No description of the other side is there yet. */
  | { readonly kind: 'open' }
  /** The call is not end-to-end encrypted by this code: there is none. */
  | { readonly kind: 'standard' }
  /** The caller has committed to a nonce that it has not revealed. */
  | { readonly kind: 'committed'; readonly commitment: Uint8Array }
  | { readonly kind: 'settled'; readonly nonce: Uint8Array };

export const OPEN: Agreement = { kind: 'open' };

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
export const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');

export const agreementOfAnswer = (endToEnd: { readonly nonce: string } | null): Agreement =>
  endToEnd === null ? { kind: 'standard' } : { kind: 'settled', nonce: bytes(endToEnd.nonce) };

export const agreementOfOffer = (endToEnd: { readonly commitment: string } | null): Agreement =>
  endToEnd === null ? { kind: 'standard' } : { kind: 'committed', commitment: bytes(endToEnd.commitment) };

/** @returns what is settled then; `unasked` for a nonce that nobody waits for, `misfit` for one that is not what was committed to */
export function takeNonce(
  agreement: Agreement,
  revealed: string,
  commitmentHolds: (nonce: Uint8Array, committed: Uint8Array) => boolean
): Agreement | 'unasked' | 'misfit' {
  // A message may come twice.
  if (agreement.kind === 'settled' && hex(agreement.nonce) === revealed) return agreement;
  if (agreement.kind !== 'committed') return 'unasked';
  const nonce = bytes(revealed);
  return commitmentHolds(nonce, agreement.commitment) ? { kind: 'settled', nonce } : 'misfit';
}

/** The other side's nonce, once nothing about it is open any more; null for a standard call; undefined while something is missing. */
export function settledNonce(agreement: Agreement): Uint8Array | null | undefined {
  if (agreement.kind === 'standard') return null;
  return agreement.kind === 'settled' ? agreement.nonce : undefined;
}

type Part = { readonly thumbprint: Uint8Array; readonly nonce: Uint8Array };

/** Of the parts of both sides: the code begins with the one that made the offer. */
export function codeInput(callId: string, role: 'caller' | 'callee', ours: Part, theirs: Part): SecurityCodeInput {
  const [caller, callee] = role === 'caller' ? [ours, theirs] : [theirs, ours];
  return {
    callId,
    thumbprintCaller: caller.thumbprint,
    thumbprintCallee: callee.thumbprint,
    nonceCaller: caller.nonce,
    nonceCallee: callee.nonce
  };
}
