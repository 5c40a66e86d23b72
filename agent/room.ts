// The room: lets its calls take what happens, in signaling, at devices and at the panel, and shows it all as one RoomState.
// What is decided is decided in src/call; call-line.ts carries the effects out for each call; here facts are collected.
import { randomBytes, randomInt } from 'node:crypto';
import type { CallContext, CallEffect, CallEvent, CallRecord, JournalEntry } from '../src/call/call.ts';
import { joined } from '../src/call/conference.ts';
import type { LocalEncryption } from '../src/call/encryption-decision.ts';
import { unavailableFeatures } from '../src/call/features.ts';
import { handingOver } from '../src/call/handover.ts';
import {
  consultationFor,
  frontOf,
  type Line,
  type LineEffect,
  type Lines,
  type LinesContext,
  type LinesEvent,
  lineOfCall,
  MAX_LINES,
  noLines,
  parkedUnder,
  partnerOf,
  replacedBy,
  runs,
  stepLines,
  waits
} from '../src/call/lines.ts';
import { confirmedBy, verdict } from '../src/call/verdict.ts';
import type { CallOnDevices } from '../src/devices/port.ts';
import { expiryProblem } from '../src/health/certificate-expiry.ts';
import { parseAddress } from '../src/kernel/address.ts';
import type { Clock, Timer } from '../src/kernel/clock.ts';
import { type ErrorCode, errorCodes } from '../src/kernel/error-codes.ts';
import { asCloisterError, CloisterError } from '../src/kernel/errors.ts';
import type { Log } from '../src/kernel/log.ts';
import type { Language } from '../src/kernel/panel-choices.ts';
import { Scope } from '../src/kernel/scope.ts';
import { uuidV7 } from '../src/kernel/uuid.ts';
import type { MediaFailure, MediaProcesses, MediaSession } from '../src/media/port.ts';
import { noRecipient } from '../src/media/recording/no-recipient.ts';
import { recentCallOf } from '../src/people/recent-call.ts';
import type { CredentialsClient } from '../src/relay/credentials-client.ts';
import { callOnDevices } from '../src/room/call-on-devices.ts';
import { type CallFacts, type CodeShown, projectRoomState, type RoomFacts, showsCode } from '../src/room/project.ts';
import { soundFor } from '../src/room/sound-choice.ts';
import type { Problem, RoomState, SecurityEvent } from '../src/room/state.ts';
import type { InboundCallMessage, Signaling } from '../src/signaling/port.ts';
import type { CallAction, CallActionOptions, RoomPort } from '../src/ui-server/port.ts';
import type { CallJournal } from './call-journal.ts';
import { type CallLine, createCallLine, type Lender } from './call-line.ts';
import { createCodeComparison } from './code-comparison.ts';
import type { CallCommand, RoomDevices } from './room-devices.ts';
import type { RoomParts } from './room-parts.ts';
import type { RoomSound } from './room-sound.ts';
import type { ShareSources } from './share-sources.ts';
import type { Speak } from './speak.ts';

export type RoomOptions = {
  readonly agentVersion: string;
  readonly room: RoomState['room'];
  /** As they are now: a call keeps those that it began with. */
  readonly policy: () => RoomFacts['policy'];
  readonly localEncryption: () => LocalEncryption;
  readonly sources: () => RoomFacts['sources'];
  readonly devices: RoomDevices;
  readonly shareSources: ShareSources;
  /** Somebody who may play recordings is configured. */
  readonly records: boolean;
  readonly parts: RoomParts;
  readonly sound: RoomSound;
  readonly speak: Speak;
  /** This endpoint’s own. */
  readonly certificate: RoomState['certificate'];
  /** The other side of a call may have this room call somebody else. */
  readonly acceptTransfers: boolean;
  readonly timeouts: CallContext['timeouts'];
  readonly signaling: Signaling;
  /** All of this machine's, but for loopback and link-local ones. */
  readonly addresses: () => readonly string[];
  /** Null where no service gives this room credentials for relays. */
  readonly relay: Pick<CredentialsClient, 'on' | 'missingSinceMs'> | null;
  readonly mediaProcesses: MediaProcesses;
  /** What is told of hardware encoders. */
  readonly hardware?: { problem(): MediaFailure | null; on(event: 'settled', listener: () => void): () => void };
  readonly journal: CallJournal;
  /** The latest lines of the log, redacted, oldest first. */
  readonly logLines: () => readonly string[];
  /** Ends the agent so that its supervisor starts it again; null where nobody would. */
  readonly restart: (() => void) | null;
  readonly clock: Clock;
  readonly log: Log;
};

const SECURITY_EVENTS_KEPT = 20;
/** A broker that is away shorter than this is no problem to show. */
const BROKER_PATIENCE_MS = 2_000;
const ADDRESS_LOOK_MS = 1_000;
/** A key that is stuck, or a device gone wild, may not ring at the other side over and over. */
const REDIAL_REST_MS = 3_000;
const CERTIFICATE_LOOK_MS = 60 * 60_000;
/** The answer to who asked for it is to arrive. */
const RESTART_AFTER_MS = 500;
/** Long enough to tell how loud it is. */
const RINGER_TRIED_MS = 2_000;

