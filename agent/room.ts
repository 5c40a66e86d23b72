// The room: lets its calls take what happens, in signaling, at devices and at the panel, and shows it all as one RoomState.
// What is decided is decided in src/call; call-line.ts carries the effects out for each call; here facts are collected.
import { randomBytes } from 'node:crypto';
import type { CallContext, CallEvent, CallRecord } from '../src/call/call.ts';
import type { LocalEncryption } from '../src/call/encryption-decision.ts';
import { unavailableFeatures } from '../src/call/features.ts';
import { frontOf, type Line, type LineEffect, type Lines, type LinesEvent, lineOfCall, noLines, runs, stepLines } from '../src/call/lines.ts';
import { confirmedBy, verdict } from '../src/call/verdict.ts';
import type { CallOnDevices } from '../src/devices/port.ts';
import { parseAddress } from '../src/kernel/address.ts';
import type { Clock } from '../src/kernel/clock.ts';
import { type ErrorCode, errorCodes } from '../src/kernel/error-codes.ts';
import { asCloisterError, CloisterError } from '../src/kernel/errors.ts';
import type { Log } from '../src/kernel/log.ts';
import { Scope } from '../src/kernel/scope.ts';
import { uuidV7 } from '../src/kernel/uuid.ts';
import type { MediaFailure, MediaProcesses, MediaSession } from '../src/media/port.ts';
import { noRecipient } from '../src/media/recording/no-recipient.ts';
import type { CredentialsClient } from '../src/relay/credentials-client.ts';
import { callOnDevices } from '../src/room/call-on-devices.ts';
import { type CallFacts, type CodeShown, projectRoomState, type RoomFacts, showsCode } from '../src/room/project.ts';
import type { Problem, RoomState, SecurityEvent } from '../src/room/state.ts';
import type { Signaling } from '../src/signaling/port.ts';
import type { CallAction, CallActionOptions, RoomPort } from '../src/ui-server/port.ts';
import type { CallJournal } from './call-journal.ts';
import { type CallLine, createCallLine } from './call-line.ts';
import { notYet } from './not-yet.ts';
import type { CallCommand, RoomDevices } from './room-devices.ts';
import type { RoomParts } from './room-parts.ts';
import type { ShareSources } from './share-sources.ts';

export type RoomOptions = {
  readonly agentVersion: string;
  readonly room: RoomState['room'];
  readonly policy: RoomFacts['policy'];
  readonly localEncryption: LocalEncryption;
  readonly sources: () => RoomFacts['sources'];
  readonly devices: RoomDevices;
  readonly shareSources: ShareSources;
  /** Somebody who may play recordings is configured. */
  readonly records: boolean;
  readonly parts: RoomParts;
  /** This endpoint’s own. */
  readonly certificate: RoomState['certificate'];
  readonly autoAnswer: boolean;
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
  readonly clock: Clock;
  readonly log: Log;
};

const SECURITY_EVENTS_KEPT = 20;
/** A broker that is away shorter than this is no problem to show. */
const BROKER_PATIENCE_MS = 2_000;
const ADDRESS_LOOK_MS = 1_000;
/** A key that is stuck, or a device gone wild, may not ring at the other side over and over. */
const REDIAL_REST_MS = 3_000;

export type Room = RoomPort & AsyncDisposable & { start(signal: AbortSignal): Promise<void> };

