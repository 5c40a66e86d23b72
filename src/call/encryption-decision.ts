// Whether a call is end-to-end encrypted (requirements R5, R7, R11): both sides' policy allows it and both sides' setting is on.
// Pure. Nothing here can turn an E2EE call into a standard one later: the decision is made once per call.
import type { StandardReason } from '../room/state.ts';

export type EncryptionPreference = {
  /** CallingEndtoEndEncryptionEnabledType; `Required` places and answers E2EE calls only. */
  readonly policy: 'Disabled' | 'DisabledUserOverride' | 'Required';
  /** The account's own setting. `Required` overrides it. */
  readonly setting: boolean;
  readonly complianceRecording: boolean;
};

export type LocalEncryption =
  | { readonly available: true; readonly required: boolean }
  | { readonly available: false; readonly required: boolean; readonly reason: 'policy-here' | 'setting-here' | 'recording-here' | 'conference-here' };

/** What this side can do, before the other side is known. */
export function localEncryption(preference: EncryptionPreference): LocalEncryption {
  const required = preference.policy === 'Required';
  if (preference.complianceRecording) return { available: false, required, reason: 'recording-here' };
  if (required) return { available: true, required };
  if (preference.policy === 'Disabled') return { available: false, required, reason: 'policy-here' };
  if (!preference.setting) return { available: false, required, reason: 'setting-here' };
  return { available: true, required };
}

type WireReason = 'policy' | 'setting' | 'recording' | 'conference';

/** The reason as it is said to the other side in an invite or answer. */
export function wireReason(local: LocalEncryption): WireReason | undefined {
  if (local.available) return undefined;
  return ({ 'policy-here': 'policy', 'setting-here': 'setting', 'recording-here': 'recording', 'conference-here': 'conference' } as const)[local.reason];
}

const REASON_THERE: Record<WireReason, StandardReason> = {
  policy: 'policy-there',
  setting: 'setting-there',
  recording: 'recording-there',
  conference: 'conference-there'
};

/**
 * What the other side said in its invite or answer. `material` is the commitment or the nonce: without it there is no E2EE,
 * whatever else was said.
 */
export type RemoteEncryption = { readonly willing: boolean; readonly material: string | undefined; readonly reason: WireReason | undefined };

export type EncryptionDecision =
  | { readonly kind: 'end-to-end'; readonly material: string }
  | { readonly kind: 'standard'; readonly reason: StandardReason }
  /** Our policy takes E2EE calls only and this cannot be one. */
  | { readonly kind: 'refused'; readonly reason: StandardReason };

export function decideEncryption(local: LocalEncryption, remote: RemoteEncryption): EncryptionDecision {
  if (local.available && remote.willing && remote.material !== undefined) return { kind: 'end-to-end', material: remote.material };
  const reason = !local.available ? local.reason : remote.reason === undefined ? 'not-offered' : REASON_THERE[remote.reason];
  return { kind: local.required ? 'refused' : 'standard', reason };
}