const PARK_CODE = /^[0-9]{4}$/;
/** The parked call's other side has to call within this. */
const RETRIEVE_LIMIT_MS = 15_000;
const REFUSED_WAIT_MS = 500;
const RELEASE_LIMIT_MS = 2_000;

type Retrieving = {
  readonly id: string;
  readonly resolve: (call: { id: string }) => void;
  readonly reject: (error: CloisterError) => void;
  readonly giveUp: Timer;
  readonly refusedAtMs: number | null;
};

export type Room = RoomPort & AsyncDisposable & { start(signal: AbortSignal): Promise<void> };

export function createRoom(options: RoomOptions): Room {
  const { clock, log, signaling, devices, parts, sound } = options;
  const comparison = createCodeComparison();
  const scope = new Scope();
  const callLines = new Map<number, CallLine>();
  const journalled = new Map<number, JournalEntry>();
  const listeners = new Set<(state: RoomState) => void>();

  let lines: Lines = noLines;
  let retrieving: Retrieving | null = null;
  let hardwareSinceMs = clock.now();
  let broker: RoomState['network']['broker'] = 'connecting';
  let brokerSinceMs = clock.now();
  let clockState: RoomState['network']['clock'] = 'ok';
  let clockWrongSinceMs = 0;
  let securityEvents: readonly SecurityEvent[] = [];
  let shown: RoomState | null = null;
  let notifying = false;
  let redialledAtMs = Number.NEGATIVE_INFINITY;
  let codeShown: CodeShown | null = null;
  /** Until when it rings for somebody who tries the ringer. */
  let ringerTriedUntilMs = 0;
  let onDevices: CallOnDevices & { readonly sharing: boolean } = { phase: 'idle', muted: false, sharing: false };

  // ── facts to state ──────────────────────────────────────────────────────────────────────────────────────────────────

  function problems(): Problem[] {
    const found: Problem[] = [];
    const add = (code: ErrorCode, severity: Problem['severity'], sinceMs: number, text: string = errorCodes[code].text): void => {
      found.push({ code, severity, since: new Date(sinceMs).toISOString(), text, silenced: null });
    };
    if (broker !== 'connected' && clock.now() - brokerSinceMs >= BROKER_PATIENCE_MS) add('CL_BROKER_UNREACHABLE', 'error', brokerSinceMs);
    if (clockState === 'wrong') add('CL_CLOCK_WRONG', 'error', clockWrongSinceMs);
    const unreadableSinceMs = parts.unreadableSinceMs();
    if (unreadableSinceMs !== null) add('CL_STORE_UNREADABLE', 'warning', unreadableSinceMs);
    const noRelaySinceMs = options.relay?.missingSinceMs() ?? null;
    if (noRelaySinceMs !== null) add('CL_RELAY_CREDENTIALS', 'warning', noRelaySinceMs);
    const hardwareProblem = options.hardware?.problem() ?? null;
    if (hardwareProblem !== null) add(hardwareProblem.code, 'warning', hardwareSinceMs, hardwareProblem.text);
    const noSoundSinceMs = sound.missingSinceMs();
    if (noSoundSinceMs !== null) add('CL_SOUND', 'warning', noSoundSinceMs);
    for (const trouble of devices.troubles()) add(trouble.code, 'warning', trouble.sinceMs, trouble.text);
    for (const { call } of lines.lines) if (call.parkOverAtMs !== null) add('CL_PARK_RETURNED', 'warning', call.parkOverAtMs);
    for (const line of callLines.values()) {
      const { problem } = line.facts();
      if (problem !== null) add(problem.failure.code, 'warning', problem.sinceMs, problem.failure.text);
    }
    const expiry = expiryProblem(Date.parse(options.certificate.notAfter), clock.now());
    if (expiry !== null) add('CL_CERTIFICATE_EXPIRES', expiry.severity, expiry.sinceMs, expiry.text);
    const adminProblem = parts.admin.problem();
    if (adminProblem !== null) add(adminProblem.code, 'error', adminProblem.sinceMs);
    return parts.silences.mark(found);
  }

  function callFacts({ key, call }: Line): CallFacts {
    const facts = callLines.get(key)?.facts();
    return {
      call,
      verdict: { state: verdict(call), confirmedBy: confirmedBy(call) },
      unavailableFeatures: unavailableFeatures(call.encryption.agreed, options.records, call.conference !== null),
      media: facts?.media ?? null,
      mediaProblem: facts?.problem?.failure ?? null,
      consulting: consultationFor(lines, call.id)?.call.peer.account ?? null,
      mediaEpoch: facts?.session?.epoch ?? 0
    };
  }

  function state(): RoomState {
    const front = frontOf(lines);
    shown ??= projectRoomState({
      agentVersion: options.agentVersion,
      room: options.room,
      call: front === null ? null : callFacts(front),
      // Besides those that run, one that the other side ended, for people to see why, while they go on with another.
      otherCalls: lines.lines.filter((line) => line !== front && (runs(line) || line.call.ended?.by === 'there')).map(callFacts),
      sources: options.sources(),
      devices: devices.facts(),
      policy: options.policy(),
      local: options.localEncryption(),
      broker,
      brokerSinceMs,
      clock: clockState,
      settings: parts.settings.view(),
      people: parts.people.view(),
      sound: sound.view(),
      display: { showsCode: showsCode(codeShown, front === null ? null : callFacts(front)) },
      displays: sound.displays(),
      admin: parts.admin.view(),
      certificate: options.certificate,
      addresses: options.addresses(),
      problems: problems(),
      securityEvents
    });
    return shown;
  }

  /** At once: lamps follow what is so as quickly as the panel does. */
  function showOnDevices(): void {
    const { call: current, otherCalls, devices: shownDevices } = state();
    const { phase, muted } = callOnDevices(current, shownDevices.microphone, otherCalls);
    const sharing = current?.media.wanted.screen === true && phase !== 'idle';
    if (phase === onDevices.phase && muted === onDevices.muted && sharing === onDevices.sharing) return;
    onDevices = { phase, muted, sharing };
    devices.show({ phase, muted }, sharing);
  }

  /** At once, too: what is answered does not go on ringing. */
  function sounds(): void {
    // What was tried does not begin anew after a call.
    if (isInCall()) ringerTriedUntilMs = 0;
    sound.want(scope.closed ? null : soundFor(state(), clock.now(), ringerTriedUntilMs));
  }

  function changed(): void {
    shown = null;
    showOnDevices();
    sounds();
    if (notifying) return;
    notifying = true;
    setImmediate(() => {
      notifying = false;
      for (const listener of [...listeners]) {
        try {
          listener(state());
        } catch (error) {
          log.error('a listener of the room failed', { error: String(error) });
        }
      }
    });
  }

  function recordSecurityEvent(code: ErrorCode, detectedBy: string, text: string, callId: string | null): void {
    log.warn('security event', { code, detectedBy, text, call: callId ?? undefined });
    securityEvents = [...securityEvents, { at: new Date(clock.now()).toISOString(), code, detectedBy, text, call: callId }].slice(-SECURITY_EVENTS_KEPT);
    changed();
  }

  // ── the state machine and its effects ───────────────────────────────────────────────────────────────────────────────

  function context(): LinesContext {
    const { autoAnswer, doNotDisturb } = parts.settings.view();
    return {
      self: signaling.self,
      displayName: options.room.name,
      encryption: options.localEncryption(),
      autoAnswerAfterMs: autoAnswer.on ? autoAnswer.afterSeconds * 1000 : null,
      doNotDisturb: doNotDisturb !== null,
      isBlocked: parts.people.isBlocked,
      acceptTransfers: options.acceptTransfers,
      now: clock.now(),
      timeouts: options.timeouts
    };
  }

  /** @throws the step's error, where a person asked for what cannot be done now. Resolves when the effects that a person waits for are done. */
  async function dispatch(event: LinesEvent): Promise<void> {
    const before = lines;
    const { state: nextState, effects, error } = stepLines(lines, event, context());
    if (error !== null) throw error;
    lines = nextState;
    for (const { key, call } of lines.lines) {
      const earlier = before.lines.find((line) => line.key === key)?.call;
      if (earlier?.id === call.id && earlier.phase === call.phase) continue;
      log.info('call', { call: call.id, phase: call.phase, direction: call.direction, ended: call.ended?.reason, code: call.ended?.code ?? undefined });
    }
    remember(before.lines, lines.lines);
    const done: (Promise<void> | undefined)[] = [];
    for (const { line, effect } of effects) {
      // Camera and microphone are let go of before another call of this room opens them.
      if (effect.type === 'not-rung') didNotRing(effect);
      else if (effect.type === 'follow-reference') void letGo(Promise.allSettled([...done])).then(() => follow(effect));
      else if (effect.type === 'place-conference') void joinThird(effect);
      else done.push(carryOut({ line, effect }));
    }
    for (const line of lines.lines) if (borrowsAlone(line)) callLines.get(line.key)?.stopBorrowing();
    for (const [key, line] of callLines) {
      if (lines.lines.some((each) => each.key === key)) continue;
      line[Symbol.dispose]();
      callLines.delete(key);
    }
    settleRetrieval();
    changed();
    await Promise.all(done);
  }

  /** What is left of a call when it is over. */
  function remember(before: readonly Line[], after: readonly Line[]): void {
    parts.settings.inCall(after.some(runs));
    for (const { key, call } of after) {
      const earlier = before.find((line) => line.key === key)?.call;
      if (call.phase !== 'ended' || (earlier?.id === call.id && earlier.phase === 'ended')) continue;
      const recent = recentCallOf(call, verdict(call));
      if (recent !== null) parts.people.record(recent, call.peer.endpoint);
    }
  }

  function didNotRing({ why, call: id, peer }: Extract<CallEffect, { type: 'not-rung' }>): void {
    log.info('a call did not ring', { call: id, why });
    if (why === 'blocked') {
      parts.people.refused();
      return;
    }
    const { account, displayName, endpoint } = peer;
    const at = new Date(clock.now()).toISOString();
    parts.people.record({ id, account, displayName, direction: 'incoming', outcome: 'missed', at, durationMs: 0, encryption: null }, endpoint);
  }

  /** Somebody is here: nothing is answered by itself that this person can answer. */
  function touched(): void {
    for (const { key, call } of lines.lines) if (call.autoAnswerAtMs !== null) happened({ type: 'line', line: key, event: { type: 'touched' } });
  }

  /** For events that no person waits for. */
  function happened(event: LinesEvent): void {
    const type = event.type === 'line' ? event.event.type : event.type;
    dispatch(event).catch((error) => log.error('a call event failed', { event: type, error: String(error) }));
  }

  function carryOut({ line: key, effect }: LineEffect): Promise<void> | undefined {
    let line = callLines.get(key);
    if (line === undefined) {
      line = createCallLine({
        signaling,
        mediaProcesses: options.mediaProcesses,
        clock,
        log,
        dispatch: (event) => dispatch({ type: 'line', line: key, event }),
        changed,
        recordSecurityEvent: ({ code, detectedBy, text, call }) => recordSecurityEvent(code, detectedBy, text, call),
        journal(entry) {
          if (entry === null) journalled.delete(key);
          else journalled.set(key, entry);
          options.journal.write([...journalled.values()]).catch((error) => log.warn('the call journal could not be written', { error: String(error) }));
        },
        playedPercent: devices.playedPercent,
        lender: () => lenderOf(key)
      });
      callLines.set(key, line);
    }
    return line.carryOut(effect);
  }

  async function receive(inbound: InboundCallMessage): Promise<void> {
    const replaced = replacedBy(lines, inbound);
    // The call that is replaced lets go of camera and microphone before the new one opens them.
    if (replaced !== null) await letGo(onLine(replaced, { type: 'make-way' }));
    await dispatch({ type: 'message', inbound });
  }

  // ── several calls ───────────────────────────────────────────────────────────────────────────────────────────────────

  const onLine = ({ key }: Line, event: CallEvent): Promise<void> => dispatch({ type: 'line', line: key, event });

  /** Until camera, microphone and loudspeaker are released; one that hangs holds up nobody, the next call tries it again and again. */
  function letGo(done: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const limit = scope.schedule(clock, RELEASE_LIMIT_MS, resolve);
      done.then(() => resolve(), reject).finally(() => limit.cancel());
    });
  }

  /** The other side of a call asked this room to call somebody else. */
  async function follow({ call: id, reference, to, replaces }: Extract<CallEffect, { type: 'follow-reference' }>): Promise<void> {
    const line = lineOfCall(lines, id);
    if (line === null) return;
    const { peer, wanted } = line.call;
    try {
      await dispatch({
        type: 'place',
        id: uuidV7(clock.now(), randomBytes(10)),
        to,
        video: wanted.camera,
        microphone: wanted.microphone,
        origin: { kind: 'reference', call: id, reference, replaces },
        referredBy: { account: peer.account, displayName: peer.displayName }
      });
    } catch (cause) {
      log.info('another call that was asked for cannot be placed now', { error: asCloisterError(cause).code });
      happened({ type: 'line', line: line.key, event: { type: 'referral-progress', progress: 'failed', reason: 'busy' } });
    }
  }

  /** The third participant is called: by who brings the three together, and between the two others. */
  async function joinThird({ call: id, conference, to }: Extract<CallEffect, { type: 'place-conference' }>): Promise<void> {
    const line = lineOfCall(lines, id);
    if (line === null) return;
    const { wanted } = line.call;
    try {
      await dispatch({
        type: 'place',
        id: uuidV7(clock.now(), randomBytes(10)),
        to,
        video: wanted.camera,
        microphone: wanted.microphone,
        origin: { kind: 'conference', call: id, conference }
      });
    } catch (cause) {
      log.info('a third participant cannot be called now', { error: asCloisterError(cause).code });
      happened({ type: 'line', line: line.key, event: { type: 'conference-failed', quietly: false, reason: 'busy' } });
    }
  }

  const newConference = (): { readonly conference: string; readonly token: string } => ({
    conference: uuidV7(clock.now(), randomBytes(10)),
    token: randomBytes(16).toString('hex')
  });

  function addParticipant(line: Line, to: string): Promise<void> {
    const account = accountOf(to);
    const { favourites, recents } = parts.people.view();
    const known = [...favourites, ...recents].find((person) => person.account === account);
    return onLine(line, { type: 'add-participant', ...newConference(), third: { account, displayName: known?.displayName ?? account } });
  }

  /** In a conference one media process has the devices, and the other one borrows them. */
  function lenderOf(key: number): Lender | null {
    const line = lines.lines.find((each) => each.key === key);
    const partner = line === undefined ? null : partnerOf(lines, line);
    const theirs = partner === null ? undefined : callLines.get(partner.key)?.facts();
    const own = callLines.get(key)?.facts().session?.epoch;
    // Who borrows from this very process has nothing to lend.
    if (theirs?.session == null || (theirs.borrowsFrom !== null && theirs.borrowsFrom === own)) return null;
    return theirs.session;
  }

  /** It was to be joined to a call that goes on without it. */
  function borrowsAlone(line: Line): boolean {
    const from = callLines.get(line.key)?.facts().borrowsFrom ?? null;
    if (from === null || partnerOf(lines, line) !== null) return false;
    return [...callLines.values()].some((each) => each.facts().session?.epoch === from);
  }

  /** People talk in this call again: the others are held, and one that was only being placed is ended. */
  async function talkIn(line: Line, event: CallEvent): Promise<void> {
    // Where people cannot talk in it now, the call in which they talk goes on as it is.
    if (!waits(line) || handingOver(line.call)) return onLine(line, event);
    for (const { key } of lines.lines) {
      const other = lines.lines.find((each) => each.key === key);
      if (other === undefined || other.key === line.key || !runs(other) || waits(other)) continue;
      // Those of one conference are resumed together.
      if (joined(other.call) && partnerOf(lines, other)?.key === line.key) continue;
      if (other.call.phase === 'connected') await letGo(onLine(other, { type: 'set-held', on: true }));
      else if (other.call.direction === 'outgoing' || other.call.answered) await onLine(other, { type: 'hang-up' });
    }
    await onLine(line, event);
  }

  const accountOf = (to: string): string => {
    const address = parseAddress(to);
    if (!address.ok) throw address.error;
    return address.value.account;
  };

  /** Holds the call and asks somebody else first; a call that cannot be placed leaves it as it was. */
  async function consult(line: Line, to: string): Promise<void> {
    const account = accountOf(to);
    const { id, wanted, held } = line.call;
    if (lines.lines.filter(runs).length >= MAX_LINES) throw new CloisterError('CL_CALL_LINES_FULL');
    await letGo(onLine(line, { type: 'consult', to: account }));
    try {
      await dispatch({
        type: 'place',
        id: uuidV7(clock.now(), randomBytes(10)),
        to: account,
        video: wanted.camera,
        microphone: wanted.microphone,
        origin: { kind: 'consultation', call: id }
      });
    } catch (error) {
      if (!held.here) await onLine(line, { type: 'set-held', on: false });
      throw error;
    }
  }

  async function completeTransfer(line: Line): Promise<void> {
    const { origin } = line.call;
    const [parent, consulted] = origin?.kind === 'consultation' ? [lineOfCall(lines, origin.call), line] : [line, consultationFor(lines, line.call.id)];
    if (parent === null || consulted === null || !runs(parent)) throw new CloisterError('CL_CALL_WRONG_PHASE');
    await onLine(consulted, { type: 'offer-replacement', token: randomBytes(16).toString('hex'), by: parent.call.peer.account });
  }

  /** Not one that is in use here. */
  function newParkCode(): string {
    for (;;) {
      const code = String(randomInt(10_000)).padStart(4, '0');
      if (parkedUnder(lines, code) === null) return code;
    }
  }

  async function retrieve(account: string | null, code: string): Promise<{ id: string }> {
    if (!PARK_CODE.test(code)) throw new CloisterError('CL_PARK_UNKNOWN');
    const from = account === null ? signaling.self.account : accountOf(account);
    const here = from === signaling.self.account ? parkedUnder(lines, code) : null;
    if (here !== null) {
      await talkIn(here, { type: 'unpark' });
      return { id: here.call.id };
    }
    if (account === null) throw new CloisterError('CL_PARK_UNKNOWN');
    // Whoever asked first is still to be answered.
    if (retrieving !== null) throw new CloisterError('CL_CALL_BUSY');
    const id = uuidV7(clock.now(), randomBytes(10));
    const done = new Promise<{ id: string }>((resolve, reject) => {
      retrieving = { id, resolve, reject, giveUp: scope.schedule(clock, RETRIEVE_LIMIT_MS, () => happened({ type: 'retrieve-over', id })), refusedAtMs: null };
    });
    done.catch(() => {});
    try {
      await dispatch({ type: 'retrieve', id, account: from, code, token: randomBytes(16).toString('hex') });
    } catch (error) {
      endRetrieval(id);
      throw error;
    }
    return done;
  }

  function endRetrieval(id: string): Retrieving | null {
    if (retrieving?.id !== id) return null;
    const over = retrieving;
    over.giveUp.cancel();
    retrieving = null;
    return over;
  }

  function settleRetrieval(): void {
    if (retrieving === null) return;
    const { id } = retrieving;
    if (lines.retrieval?.id === id) {
      if (!lines.retrieval.refused || retrieving.refusedAtMs !== null) return;
      // Another endpoint of the account may have it.
      retrieving = { ...retrieving, refusedAtMs: clock.now() };
      scope.schedule(clock, REFUSED_WAIT_MS, () => {
        if (lines.retrieval?.id === id && lines.retrieval.refused) happened({ type: 'retrieve-over', id });
      });
      return;
    }
    const line = lines.lines.find(({ call }) => call.origin?.kind === 'retrieval' && call.origin.id === id);
    const over = endRetrieval(id);
    if (line === undefined) over?.reject(new CloisterError('CL_PARK_UNKNOWN'));
    else over?.resolve({ id: line.call.id });
  }

  /** The machine refuses all of this in an end-to-end encrypted call, too: here it is told before anything else is looked at. */
  async function ofStandardCalls(line: Line, action: StandardAction, { to }: CallActionOptions): Promise<void> {
    const { encryption } = line.call;
    const endToEnd = encryption.agreed === 'end-to-end';
    if (endToEnd) throw new CloisterError('CL_CALL_FEATURE_UNAVAILABLE', `${action} is unavailable because the call is end-to-end encrypted.`);
    if (line.call.conference !== null) throw new CloisterError('CL_CALL_CONFERENCE');
    switch (action) {
      case 'transfer':
        return onLine(line, { type: 'transfer', to: accountOf(to ?? ''), kind: 'transfer', replaces: null });
      case 'consult-then-transfer':
        return consult(line, to ?? '');
      case 'complete-transfer':
        return completeTransfer(line);
      case 'park':
        return onLine(line, { type: 'park', code: newParkCode() });
      case 'add-participant':
        return addParticipant(line, to ?? '');
      case 'merge':
        return dispatch({ type: 'merge', line: line.key, ...newConference() });
    }
  }

  // ── signaling ───────────────────────────────────────────────────────────────────────────────────────────────────────

  function listenToSignaling(): void {
    const hardwareSettled = options.hardware?.on('settled', () => {
      hardwareSinceMs = clock.now();
      changed();
    });
    if (hardwareSettled !== undefined) scope.own(hardwareSettled);
    scope.own(
      signaling.on('message', (inbound) => {
        clockState = 'ok';
        receive(inbound).catch((error) => log.error('a call message failed', { type: inbound.message.type, error: String(error) }));
      })
    );
    scope.own(
      signaling.on('refused', ({ code, text, call: callId }) => {
        if (code === 'CL_CLOCK_WRONG' && clockState === 'ok') {
          clockState = 'wrong';
          clockWrongSinceMs = clock.now();
          changed();
        }
        if (errorCodes[code].category === 'security') recordSecurityEvent(code, 'envelope', text, callId);
      })
    );
    scope.own(
      signaling.on('connection', (connection) => {
        // Trying again and again is one time of being away.
        if ((broker === 'connected') !== (connection === 'connected')) brokerSinceMs = clock.now();
        broker = connection;
        changed();
        if (connection !== 'connected') scope.schedule(clock, BROKER_PATIENCE_MS, changed);
      })
    );
  }

  /** News that running calls can do without. */
  function tellMedia(tell: (media: MediaSession) => Promise<void>): void {
    for (const line of callLines.values()) line.tellMedia(tell);
  }

  // ── the devices ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What somebody pressed at a device that cannot be done now does nothing: the lamps say what is so. */
  function obey(command: CallCommand): void {
    const front = frontOf(lines);
    const running = front !== null && runs(front);
    if (command === 'redial') {
      const nowMs = clock.monotonicMs();
      const lastCalled = parts.people.lastCalled();
      if (running || lastCalled === null || nowMs - redialledAtMs < REDIAL_REST_MS) return;
      redialledAtMs = nowMs;
      place(lastCalled, { audio: true, video: true }).catch(unable(command));
    } else if (running) {
      const event = COMMANDS[command](front.call);
      (command === 'resume' ? talkIn(front, event) : onLine(front, event)).catch(unable(command));
    }
  }

  const unable =
    (command: CallCommand) =>
    (cause: unknown): void =>
      log.info('what was pressed at a device cannot be done now', { command, error: asCloisterError(cause).code });

  function listenToDevices(): void {
    for (const part of [parts.settings, parts.people, parts.admin, parts.silences]) scope.own(part.on('changed', changed));
    scope.own(devices.on('changed', changed));
    scope.own(sound.on('changed', changed));
    scope.own(devices.on('command', obey));
    scope.own(
      devices.on('volume', (percent) => {
        touched();
        tellMedia((media) => media.setVolume(percent));
      })
    );
    // A call that is over goes with what people left.
    scope.own(
      parts.clearing.on('cleared', () => {
        for (const { key, call } of lines.lines) if (call.phase === 'ended') happened({ type: 'line', line: key, event: { type: 'timer', name: 'forget' } });
      })
    );
    scope.own(devices.on('order', (order) => tellMedia((media) => media.setDevices(order))));
  }

  /** What the media process of a call, the one in front where none is named, says to one request. */
  async function askMedia<T>(request: (media: MediaSession) => Promise<T>, id?: string): Promise<T & { readonly mediaEpoch: number }> {
    const asked = id === undefined ? frontOf(lines) : lineOfCall(lines, id);
    const line = asked === null ? undefined : callLines.get(asked.key);
    const session = line?.facts().session ?? null;
    if (session === null) throw new CloisterError(asked === null ? 'CL_CALL_NONE' : 'CL_CALL_WRONG_PHASE');
    const { epoch, media: process } = session;
    try {
      return { ...(await request(process)), mediaEpoch: epoch };
    } catch (cause) {
      // Asked in the moment in which the process is closed: there is none, as a moment later.
      throw line?.facts().session?.epoch === epoch ? cause : new CloisterError('CL_CALL_WRONG_PHASE', undefined, { cause });
    }
  }

  async function withSource(event: CallEvent, source: string): Promise<CallEvent> {
    return event.type === 'set-screen' ? { ...event, source: await options.shareSources.choiceOf(source) } : event;
  }

  async function place(to: string, wanted: { readonly audio: boolean; readonly video: boolean }): Promise<{ id: string }> {
    const account = accountOf(to);
    const id = uuidV7(clock.now(), randomBytes(10));
    await dispatch({ type: 'place', id, to: account, video: wanted.video });
    const line = lineOfCall(lines, id);
    if (!wanted.audio && line !== null) await dispatch({ type: 'line', line: line.key, event: { type: 'set-microphone', on: false } });
    return { id };
  }

  // ── keys, and the code ──────────────────────────────────────────────────────────────────────────────────────────────────

  async function pressKeys({ key, call: current }: Line, digits: string): Promise<void> {
    const session = callLines.get(key)?.facts().session ?? null;
    if (current.phase !== 'connected' || current.held.here || current.held.there || session === null) throw new CloisterError('CL_CALL_WRONG_PHASE');
    await session.media.pressKeys(digits);
  }

  /** @throws CloisterError where there is no such call, or it has no code now */
  function currentCode(id: string): { readonly line: Line; readonly code: string; readonly epoch: number } {
    const line = lineOfCall(lines, id);
    if (line === null) throw new CloisterError('CL_CALL_NONE');
    const { code } = line.call.encryption;
    const session = callLines.get(line.key)?.facts().session ?? null;
    if (code === null || session === null || !runs(line)) throw new CloisterError('CL_CALL_WRONG_PHASE');
    return { line, code, epoch: session.epoch };
  }

  async function compareCode(id: string, digits: string, mediaEpoch: number): Promise<{ readonly matches: boolean }> {
    const { line, code, epoch } = currentCode(id);
    if (epoch !== mediaEpoch) throw new CloisterError('CL_CALL_WRONG_PHASE');
    const matches = comparison.fits(`${id} ${epoch}`, code, digits);
    if (matches) await onLine(line, { type: 'codes-match', epoch });
    return { matches };
  }

  async function speakCode(id: string, language: Language): Promise<Uint8Array> {
    const { code, epoch } = currentCode(id);
    const spoken = await options.speak(code, language);
    // What is not current any more is not heard either.
    const now = currentCode(id);
    if (now.code !== code || now.epoch !== epoch) throw new CloisterError('CL_CALL_WRONG_PHASE');
    return spoken;
  }

  // ── the network ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The system tells nobody without a native module; to look is cheap. */
  function watchAddresses(): void {
    let known: readonly string[] = [];
    let failed = false;
    /** The system refuses to tell where a process may open nothing more; that says nothing of the addresses. */
    const look = (): readonly string[] => {
      try {
        const addresses = options.addresses();
        failed = false;
        return addresses;
      } catch (error) {
        if (!failed) log.warn('the addresses of this machine cannot be read', { error: String(error) });
        failed = true;
        return known;
      }
    };
    known = look();
    scope.every(clock, ADDRESS_LOOK_MS, () => {
      const addresses = look();
      if (addresses.length === known.length && addresses.every((address) => known.includes(address))) return;
      log.info('this machine has other addresses', { before: known.length, now: addresses.length });
      known = addresses;
      signaling.networkChanged(addresses);
      tellMedia((media) => media.networkChanged(addresses));
    });
  }

  /** A call longer than its credentials needs others for a new path. */
  function relaysChanged(): void {
    changed();
    tellMedia((media) => media.iceServersChanged());
  }

  const isInCall = (): boolean => lines.lines.some(runs);

  async function tryRinger(): Promise<void> {
    if (isInCall()) throw new CloisterError('CL_CALL_BUSY');
    if (state().settings.ringerPercent === 0) throw new CloisterError('CL_RINGER_SILENT');
    if (sound.view().by === null) throw new CloisterError('CL_SOUND');
    ringerTriedUntilMs = clock.now() + RINGER_TRIED_MS;
    changed();
  }

  async function restart(): Promise<void> {
    const { restart: end } = options;
    if (end === null) throw new CloisterError('CL_NOT_IMPLEMENTED', 'Nobody would start this room again.');
    if (isInCall()) throw new CloisterError('CL_CALL_BUSY');
    log.info('the agent was asked to restart');
    scope.schedule(clock, RESTART_AFTER_MS, () => {
      // A call that came meanwhile is worth more.
      if (isInCall()) log.warn('the agent does not restart: a call has begun');
      else end();
    });
  }

  async function endCallsOfLastRun(): Promise<void> {
    const entries = await options.journal.read();
    if (entries.length === 0) return;
    await options.journal.write([]);
    for (const { call, peer } of entries) {
      log.warn('a call was running when the agent stopped; ending it', { call });
      signaling
        .send(peer, call, { type: 'call.end', body: { reason: 'device-failed' } })
        .catch((error) => log.warn('the call of the last run could not be ended', { error: asCloisterError(error).code }));
    }
  }

  return {
    async start(signal) {
      listenToSignaling();
      listenToDevices();
      watchAddresses();
      scope.every(clock, CERTIFICATE_LOOK_MS, changed);
      if (options.relay !== null) scope.own(options.relay.on('changed', relaysChanged));
      // A broker that is away must not keep the panel from coming up: it says so instead.
      signaling.start(signal).catch((error) => log.error('signaling could not start', { error: asCloisterError(error).code }));
      await endCallsOfLastRun();
      await options.mediaProcesses.start(signal);
    },
    state,
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    placeCall: place,
    devices,
    people: parts.people,
    admin: parts.admin,
    reports: parts.reports,
    async changeSettings(change) {
      touched();
      await parts.settings.change(change);
    },
    tryRinger,
    compareCode,
    speakCode,
    setDisplays: sound.setDisplays,
    selfViewTicket: async () => ({ url: (await askMedia((media) => media.ownPictureTicket())).url }),
    async showCode(shown) {
      const front = frontOf(lines);
      const facts = front === null ? null : callFacts(front);
      if (shown && facts === null) throw new CloisterError('CL_CALL_NONE');
      if (shown && facts?.call.encryption.code === null) throw new CloisterError('CL_CALL_WRONG_PHASE');
      codeShown = shown && facts !== null ? { call: facts.call.id, mediaEpoch: facts.mediaEpoch } : null;
      changed();
    },
    shareSources: options.shareSources.list,
    retrieve,
    silence: parts.silences.set,
    clearRoom: parts.clearing.clear,
    restart,
    logs: options.logLines,
    async callAction(id, action, actionOptions) {
      const line = lineOfCall(lines, id);
      if (line === null) throw new CloisterError('CL_CALL_NONE');
      const given = actionOptions ?? {};
      if (action === 'dtmf') return pressKeys(line, given.digits ?? '');
      if (isOfStandardCalls(action)) return ofStandardCalls(line, action, given);
      // Only where there is something to look up: what is answered stops ringing in the same turn.
      const asked = ACTIONS[action](given);
      const event = given.source === undefined ? asked : await withSource(asked, given.source);
      if (action === 'recording' && given.on === true && !options.records && line.call.encryption.agreed === 'standard') throw noRecipient();
      await (action === 'resume' ? talkIn(line, event) : onLine(line, event));
      // The call is gone at once, whether or not the account can be kept.
      if (action === 'decline' && given.block === true) await parts.people.block(line.call.peer.account);
    },
    displayTicket: (id) => askMedia((media) => media.displayTicket(), id),
    healthy: () => !scope.closed,
    async [Symbol.asyncDispose]() {
      for (const { key } of lines.lines) {
        // The calls of a conference end together.
        const line = lines.lines.find((each) => each.key === key && runs(each));
        if (line !== undefined) await onLine(line, { type: 'hang-up' });
      }
      if (retrieving !== null) endRetrieval(retrieving.id)?.reject(new CloisterError('CL_PARK_UNKNOWN'));
      for (const line of callLines.values()) line[Symbol.dispose]();
      await scope[Symbol.asyncDispose]();
    }
  };
}