export function createRoom(options: RoomOptions): Room {
  const { clock, log, signaling, devices, parts } = options;
  const scope = new Scope();
  const callLines = new Map<number, CallLine>();
  const listeners = new Set<(state: RoomState) => void>();

  let lines: Lines = noLines;
  let hardwareSinceMs = clock.now();
  let broker: RoomState['network']['broker'] = 'connecting';
  let brokerSinceMs = clock.now();
  let clockState: RoomState['network']['clock'] = 'ok';
  let clockWrongSinceMs = 0;
  let securityEvents: readonly SecurityEvent[] = [];
  let shown: RoomState | null = null;
  let notifying = false;
  let lastCalled: string | null = null;
  let redialledAtMs = Number.NEGATIVE_INFINITY;
  let codeShown: CodeShown | null = null;
  let onDevices: CallOnDevices & { readonly sharing: boolean } = { phase: 'idle', muted: false, sharing: false };

  // ── facts to state ──────────────────────────────────────────────────────────────────────────────────────────────────

  function problems(): Problem[] {
    const found: Problem[] = [];
    const add = (code: ErrorCode, severity: Problem['severity'], sinceMs: number, text: string = errorCodes[code].text): void => {
      found.push({ code, severity, since: new Date(sinceMs).toISOString(), text, silenced: null });
    };
    if (broker !== 'connected' && clock.now() - brokerSinceMs >= BROKER_PATIENCE_MS) add('CL_BROKER_UNREACHABLE', 'error', brokerSinceMs);
    if (clockState === 'wrong') add('CL_CLOCK_WRONG', 'error', clockWrongSinceMs);
    const noRelaySinceMs = options.relay?.missingSinceMs() ?? null;
    if (noRelaySinceMs !== null) add('CL_RELAY_CREDENTIALS', 'warning', noRelaySinceMs);
    const hardwareProblem = options.hardware?.problem() ?? null;
    if (hardwareProblem !== null) add(hardwareProblem.code, 'warning', hardwareSinceMs, hardwareProblem.text);
    for (const trouble of devices.troubles()) add(trouble.code, 'warning', trouble.sinceMs, trouble.text);
    for (const line of callLines.values()) {
      const { problem } = line.facts();
      if (problem !== null) add(problem.failure.code, 'warning', problem.sinceMs, problem.failure.text);
    }
    return found;
  }

  function callFacts({ key, call }: Line): CallFacts {
    const facts = callLines.get(key)?.facts();
    return {
      call,
      verdict: { state: verdict(call), confirmedBy: confirmedBy(call) },
      unavailableFeatures: unavailableFeatures(call.encryption.agreed, options.records),
      media: facts?.media ?? null,
      mediaProblem: facts?.problem?.failure ?? null,
      mediaEpoch: facts?.session?.epoch ?? 0
    };
  }

  function state(): RoomState {
    const front = frontOf(lines);
    shown ??= projectRoomState({
      agentVersion: options.agentVersion,
      room: options.room,
      call: front === null ? null : callFacts(front),
      otherCalls: lines.lines.filter((line) => line !== front).map(callFacts),
      sources: options.sources(),
      devices: devices.facts(),
      policy: options.policy,
      local: options.localEncryption,
      broker,
      brokerSinceMs,
      clock: clockState,
      settings: parts.settings.view(),
      people: parts.people.view(),
      sound: { playing: null, by: null },
      display: { showsCode: showsCode(codeShown, front === null ? null : callFacts(front)) },
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
    const { call: current, devices: shownDevices } = state();
    const { phase, muted } = callOnDevices(current, shownDevices.microphone);
    const sharing = current?.media.wanted.screen === true && phase !== 'idle';
    if (phase === onDevices.phase && muted === onDevices.muted && sharing === onDevices.sharing) return;
    onDevices = { phase, muted, sharing };
    devices.show({ phase, muted }, sharing);
  }

  function changed(): void {
    shown = null;
    showOnDevices();
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

  function context(): CallContext {
    return {
      self: signaling.self,
      displayName: options.room.name,
      encryption: options.localEncryption,
      autoAnswer: options.autoAnswer,
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
    const done = effects.map(carryOut);
    for (const [key, line] of callLines) {
      if (lines.lines.some((each) => each.key === key)) continue;
      line[Symbol.dispose]();
      callLines.delete(key);
    }
    changed();
    await Promise.all(done);
  }

  function carryOut({ line: key, effect }: LineEffect): Promise<void> | undefined {
    let line = callLines.get(key);
    if (line === undefined) {
      line = createCallLine({
        signaling,
        mediaProcesses: options.mediaProcesses,
        journal: options.journal,
        clock,
        log,
        dispatch: (event) => dispatch({ type: 'line', line: key, event }),
        changed,
        recordSecurityEvent: ({ code, detectedBy, text, call }) => recordSecurityEvent(code, detectedBy, text, call),
        playedPercent: devices.playedPercent
      });
      callLines.set(key, line);
    }
    return line.carryOut(effect);
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
        dispatch({ type: 'message', inbound }).catch((error) => log.error('a call message failed', { type: inbound.message.type, error: String(error) }));
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
      if (running || lastCalled === null || nowMs - redialledAtMs < REDIAL_REST_MS) return;
      redialledAtMs = nowMs;
      place(lastCalled, { audio: true, video: true }).catch(unable(command));
    } else if (running) dispatch({ type: 'line', line: front.key, event: COMMANDS[command](front.call) }).catch(unable(command));
  }

  const unable =
    (command: CallCommand) =>
    (cause: unknown): void =>
      log.info('what was pressed at a device cannot be done now', { command, error: asCloisterError(cause).code });

  function listenToDevices(): void {
    for (const part of [parts.settings, parts.people, parts.admin]) scope.own(part.on('changed', changed));
    scope.own(devices.on('changed', changed));
    scope.own(devices.on('command', obey));
    scope.own(devices.on('volume', (percent) => tellMedia((media) => media.setVolume(percent))));
    scope.own(devices.on('order', (order) => tellMedia((media) => media.setDevices(order))));
  }

  /** What the media process of the call in front says to one request. */
  async function askFront<T>(request: (media: MediaSession) => Promise<T>): Promise<T & { readonly mediaEpoch: number }> {
    const front = frontOf(lines);
    const line = front === null ? undefined : callLines.get(front.key);
    const session = line?.facts().session ?? null;
    if (session === null) throw new CloisterError(front === null ? 'CL_CALL_NONE' : 'CL_CALL_WRONG_PHASE');
    const { epoch, media: process } = session;
    try {
      return { ...(await request(process)), mediaEpoch: epoch };
    } catch (cause) {
      // Asked in the moment in which the process is closed: there is none, as a moment later.
      throw line?.facts().session?.epoch === epoch ? cause : new CloisterError('CL_CALL_WRONG_PHASE', undefined, { cause });
    }
  }

  async function withSource(event: CallEvent, source: string | undefined): Promise<CallEvent> {
    return source === undefined || event.type !== 'set-screen' ? event : { ...event, source: await options.shareSources.choiceOf(source) };
  }

  async function place(to: string, wanted: { readonly audio: boolean; readonly video: boolean }): Promise<{ id: string }> {
    const address = parseAddress(to);
    if (!address.ok) throw address.error;
    const { account } = address.value;
    const id = uuidV7(clock.now(), randomBytes(10));
    await dispatch({ type: 'place', id, to: account, video: wanted.video });
    lastCalled = account;
    const line = lineOfCall(lines, id);
    if (!wanted.audio && line !== null) await dispatch({ type: 'line', line: line.key, event: { type: 'set-microphone', on: false } });
    return { id };
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

  async function endCallOfLastRun(): Promise<void> {
    const entry = await options.journal.read();
    if (entry === null) return;
    log.warn('a call was running when the agent stopped; ending it', { call: entry.call });
    await options.journal.write(null);
    signaling
      .send(entry.peer, entry.call, { type: 'call.end', body: { reason: 'device-failed' } })
      .catch((error) => log.warn('the call of the last run could not be ended', { error: asCloisterError(error).code }));
  }

  return {
    async start(signal) {
      listenToSignaling();
      listenToDevices();
      watchAddresses();
      if (options.relay !== null) scope.own(options.relay.on('changed', relaysChanged));
      // A broker that is away must not keep the panel from coming up: it says so instead.
      signaling.start(signal).catch((error) => log.error('signaling could not start', { error: asCloisterError(error).code }));
      await endCallOfLastRun();
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
    changeSettings: parts.settings.change,
    compareCode: notYet,
    speakCode: notYet,
    selfViewTicket: async () => ({ url: (await askFront((media) => media.ownPictureTicket())).url }),
    async showCode(shown) {
      const front = frontOf(lines);
      const facts = front === null ? null : callFacts(front);
      if (shown && facts === null) throw new CloisterError('CL_CALL_NONE');
      if (shown && facts?.call.encryption.code === null) throw new CloisterError('CL_CALL_WRONG_PHASE');
      codeShown = shown && facts !== null ? { call: facts.call.id, mediaEpoch: facts.mediaEpoch } : null;
      changed();
    },
    shareSources: options.shareSources.list,
    retrieve: notYet,
    silence: notYet,
    clearRoom: notYet,
    restart: notYet,
    logs: () => [],
    async callAction(id, action, actionOptions) {
      const line = lineOfCall(lines, id);
      if (line === null) throw new CloisterError('CL_CALL_NONE');
      if (!isDone(action)) return notYet();
      if (action === 'recording' && actionOptions?.on === true && !options.records && line.call.encryption.agreed === 'standard') throw noRecipient();
      const event = await withSource(ACTIONS[action](actionOptions ?? {}), actionOptions?.source);
      if (lineOfCall(lines, id) === null) throw new CloisterError('CL_CALL_NONE');
      await dispatch({ type: 'line', line: line.key, event });
    },
    displayTicket: () => askFront((media) => media.displayTicket()),
    healthy: () => !scope.closed,
    async [Symbol.asyncDispose]() {
      for (const { key } of lines.lines.filter(runs)) await dispatch({ type: 'line', line: key, event: { type: 'hang-up' } });
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

type DoneAction = Exclude<CallAction, 'dtmf' | 'transfer' | 'consult-then-transfer' | 'complete-transfer' | 'park' | 'add-participant' | 'merge'>;
const isDone = (action: CallAction): action is DoneAction => Object.hasOwn(ACTIONS, action);

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
