// Handing a standard call over (R6): blind, after a consultation, and by park and retrieve. Pure; a part of the call's machine.
// Invariants: nothing of this in an end-to-end encrypted call, whoever asks; a call that could not be handed over goes on as it was;
// each handover ends by itself, with the other side's word or with its timer; nobody is held for another call than the one at work.
import { parseAddress } from '../kernel/address.ts';
import type { ErrorCode } from '../kernel/error-codes.ts';
import type { CallBody, CallMessage, ReferReason } from '../signaling/messages.ts';
import type { CallContext, CallEffect, CallEvent, CallRecord, CallState, Handover, Replaces, Step } from './call.ts';
import { next, refused, toPeer, unchanged } from './steps.ts';

/** The other side has only to say whether it agrees. */
export const AGREE_MS = 10_000;
/** For as long people are told that it could not be handed over. */
export const FAILED_SHOWN_MS = 20_000;
/** Whoever asked to be replaced ends the call; where its word is lost, this side does. */
const LINGER_MS = 5_000;
/** A peer may not use this room to ring at others over and over. */
export const MAX_REFERENCES = 5;

const END_TO_END: ErrorCode = 'CL_CALL_FEATURE_UNAVAILABLE';

export const safe = (call: CallRecord): boolean => call.phase === 'connected' && call.encryption.secured;

/** Why this call cannot be handed over or parked now; null where it can. */
function obstacle(call: CallRecord): ErrorCode | null {
  if (call.encryption.agreed === 'end-to-end') return END_TO_END;
  if (call.conference !== null) return 'CL_CALL_CONFERENCE';
  return safe(call) && call.handover === null ? null : 'CL_CALL_WRONG_PHASE';
}

const timer = (delayMs: number): CallEffect => ({ type: 'start-timer', name: 'handover', delayMs });
const NO_TIMER: CallEffect = { type: 'stop-timer', name: 'handover' };

/** One of its sides is on its way to somebody else. */
export function handingOver({ handover: running }: CallRecord): boolean {
  return running?.role === 'referrer' || running?.role === 'referred' || (running?.role === 'replaced' && running.taken);
}

export type Change = { readonly call: CallRecord; readonly effects: readonly CallEffect[] };

/** A held call sends nothing and plays nothing here; it stays as secure as it was. What was shared does not begin again by itself. */
export function held(call: CallRecord, on: boolean): Change {
  if (call.held.here === on) return { call, effects: [] };
  const { epoch } = call.exchange;
  const ended: CallEffect[] = on && call.wanted.screen ? [{ type: 'media-screen', epoch, on: false }] : [];
  return {
    call: { ...call, held: { ...call.held, here: on }, wanted: { ...call.wanted, screen: on ? false : call.wanted.screen } },
    effects: [...ended, { type: 'media-held', epoch, on }, ...toPeer(call, { type: 'call.update', body: { held: on } })]
  };
}

/** A call that was held for a handover alone goes on, unless the people here talk to somebody else by now. */
function goOn(call: CallRecord, resumes: boolean, context: CallContext): Change {
  const free = { ...call, handover: null };
  return resumes && context.mayTalk && free.parked === null && safe(free) ? held(free, false) : { call: free, effects: [] };
}

const referAnswer = (state: CallBody<'call.refer-answer'>['state'], reason?: ReferReason): CallMessage => ({
  type: 'call.refer-answer',
  body: { state, ...(reason === undefined ? {} : { reason }) }
});

export type HandoverEvent = Extract<
  CallEvent,
  {
    type:
      | 'consult'
      | 'transfer'
      | 'offer-replacement'
      | 'replacement-asked'
      | 'replacement-over'
      | 'park'
      | 'unpark'
      | 'referral-progress'
      | 'make-way'
      | 'not-replaced';
  }
>;

