// The call's state machine: (state, event, context) → (next state, effects). Pure: no I/O, no clock, no packages.
// Invariants: one call at a time (lines.ts has several); a message counts only from the endpoint that the call is with; an exchange's events count only
// while it is the current one; E2EE or standard is settled by the first exchange and never changes; whatever ends a call closes
// its media process, stops its timers and blanks its code and nonce.
import { isAccount } from '../kernel/address.ts';
import { shownName } from '../kernel/shown-name.ts';
import type { MediaFailure } from '../media/port.ts';
import type { EndReason } from '../room/state.ts';
import type { CallBody, CallMessage } from '../signaling/messages.ts';
import type { InboundCallMessage, Party } from '../signaling/port.ts';
import type { CallContext, CallEffect, CallEnding, CallEvent, CallRecord, CallState, Exchange, Step, Taken, TimerName } from './call.ts';
import {
  type ConferenceEvent,
  conferenceAnswered,
  conferenceAsked,
  conferenceNotUnderstood,
  conferenceOf,
  conferenceStep,
  conferenceTimer,
  encryptionIn,
  invitedTo,
  joined,
  leftBefore,
  securedIn
} from './conference.ts';
import { decideEncryption, type EncryptionDecision, wireReason } from './encryption-decision.ts';
import {
  type HandoverEvent,
  handingOver,
  handover,
  handoverTimer,
  held,
  notUnderstood,
  parkTimer,
  referAnswered,
  referred,
  replaceAnswered,
  replaceOffered
} from './handover.ts';
import { next, refused, toPeer, unchanged } from './steps.ts';

export function step(state: CallState, event: CallEvent, context: CallContext): Step {
  switch (event.type) {
    case 'place':
      return place(state, event, context);
    case 'message':
      return receive(state, event.inbound, event.taken ?? null, context);
    case 'timer':
      return timer(state, event.name, context);
    case 'answer':
    case 'decline':
    case 'hang-up':
    case 'touched':
    case 'codes-match':
    case 'codes-differ':
    case 'set-microphone':
    case 'set-camera':
    case 'set-screen':
    case 'set-held':
    case 'set-recording':
      return state.call === null ? refused(state, 'CL_CALL_NONE') : person(state, state.call, event, context);
    case 'consult':
    case 'transfer':
    case 'offer-replacement':
    case 'park':
    case 'unpark':
    case 'make-way':
    case 'not-replaced':
    case 'referral-progress':
    case 'replacement-asked':
    case 'replacement-over':
      return handing(state, event, context);
    case 'add-participant':
    case 'merge':
    case 'conference-phase':
    case 'conference-ask':
    case 'conference-go':
    case 'conference-paired':
    case 'conference-secured':
    case 'conference-joined':
    case 'conference-failed':
    case 'conference-left':
      return conferring(state, event, context);
    case 'handed-over':
      return active(state.call) ? handedOver(state, state.call, event.to, context) : unchanged(state);
    default:
      // A media process that is no longer the call's has nothing to say.
      if (state.call === null || state.call.phase === 'ended' || state.call.exchange.epoch !== event.epoch) return unchanged(state);
      return media(state, state.call, event, context);
  }
}

// ── small tools ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const TIMERS: readonly TimerName[] = ['invite', 'auto-answer', 'connect', 'reconnect', 'handover', 'park', 'conference'];

const active = (call: CallRecord | null): call is CallRecord => call !== null && call.phase !== 'ended';

const endMessage = (reason: EndReason): CallMessage => ({ type: 'call.end', body: { reason } });

function newExchange(state: CallState, kind: Exchange['kind'], role: Exchange['role']): Exchange {
  return { epoch: state.lastEpoch + 1, kind, role, prepared: null, described: false, settled: false };
}

function takeMedia(call: CallRecord): CallEffect {
  const { microphone, camera } = call.wanted;
  return { type: 'media-take', epoch: call.exchange.epoch, options: { callId: call.id, role: call.exchange.role, microphone, camera, held: call.held.here } };
}

const NOT_HELD: CallRecord['held'] = { here: false, there: false };
const NOT_RECORDED: CallRecord['recording'] = { here: false, there: false };

const NOT_HANDED_OVER = {
  handover: null,
  handoverFailed: null,
  handedOver: false,
  references: 0,
  referenceAlarmed: false,
  parked: null,
  parkOverAtMs: null
} as const;

const IN_NO_CONFERENCE = { conference: null, notAdded: null } as const;

const unsettled = (expected: 'end-to-end' | 'standard'): CallRecord['encryption'] => ({
  agreed: null,
  reason: null,
  expected,
  secured: false,
  code: null,
  codesMatchHere: null,
  codesMatchThere: null,
  securedAnew: false,
  failed: false
});

/** Ends the call here: tells whoever should know, closes what is open. */
function end(state: CallState, call: CallRecord, context: CallContext, ending: CallEnding, tell: EndReason | null): Step {
  const effects: CallEffect[] = [];
  if (tell !== null) {
    const told = new Set(call.direction === 'outgoing' ? call.ringing : []);
    if (call.peer.endpoint !== null) told.add(call.peer.endpoint);
    for (const endpoint of told) effects.push({ type: 'send', to: { account: call.peer.account, endpoint }, call: call.id, message: endMessage(tell) });
  }
  effects.push({ type: 'media-close', epoch: call.exchange.epoch });
  for (const name of TIMERS) effects.push({ type: 'stop-timer', name });
  effects.push({ type: 'start-timer', name: 'forget', delayMs: context.timeouts.forgetMs }, { type: 'journal', entry: null });
  const failed = call.encryption.failed || ending.reason === 'security-check-failed';
  return next(
    state,
    {
      ...call,
      phase: 'ended',
      endedAtMs: context.now,
      ended: ending,
      wanted: { ...call.wanted, screen: false },
      recording: NOT_RECORDED,
      handover: null,
      handoverFailed: null,
      parked: null,
      parkOverAtMs: null,
      ...IN_NO_CONFERENCE,
      autoAnswerAtMs: null,
      exchange: { ...call.exchange, prepared: null },
      heldCandidates: [],
      encryption: { ...call.encryption, code: null, failed }
    },
    effects
  );
}

