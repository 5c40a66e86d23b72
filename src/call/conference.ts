// A third participant in a standard call (R6, docs/adr/0036): what each call of a conference has to say and to hear. Pure; a part of the call's machine.
// Invariants: nothing of this in an end-to-end encrypted call, whoever asks; each step ends by itself, with the other side's word or with its timer;
// what fails leaves the calls that were there before; whoever is waited for is known by a secret that serves once.
import type { ErrorCode } from '../kernel/error-codes.ts';
import { shownName } from '../kernel/shown-name.ts';
import type { CallBody, CallMessage, ReferReason } from '../signaling/messages.ts';
import type { CallContext, CallEffect, CallEvent, CallRecord, CallState, Conference, Participant, Step } from './call.ts';
import type { LocalEncryption } from './encryption-decision.ts';
import { AGREE_MS, alarm, type Change, FAILED_SHOWN_MS, held, MAX_REFERENCES, normalised, safe } from './handover.ts';
import { next, refused, toPeer, unchanged } from './steps.ts';

const timer = (delayMs: number): CallEffect => ({ type: 'start-timer', name: 'conference', delayMs });
const NO_TIMER: CallEffect = { type: 'stop-timer', name: 'conference' };

/** Until two that were told of each other are connected. */
const pairingMs = ({ timeouts }: CallContext): number => 2 * timeouts.connectMs + 2 * AGREE_MS;
/** Until a third participant has been rung, has answered, and all of it is done. */
const addingMs = (context: CallContext): number => context.timeouts.inviteMs + context.timeouts.connectMs + AGREE_MS + pairingMs(context);

export const participantOf = ({ peer }: CallRecord): Participant => ({ account: peer.account, displayName: peer.displayName });

/** A call of a conference is a standard call, whatever this side could do. A policy that requires encryption takes part in none. */
export const encryptionIn = (conference: Conference | null, { encryption }: CallContext): LocalEncryption =>
  conference === null ? encryption : { available: false, required: encryption.required, reason: 'conference-here' };

export const joined = ({ conference }: CallRecord): boolean => conference?.phase === 'joined';

/** Why nobody can be added to this call now; null where somebody can. */
function obstacle(call: CallRecord): ErrorCode | null {
  if (call.encryption.agreed === 'end-to-end') return 'CL_CALL_FEATURE_UNAVAILABLE';
  if (call.conference !== null) return 'CL_CALL_CONFERENCE';
  const { here, there } = call.recording;
  const free = safe(call) && call.handover === null && call.parked === null && !here && !there && !call.held.there;
  return free ? null : 'CL_CALL_WRONG_PHASE';
}

const answerOf = (id: string, state: CallBody<'call.conference-answer'>['state'], reason?: ReferReason | null): CallMessage => ({
  type: 'call.conference-answer',
  body: { id, state, ...(reason == null ? {} : { reason }) }
});

const asking = (call: CallRecord, { id, token, third, part }: Conference): CallEffect[] =>
  token === null ? [] : toPeer(call, { type: 'call.conference', body: { id, token, peer: third, role: part } });

export type ConferenceEvent = Extract<
  CallEvent,
  {
    type:
      | 'add-participant'
      | 'merge'
      | 'conference-phase'
      | 'conference-ask'
      | 'conference-go'
      | 'conference-paired'
      | 'conference-secured'
      | 'conference-joined'
      | 'conference-failed'
      | 'conference-left';
  }
>;