/** What the people here ask for, and what another call of this room has become. */
export function handover(state: CallState, call: CallRecord, event: HandoverEvent, context: CallContext): Step {
  switch (event.type) {
    case 'consult': {
      const code = obstacle(call) ?? (event.to === context.self.account || event.to === call.peer.account ? 'CL_ADDRESS_INVALID' : null);
      if (code !== null || call.parked !== null) return refused(state, code ?? 'CL_CALL_WRONG_PHASE');
      const waiting = held(call, true);
      return next(state, waiting.call, waiting.effects);
    }
    case 'transfer':
      return transfer(state, call, event, context);
    case 'offer-replacement': {
      const code = obstacle(call);
      if (code !== null) return refused(state, code);
      const { token, by } = event;
      const offered: Handover = { role: 'offering', token, by, stage: 'offered' };
      return next(state, { ...call, handover: offered, handoverFailed: null }, [
        ...toPeer(call, { type: 'call.replace', body: { token, by } }),
        timer(AGREE_MS)
      ]);
    }
    case 'replacement-asked':
      if (call.handover?.role !== 'offering') return unchanged(state);
      return next(state, { ...call, handover: { ...call.handover, stage: 'asked' } }, [NO_TIMER]);
    case 'replacement-over':
      return call.handover?.role === 'offering' ? next(state, { ...call, handover: null }, [NO_TIMER]) : unchanged(state);
    case 'park': {
      const code = obstacle(call);
      if (code !== null || call.parked !== null) return refused(state, code ?? 'CL_CALL_WRONG_PHASE');
      const waiting = held(call, true);
      return next(state, { ...waiting.call, parked: { code: event.code }, parkOverAtMs: null }, [
        ...waiting.effects,
        { type: 'start-timer', name: 'park', delayMs: context.timeouts.parkMs }
      ]);
    }
    case 'unpark': {
      if (call.parked === null || !safe(call) || call.handover !== null) return refused(state, 'CL_CALL_WRONG_PHASE');
      if (!context.mayTalk) return refused(state, 'CL_CALL_BUSY');
      const back = held({ ...call, parked: null }, false);
      return next(state, back.call, [{ type: 'stop-timer', name: 'park' }, ...back.effects]);
    }
    case 'referral-progress':
      return progress(state, call, event, context);
    case 'make-way': {
      // Who holds the call does not want to be heard: nothing opens the microphone in its place.
      if (call.handover?.role !== 'replaced' || !safe(call) || call.held.here) return unchanged(state);
      const waiting = held({ ...call, handover: { ...call.handover, taken: true } }, true);
      return next(state, waiting.call, [...waiting.effects, timer(context.timeouts.connectMs + AGREE_MS)]);
    }
    case 'not-replaced':
      return call.handover?.role === 'replaced' ? notReplaced(state, call, call.handover, context) : unchanged(state);
  }
}

function notReplaced(state: CallState, call: CallRecord, { taken }: Extract<Handover, { role: 'replaced' }>, context: CallContext): Step {
  const back = goOn(call, taken, context);
  return next(state, back.call, [NO_TIMER, ...back.effects]);
}

function transfer(state: CallState, call: CallRecord, event: Extract<HandoverEvent, { type: 'transfer' }>, context: CallContext): Step {
  const { to, kind, replaces } = event;
  const retrieval = kind === 'retrieval';
  const code = obstacle(call) ?? ((to === context.self.account && !retrieval) || to === call.peer.account ? 'CL_ADDRESS_INVALID' : null);
  if (code !== null || (call.parked !== null) !== retrieval) return refused(state, code ?? 'CL_CALL_WRONG_PHASE');
  const waiting = held(call, true);
  const asked: Handover = { role: 'referrer', kind, to, resumes: kind === 'transfer' && !call.held.here };
  const { inviteMs, connectMs } = context.timeouts;
  return next(state, { ...waiting.call, handover: asked, handoverFailed: null }, [
    ...waiting.effects,
    ...toPeer(call, { type: 'call.refer', body: { to, ...(replaces === null ? {} : { replaces }) } }),
    timer(inviteMs + connectMs + AGREE_MS)
  ]);
}

/** This side was asked to call somebody else, and that call has come so far. */
function progress(
  state: CallState,
  call: CallRecord,
  { progress: told, reason }: Extract<HandoverEvent, { type: 'referral-progress' }>,
  context: CallContext
): Step {
  if (call.handover?.role !== 'referred') return unchanged(state);
  const answer = toPeer(call, referAnswer(told, reason));
  if (told === 'failed') {
    const back = goOn(call, true, context);
    return next(state, back.call, [NO_TIMER, ...answer, ...back.effects]);
  }
  return next(state, { ...call, handover: { ...call.handover, told } }, [...answer, ...(told === 'answered' ? [timer(LINGER_MS)] : [])]);
}

// ── what the other side says ────────────────────────────────────────────────────────────────────────────────────────────

/** Nobody who keeps to the protocol asks this of an end-to-end encrypted call. */
export function alarm(call: CallRecord, what: string): Change {
  if (call.referenceAlarmed) return { call, effects: [] };
  return {
    call: { ...call, referenceAlarmed: true },
    effects: [
      {
        type: 'security-event',
        code: 'CL_SECURITY_REFERRAL',
        detectedBy: 'call',
        text: `${call.peer.account} tried to ${what} an end-to-end encrypted call. Nothing was done.`,
        call: call.id
      }
    ]
  };
}

export const normalised = (account: string): string | null => {
  const address = parseAddress(account);
  return address.ok && address.value.account === account ? account : null;
};

/**
 * Whether what the other side asks for may be done now; the reason where not.
 * @param inPlace a device of the other side's own account may be meant, which takes the call in place of another
 */
