// The forms that a step of the call's machine takes, for all of its parts (machine.ts, handover.ts). Pure.
import type { ErrorCode } from '../kernel/error-codes.ts';
import { CloisterError } from '../kernel/errors.ts';
import type { CallMessage } from '../signaling/messages.ts';
import type { CallEffect, CallRecord, CallState, Step } from './call.ts';

export const unchanged = (state: CallState): Step => ({ state, effects: [], error: null });

export const refused = (state: CallState, code: ErrorCode): Step => ({ state, effects: [], error: new CloisterError(code) });

export const next = (state: CallState, call: CallRecord, effects: readonly CallEffect[] = []): Step => ({ state: { ...state, call }, effects, error: null });

export function toPeer(call: CallRecord, message: CallMessage): CallEffect[] {
  if (call.peer.endpoint === null) return [];
  return [{ type: 'send', to: { account: call.peer.account, endpoint: call.peer.endpoint }, call: call.id, message }];
}