/** What the people here ask for, and what another call of the conference has become. `null`: the call is to be ended by the machine. */
export function conferenceStep(state: CallState, call: CallRecord, event: ConferenceEvent, context: CallContext): Step | null {
  const { conference } = call;
  switch (event.type) {
    case 'add-participant': {
      const address = normalised(event.third.account);
      const invalid = address === null || address === context.self.account || address === call.peer.account;
      const code = obstacle(call) ?? (call.held.here ? 'CL_CALL_WRONG_PHASE' : invalid ? 'CL_ADDRESS_INVALID' : context.lineFree ? null : 'CL_CALL_LINES_FULL');
      return code === null ? host(state, call, event, 'wait', false) : refused(state, code);
    }
    case 'merge': {
      const invalid = event.third.account === call.peer.account;
      const code = obstacle(call) ?? (call.held.here !== (event.part === 'wait') ? 'CL_CALL_WRONG_PHASE' : invalid ? 'CL_ADDRESS_INVALID' : null);
      return code === null ? host(state, call, event, event.part, true) : refused(state, code);
    }
    case 'conference-phase':
      return conference === null ? unchanged(state) : next(state, { ...call, conference: { ...conference, phase: event.phase } });
    case 'conference-ask':
      if (conference === null) return unchanged(state);
      return next(state, { ...call, conference: { ...conference, word: 'asked', phase: 'joining' } }, [...asking(call, conference), timer(pairingMs(context))]);
    case 'conference-go':
      if (conference === null) return unchanged(state);
      return next(state, { ...call, conference: { ...conference, word: 'accepted' } }, [
        ...toPeer(call, answerOf(conference.id, 'accepted')),
        { type: 'place-conference', call: call.id, conference: conference.id, to: conference.third.account }
      ]);
    case 'conference-paired':
      return conference === null ? unchanged(state) : next(state, { ...call, conference: { ...conference, token: null, phase: 'joining' } });
    case 'conference-secured':
      if (conference === null) return unchanged(state);
      return next(state, { ...call, conference: { ...conference, word: 'joined' } }, [
        ...toPeer(call, answerOf(conference.id, 'joined')),
        timer(pairingMs(context))
      ]);
    case 'conference-joined':
      return conference === null ? unchanged(state) : join(state, call, conference, event);
    case 'conference-failed':
      return conference === null ? unchanged(state) : failed(state, call, { tell: true, quietly: event.quietly, reason: event.reason });
    case 'conference-left': {
      if (conference === null) return unchanged(state);
      // The other two do not hear each other any more: who brought them together has to know.
      const told = event.broken && conference.role === 'guest' ? toPeer(call, answerOf(conference.id, 'failed', 'media-failed')) : [];
      return next(state, { ...call, conference: null }, [NO_TIMER, ...told]);
    }
  }
}

type Hosting = Extract<ConferenceEvent, { type: 'add-participant' | 'merge' }>;

/** Who waits is asked first: the other one is called, or told, when it has agreed. */
function host(state: CallState, call: CallRecord, { conference: id, token, third }: Hosting, part: Conference['part'], merges: boolean): Step {
  const waits = part === 'wait';
  const conference: Conference = { id, token, third, role: 'host', part, phase: 'asking', word: waits ? 'asked' : 'none', kept: true, merges };
  return next(state, { ...call, conference, notAdded: null }, waits ? [...asking(call, conference), timer(AGREE_MS)] : [NO_TIMER]);
}

/** All three talk. What people had switched off stays off in each of their calls, and what they share is seen by both. */
function join(state: CallState, call: CallRecord, conference: Conference, { wanted: as }: Extract<ConferenceEvent, { type: 'conference-joined' }>): Step {
  const { epoch } = call.exchange;
  const told = conference.role === 'host' ? toPeer(call, answerOf(conference.id, 'joined')) : [];
  let now: CallRecord = { ...call, conference: { ...conference, phase: 'joined', word: 'joined', token: null } };
  const effects: CallEffect[] = [NO_TIMER, ...told];
  if (as !== null) {
    const { microphone, camera, screen } = as.wanted;
    if (microphone !== call.wanted.microphone) effects.push({ type: 'media-microphone', epoch, on: microphone });
    if (camera !== call.wanted.camera) effects.push({ type: 'media-camera', epoch, on: camera });
    now = { ...now, wanted: { ...now.wanted, microphone, camera } };
    if (now.held.here) {
      const back = held(now, false);
      now = back.call;
      effects.push(...back.effects);
    }
    if (screen && !now.wanted.screen && now.encryption.secured) {
      const source = as.screenSource === null ? {} : { source: as.screenSource };
      effects.push({ type: 'media-screen', epoch, on: true, ...source });
      now = { ...now, wanted: { ...now.wanted, screen }, screenSource: as.screenSource };
    }
  }
  return next(state, now, effects);
}