const endHere = (state: CallState, call: CallRecord, context: CallContext, reason: EndReason, text: string, code: CallEnding['code'] = null): Step =>
  end(state, call, context, { reason, by: 'here', code, text }, reason);

/** Whoever the call is handed over to has answered: the other side talks there. */
const handedOver = (state: CallState, call: CallRecord, to: string, context: CallContext): Step =>
  endHere(state, { ...call, handedOver: true }, context, 'hangup', `The call was handed over to ${to}.`);

function handing(state: CallState, event: HandoverEvent, context: CallContext): Step {
  if (state.call === null) return refused(state, 'CL_CALL_NONE');
  if (state.call.phase !== 'ended') return handover(state, state.call, event, context);
  const asked = event.type === 'consult' || event.type === 'transfer' || event.type === 'offer-replacement' || event.type === 'park' || event.type === 'unpark';
  return asked ? refused(state, 'CL_CALL_WRONG_PHASE') : unchanged(state);
}

function conferring(state: CallState, event: ConferenceEvent, context: CallContext): Step {
  const asked = event.type === 'add-participant' || event.type === 'merge';
  if (state.call === null) return asked ? refused(state, 'CL_CALL_NONE') : unchanged(state);
  if (state.call.phase === 'ended') return asked ? refused(state, 'CL_CALL_WRONG_PHASE') : unchanged(state);
  return conferenceStep(state, state.call, event, context) ?? leave(state, state.call, context);
}

/** A call that was there for a conference alone, which has come to nothing. */
const leave = (state: CallState, call: CallRecord, context: CallContext): Step =>
  endHere(state, call, context, 'hangup', 'The three could not be brought together.');

/** Ends the call because a check failed, and records it. */
function endInsecure(state: CallState, call: CallRecord, context: CallContext, failure: MediaFailure): Step {
  const ended = endHere(state, call, context, 'security-check-failed', failure.text, failure.code);
  return { ...ended, effects: [{ type: 'security-event', ...failure, call: call.id }, ...ended.effects] };
}

// ── placing and a person's actions ──────────────────────────────────────────────────────────────────────────────────────

function place(state: CallState, event: Extract<CallEvent, { type: 'place' }>, context: CallContext): Step {
  if (active(state.call)) return refused(state, 'CL_CALL_BUSY');
  if (event.to === context.self.account) return refused(state, 'CL_ADDRESS_INVALID');
  const exchange = newExchange(state, 'invite', 'caller');
  const conference = event.conference ?? null;
  const local = encryptionIn(conference, context);
  const call: CallRecord = {
    id: event.id,
    direction: 'outgoing',
    peer: { account: event.to, displayName: event.to, endpoint: null, identity: 'unverified' },
    phase: 'inviting',
    wanted: { microphone: event.microphone ?? true, camera: event.video, screen: false },
    screenSource: null,
    held: NOT_HELD,
    recording: NOT_RECORDED,
    ...NOT_HANDED_OVER,
    conference,
    notAdded: null,
    origin: event.origin ?? null,
    // Who is handed from one to the next does not begin to count anew with each.
    references: event.origin?.kind === 'reference' ? event.origin.reference : (event.references ?? 0),
    referredBy: event.referredBy ?? null,
    exchange,
    encryption: unsettled(local.available ? 'end-to-end' : 'standard'),
    local,
    autoAnswerAtMs: null,
    answered: false,
    ringing: [],
    heldCandidates: [],
    placedAtMs: context.now,
    startedAtMs: null,
    endedAtMs: null,
    ended: null
  };
  return {
    state: { call, lastEpoch: exchange.epoch },
    effects: [
      { type: 'stop-timer', name: 'forget' },
      takeMedia(call),
      { type: 'media-create-offer', epoch: exchange.epoch },
      { type: 'start-timer', name: 'invite', delayMs: context.timeouts.inviteMs }
    ],
    error: null
  };
}

type PersonEvent = Extract<
  CallEvent,
  {
    type:
      | 'answer'
      | 'decline'
      | 'hang-up'
      | 'touched'
      | 'codes-match'
      | 'codes-differ'
      | 'set-microphone'
      | 'set-camera'
      | 'set-screen'
      | 'set-held'
      | 'set-recording';
  }
>;

/** Whoever touches anything is here: a call that was about to be answered by itself waits for that person from then on. */
function person(state: CallState, call: CallRecord, event: PersonEvent, context: CallContext): Step {
  const done = act(state, call.autoAnswerAtMs === null ? call : { ...call, autoAnswerAtMs: null }, event, context);
  if (call.autoAnswerAtMs === null || done.error !== null) return done;
  return { ...done, effects: [{ type: 'stop-timer', name: 'auto-answer' }, ...done.effects] };
}