/** What is pressed at a device; a control that toggles is one of the call as it is. */
const COMMANDS: Record<Exclude<CallCommand, 'redial'>, (call: CallRecord) => CallEvent> = {
  answer: () => ({ type: 'answer', video: true }),
  decline: () => ({ type: 'decline' }),
  'hang-up': () => ({ type: 'hang-up' }),
  mute: () => ({ type: 'set-microphone', on: false }),
  unmute: () => ({ type: 'set-microphone', on: true }),
  hold: () => ({ type: 'set-held', on: true }),
  resume: () => ({ type: 'set-held', on: false }),
  'camera-on': () => ({ type: 'set-camera', on: true }),
  'camera-off': () => ({ type: 'set-camera', on: false }),
  'toggle-camera': (call) => ({ type: 'set-camera', on: !call.wanted.camera })
};

type StandardAction = 'transfer' | 'consult-then-transfer' | 'complete-transfer' | 'park' | 'add-participant' | 'merge';
const STANDARD_ACTIONS: ReadonlySet<CallAction> = new Set<StandardAction>([
  'transfer',
  'consult-then-transfer',
  'complete-transfer',
  'park',
  'add-participant',
  'merge'
]);
const isOfStandardCalls = (action: CallAction): action is StandardAction => STANDARD_ACTIONS.has(action);

type DoneAction = Exclude<CallAction, StandardAction | 'dtmf'>;

const ACTIONS: Record<DoneAction, (options: CallActionOptions) => CallEvent> = {
  answer: ({ video = true }) => ({ type: 'answer', video }),
  decline: () => ({ type: 'decline' }),
  end: () => ({ type: 'hang-up' }),
  mute: () => ({ type: 'set-microphone', on: false }),
  unmute: () => ({ type: 'set-microphone', on: true }),
  'camera-on': () => ({ type: 'set-camera', on: true }),
  'camera-off': () => ({ type: 'set-camera', on: false }),
  share: () => ({ type: 'set-screen', on: true }),
  'stop-sharing': () => ({ type: 'set-screen', on: false }),
  hold: () => ({ type: 'set-held', on: true }),
  resume: () => ({ type: 'set-held', on: false }),
  recording: ({ on = false }) => ({ type: 'set-recording', on }),
  'codes-match': ({ mediaEpoch = null }) => ({ type: 'codes-match', epoch: mediaEpoch }),
  'codes-differ': ({ mediaEpoch = null }) => ({ type: 'codes-differ', epoch: mediaEpoch })
};