type Failure = {
  /** The other side does not know yet. */
  readonly tell: boolean;
  readonly quietly: boolean;
  readonly reason: ReferReason | null;
};

/** The call without its conference, which has come to nothing; null where it was there for that alone. */
function without(call: CallRecord, { tell, quietly, reason }: Failure): Change | null {
  const { conference } = call;
  if (conference === null) return { call, effects: [] };
  if (!conference.kept) return null;
  const asked = conference.role === 'guest' || (conference.role === 'host' && conference.word !== 'none');
  const told = tell && asked ? toPeer(call, answerOf(conference.id, 'failed', reason)) : [];
  const added = conference.phase === 'joined';
  const notAdded = quietly || added ? null : conference.third;
  const alone: CallRecord = { ...call, conference: null, notAdded };
  // Of two calls that were merged the one that was held is held again.
  const as = added && conference.merges && conference.part === 'wait' ? held(alone, true) : { call: alone, effects: [] };
  return { call: as.call, effects: [notAdded === null ? NO_TIMER : timer(FAILED_SHOWN_MS), ...told, ...as.effects] };
}

function failed(state: CallState, call: CallRecord, failure: Failure): Step | null {
  const left = without(call, failure);
  return left === null ? null : next(state, left.call, left.effects);
}

/** Whoever turns to something else takes part in nothing that is still being brought about. Null: it cannot be left so, only ended. */
export const leftBefore = (call: CallRecord): Change | null =>
  call.conference === null || joined(call) ? { call, effects: [] } : without(call, { tell: true, quietly: true, reason: 'busy' });

// ── what the other side says ────────────────────────────────────────────────────────────────────────────────────────────

const isInvited = (call: CallRecord, id: string): boolean =>
  call.conference?.role === 'guest' && call.conference.id === id && call.conference.part === 'call' && call.conference.word === 'none';

/** Whether what the host asks for may be done now; the reason where not. */
function objection(call: CallRecord, { id, peer, role }: CallBody<'call.conference'>, context: CallContext): ReferReason | null {
  if (call.encryption.agreed === 'end-to-end') return 'encryption';
  if (!context.acceptTransfers || context.isBlocked(peer.account)) return 'policy';
  const invited = isInvited(call, id);
  const taken = call.held.here || call.parked !== null || call.handover !== null || call.recording.here || call.recording.there;
  const ready = call.encryption.agreed === 'standard' && (call.phase === 'connected' || (invited && call.answered));
  if (!ready || taken || !context.lineFree || (call.conference !== null && !invited)) return 'busy';
  if (role === 'call' && call.references >= MAX_REFERENCES) return 'busy';
  if (normalised(peer.account) === null || peer.account === context.self.account || peer.account === call.peer.account) return 'address';
  return invited && (role !== 'call' || peer.account !== call.conference?.third.account) ? 'address' : null;
}

export function conferenceAsked(state: CallState, call: CallRecord, body: CallBody<'call.conference'>, context: CallContext): Step {
  const { id, token, peer, role: part } = body;
  // Heard twice.
  if (call.conference?.id === id && !isInvited(call, id)) return unchanged(state);
  const reason = objection(call, body, context);
  if (reason !== null) {
    const told = reason === 'encryption' ? alarm(call, 'bring a third participant into') : { call, effects: [] };
    return next(state, told.call, [...told.effects, ...toPeer(call, answerOf(id, 'refused', reason))]);
  }
  const third = { account: peer.account, displayName: shownName(peer.displayName) || peer.account };
  const calls = part === 'call';
  const conference: Conference = {
    id,
    token,
    third,
    role: 'guest',
    part,
    phase: calls ? 'joining' : 'ringing',
    // Who is to call says so when its own call is secured, and calls at once.
    word: calls ? 'asked' : 'accepted',
    kept: true,
    merges: false
  };
  return next(state, { ...call, conference, notAdded: null, references: call.references + (calls ? 1 : 0) }, [
    ...(calls ? [] : toPeer(call, answerOf(id, 'accepted'))),
    timer(calls ? pairingMs(context) : addingMs(context))
  ]);
}