function act(state: CallState, call: CallRecord, event: PersonEvent, context: CallContext): Step {
  const rings = call.direction === 'incoming' && call.phase === 'ringing' && !call.answered;
  if (call.phase === 'ended') return refused(state, 'CL_CALL_WRONG_PHASE');
  switch (event.type) {
    case 'answer':
      if (!rings) return refused(state, 'CL_CALL_WRONG_PHASE');
      return context.mayTalk ? answer(state, call, event.video, context) : refused(state, 'CL_CALL_BUSY');
    case 'decline':
      return rings ? endHere(state, call, context, 'declined', 'The call was declined here.') : refused(state, 'CL_CALL_WRONG_PHASE');
    case 'touched':
      return next(state, call);
    case 'hang-up':
      return endHere(state, call, context, rings ? 'declined' : 'hangup', 'The call was ended here.');
    case 'set-microphone':
    case 'set-camera': {
      const microphone = event.type === 'set-microphone';
      const wanted = microphone ? { ...call.wanted, microphone: event.on } : { ...call.wanted, camera: event.on };
      const effect = microphone ? 'media-microphone' : 'media-camera';
      return next(state, { ...call, wanted }, [{ type: effect, epoch: call.exchange.epoch, on: event.on }]);
    }
    case 'set-screen': {
      // Nothing is shared before people can see with whom and how securely. What is off stays off, in any phase.
      if (event.on && (call.phase !== 'connected' || !call.encryption.secured || call.held.here)) return refused(state, 'CL_CALL_WRONG_PHASE');
      const chosen = event.source === undefined ? {} : { source: event.source };
      const effect: CallEffect = { type: 'media-screen', epoch: call.exchange.epoch, on: event.on, ...chosen };
      const screenSource = event.on ? (event.source ?? null) : call.screenSource;
      return next(state, { ...call, wanted: { ...call.wanted, screen: event.on }, screenSource }, [effect]);
    }
    case 'set-held':
      return hold(state, call, event.on, context);
    case 'set-recording':
      return record(state, call, event.on);
    case 'codes-match':
      if (!comparable(call, event.epoch)) return refused(state, 'CL_CALL_WRONG_PHASE');
      return next(
        state,
        { ...call, encryption: { ...call.encryption, codesMatchHere: true } },
        toPeer(call, { type: 'call.verdict', body: { codesMatch: true } })
      );
    case 'codes-differ': {
      if (!comparable(call, event.epoch)) return refused(state, 'CL_CALL_WRONG_PHASE');
      const differ = { ...call, encryption: { ...call.encryption, codesMatchHere: false } };
      const ended = endInsecure(state, differ, context, {
        code: 'CL_SECURITY_CODES_DIFFER',
        detectedBy: 'people',
        text: 'The people here said that the security codes do not match.'
      });
      return { ...ended, effects: [...toPeer(call, { type: 'call.verdict', body: { codesMatch: false } }), ...ended.effects] };
    }
  }
}

function hold(state: CallState, call: CallRecord, on: boolean, context: CallContext): Step {
  if (call.phase !== 'connected') return refused(state, 'CL_CALL_WRONG_PHASE');
  if (!on && call.parked !== null) return handover(state, call, { type: 'unpark' }, context);
  // The other side of it is on its way to somebody else.
  if (!on && call.held.here && handingOver(call)) return refused(state, 'CL_CALL_WRONG_PHASE');
  if (!on && call.held.here && !context.mayTalk) return refused(state, 'CL_CALL_BUSY');
  const waiting = call.conference !== null && !joined(call);
  // One that is to be joined to another is resumed with it, or not at all.
  if (!on && call.held.here && waiting) return refused(state, 'CL_CALL_WRONG_PHASE');
  const left = on && !call.held.here ? leftBefore(call) : { call, effects: [] };
  if (left === null) return refused(state, 'CL_CALL_WRONG_PHASE');
  const { call: after, effects } = held(on ? left.call : { ...call, parkOverAtMs: null }, on);
  return next(state, after, [...left.effects, ...effects]);
}

/** Of standard calls alone (R6). The other side is told before anything is written, and again when nothing is written any more. */
function record(state: CallState, call: CallRecord, on: boolean): Step {
  if (on && call.encryption.agreed === 'end-to-end') return refused(state, 'CL_CALL_FEATURE_UNAVAILABLE');
  // It would hold one pair of three, and who joins was not told.
  if (on && call.conference !== null) return refused(state, 'CL_CALL_CONFERENCE');
  if (on && (call.phase !== 'connected' || !call.encryption.secured || call.held.here)) return refused(state, 'CL_CALL_WRONG_PHASE');
  if (call.recording.here === on) return unchanged(state);
  return next(state, { ...call, recording: { ...call.recording, here: on } }, [recordingEffect(call, on)]);
}

function recordingEffect(call: CallRecord, on: boolean): CallEffect {
  const [notice = null] = toPeer(call, { type: 'call.update', body: { recording: on } }).filter((effect) => effect.type === 'send');
  return { type: 'media-recording', epoch: call.exchange.epoch, on, notice };
}

/** A touch that was meant for a code which is not shown any more says nothing about the present one. */
const comparable = (call: CallRecord, epoch: number | null): boolean => call.encryption.code !== null && (epoch === null || epoch === call.exchange.epoch);

function answer(state: CallState, call: CallRecord, video: boolean, context: CallContext): Step {
  const wanted = { ...call.wanted, camera: video && call.wanted.camera };
  const answered: CallRecord = { ...call, answered: true, autoAnswerAtMs: null, phase: 'connecting', wanted };
  const effects: CallEffect[] = [{ type: 'stop-timer', name: 'invite' }];
  if (wanted.camera !== call.wanted.camera) effects.push({ type: 'media-camera', epoch: call.exchange.epoch, on: wanted.camera });
  effects.push({ type: 'media-open', epoch: call.exchange.epoch }, { type: 'start-timer', name: 'connect', delayMs: context.timeouts.connectMs });
  const sent = sendPrepared(answered, context);
  return next(state, sent.call, [...effects, ...sent.effects]);
}