function objection(call: CallRecord, account: string, context: CallContext, inPlace = false): ReferReason | null {
  if (call.encryption.agreed !== 'standard') return 'encryption';
  // Nor with whom this room takes no calls from.
  if (!context.acceptTransfers || context.isBlocked(account)) return 'policy';
  // Who holds the call is with somebody else, or away: nobody calls in his place. An offer may be made again.
  const handing = call.handover !== null && (call.handover.role !== 'replaced' || call.handover.taken);
  if (!safe(call) || call.held.here || call.parked !== null || call.conference !== null || handing || call.references >= MAX_REFERENCES) return 'busy';
  return normalised(account) === null || account === context.self.account || (account === call.peer.account && !inPlace) ? 'address' : null;
}

export function referred(state: CallState, call: CallRecord, { to, replaces }: CallBody<'call.refer'>, context: CallContext): Step {
  const reason = objection(call, to, context, replaces !== undefined);
  if (reason !== null) {
    const told = reason === 'encryption' ? alarm(call, 'hand over') : { call, effects: [] };
    return next(state, told.call, [...told.effects, ...toPeer(call, referAnswer('refused', reason))]);
  }
  const waiting = held(call, true);
  const reference = call.references + 1;
  const referral: Handover = { role: 'referred', reference, to, told: 'accepted' };
  const follow: Replaces | null = replaces ?? null;
  const { inviteMs, connectMs } = context.timeouts;
  return next(state, { ...waiting.call, handover: referral, handoverFailed: null, references: reference }, [
    ...waiting.effects,
    ...toPeer(call, referAnswer('accepted')),
    timer(inviteMs + connectMs),
    { type: 'follow-reference', call: call.id, reference, to, replaces: follow }
  ]);
}

/** `answered`: null, the call is to be ended by the machine. */
export function referAnswered(
  state: CallState,
  call: CallRecord,
  { state: told }: Pick<CallBody<'call.refer-answer'>, 'state'>,
  context: CallContext
): Step | null {
  const { handover: asked } = call;
  if (asked?.role !== 'referrer') return unchanged(state);
  if (told === 'answered') return null;
  if (told === 'failed' || told === 'refused') return referFailed(state, call, context);
  return unchanged(state);
}

/** People are told for a while; the call goes on. */
function referFailed(state: CallState, call: CallRecord, context: CallContext): Step {
  const { handover: asked } = call;
  if (asked?.role !== 'referrer') return unchanged(state);
  const back = goOn(call, asked.resumes, context);
  return next(state, { ...back.call, handoverFailed: asked.to }, [...back.effects, timer(FAILED_SHOWN_MS)]);
}

export function replaceOffered(state: CallState, call: CallRecord, { token, by }: CallBody<'call.replace'>, context: CallContext): Step {
  const reason = objection(call, by, context);
  const answer = (accepted: boolean): CallEffect[] => toPeer(call, { type: 'call.replace-answer', body: { accepted } });
  if (reason !== null) {
    const told = reason === 'encryption' ? alarm(call, 'hand over') : { call, effects: [] };
    return next(state, told.call, [...told.effects, ...answer(false)]);
  }
  const agreed: Handover = { role: 'replaced', token, by, taken: false };
  return next(state, { ...call, handover: agreed, handoverFailed: null, references: call.references + 1 }, [...answer(true), timer(context.timeouts.inviteMs)]);
}

export function replaceAnswered(state: CallState, call: CallRecord, { accepted }: CallBody<'call.replace-answer'>): Step {
  if (call.handover?.role !== 'offering' || call.handover.stage !== 'offered') return unchanged(state);
  if (!accepted) return next(state, { ...call, handover: null, handoverFailed: call.handover.by }, [timer(FAILED_SHOWN_MS)]);
  return next(state, { ...call, handover: { ...call.handover, stage: 'agreed' } });
}

/** A side that does not know the message says so by an end of the call that it does not end: it is a refusal, as long as one is waited for. */
export function notUnderstood(state: CallState, call: CallRecord, context: CallContext): Step | null {
  if (call.handover?.role === 'referrer') return referFailed(state, call, context);
  return call.handover?.role === 'offering' ? replaceAnswered(state, call, { accepted: false }) : null;
}

// ── timers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @returns null where the call is over: this side lingered for the word of whoever handed it over */
export function handoverTimer(state: CallState, call: CallRecord, context: CallContext): Step | null {
  switch (call.handover?.role) {
    case undefined:
      return next(state, { ...call, handoverFailed: null });
    case 'referrer':
      return referFailed(state, call, context);
    case 'offering':
      return replaceAnswered(state, { ...call, handover: { ...call.handover, stage: 'offered' } }, { accepted: false });
    case 'referred':
      if (call.handover.told === 'answered') return null;
      return progress(state, call, { type: 'referral-progress', progress: 'failed', reason: 'timeout' }, context);
    case 'replaced':
      return notReplaced(state, call, call.handover, context);
  }
}

/** Nobody has retrieved it: it is a held call again, and people are told. */
export function parkTimer(state: CallState, call: CallRecord, context: CallContext): Step {
  return call.parked === null ? unchanged(state) : next(state, { ...call, parked: null, parkOverAtMs: context.now });
}
