// The call as a value: what the state machine (machine.ts) keeps, what goes in (events) and what comes out (effects).
// Types only, so that the machine, the verdict and the driver in agent/ share one vocabulary.
import type { ErrorCode } from '../kernel/error-codes.ts';
import type { CloisterError } from '../kernel/errors.ts';
import type { MediaCallOptions, MediaFailure, SourceChoice } from '../media/port.ts';
import type { CallPhase, EndReason, StandardReason } from '../room/state.ts';
import type { CallMessage, IceCandidate } from '../signaling/messages.ts';
import type { InboundCallMessage, Party } from '../signaling/port.ts';
import type { LocalEncryption } from './encryption-decision.ts';

/** One offer, answer and reveal, served by one media process. A call has one at a time; a lost media process begins another. */
export type Exchange = {
  /** The number of the media process that serves it; grows with each. */
  readonly epoch: number;
  readonly kind: 'invite' | 'reconnect';
  readonly role: 'caller' | 'callee';
  /** Callee: the answer that is ready, but not sent before the person answers. */
  readonly prepared: { readonly sdp: string; readonly nonce: string } | null;
  /** Our offer or answer is on its way: only after it our candidates may follow. */
  readonly described: boolean;
  /** Caller: the answer was taken; a second one is ignored. */
  readonly settled: boolean;
};

export type CallEncryption = {
  /** Settled once by the first exchange, never changed after. */
  readonly agreed: 'end-to-end' | 'standard' | null;
  readonly reason: StandardReason | null;
  /** What is expected while it rings. */
  readonly expected: 'end-to-end' | 'standard';
  /** The media process proved the connection: the verdict may be shown and media flows. */
  readonly secured: boolean;
  readonly code: string | null;
  readonly codesMatchHere: boolean | null;
  readonly codesMatchThere: boolean | null;
  /** The call was secured anew after a media process was lost: machine verification alone no longer makes the verdict `verified`. */
  readonly securedAnew: boolean;
  readonly failed: boolean;
};

export type CallRecord = {
  readonly id: string;
  readonly direction: 'outgoing' | 'incoming';
  readonly peer: { readonly account: string; readonly displayName: string; readonly endpoint: string | null; readonly identity: 'verified' | 'unverified' };
  readonly phase: Exclude<CallPhase, 'on-hold'>;
  /** What people want sent; what is sent is a fact of the media process. */
  readonly wanted: { readonly microphone: boolean; readonly camera: boolean; readonly screen: boolean };
  /** Who holds the call: nothing is sent and nothing played by that side. */
  readonly held: { readonly here: boolean; readonly there: boolean };
  /** Who records; `there`: as the other side says. Never here in an end-to-end encrypted call. */
  readonly recording: { readonly here: boolean; readonly there: boolean };
  readonly exchange: Exchange;
  readonly encryption: CallEncryption;
  /** Callee: the person (or auto-answer) has answered. Caller: an answer was taken. */
  readonly answered: boolean;
  /** Caller: the called account's endpoints that ring. */
  readonly ringing: readonly string[];
  /** Our candidates that the other side may not have yet. */
  readonly heldCandidates: readonly IceCandidate[];
  readonly placedAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly ended: CallEnding | null;
};

export type CallEnding = { readonly reason: EndReason; readonly by: 'here' | 'there'; readonly code: ErrorCode | null; readonly text: string };

/** `call` stays after it ended, for the panel to say why, until it is forgotten or the next one comes. */
export type CallState = { readonly call: CallRecord | null; readonly lastEpoch: number };

export type TimerName = 'invite' | 'connect' | 'reconnect' | 'forget';