/** Callee: sends the answer once it is both made and wanted. */
function sendPrepared(call: CallRecord, context: CallContext): { readonly call: CallRecord; readonly effects: readonly CallEffect[] } {
  const { prepared, described } = call.exchange;
  if (prepared === null || described || !call.answered) return { call, effects: [] };
  const endToEnd = call.encryption.agreed === 'end-to-end';
  const reason = wireReason(call.local);
  const encryption = endToEnd ? { accepted: true, nonce: prepared.nonce } : { accepted: false, ...(reason === undefined ? {} : { reason }) };
  const effects = toPeer(call, { type: 'call.answer', body: { sdp: prepared.sdp, encryption, displayName: context.displayName } });
  if (call.heldCandidates.length > 0) effects.push(...toPeer(call, { type: 'call.candidate', body: { candidates: [...call.heldCandidates] } }));
  return { call: { ...call, exchange: { ...call.exchange, prepared: null, described: true }, heldCandidates: [] }, effects };
}

// ── what the other side says ────────────────────────────────────────────────────────────────────────────────────────────

function receive(state: CallState, inbound: InboundCallMessage, taken: Taken | null, context: CallContext): Step {
  if (inbound.from.endpoint === context.self.endpoint) return unchanged(state);
  const { message } = inbound;
  if (message.type === 'call.invite') return invited(state, inbound, message.body, taken, context);
  const call = state.call;
  if (call === null || call.id !== inbound.call || call.phase === 'ended') return notThisCall(state, inbound);
  const fromPeer = inbound.from.account === call.peer.account && (call.peer.endpoint === null || call.peer.endpoint === inbound.from.endpoint);
  if (!fromPeer) return fromElsewhere(state, call, inbound);
  const known = inbound.identity === 'verified' ? call : { ...call, peer: { ...call.peer, identity: 'unverified' as const } };
  switch (message.type) {
    case 'call.ringing':
      return rang(state, known, inbound);
    case 'call.answer':
      return answeredBy(state, known, inbound, message.body, context);
    case 'call.reveal': {
      const awaited = known.exchange.role === 'callee' && known.exchange.described && known.encryption.agreed === 'end-to-end';
      return awaited ? next(state, known, [{ type: 'media-reveal', epoch: known.exchange.epoch, nonce: message.body.nonce }]) : unchanged(state);
    }
    case 'call.candidate': {
      // Before the answer it is not settled which endpoint the call is with: nobody's addresses are taken.
      const { role, settled, epoch } = known.exchange;
      if (role === 'caller' && !settled) return unchanged(state);
      return next(state, known, [{ type: 'media-candidates', epoch, candidates: message.body.candidates }]);
    }
    case 'call.update':
    case 'call.update-answer': {
      const { role, settled, epoch } = known.exchange;
      if (role === 'caller' && !settled) return unchanged(state);
      if (message.type === 'call.update-answer')
        return next(state, known, [{ type: 'media-accept-update-answer', epoch, sdp: message.body.sdp, answers: message.body.answers }]);
      const { sdp, held, recording } = message.body;
      const heldThere = held ?? known.held.there;
      const told = { ...known, held: { ...known.held, there: heldThere }, recording: { ...known.recording, there: recording ?? known.recording.there } };
      return next(state, told, sdp === undefined ? [] : [{ type: 'media-accept-update', epoch, sdp }]);
    }
    case 'call.reconnect':
      return reconnectedBy(state, known, inbound.from, message.body, context);
    case 'call.refer':
      return referred(state, known, message.body, context);
    case 'call.refer-answer':
      return (
        referAnswered(state, known, message.body, context) ?? handedOver(state, known, known.handover?.role === 'referrer' ? known.handover.to : '', context)
      );
    case 'call.replace':
      return replaceOffered(state, known, message.body, context);
    case 'call.replace-answer':
      return replaceAnswered(state, known, message.body);
    case 'call.conference':
      return conferenceAsked(state, known, message.body, context);
    case 'call.conference-answer':
      return conferenceAnswered(state, known, message.body, context) ?? leave(state, known, context);
    case 'call.retrieve':
    case 'call.retrieve-answer':
      // Of no call: lines.ts has them.
      return unchanged(state);
    case 'call.verdict':
      return verdictThere(state, known, message.body.codesMatch, context);
    case 'call.end':
      if (message.body.reason === 'unsupported' && known.phase === 'connected') {
        const understood = notUnderstood(state, known, context);
        if (understood !== null) return understood;
        if (conferenceNotUnderstood(known)) return conferring({ ...state, call: known }, { type: 'conference-failed', quietly: false, reason: null }, context);
      }
      return endedThere(state, known, inbound, message.body.reason, context);
  }
}

/** Whoever rings or answers for a call that is over must not wait for it. */
function notThisCall(state: CallState, inbound: InboundCallMessage): Step {
  const { type } = inbound.message;
  if (type !== 'call.ringing' && type !== 'call.answer' && type !== 'call.reconnect') return unchanged(state);
  const reason = state.call?.id === inbound.call ? (state.call.ended?.reason ?? 'hangup') : 'hangup';
  return { state, effects: [{ type: 'send', to: inbound.from, call: inbound.call, message: endMessage(reason) }], error: null };
}

/** A message for this call from somebody that it is not with: another endpoint of the called account hears that it was answered; else nothing. */
function fromElsewhere(state: CallState, call: CallRecord, inbound: InboundCallMessage): Step {
  const asks = inbound.message.type === 'call.ringing' || inbound.message.type === 'call.answer';
  if (!asks || call.direction !== 'outgoing' || inbound.from.account !== call.peer.account) return unchanged(state);
  return { state, effects: [{ type: 'send', to: inbound.from, call: call.id, message: endMessage('answered-elsewhere') }], error: null };
}

type NotRung = Extract<CallEffect, { type: 'not-rung' }>['why'];

