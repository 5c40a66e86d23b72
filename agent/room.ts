// The room: drives the call's state machine with the real signaling and media processes, and shows it all as one RoomState.
// What is decided is decided in src/call; here effects are carried out and facts are collected.
import { randomBytes } from 'node:crypto';
import type { CallContext, CallEffect, CallEvent, CallRecord, CallState, TimerName } from '../src/call/call.ts';
import type { LocalEncryption } from '../src/call/encryption-decision.ts';
import { unavailableFeatures } from '../src/call/features.ts';
import { noCall, step } from '../src/call/machine.ts';
import { confirmedBy, verdict } from '../src/call/verdict.ts';
import type { CallOnDevices } from '../src/devices/port.ts';
import { parseAddress } from '../src/kernel/address.ts';
import type { Clock, Timer } from '../src/kernel/clock.ts';
import { type ErrorCode, errorCodes } from '../src/kernel/error-codes.ts';
import { asCloisterError, CloisterError } from '../src/kernel/errors.ts';
import type { Log } from '../src/kernel/log.ts';
import type { Language } from '../src/kernel/panel-choices.ts';
import { Scope } from '../src/kernel/scope.ts';
import { uuidV7 } from '../src/kernel/uuid.ts';
import type { Endpoints, MediaFailure, MediaProcesses, MediaSession, MediaStatistics } from '../src/media/port.ts';
import type { CredentialsClient } from '../src/relay/credentials-client.ts';
import { callOnDevices } from '../src/room/call-on-devices.ts';
import { projectRoomState, type RoomFacts } from '../src/room/project.ts';
import { soundFor } from '../src/room/sound-choice.ts';
import type { Problem, RoomState, SecurityEvent } from '../src/room/state.ts';
import type { Party, Signaling } from '../src/signaling/port.ts';
import type { CallAction, CallActionOptions, RoomPort } from '../src/ui-server/port.ts';
import type { CallJournal } from './call-journal.ts';
import { createCodeComparison } from './code-comparison.ts';
import { notYet } from './not-yet.ts';
import type { CallCommand, RoomDevices } from './room-devices.ts';
import type { RoomParts } from './room-parts.ts';
import type { RoomSound } from './room-sound.ts';
import type { Speak } from './speak.ts';

