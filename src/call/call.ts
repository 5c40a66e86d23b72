// The call as a value: what the state machine (machine.ts) keeps, what goes in (events) and what comes out (effects).
// Types only, so that the machine, the verdict and the driver in agent/ share one vocabulary.
import type { ErrorCode } from '../kernel/error-codes.ts';
import type { CloisterError } from '../kernel/errors.ts';
import type { MediaCallOptions, MediaFailure, SourceChoice } from '../media/port.ts';
import type { CallPhase, EndReason, StandardReason } from '../room/state.ts';
import type { CallMessage, IceCandidate, ReferReason } from '../signaling/messages.ts';
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

/** The call that an invite takes the place of, and the secret that says so. */
export type Replaces = { readonly call: string; readonly token: string };

/** Where a call of this room comes from, if not from a person’s wish alone: `call` is the other call of this room. */
export type Origin =
  /** The other side of that call asked this room to call, as its reference of that number. */
  | { readonly kind: 'reference'; readonly call: string; readonly reference: number; readonly replaces: Replaces | null }
  /** Somebody asks first before that call is handed over. */
  | { readonly kind: 'consultation'; readonly call: string }
  /** It takes the place of that call, which was agreed with its other side. */
  | { readonly kind: 'replacement'; readonly call: string }
  /** It was parked elsewhere. */
  | { readonly kind: 'retrieval'; readonly id: string }
  /** It brings a third participant into that call. */
  | { readonly kind: 'conference'; readonly call: string; readonly conference: string };

export type Participant = { readonly account: string; readonly displayName: string };

/** What this call is in a conference of three (conference.ts). */
export type Conference = {
  readonly id: string;
  /** Who is neither this room nor the other side. */
  readonly third: Participant;
  /** `host`: this room brings its other sides together. `guest`: the other side does. `pair`: the call of the two that were brought together. */
  readonly role: 'host' | 'guest' | 'pair';
  /** Of those two: who waits for the other’s call, and who calls. At the host it is the other side’s part, else this room’s. */
  readonly part: 'wait' | 'call';
  /** The secret by which who waits knows the call. Null where it is not told yet, and once it has served. */
  readonly token: string | null;
  /** What people are told (CallView). */
  readonly phase: 'asking' | 'ringing' | 'joining' | 'joined';
  /** What the guest of this call has said, or has been asked, at the host; at a guest what it has said. */
  readonly word: 'none' | 'asked' | 'accepted' | 'joined' | 'broken';
  /** The call was there before, with a conference as one without. */
  readonly kept: boolean;
  /** At the host: two calls that were there are brought together, of which the one that waits was held. */
  readonly merges: boolean;
};

/** What goes on to hand a call over, seen from one of the calls that are part of it (handover.ts). */
export type Handover =
  /** This side has asked the other one to call `to`. `resumes`: it talks on where that fails. */
  | { readonly role: 'referrer'; readonly kind: 'transfer' | 'consultation' | 'retrieval'; readonly to: string; readonly resumes: boolean }
  /** This side was asked to call `to`. */
  | { readonly role: 'referred'; readonly reference: number; readonly to: string; readonly told: 'accepted' | 'ringing' | 'answered' }
  /** The consulted call: its other side is asked to take a call of `by` in place of it. */
  | { readonly role: 'offering'; readonly token: string; readonly by: string; readonly stage: 'offered' | 'agreed' | 'asked' }
  /** This side has agreed to that. `taken`: the call is here. */
  | { readonly role: 'replaced'; readonly token: string; readonly by: string; readonly taken: boolean };