/** A caller for whom nothing rings, and what is kept of it. */
export function turnedAway(inbound: InboundCallMessage, body: CallBody<'call.invite'>, why: NotRung): CallEffect[] {
  return [
    { type: 'send', to: inbound.from, call: inbound.call, message: endMessage(why === 'blocked' ? 'blocked' : 'busy') },
    { type: 'not-rung', why, call: inbound.call, peer: callerOf(inbound, body) }
  ];
}

function invited(state: CallState, inbound: InboundCallMessage, body: CallBody<'call.invite'>, taken: Taken | null, context: CallContext): Step {
  const reply = (reason: EndReason): Step => ({
    state,
    effects: [{ type: 'send', to: inbound.from, call: inbound.call, message: endMessage(reason) }],
    error: null
  });
  const away = (why: NotRung): Step => ({ state, effects: turnedAway(inbound, body, why), error: null });
  if (context.isBlocked(inbound.from.account)) return away('blocked');
  const invitation = taken === null ? invitedTo(inbound.from.account, body, context) : null;
  // Whoever is handed nobody’s calls is brought together with nobody either, and with nobody who is blocked here.
  if (invitation !== null && (!context.acceptTransfers || context.isBlocked(invitation.third.account))) return reply('policy');
  const current = state.call;
  let before: CallEffect[] = [];
  let wanted = { microphone: body.media.audio, camera: body.media.video, screen: false };
  // What people had switched off stays off in a call that takes the place of theirs.
  if (taken !== null) wanted = { ...wanted, microphone: taken.microphone, camera: taken.camera };
  if (active(current)) {
    // Glare: both invited each other. The call with the smaller id wins.
    const glare = current.direction === 'outgoing' && !current.answered && current.peer.account === inbound.from.account;
    if (current.id === inbound.call) return unchanged(state);
    if (!glare) return away(context.doNotDisturb ? 'do-not-disturb' : 'in-a-call');
    if (current.id <= inbound.call) return unchanged(state);
    before = [
      { type: 'media-close', epoch: current.exchange.epoch },
      { type: 'stop-timer', name: 'invite' }
    ];
    wanted = { ...wanted, microphone: wanted.microphone && current.wanted.microphone, camera: wanted.camera && current.wanted.camera };
  }
  // Whoever was called from here may answer by calling, and a call that this room is handed on was wanted.
  if (context.doNotDisturb && before.length === 0 && taken === null) return away('do-not-disturb');
  const conference = taken?.conference ?? (active(current) ? current.conference : null) ?? invitation;
  const local = encryptionIn(conference, context);
  const decided = decideEncryption(local, {
    willing: body.encryption.offered,
    material: body.encryption.commitment,
    reason: body.encryption.reason
  });
  // Who is invited did not ask for three.
  const decision: EncryptionDecision = decided.kind === 'standard' && conference?.role === 'guest' ? { ...decided, reason: 'conference-there' } : decided;
  if (decision.kind === 'refused')
    return { ...reply('policy'), state: before.length > 0 ? { ...state, call: null } : state, effects: [...before, ...reply('policy').effects] };

  // What both people wanted is answered at once, unless it became less than the person here was told: that is for the person to answer.
  const agreed = taken !== null || (active(current) && decision.kind === current.encryption.expected);
  const answerAfterMs = !context.mayTalk ? null : agreed ? 0 : context.doNotDisturb ? null : context.autoAnswerAfterMs;
  const exchange = newExchange(state, 'invite', 'callee');
  const call: CallRecord = {
    id: inbound.call,
    direction: 'incoming',
    peer: callerOf(inbound, body),
    phase: 'ringing',
    wanted,
    screenSource: null,
    held: NOT_HELD,
    recording: NOT_RECORDED,
    ...NOT_HANDED_OVER,
    conference,
    notAdded: null,
    origin: taken?.origin ?? (active(current) ? current.origin : null),
    references: taken?.references ?? (active(current) ? current.references : 0),
    referredBy: taken?.referredBy ?? referrerOf(body),
    exchange,
    encryption: settle(unsettled(decision.kind), decision),
    local,
    autoAnswerAtMs: answerAfterMs === null || answerAfterMs === 0 ? null : context.now + answerAfterMs,
    answered: false,
    ringing: [],
    heldCandidates: [],
    placedAtMs: context.now,
    startedAtMs: null,
    endedAtMs: null,
    ended: null
  };
  const rings = next({ ...state, lastEpoch: exchange.epoch }, call, [
    ...before,
    { type: 'stop-timer', name: 'forget' },
    takeMedia(call),
    acceptOffer(call, body.sdp, decision, inbound.from),
    ...toPeer(call, { type: 'call.ringing', body: {} }),
    { type: 'start-timer', name: 'invite', delayMs: context.timeouts.inviteMs },
    { type: 'journal', entry: { call: call.id, peer: inbound.from } }
  ]);
  if (answerAfterMs === null) return rings;
  if (answerAfterMs > 0) return { ...rings, effects: [...rings.effects, { type: 'start-timer', name: 'auto-answer', delayMs: answerAfterMs }] };
  const answered = answer(rings.state, call, wanted.camera, context);
  return { ...answered, effects: [...rings.effects, ...answered.effects] };
}

const callerOf = (inbound: InboundCallMessage, body: CallBody<'call.invite'>): CallRecord['peer'] => ({
  account: inbound.from.account,
  displayName: shownName(body.displayName) || inbound.from.account,
  endpoint: inbound.from.endpoint,
  identity: inbound.identity
});

/** The caller's word: nothing but an account and a name. */
function referrerOf({ referredBy }: CallBody<'call.invite'>): CallRecord['referredBy'] {
  if (referredBy === undefined || !isAccount(referredBy.account)) return null;
  return { account: referredBy.account, displayName: shownName(referredBy.displayName) || referredBy.account };
}