export type RoomOptions = {
  readonly agentVersion: string;
  readonly room: RoomState['room'];
  readonly policy: RoomFacts['policy'];
  readonly localEncryption: LocalEncryption;
  readonly sources: () => RoomFacts['sources'];
  readonly devices: RoomDevices;
  readonly parts: RoomParts;
  readonly sound: RoomSound;
  readonly speak: Speak;
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
  const { clock, log, signaling, devices, parts, sound } = options;
  const comparison = createCodeComparison();
  const scope = new Scope();
  const timers = new Map<TimerName, Timer>();
  const listeners = new Set<(state: RoomState) => void>();

  let call: CallState = noCall;
  let session: { readonly epoch: number; readonly media: MediaSession } | null = null;
  let media: MediaStatistics | null = null;
  let mediaProblem: MediaFailure | null = null;
  let mediaProblemSinceMs = 0;
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
    const noSoundSinceMs = sound.missingSinceMs();
    if (noSoundSinceMs !== null) add('CL_SOUND', 'warning', noSoundSinceMs);
    for (const trouble of devices.troubles()) add(trouble.code, 'warning', trouble.sinceMs, trouble.text);
    if (mediaProblem !== null) add(mediaProblem.code, 'warning', mediaProblemSinceMs, mediaProblem.text);
    return found;
  }

  function state(): RoomState {
    shown ??= projectRoomState({
      agentVersion: options.agentVersion,
      room: options.room,
      call: call.call,
      verdict: call.call === null ? { state: null, confirmedBy: null } : { state: verdict(call.call), confirmedBy: confirmedBy(call.call) },
      unavailableFeatures: unavailableFeatures(call.call?.encryption.agreed ?? null),
      media,
      mediaProblem,
      mediaEpoch: session?.epoch ?? 0,
      sources: options.sources(),
      devices: devices.facts(),
      policy: options.policy,
      local: options.localEncryption,
      broker,
      brokerSinceMs,
      clock: clockState,
      settings: parts.settings.view(),
      people: parts.people.view(),
      sound: sound.view(),
      display: { showsCode: false },
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
    const { call: current, devices: shownDevices } = state();
    const { phase, muted } = callOnDevices(current, shownDevices.microphone);
    const sharing = current?.media.wanted.screen === true && phase !== 'idle';
    if (phase === onDevices.phase && muted === onDevices.muted && sharing === onDevices.sharing) return;
    onDevices = { phase, muted, sharing };
    devices.show({ phase, muted }, sharing);
  }

  /** At once, too: what is answered does not go on ringing. */
  function sounds(): void {
    sound.want(scope.closed ? null : soundFor(state(), clock.now()));
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
  async function dispatch(event: CallEvent): Promise<void> {
    const before = call.call;
    const { state: nextState, effects, error } = step(call, event, context());
    if (error !== null) throw error;
    call = nextState;
    const after = call.call;
    if (after !== null && (before?.id !== after.id || before.phase !== after.phase)) {
      log.info('call', { call: after.id, phase: after.phase, direction: after.direction, ended: after.ended?.reason, code: after.ended?.code ?? undefined });
    }
    const done = effects.map(carryOut);
    changed();
    await Promise.all(done);
  }

  /** For events that no person waits for. */
  function happened(event: CallEvent): void {
    dispatch(event).catch((error) => log.error('a call event failed', { event: event.type, error: String(error) }));
  }

  function carryOut(effect: CallEffect): Promise<void> | undefined {
    switch (effect.type) {
      case 'send':
        signaling
          .send(effect.to, effect.call, effect.message, effect.lifetimeSeconds)
          .catch((error) => log.warn('a signaling message could not be sent', { type: effect.message.type, error: asCloisterError(error).code }));
        return;
      case 'media-take':
        return takeSession(effect);
      case 'media-create-offer':
        return ask(effect.epoch, async (m) => happened({ type: 'offer-ready', epoch: effect.epoch, ...(await m.createOffer()) }));
      case 'media-accept-offer':
        return ask(effect.epoch, async (m) =>
          happened({ type: 'answer-ready', epoch: effect.epoch, ...(await m.acceptOffer(effect.sdp, effect.endToEnd, endpointsWith(effect.from))) })
        );
      case 'media-accept-answer':
        return ask(effect.epoch, async (m) =>
          happened({ type: 'reveal-ready', epoch: effect.epoch, ...(await m.acceptAnswer(effect.sdp, effect.endToEnd, endpointsWith(effect.from))) })
        );
      case 'media-open':
        return ask(effect.epoch, (m) => m.open());
      case 'media-reveal':
        return ask(effect.epoch, (m) => m.reveal(effect.nonce));
      case 'media-accept-update':
        return ask(effect.epoch, async (m) => {
          const answer = await m.acceptUpdate(effect.sdp);
          if (answer !== null) happened({ type: 'update-answer-ready', epoch: effect.epoch, ...answer });
        });
      case 'media-accept-update-answer':
        return ask(effect.epoch, (m) => m.acceptUpdateAnswer(effect.sdp, effect.answers));
      case 'media-candidates':
        return ask(effect.epoch, (m) => m.addCandidates(effect.candidates));
      case 'media-microphone':
        return ask(effect.epoch, (m) => m.setMicrophone(effect.on), true);
      case 'media-camera':
        return ask(effect.epoch, (m) => m.setCamera(effect.on), true);
      case 'media-held':
        return ask(effect.epoch, (m) => m.setHeld(effect.on), true);
      case 'media-screen':
        return shareScreen(effect);
      case 'media-close':
        return closeSession(effect.epoch);
      case 'start-timer':
        timers.get(effect.name)?.cancel();
        timers.set(
          effect.name,
          clock.schedule(effect.delayMs, () => happened({ type: 'timer', name: effect.name }))
        );
        return;
      case 'stop-timer':
        timers.get(effect.name)?.cancel();
        timers.delete(effect.name);
        return;
      case 'security-event':
        recordSecurityEvent(effect.code, effect.detectedBy, effect.text, effect.call);
        return;
      case 'journal':
        options.journal.write(effect.entry).catch((error) => log.warn('the call journal could not be written', { error: String(error) }));
        return;
    }
  }

  const endpointsWith = ({ endpoint }: Party): Endpoints => ({ local: signaling.self.endpoint, remote: endpoint });

  function takeSession(effect: Extract<CallEffect, { type: 'media-take' }>): undefined {
    const { epoch } = effect;
    const taken = options.mediaProcesses.take(effect.options);
    session = { epoch, media: taken };
    media = null;
    mediaProblem = null;
    const current = (): boolean => session?.epoch === epoch;
    taken.on('candidates', (candidates) => happened({ type: 'local-candidates', epoch, candidates }));
    taken.on('update', ({ sdp }) => happened({ type: 'update-ready', epoch, sdp }));
    taken.on('secured', ({ code }) => happened({ type: 'secured', epoch, code }));
    taken.on('failed', (failure) => happened({ type: 'media-failed', epoch, failure }));
    taken.on('key', () => log.debug('the other side pressed a key', { epoch }));
    taken.on('screenEnded', ({ code, text }) => {
      log.warn('sharing has stopped', { code, text });
      happened({ type: 'screen-ended', epoch });
    });
    taken.on('exit', ({ expected }) => {
      if (current() && !expected) media = null;
      if (!expected) happened({ type: 'media-lost', epoch });
    });
    taken.on('statistics', (statistics) => {
      if (!current()) return;
      media = statistics;
      changed();
    });
    tellMedia((each) => each.setVolume(devices.playedPercent()));
    taken.on('notice', ({ code, text }) => log.warn('media notice', { code, text }));
    taken.on('problem', (problem) => {
      if (!current()) return;
      mediaProblem = problem;
      mediaProblemSinceMs = clock.now();
      if (problem !== null) log.warn('media problem', { code: problem.code, text: problem.text });
      changed();
    });
  }

  /**
   * Asks the media process of this epoch. Its failure fails the call, unless the process is gone (its exit says so itself).
   * @param awaited whether a person waits for the result
   */
  function ask(epoch: number, request: (media: MediaSession) => Promise<void>, awaited = false): Promise<void> | undefined {
    if (session?.epoch !== epoch) return;
    const result = request(session.media).catch((cause) => {
      const error = asCloisterError(cause, 'CL_MEDIA_NEGOTIATION');
      if (error.code === 'CL_MEDIA_PROCESS_DIED') return;
      happened({ type: 'media-failed', epoch, failure: { code: error.code, detectedBy: 'media', text: error.message } });
    });
    return awaited ? result : undefined;
  }

  /**
   * A share that cannot begin is told to the person who asked for it, and leaves the call as it is. One that cannot be ended is one of a process
   * that is gone; to call that an end again would go on for ever.
   */
  function shareScreen({ epoch, on }: Extract<CallEffect, { type: 'media-screen' }>): Promise<void> | undefined {
    if (session?.epoch !== epoch) return;
    return session.media.setScreen(on).catch((cause) => {
      const error = asCloisterError(cause, 'CL_MEDIA_SCREEN_SOURCE');
      if (!on) {
        log.warn('sharing could not be ended', { code: error.code });
        return;
      }
      happened({ type: 'screen-ended', epoch });
      throw error;
    });
  }

  function closeSession(epoch: number): undefined {
    if (session?.epoch !== epoch) return;
    const closing = session.media;
    session = null;
    media = null;
    mediaProblem = null;
    closing.close().catch((error) => log.warn('a media process did not close', { error: String(error) }));
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
        happened({ type: 'message', inbound });
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

  /** News that a running call can do without. */
  function tellMedia(tell: (media: MediaSession) => Promise<void>): void {
    if (session !== null) tell(session.media).catch((error) => log.warn('a media process was not told', { error: asCloisterError(error).code }));
  }

  // ── the devices ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What somebody pressed at a device that cannot be done now does nothing: the lamps say what is so. */
  function obey(command: CallCommand): void {
    const { call: current } = call;
    const running = current !== null && current.phase !== 'ended';
    if (command === 'redial') {
      const nowMs = clock.monotonicMs();
      if (running || lastCalled === null || nowMs - redialledAtMs < REDIAL_REST_MS) return;
      redialledAtMs = nowMs;
      place(lastCalled, { audio: true, video: true }).catch(unable(command));
    } else if (running) dispatch(COMMANDS[command](current)).catch(unable(command));
  }

  const unable =
    (command: CallCommand) =>
    (cause: unknown): void =>
      log.info('what was pressed at a device cannot be done now', { command, error: asCloisterError(cause).code });

  function listenToDevices(): void {
    for (const part of [parts.settings, parts.people, parts.admin]) scope.own(part.on('changed', changed));
    scope.own(devices.on('changed', changed));
    scope.own(sound.on('changed', changed));
    scope.own(devices.on('command', obey));
    scope.own(devices.on('volume', (percent) => tellMedia((media) => media.setVolume(percent))));
    scope.own(devices.on('order', (order) => tellMedia((media) => media.setDevices(order))));
  }

  async function place(to: string, wanted: { readonly audio: boolean; readonly video: boolean }): Promise<{ id: string }> {
    const address = parseAddress(to);
    if (!address.ok) throw address.error;
    const { account } = address.value;
    const id = uuidV7(clock.now(), randomBytes(10));
    await dispatch({ type: 'place', id, to: account, video: wanted.video });
    lastCalled = account;
    if (!wanted.audio) await dispatch({ type: 'set-microphone', on: false });
    return { id };
  }

  // ── keys, and the code ──────────────────────────────────────────────────────────────────────────────────────────────────

  async function pressKeys(digits: string): Promise<void> {
    const { call: current } = call;
    if (current?.phase !== 'connected' || current.held.here || current.held.there || session === null) throw new CloisterError('CL_CALL_WRONG_PHASE');
    await session.media.pressKeys(digits);
  }

  /** @throws CloisterError where there is no such call, or it has no code now */
  function currentCode(id: string): { readonly code: string; readonly epoch: number } {
    if (call.call?.id !== id) throw new CloisterError('CL_CALL_NONE');
    const { code } = call.call.encryption;
    if (code === null || session === null || call.call.phase === 'ended') throw new CloisterError('CL_CALL_WRONG_PHASE');
    return { code, epoch: session.epoch };
  }

  async function compareCode(id: string, digits: string, mediaEpoch: number): Promise<{ readonly matches: boolean }> {
    const { code, epoch } = currentCode(id);
    if (epoch !== mediaEpoch) throw new CloisterError('CL_CALL_WRONG_PHASE');
    const matches = comparison.fits(`${id} ${epoch}`, code, digits);
    if (matches) await dispatch({ type: 'codes-match', epoch });
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
    compareCode,
    speakCode,
    setDisplays: sound.setDisplays,
    selfViewTicket: notYet,
    showCode: notYet,
    shareSources: notYet,
    retrieve: notYet,
    silence: notYet,
    clearRoom: notYet,
    restart: notYet,
    logs: () => [],
    async callAction(id, action, actionOptions) {
      if (call.call?.id !== id) throw new CloisterError('CL_CALL_NONE');
      if (action === 'dtmf') return pressKeys(actionOptions?.digits ?? '');
      if (!isDone(action)) return notYet();
      await dispatch(ACTIONS[action](actionOptions ?? {}));
    },
    async displayTicket() {
      if (session === null) throw new CloisterError(call.call === null ? 'CL_CALL_NONE' : 'CL_CALL_WRONG_PHASE');
      const { epoch, media: process } = session;
      try {
        return { ...(await process.displayTicket()), mediaEpoch: epoch };
      } catch (cause) {
        // Asked in the moment in which the process is closed: there is none, as a moment later.
        throw session?.epoch === epoch ? cause : new CloisterError('CL_CALL_WRONG_PHASE', undefined, { cause });
      }
    },
    healthy: () => !scope.closed,
    async [Symbol.asyncDispose]() {
      if (call.call !== null && call.call.phase !== 'ended') await dispatch({ type: 'hang-up' });
      for (const timer of timers.values()) timer.cancel();
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

type DoneAction = Exclude<CallAction, 'dtmf' | 'transfer' | 'consult-then-transfer' | 'complete-transfer' | 'park' | 'add-participant' | 'merge' | 'recording'>;
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
  'codes-match': ({ mediaEpoch = null }) => ({ type: 'codes-match', epoch: mediaEpoch }),
  'codes-differ': ({ mediaEpoch = null }) => ({ type: 'codes-differ', epoch: mediaEpoch })
};