/** `null`: the call is to be ended by the machine. */
export function conferenceAnswered(
  state: CallState,
  call: CallRecord,
  { id, state: told, reason }: CallBody<'call.conference-answer'>,
  context: CallContext
): Step | null {
  const { conference } = call;
  if (conference === null || conference.id !== id) {
    // Whoever still waits for a conference that is none here must not.
    return told === 'accepted' || told === 'joined' ? next(state, call, toPeer(call, answerOf(id, 'failed'))) : unchanged(state);
  }
  const unsaid: Failure = { tell: false, quietly: false, reason: reason ?? null };
  if (conference.role === 'guest') {
    if (told === 'failed') return failed(state, call, unsaid);
    if (told !== 'joined' || conference.word !== 'joined') return unchanged(state);
    return next(state, { ...call, conference: { ...conference, phase: 'joined' } }, [NO_TIMER]);
  }
  if (conference.role !== 'host') return unchanged(state);
  const { word, part, merges, phase } = conference;
  switch (told) {
    case 'refused':
      return word === 'asked' ? failed(state, call, unsaid) : unchanged(state);
    case 'accepted': {
      if (word !== 'asked') return unchanged(state);
      const place: CallEffect[] = part === 'wait' && !merges ? [{ type: 'place-conference', call: call.id, conference: id, to: conference.third.account }] : [];
      const delayMs = part === 'wait' ? addingMs(context) : pairingMs(context);
      return next(state, { ...call, conference: { ...conference, word: 'accepted' } }, [timer(delayMs), ...place]);
    }
    case 'joined':
      return word === 'accepted' || (word === 'asked' && part === 'call')
        ? next(state, { ...call, conference: { ...conference, word: 'joined' } })
        : unchanged(state);
    case 'failed':
      if (phase !== 'joined') return failed(state, call, unsaid);
      // One of the two may be gone altogether, which its own call is about to say.
      return word === 'broken' ? unchanged(state) : next(state, { ...call, conference: { ...conference, word: 'broken' } }, [timer(AGREE_MS)]);
  }
}

/** A side that does not know the message says so by an end of the call that it does not end: it is a refusal, as long as one is waited for. */
export const conferenceNotUnderstood = (call: CallRecord): boolean => call.conference?.role === 'host' && call.conference.word === 'asked';

/** Of an invite without a secret: who is invited has to answer, and is told who else takes part. Null where it says nothing that can be. */
export function invitedTo(from: string, { conference }: CallBody<'call.invite'>, context: CallContext): Conference | null {
  const [third] = conference?.others ?? [];
  if (conference === undefined || conference.token !== undefined || third === undefined) return null;
  if (normalised(third.account) === null || third.account === context.self.account || third.account === from) return null;
  return {
    id: conference.id,
    token: null,
    third: { account: third.account, displayName: shownName(third.displayName) || third.account },
    role: 'guest',
    part: 'call',
    phase: 'ringing',
    word: 'none',
    kept: true,
    merges: false
  };
}

/** What an invite says of the conference that its call belongs to. */
export function conferenceOf({ conference }: CallRecord): NonNullable<CallBody<'call.invite'>['conference']> | undefined {
  if (conference === null) return undefined;
  const { id, third, token, role } = conference;
  return { id, others: [third], ...(role === 'pair' && token !== null ? { token } : {}) };
}

/** Who was invited waits for the host's word, which it says as soon as the call is secured there. */
export const securedIn = ({ conference }: CallRecord, context: CallContext): CallEffect[] =>
  conference?.role === 'guest' && conference.word === 'none' ? [timer(pairingMs(context))] : [];

/** @returns null where the call is to be ended by the machine */
export function conferenceTimer(state: CallState, call: CallRecord): Step | null {
  const { conference } = call;
  if (conference === null) return next(state, { ...call, notAdded: null });
  if (conference.phase === 'joined' && conference.word !== 'broken') return unchanged(state);
  return failed(state, call, { tell: true, quietly: false, reason: 'timeout' });
}