export type CallRecord = {
  readonly id: string;
  readonly direction: 'outgoing' | 'incoming';
  readonly peer: { readonly account: string; readonly displayName: string; readonly endpoint: string | null; readonly identity: 'verified' | 'unverified' };
  readonly phase: Exclude<CallPhase, 'on-hold'>;
  /** What people want sent; what is sent is a fact of the media process. */
  readonly wanted: { readonly microphone: boolean; readonly camera: boolean; readonly screen: boolean };
  /** What a person chose to share last; null for the configured source. */
  readonly screenSource: SourceChoice | null;
  /** Who holds the call: nothing is sent and nothing played by that side. */
  readonly held: { readonly here: boolean; readonly there: boolean };
  /** Who records; `there`: as the other side says. Never here in an end-to-end encrypted call. */
  readonly recording: { readonly here: boolean; readonly there: boolean };
  readonly exchange: Exchange;
  readonly encryption: CallEncryption;
  /** What this side could do when the call began: a switch that is turned counts from the next call on. */
  readonly local: LocalEncryption;
  /** When it is answered without a touch; null where somebody has to. */
  readonly autoAnswerAtMs: number | null;
  /** Callee: the person (or auto-answer) has answered. Caller: an answer was taken. */
  readonly answered: boolean;
  /** Caller: the called account's endpoints that ring. */
  readonly ringing: readonly string[];
  readonly origin: Origin | null;
  /** Who is said to have asked for this call. */
  readonly referredBy: { readonly account: string; readonly displayName: string } | null;
  readonly handover: Handover | null;
  /** To whom it could not be handed over; for a while. */
  readonly handoverFailed: string | null;
  /** Why it ended. */
  readonly handedOver: boolean;
  readonly conference: Conference | null;
  /** Who could not be added; for a while. */
  readonly notAdded: Participant | null;
  /** What was asked of this side so far: by the other one, and by those before it who handed this side on. */
  readonly references: number;
  readonly referenceAlarmed: boolean;
  readonly parked: { readonly code: string } | null;
  /** It was parked, and nobody has retrieved it in time. */
  readonly parkOverAtMs: number | null;
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

export type TimerName = 'invite' | 'auto-answer' | 'connect' | 'reconnect' | 'forget' | 'handover' | 'park' | 'conference';

export type CallEvent =
  // what a person does
  | {
      readonly type: 'place';
      readonly id: string;
      readonly to: string;
      readonly video: boolean;
      /** On where left out. */
      readonly microphone?: boolean;
      readonly origin?: Origin;
      readonly referredBy?: CallRecord['referredBy'];
      /** What the call is to be in the conference that it belongs to (lines.ts). */
      readonly conference?: Conference;
      readonly references?: number;
    }
  | { readonly type: 'answer'; readonly video: boolean }
  | { readonly type: 'decline' }
  | { readonly type: 'hang-up' }
  /** Somebody is here and did something else: the call waits for that person. */
  | { readonly type: 'touched' }
  /** `epoch`: of the media process whose code was compared; null for the present one. */
  | { readonly type: 'codes-match'; readonly epoch: number | null }
  | { readonly type: 'codes-differ'; readonly epoch: number | null }
  | { readonly type: 'set-microphone'; readonly on: boolean }
  | { readonly type: 'set-camera'; readonly on: boolean }
  /** `source`: what a person chose, as the media process knows it; the configured one where left out. */
  | { readonly type: 'set-screen'; readonly on: boolean; readonly source?: SourceChoice }
  | { readonly type: 'set-held'; readonly on: boolean }
  | { readonly type: 'set-recording'; readonly on: boolean }
  // handing over
  | { readonly type: 'consult'; readonly to: string }
  | { readonly type: 'transfer'; readonly to: string; readonly kind: Extract<Handover, { role: 'referrer' }>['kind']; readonly replaces: Replaces | null }
  | { readonly type: 'offer-replacement'; readonly token: string; readonly by: string }
  | { readonly type: 'park'; readonly code: string }
  | { readonly type: 'unpark' }
  // a third participant
  | { readonly type: 'add-participant'; readonly conference: string; readonly token: string; readonly third: Participant }
  | { readonly type: 'merge'; readonly conference: string; readonly token: string; readonly third: Participant; readonly part: Conference['part'] }
  // what another call of the same conference has become (lines.ts)
  | { readonly type: 'conference-phase'; readonly phase: 'ringing' | 'joining' }
  | { readonly type: 'conference-ask' | 'conference-go' | 'conference-paired' | 'conference-secured' }
  | { readonly type: 'conference-joined'; readonly wanted: Pick<CallRecord, 'wanted' | 'screenSource'> | null }
  /** `quietly`: a person here wanted it so. */
  | { readonly type: 'conference-failed'; readonly quietly: boolean; readonly reason: ReferReason | null }
  | { readonly type: 'conference-left'; readonly broken: boolean }
  // what another call of this room has become (lines.ts)
  | { readonly type: 'replacement-asked' | 'replacement-over' | 'make-way' | 'not-replaced' }
  | { readonly type: 'referral-progress'; readonly progress: 'ringing' | 'answered' | 'failed'; readonly reason?: ReferReason }
  | { readonly type: 'handed-over'; readonly to: string }
  // what the other side says
  /** `taken`: an invite that was agreed upon is answered at once, with what was on before. */
  | { readonly type: 'message'; readonly inbound: InboundCallMessage; readonly taken?: Taken }
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

export type Taken = Pick<CallRecord, 'references' | 'referredBy' | 'conference'> & {
  readonly origin: Origin;
  readonly microphone: boolean;
  readonly camera: boolean;
};

export type JournalEntry = { readonly call: string; readonly peer: Party };

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
  /** To be placed once this call has let go of camera and microphone. */
  | { readonly type: 'follow-reference'; readonly call: string; readonly reference: number; readonly to: string; readonly replaces: Replaces | null }
  /** To be placed: the call that joins the third participant, as `origin` of it says. */
  | { readonly type: 'place-conference'; readonly call: string; readonly conference: string; readonly to: string }
  | { readonly type: 'security-event'; readonly code: ErrorCode; readonly detectedBy: string; readonly text: string; readonly call: string }
  /** A call that did not ring. */
  | { readonly type: 'not-rung'; readonly why: 'blocked' | 'do-not-disturb' | 'in-a-call'; readonly call: string; readonly peer: CallRecord['peer'] }
  /** What a restarted agent must end: null when there is nothing. */
  | { readonly type: 'journal'; readonly entry: JournalEntry | null };

export type CallContext = {
  readonly self: Party;
  readonly displayName: string;
  readonly encryption: LocalEncryption;
  /** How long an incoming call rings before it is answered without a touch; null where somebody has to. */
  readonly autoAnswerAfterMs: number | null;
  readonly doNotDisturb: boolean;
  readonly isBlocked: (account: string) => boolean;
  /** Whether this room lets the other side hand a call over to somebody else. */
  readonly acceptTransfers: boolean;
  /** No other call of this room is one that people talk in, or are about to (lines.ts). */
  readonly mayTalk: boolean;
  /** A further call may begin here while people talk on. */
  readonly lineFree: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly timeouts: {
    readonly inviteMs: number;
    readonly connectMs: number;
    readonly reconnectMs: number;
    readonly forgetMs: number;
    readonly parkMs: number;
  };
};

/** The next state and what is to be done; `error` where a person asked for what cannot be done now (the state is then unchanged). */
export type Step = { readonly state: CallState; readonly effects: readonly CallEffect[]; readonly error: CloisterError | null };