function settle(encryption: CallRecord['encryption'], decision: Exclude<EncryptionDecision, { kind: 'refused' }>): CallRecord['encryption'] {
  return { ...encryption, agreed: decision.kind, expected: decision.kind, reason: decision.kind === 'standard' ? decision.reason : null };
}

function acceptOffer(call: CallRecord, sdp: string, decision: EncryptionDecision, from: Party): CallEffect {
  const endToEnd = decision.kind === 'end-to-end' ? { commitment: decision.material } : null;
  return { type: 'media-accept-offer', epoch: call.exchange.epoch, sdp, endToEnd, from };
}

function rang(state: CallState, call: CallRecord, inbound: InboundCallMessage): Step {
  if (call.direction !== 'outgoing' || call.answered) return unchanged(state);
  const ringing = call.ringing.includes(inbound.from.endpoint) ? call.ringing : [...call.ringing, inbound.from.endpoint].slice(0, 32);
  // Each endpoint that rings gets what was gathered so far, so that whichever answers can connect at once.
  const effects: CallEffect[] =
    call.heldCandidates.length === 0
      ? []
      : [{ type: 'send', to: inbound.from, call: call.id, message: { type: 'call.candidate', body: { candidates: [...call.heldCandidates] } } }];
  return next(state, { ...call, phase: 'ringing', ringing }, effects);
}

function answeredBy(state: CallState, call: CallRecord, inbound: InboundCallMessage, body: CallBody<'call.answer'>, context: CallContext): Step {
  const { exchange } = call;
  if (exchange.role !== 'caller' || !exchange.described || exchange.settled) return unchanged(state);
  const { endpoint } = inbound.from;
  // Whom a call is with is known, and verified, only with the answer.
  const identity = exchange.kind === 'invite' ? inbound.identity : call.peer.identity;
  const withPeer: CallRecord = {
    ...call,
    answered: true,
    peer: { ...call.peer, displayName: shownName(body.displayName ?? '') || call.peer.displayName, endpoint, identity },
    exchange: { ...exchange, settled: true }
  };
  if (exchange.kind === 'reconnect') {
    // What was agreed stays agreed, whatever policy and setting have become meanwhile.
    const nonce = body.encryption.accepted ? body.encryption.nonce : undefined;
    if ((nonce !== undefined) !== (call.encryption.agreed === 'end-to-end')) return endInsecure(state, call, context, DOWNGRADE);
    return next(state, withPeer, [
      { type: 'media-accept-answer', epoch: exchange.epoch, sdp: body.sdp, endToEnd: nonce === undefined ? null : { nonce }, from: inbound.from }
    ]);
  }
  const decision = decideEncryption(call.local, {
    willing: body.encryption.accepted,
    material: body.encryption.nonce,
    reason: body.encryption.reason
  });
  if (decision.kind === 'refused') {
    return endHere(state, withPeer, context, 'policy', 'Only end-to-end encrypted calls are allowed here, and the other side would not make one.');
  }
  const effects: CallEffect[] = [
    {
      type: 'media-accept-answer',
      epoch: exchange.epoch,
      sdp: body.sdp,
      endToEnd: decision.kind === 'end-to-end' ? { nonce: decision.material } : null,
      from: inbound.from
    }
  ];
  effects.push(
    { type: 'stop-timer', name: 'invite' },
    { type: 'start-timer', name: 'connect', delayMs: context.timeouts.connectMs },
    { type: 'journal', entry: { call: call.id, peer: inbound.from } }
  );
  for (const other of call.ringing) {
    if (other !== endpoint) {
      effects.push({ type: 'send', to: { account: call.peer.account, endpoint: other }, call: call.id, message: endMessage('answered-elsewhere') });
    }
  }
  if (!call.ringing.includes(endpoint) && call.heldCandidates.length > 0) {
    effects.push(...toPeer(withPeer, { type: 'call.candidate', body: { candidates: [...call.heldCandidates] } }));
  }
  return next(state, { ...withPeer, phase: 'connecting', ringing: [], heldCandidates: [], encryption: settle(call.encryption, decision) }, effects);
}

const DOWNGRADE: MediaFailure = {
  code: 'CL_SECURITY_RENEGOTIATION',
  detectedBy: 'call',
  text: 'The other side tried to go on with another kind of encryption than the call began with.'
};

function verdictThere(state: CallState, call: CallRecord, codesMatch: boolean, context: CallContext): Step {
  if (call.encryption.agreed !== 'end-to-end') return unchanged(state);
  const told = { ...call, encryption: { ...call.encryption, codesMatchThere: codesMatch } };
  if (codesMatch) return next(state, told);
  const failure: MediaFailure = {
    code: 'CL_SECURITY_CODES_DIFFER',
    detectedBy: 'people',
    text: 'The people on the other side said that the security codes do not match.'
  };
  const ended = end(state, told, context, { reason: 'security-check-failed', by: 'there', code: failure.code, text: failure.text }, null);
  return { ...ended, effects: [{ type: 'security-event', ...failure, call: call.id }, ...ended.effects] };
}