export type CallEvent =
  // what a person does
  | { readonly type: 'place'; readonly id: string; readonly to: string; readonly video: boolean }
  | { readonly type: 'answer'; readonly video: boolean }
  | { readonly type: 'decline' }
  | { readonly type: 'hang-up' }
  /** `epoch`: of the media process whose code was compared; null for the present one. */
  | { readonly type: 'codes-match'; readonly epoch: number | null }
  | { readonly type: 'codes-differ'; readonly epoch: number | null }
  | { readonly type: 'set-microphone'; readonly on: boolean }
  | { readonly type: 'set-camera'; readonly on: boolean }
  /** `source`: what a person chose, as the media process knows it; the configured one where left out. */
  | { readonly type: 'set-screen'; readonly on: boolean; readonly source?: SourceChoice }
  | { readonly type: 'set-held'; readonly on: boolean }
  | { readonly type: 'set-recording'; readonly on: boolean }
  // what the other side says
  | { readonly type: 'message'; readonly inbound: InboundCallMessage }
  // what the media process of `epoch` says
  | { readonly type: 'offer-ready'; readonly epoch: number; readonly sdp: string; readonly commitment: string }
  | { readonly type: 'answer-ready'; readonly epoch: number; readonly sdp: string; readonly nonce: string }
  | { readonly type: 'reveal-ready'; readonly epoch: number; readonly nonce: string }
  | { readonly type: 'local-candidates'; readonly epoch: number; readonly candidates: readonly IceCandidate[] }
  | { readonly type: 'update-ready'; readonly epoch: number; readonly sdp: string }
  | { readonly type: 'update-answer-ready'; readonly epoch: number; readonly sdp: string; readonly answers: string }
  | { readonly type: 'secured'; readonly epoch: number; readonly code: string | null }
  | { readonly type: 'media-failed'; readonly epoch: number; readonly failure: MediaFailure }
  | { readonly type: 'media-lost'; readonly epoch: number }
  /** The shared screen could not be opened, or is lost. */
  | { readonly type: 'screen-ended'; readonly epoch: number }
  /** The recording could not begin, or has stopped by itself. */
  | { readonly type: 'recording-ended'; readonly epoch: number }
  | { readonly type: 'timer'; readonly name: TimerName };

export type CallEffect =
  | {
      readonly type: 'send';
      readonly to: { readonly account: string; readonly endpoint?: string };
      readonly call: string;
      readonly message: CallMessage;
      readonly lifetimeSeconds?: number;
    }
  | { readonly type: 'media-take'; readonly epoch: number; readonly options: MediaCallOptions }
  | { readonly type: 'media-create-offer'; readonly epoch: number }
  | {
      readonly type: 'media-accept-offer';
      readonly epoch: number;
      readonly sdp: string;
      readonly endToEnd: { readonly commitment: string } | null;
      readonly from: Party;
    }
  | {
      readonly type: 'media-accept-answer';
      readonly epoch: number;
      readonly sdp: string;
      readonly endToEnd: { readonly nonce: string } | null;
      readonly from: Party;
    }
  | { readonly type: 'media-open'; readonly epoch: number }
  | { readonly type: 'media-reveal'; readonly epoch: number; readonly nonce: string }
  | { readonly type: 'media-accept-update'; readonly epoch: number; readonly sdp: string }
  | { readonly type: 'media-accept-update-answer'; readonly epoch: number; readonly sdp: string; readonly answers: string | undefined }
  | { readonly type: 'media-candidates'; readonly epoch: number; readonly candidates: readonly IceCandidate[] }
  | { readonly type: 'media-microphone'; readonly epoch: number; readonly on: boolean }
  | { readonly type: 'media-camera'; readonly epoch: number; readonly on: boolean }
  | { readonly type: 'media-screen'; readonly epoch: number; readonly on: boolean; readonly source?: SourceChoice }
  /** `notice` goes to the other side before the recording begins, and after it has ended. */
  | { readonly type: 'media-recording'; readonly epoch: number; readonly on: boolean; readonly notice: Extract<CallEffect, { readonly type: 'send' }> | null }
  | { readonly type: 'media-held'; readonly epoch: number; readonly on: boolean }
  | { readonly type: 'media-close'; readonly epoch: number }
  | { readonly type: 'start-timer'; readonly name: TimerName; readonly delayMs: number }
  | { readonly type: 'stop-timer'; readonly name: TimerName }
  | { readonly type: 'security-event'; readonly code: ErrorCode; readonly detectedBy: string; readonly text: string; readonly call: string }
  /** What a restarted agent must end: null when there is nothing. */
  | { readonly type: 'journal'; readonly entry: { readonly call: string; readonly peer: Party } | null };

export type CallContext = {
  readonly self: Party;
  readonly displayName: string;
  readonly encryption: LocalEncryption;
  readonly autoAnswer: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly timeouts: { readonly inviteMs: number; readonly connectMs: number; readonly reconnectMs: number; readonly forgetMs: number };
};

/** The next state and what is to be done; `error` where a person asked for what cannot be done now (the state is then unchanged). */
export type Step = { readonly state: CallState; readonly effects: readonly CallEffect[]; readonly error: CloisterError | null };