function endedThere(state: CallState, call: CallRecord, inbound: InboundCallMessage, reason: EndReason, context: CallContext): Step {
  // While several endpoints ring, one that cannot take the call does not end it; one whose person declined does.
  const others = call.ringing.filter((endpoint) => endpoint !== inbound.from.endpoint);
  if (call.direction === 'outgoing' && !call.answered && others.length > 0 && reason !== 'declined') return next(state, { ...call, ringing: others });
  const ended = end(state, { ...call, ringing: others }, context, { reason, by: 'there', code: null, text: END_TEXT[reason] }, null);
  const rest: CallEffect[] = others.map((endpoint) => ({
    type: 'send',
    to: { account: call.peer.account, endpoint },
    call: call.id,
    message: endMessage('answered-elsewhere')
  }));
  const alarm: CallEffect[] =
    reason === 'security-check-failed'
      ? [{ type: 'security-event', code: 'CL_SECURITY_HANDSHAKE', detectedBy: 'other-side', text: END_TEXT[reason], call: call.id }]
      : [];
  return { ...ended, effects: [...alarm, ...rest, ...ended.effects] };
}

const END_TEXT: Record<EndReason, string> = {
  hangup: 'The other side ended the call.',
  declined: 'The call was declined.',
  busy: 'The other side is in another call.',
  timeout: 'Nobody answered.',
  blocked: 'The other side does not take calls from here.',
  policy: 'The other side’s policy does not allow this call.',
  unsupported: 'The other side does not understand this call.',
  'security-check-failed': 'A security check failed on the other side.',
  'media-failed': 'The other side could not make a media connection.',
  'device-failed': 'The other side’s device failed.',
  'answered-elsewhere': 'The call was answered on another device.'
};

// ── the media process ───────────────────────────────────────────────────────────────────────────────────────────────────

type MediaEvent = Extract<
  CallEvent,
  {
    type:
      | 'offer-ready'
      | 'answer-ready'
      | 'reveal-ready'
      | 'local-candidates'
      | 'update-ready'
      | 'update-answer-ready'
      | 'secured'
      | 'media-failed'
      | 'media-lost'
      | 'screen-ended'
      | 'recording-ended';
  }
>;

function media(state: CallState, call: CallRecord, event: MediaEvent, context: CallContext): Step {
  switch (event.type) {
    case 'offer-ready':
      return offerReady(state, call, event, context);
    case 'answer-ready': {
      const sent = sendPrepared({ ...call, exchange: { ...call.exchange, prepared: { sdp: event.sdp, nonce: event.nonce } } }, context);
      return next(state, sent.call, sent.effects);
    }
    case 'reveal-ready':
      return call.encryption.agreed === 'end-to-end'
        ? next(state, call, toPeer(call, { type: 'call.reveal', body: { nonce: event.nonce } }))
        : unchanged(state);
    case 'local-candidates':
      return localCandidates(state, call, event.candidates);
    case 'update-ready':
      return next(state, call, toPeer(call, { type: 'call.update', body: { sdp: event.sdp } }));
    case 'update-answer-ready':
      return next(state, call, toPeer(call, { type: 'call.update-answer', body: { sdp: event.sdp, answers: event.answers } }));
    case 'secured':
      return secured(state, call, event.code, context);
    case 'media-failed':
      return mediaFailed(state, call, event.failure, context);
    case 'media-lost':
      return mediaLost(state, call, context);
    case 'screen-ended':
      // Turned off as well: the word may have crossed with a person's wish to share again.
      return next(state, { ...call, wanted: { ...call.wanted, screen: false } }, [{ type: 'media-screen', epoch: call.exchange.epoch, on: false }]);
    case 'recording-ended':
      return call.recording.here ? next(state, { ...call, recording: { ...call.recording, here: false } }, [recordingEffect(call, false)]) : unchanged(state);
  }
}

function offerReady(state: CallState, call: CallRecord, event: Extract<MediaEvent, { type: 'offer-ready' }>, context: CallContext): Step {
  const reconnect = call.exchange.kind === 'reconnect';
  const offered = reconnect ? call.encryption.agreed === 'end-to-end' : call.local.available;
  const reason = wireReason(call.local);
  const conference = reconnect ? undefined : conferenceOf(call);
  const body: CallBody<'call.invite'> = {
    sdp: event.sdp,
    encryption: offered ? { offered, commitment: event.commitment } : { offered, ...(reason === undefined ? {} : { reason }) },
    media: { audio: true, video: call.wanted.camera },
    displayName: context.displayName,
    ...(reconnect || call.referredBy === null ? {} : { referredBy: call.referredBy }),
    ...(!reconnect && call.origin?.kind === 'reference' && call.origin.replaces !== null ? { replaces: call.origin.replaces } : {}),
    ...(conference === undefined ? {} : { conference })
  };
  const described = { ...call, exchange: { ...call.exchange, described: true } };
  if (reconnect) {
    const effects = toPeer(call, { type: 'call.reconnect', body });
    if (call.heldCandidates.length > 0) effects.push(...toPeer(call, { type: 'call.candidate', body: { candidates: [...call.heldCandidates] } }));
    return next(state, { ...described, heldCandidates: [] }, effects);
  }
  const lifetimeSeconds = Math.ceil(context.timeouts.inviteMs / 1000);
  return next(state, described, [{ type: 'send', to: { account: call.peer.account }, call: call.id, message: { type: 'call.invite', body }, lifetimeSeconds }]);
}

/** Ours go to the other side as soon as there is one that may have them: not before the callee has answered, since they tell where it is. */
function localCandidates(state: CallState, call: CallRecord, candidates: CallRecord['heldCandidates']): Step {
  const message: CallMessage = { type: 'call.candidate', body: { candidates: [...candidates] } };
  if (call.exchange.described && call.peer.endpoint !== null) return next(state, call, toPeer(call, message));
  const held = [...call.heldCandidates, ...candidates].slice(0, 64);
  const effects: CallEffect[] = call.ringing.map((endpoint) => ({ type: 'send', to: { account: call.peer.account, endpoint }, call: call.id, message }));
  return next(state, { ...call, heldCandidates: held }, effects);
}

function secured(state: CallState, call: CallRecord, code: string | null, context: CallContext): Step {
  const endToEnd = call.encryption.agreed === 'end-to-end';
  if (endToEnd !== (code !== null)) return endInsecure(state, call, context, DOWNGRADE);
  const anew = call.exchange.kind === 'reconnect';
  const encryption = { ...call.encryption, secured: true, code, securedAnew: call.encryption.securedAnew || anew };
  return next(state, { ...call, phase: 'connected', startedAtMs: call.startedAtMs ?? context.now, encryption }, [
    { type: 'stop-timer', name: 'connect' },
    { type: 'stop-timer', name: 'reconnect' },
    ...securedIn(call, context)
  ]);
}

function mediaFailed(state: CallState, call: CallRecord, failure: MediaFailure, context: CallContext): Step {
  // Everything that is not plainly a matter of media counts as a security check: fail closed.
  if (!failure.code.startsWith('CL_MEDIA_')) return endInsecure(state, call, context, failure);
  return endHere(state, call, context, 'media-failed', failure.text, failure.code);
}

/** The media process died and the key with it: the call is secured anew under the same id, or ends. The old code is blanked at once. */
function mediaLost(state: CallState, call: CallRecord, context: CallContext): Step {
  if (call.phase !== 'connected' || !call.encryption.secured) {
    return endHere(state, call, context, 'media-failed', 'The media process ended unexpectedly.', 'CL_MEDIA_PROCESS_DIED');
  }
  const exchange = newExchange(state, 'reconnect', 'caller');
  const again = beginAgain(call, exchange);
  return next({ ...state, lastEpoch: exchange.epoch }, again, [
    { type: 'media-close', epoch: call.exchange.epoch },
    takeMedia(again),
    { type: 'media-create-offer', epoch: exchange.epoch },
    { type: 'start-timer', name: 'reconnect', delayMs: context.timeouts.reconnectMs }
  ]);
}

function beginAgain(call: CallRecord, exchange: Exchange): CallRecord {
  const encryption = { ...call.encryption, secured: false, code: null, codesMatchHere: null, codesMatchThere: null };
  // A share does not begin by itself, not even again: the people may have a new code to compare first.
  // So do recordings: they ended with the media processes of both sides.
  return { ...call, exchange, encryption, wanted: { ...call.wanted, screen: false }, recording: NOT_RECORDED, heldCandidates: [] };
}

function reconnectedBy(state: CallState, call: CallRecord, from: Party, body: CallBody<'call.reconnect'>, context: CallContext): Step {
  if (call.phase !== 'connected') return unchanged(state);
  // Both lost their media process: the one that placed the call is the caller of the new exchange too.
  const glare = call.exchange.kind === 'reconnect' && call.exchange.role === 'caller' && !call.encryption.secured;
  if (glare && call.direction === 'outgoing') return unchanged(state);
  // Who cannot secure a reconnect ends the call: a second one before the first is secured is only there to wear out media processes.
  if (call.exchange.kind === 'reconnect' && call.exchange.role === 'callee' && !call.encryption.secured) return unchanged(state);
  const endToEnd = body.encryption.offered && body.encryption.commitment !== undefined;
  if (endToEnd !== (call.encryption.agreed === 'end-to-end')) return endInsecure(state, call, context, DOWNGRADE);
  const exchange = newExchange(state, 'reconnect', 'callee');
  const again = beginAgain(call, exchange);
  const commitment = body.encryption.commitment;
  return next({ ...state, lastEpoch: exchange.epoch }, again, [
    { type: 'media-close', epoch: call.exchange.epoch },
    takeMedia(again),
    { type: 'media-accept-offer', epoch: exchange.epoch, sdp: body.sdp, endToEnd: endToEnd && commitment !== undefined ? { commitment } : null, from },
    { type: 'media-open', epoch: exchange.epoch },
    { type: 'start-timer', name: 'reconnect', delayMs: context.timeouts.reconnectMs }
  ]);
}

// ── timers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

function timer(state: CallState, name: TimerName, context: CallContext): Step {
  const { call } = state;
  if (call === null) return unchanged(state);
  if (name === 'forget') return call.phase === 'ended' ? { state: { ...state, call: null }, effects: [], error: null } : unchanged(state);
  if (call.phase === 'ended') return unchanged(state);
  switch (name) {
    case 'invite': {
      if (call.answered) return unchanged(state);
      const ending: CallEnding = { reason: 'timeout', by: call.direction === 'outgoing' ? 'here' : 'there', code: 'CL_CALL_TIMEOUT', text: 'Nobody answered.' };
      return end(state, call, context, ending, call.direction === 'outgoing' ? 'timeout' : null);
    }
    case 'handover':
      return handoverTimer(state, call, context) ?? handedOver(state, call, call.handover?.role === 'referred' ? call.handover.to : '', context);
    case 'park':
      return parkTimer(state, call, context);
    case 'conference':
      return conferenceTimer(state, call) ?? leave(state, call, context);
    case 'auto-answer':
      // Somebody may have turned it off meanwhile, wants to be left alone, or talks in another call.
      if (call.autoAnswerAtMs === null || call.answered) return unchanged(state);
      if (context.autoAnswerAfterMs === null || context.doNotDisturb || !context.mayTalk) return next(state, { ...call, autoAnswerAtMs: null });
      return answer(state, call, call.wanted.camera, context);
    case 'connect':
      if (call.phase !== 'connecting') return unchanged(state);
      return endHere(state, call, context, 'media-failed', 'No media connection could be made in time.', 'CL_MEDIA_CONNECT');
    case 'reconnect':
      if (call.encryption.secured) return unchanged(state);
      return endHere(state, call, context, 'media-failed', 'The media connection was lost and could not be secured again in time.', 'CL_MEDIA_LOST');
  }
}
