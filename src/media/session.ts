// One exchange of one call inside its media process: joins the secure connection, the sources and encoders, and the display's feed.
// Invariant: nothing is sent and nothing is shown before the connection is proven (handshake, thumbprint), the call was answered here and,
// for an end-to-end encrypted call, both nonces are known and the caller's fits its commitment. goLive() is the only place that opens the media.
import type { CallCertificate } from '../encryption/call-certificate.ts';
import type { SecurityCodeInput } from '../encryption/security-code.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorCodes } from '../kernel/error-codes.ts';
import { asCloisterError, CloisterError } from '../kernel/errors.ts';
import { silentLog } from '../kernel/log.ts';
import { Scope } from '../kernel/scope.ts';
import { createAdaptation } from './adaptation.ts';
import { type Agreement, agreementOfAnswer, agreementOfOffer, codeInput, hex, OPEN, settledNonce, takeNonce } from './agreement.ts';
import { openEchoCanceller } from './audio/echo-canceller.ts';
import { createMicrophone } from './audio/microphone.ts';
import { createDeviceOrder } from './device-order.ts';
import { createDisplayFeed } from './display-feed/server.ts';
import { createEarlySources } from './early-sources.ts';
import { createAudioEncoder } from './encode/audio-encoder.ts';
import { createAudioSender } from './encode/audio-sender.ts';
import { createKeySender } from './encode/key-sender.ts';
import { createVideoEncoder, type VideoEncoder } from './encode/video-encoder.ts';
import { createVideoSender, type SenderOptions, type VideoSender } from './encode/video-sender.ts';
import type { RequestHandlers, SessionEvents } from './ipc.ts';
import { createSharedDevices } from './loan/shared-devices.ts';
import { createNoticeLog } from './notice-log.ts';
import { createOwnPicture } from './own-picture.ts';
import { createPeerConnection, type PeerConnectionOptions } from './peer/peer-connection.ts';
import { openAlsaSpeaker } from './playout/alsa-speaker.ts';
import { openOpusDecoder } from './playout/opus-decoder.ts';
import { createPlayout } from './playout/playout.ts';
import type { Endpoints, MediaCallOptions, MediaFailure, MediaSettings, RecordingSettings, SourceChoice } from './port.ts';
import { createReceiver } from './receiver.ts';
import { noRecipient } from './recording/no-recipient.ts';
import { type Recorder, startRecorder } from './recording/recorder.ts';
import { createShare, type Share } from './screen/share.ts';
import { openScreenSource } from './source/open-source.ts';
import { openRoomCamera } from './source/room-camera.ts';
import { openRoomMicrophone } from './source/room-microphone.ts';
import { createStatistics } from './statistics.ts';
import { PICTURE_KINDS, type SecuredConnection, type VideoCodec } from './streams.ts';

export type SessionOptions = {
  readonly settings: MediaSettings;
  readonly call: MediaCallOptions;
  readonly certificate: CallCertificate;
  readonly encryption: {
    commitment(nonce: Uint8Array): Uint8Array;
    commitmentHolds(nonce: Uint8Array, committed: Uint8Array): boolean;
    securityCode(input: SecurityCodeInput): string;
    endpointBinding(endpoint: string): Uint8Array;
  };
  /** For the recipient of a recording; null where their key cannot be used. */
  readonly sealRecordingKey?: (recipient: RecordingSettings['recipient'], text: string) => Promise<string | null>;
  /** 32 random bytes. */
  readonly nonce: Uint8Array;
  readonly clock: Clock;
  readonly emit: <K extends keyof SessionEvents>(event: K, ...parameters: SessionEvents[K]) => void;
  /** Over the network, unless another is given. */
  readonly createPath?: PeerConnectionOptions['createPath'];
};

export type Session = Omit<RequestHandlers, 'begin' | 'close'> & { close(): Promise<void> };

const STATISTICS_MS = 1_000;
const TRUTH_MS = 50;
/** That sharing has stopped is news for a while, and no lasting fault of the room. */
const SHARE_NEWS_MS = 15_000;

/** Nothing but the picture tells it here; an input that says so itself is told by the agent. */
const BLACK_CONTENT = 'What is shared is black: it may be copy-protected (HDCP), or the laptop shows nothing.';

/** Where several have a problem, the first is told. */
const PROBLEM_PARTS = [
  'connection',
  'screen',
  'video',
  'audio',
  'speaker',
  'camera',
  'microphone',
  'silence',
  'content',
  'encoder',
  'recording',
  'echo'
] as const;
type ProblemPart = (typeof PROBLEM_PARTS)[number];

export function createSession(options: SessionOptions): Session {
  const { settings, call, certificate, encryption, nonce, clock, emit } = options;
  const scope = new Scope();
  const { iceServers, fips, codecs: videoCodecs } = settings;
  const { createPath } = options;
  const log = createNoticeLog((notice) => emit('notice', notice));
  const devices = createDeviceOrder(settings.devices, log);
  const peer = createPeerConnection({ certificate, iceServers, fips, videoCodecs, clock, log, createPath });
  const feed = createDisplayFeed({
    host: settings.displayHost,
    origins: settings.displayOrigins,
    clock,
    log: silentLog,
    onNeedKeyframe: (of) => peer.requestKeyframe(of)
  });
  const feedStarted = feed.start();
  feedStarted.catch(() => {});

  const ownPicture = createOwnPicture({
    host: settings.displayHost,
    origins: settings.displayOrigins,
    clock,
    requestKeyframe: () => video?.requestKeyframe()
  });
  scope.own(() => ownPicture[Symbol.asyncDispose]());

  let agreement: Agreement = OPEN;
  let connection: SecuredConnection | null = null;
  let answered = call.role === 'caller';
  const wanted = Promise.withResolvers<void>();
  let live = false;
  let failed = false;
  let wantsMicrophone = call.microphone;
  let wantsCamera = call.camera;
  let held = call.held;
  const sendsSound = (): boolean => wantsMicrophone && !held;
  const sendsPicture = (): boolean => wantsCamera && !held;
  let video: VideoSender | null = null;
  let share: Share | null = null;
  let recorder: Recorder | null = null;
  let recording: Promise<void> = Promise.resolve();
  let sharedChoice: SourceChoice = settings.screen;

  const receiver = createReceiver({
    clock,
    feed: {
      sendMessage: feed.sendMessage,
      sendFrame: (frame) => {
        if (held) return;
        recorder?.theirs(frame);
        if (frame.kind === 'audio') {
          playout.push(frame);
          shared.received(frame);
        }
        if (frame.kind !== 'audio' || playout.forDisplay()) feed.sendFrame(frame);
      }
    },
    requestKeyframe: (kind) => peer.requestKeyframe(kind),
    roundTripMs: peer.roundTripMs,
    onChange: () => report()
  });
  const problems = new Map<ProblemPart, MediaFailure>();
  const onProblem = (kind: ProblemPart) => (failure: MediaFailure | null) => {
    if (failure === null) problems.delete(kind);
    else problems.set(kind, failure);
    const [first] = PROBLEM_PARTS.flatMap((part) => problems.get(part) ?? []);
    emit('problem', first ?? null);
    report();
  };
  const failedHardware = new Set<string>();
  /** Told for the rest of the call: it goes on in software. */
  const onHardwareFailure = (failure: MediaFailure, name: string): void => {
    failedHardware.add(name);
    onProblem('encoder')(failure);
  };
  const senderOptions = (kind: 'audio' | 'video'): SenderOptions => ({
    clock,
    send: (packet) => peer.send(kind, packet),
    onSenderClock: (each, senderClock) => peer.setSenderClock(each, senderClock),
    onProblem: onProblem(kind)
  });
  const makeEncoder = (codec: VideoCodec): VideoEncoder => {
    const { video: profile, hardwareEncoders: hardware } = settings;
    return createVideoEncoder({ codec, profile, clock, hardware: hardware.filter((name) => !failedHardware.has(name)), onHardwareFailure });
  };
  const microphone = createMicrophone({
    clock,
    echoCancellation: settings.echoCancellation,
    sends: () => live && sendsSound(),
    player: () => playout.player(),
    openCanceller: openEchoCanceller,
    onProblem: (part, failure) => onProblem(part)(failure)
  });
  const playout = createPlayout({
    clock,
    choice: settings.speaker,
    devices,
    displays: () => feed.statistics().displays,
    openSpeaker: openAlsaSpeaker,
    openDecoder: openOpusDecoder,
    wantsReference: microphone.wantsReference,
    onPlayed: microphone.played,
    onProblem: onProblem('speaker')
  });
  const shared = createSharedDevices({
    clock,
    log,
    borrows: call.borrows === true,
    openCamera: () =>
      openRoomCamera({
        choice: settings.camera,
        devices,
        profile: settings.video,
        roomName: settings.roomName,
        clock,
        onChange() {
          video?.requestKeyframe();
          shared.changed();
          report();
        },
        onProblem: onProblem('camera')
      }),
    openMicrophone: () =>
      openRoomMicrophone({
        choice: settings.microphone,
        devices,
        clock,
        onChange(device) {
          microphone.setDevice(device);
          shared.changed();
          report();
        },
        onProblem: onProblem('microphone')
      }),
    openScreen: (choice) =>
      openScreenSource(choice, settings.screenVideo, clock, {
        inputs: devices.current()?.content ?? null,
        onFault: (fault) => onProblem('content')(fault && { code: 'CL_DEVICE_PROTECTED', detectedBy: 'content', text: BLACK_CONTENT })
      }),
    listen: microphone.listen,
    playout,
    onUse(kind, of) {
      if (kind === 'camera') video?.requestKeyframe();
      // Its echo was taken out where it was heard.
      if (kind === 'microphone' && of === 'lender') microphone.setDevice(null);
      report();
    }
  });
  const early = createEarlySources({
    openCamera: shared.camera,
    openMicrophone: shared.microphone,
    makeEncoder,
    preferred: videoCodecs[0]
  });
  const audio = createAudioSender({
    ...senderOptions('audio'),
    on: sendsSound(),
    createEncoder: createAudioEncoder,
    onSound: (payload, captureMs) => recorder?.ownSound(payload, captureMs),
    openSource: early.takeMicrophone
  });
  /** In the room it is heard as the sound is: by the display, or by the loudspeaker. */
  const hearKey = (key: string): void => {
    playout.key(key);
    shared.key(key);
    if (playout.forDisplay()) feed.sendMessage({ type: 'key', key });
  };
  const keys = createKeySender({
    clock,
    rate: () => connection?.negotiated.keys?.rate ?? null,
    timestamp: audio.timestamp,
    send: (packet) => peer.send('audio', packet),
    interrupt: audio.setInterrupted,
    onKey: hearKey
  });
  scope.own(keys.stop);
  const adaptation = createAdaptation({
    clock,
    peer,
    audio,
    picture(kind) {
      if (kind === 'screen') return share === null || share.statistics() === null ? null : { profile: settings.screenVideo, setTarget: share.setTarget };
      return sendsPicture() && video !== null ? { profile: settings.video, setTarget: video.setTarget } : null;
    }
  });
  scope.own(() => adaptation[Symbol.asyncDispose]());
  const statistics = createStatistics({
    clock,
    settings,
    devices,
    peer,
    receiver,
    feed,
    audio,
    microphone,
    playout,
    video: () => video,
    screen: () => share,
    negotiated: () => connection?.negotiated ?? null,
    limited: adaptation.limited
  });
  /** What is sent, and of which device: told when it changes, and looked at often enough that panel and lamps are never behind for longer than 200 ms. */
  const truth = (): string => JSON.stringify([audio, video, share].map((each) => [each?.statistics()?.sending, each?.statistics()?.source]));
  let toldTruth = truth();
  const report = (): void => {
    if (scope.closed) return;
    toldTruth = truth();
    emit('statistics', statistics());
  };
  scope.every(clock, STATISTICS_MS, report);
  scope.every(clock, TRUTH_MS, () => {
    if (truth() !== toldTruth) report();
  });

  const fail = (failure: MediaFailure): void => {
    if (failed || scope.closed) return;
    failed = true;
    live = false;
    emit('failed', failure);
    void stopMedia();
  };

  async function stopMedia(): Promise<void> {
    keys.stop();
    await Promise.allSettled([stopRecording(), video?.stop(), share?.stop(), audio.stop(), early.close(), playout[Symbol.asyncDispose](), peer.close()]);
    // After what was lent is released, so that whoever borrowed it can open it.
    await shared[Symbol.asyncDispose]();
    microphone.close();
  }

  const bindingsOf = ({ local, remote }: Endpoints) => ({ local: encryption.endpointBinding(local), remote: encryption.endpointBinding(remote) });

  function goLive(): void {
    const peerNonce = settledNonce(agreement);
    if (live || failed || scope.closed || connection === null || !answered || peerNonce === undefined) return;
    if (peerNonce !== null && (call.borrows === true || shared.borrows())) {
      fail({
        code: 'CL_CALL_FEATURE_UNAVAILABLE',
        detectedBy: 'loan',
        text: 'An end-to-end encrypted call shares no camera and no microphone with another call.'
      });
      return;
    }
    live = true;
    const { localThumbprint, remoteThumbprint, negotiated } = connection;
    const [ours, theirs] = [{ thumbprint: localThumbprint, nonce }, peerNonce && { thumbprint: remoteThumbprint, nonce: peerNonce }];
    const code = theirs && encryption.securityCode(codeInput(call.callId, call.role, ours, theirs));
    emit('secured', { code });
    void early.agreed({ picture: negotiated.video !== null, sound: negotiated.audio !== null && !held });
    if (negotiated.video !== null) video = makeVideoSender(negotiated.video.codec);
    if (negotiated.screen !== null) share = makeShare(negotiated.screen.codec);
    openWanted();
    // The feed first: the receiver then hands over what it held, and the display has the first keyframe instead of asking for another.
    feed.open();
    if (negotiated.audio !== null) playout.start();
    void playout.setHeld(held);
    if (negotiated.audio !== null) void shared.setPlays(!held);
    receiver.open(negotiated);
    adaptation.start();
    report();
  }

  /** Camera and microphone, as far as the call is; none before it is known whose. */
  function openWanted(): void {
    if (!shared.known() || !answered || failed || scope.closed) return;
    if (!live) {
      if (!held) early.open(sendsPicture());
      return;
    }
    if (sendsPicture()) void video?.start();
    if (connection?.negotiated.audio != null && !held) void audio.start().then(report);
  }

  function makeVideoSender(codec: VideoCodec): VideoSender {
    return createVideoSender({
      ...senderOptions('video'),
      profile: settings.video,
      createEncoder: () => early.takeEncoder(codec),
      openSource: early.takeCamera,
      onPicture(picture, of, captureMs) {
        ownPicture.push(picture, of, captureMs);
        recorder?.ownPicture(picture, captureMs);
      }
    });
  }

  function makeShare(codec: VideoCodec): Share {
    const profile = settings.screenVideo;
    return createShare({
      clock,
      profile,
      openSource: () => shared.screen(sharedChoice),
      createEncoder: () => createVideoEncoder({ codec, profile, clock, content: 'text' }),
      send: (packet) => peer.send('screen', packet),
      waits: () => peer.queuedMs() > 0,
      onSenderClock: (senderClock) => peer.setSenderClock('screen', senderClock),
      onBegin: adaptation.adapt,
      onLost: (failure) => {
        onProblem('screen')(failure);
        scope.schedule(clock, SHARE_NEWS_MS, () => onProblem('screen')(null));
        peer.end('screen');
        emit('screenEnded', failure);
      }
    });
  }

  /** One beginning or end after the other. */
  function recordInTurn(work: () => Promise<void>): Promise<void> {
    const done = recording.then(work);
    recording = done.catch(() => {});
    return done;
  }

  const stopRecording = (): Promise<void> =>
    recordInTurn(async () => {
      const stopping = recorder;
      recorder = null;
      const failure = (await stopping?.stop()) ?? null;
      if (failure !== null) tellRecording(failure);
    });

  function tellRecording(failure: MediaFailure): void {
    // A call that is over has no problems any more.
    log.warn(failure.text, { code: failure.code });
    onProblem('recording')(failure);
    scope.schedule(clock, SHARE_NEWS_MS, () => onProblem('recording')(null));
  }

  /** Fail-closed: only what was settled to be a standard call is ever recorded (R6), or lends what it has open (docs/adr/0036). */
  function settledStandard(): SecuredConnection['negotiated'] {
    const peerNonce = settledNonce(agreement);
    if (peerNonce !== null && peerNonce !== undefined) throw new CloisterError('CL_CALL_FEATURE_UNAVAILABLE');
    if (!live || connection === null || peerNonce === undefined) throw new CloisterError('CL_CALL_WRONG_PHASE');
    return connection.negotiated;
  }

  function mayRecord(): { readonly settings: RecordingSettings; readonly negotiated: SecuredConnection['negotiated'] } {
    const negotiated = settledStandard();
    if (settings.recording == null) throw noRecipient();
    return { settings: settings.recording, negotiated };
  }

  const startRecording = (): Promise<void> =>
    recordInTurn(async () => {
      const allowed = mayRecord();
      if (recorder !== null) return;
      const { directory, recipient, maxBytes } = allowed.settings;
      const startedAt = new Date(clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
      const started = await startRecorder({
        clock,
        directory,
        name: `${startedAt}-${call.callId}`,
        maxBytes,
        sealKey: async (text) => (await options.sealRecordingKey?.(recipient, text)) ?? null,
        negotiated: allowed.negotiated,
        theirSize: () => receiver.figures('video'),
        onEnd(failure) {
          if (recorder !== started) return;
          recorder = null;
          tellRecording(failure);
          emit('recordingEnded', failure);
        }
      });
      // It may have ended meanwhile.
      if (!live) {
        await started.stop();
        throw new CloisterError('CL_CALL_WRONG_PHASE');
      }
      recorder = started;
      onProblem('recording')(null);
      video?.requestKeyframe();
      if (allowed.negotiated.video !== null) peer.requestKeyframe('video');
    });

  function applyMicrophone(): void {
    audio.setOn(sendsSound());
    if (!sendsSound()) peer.discard('audio');
  }

  async function applyCamera(): Promise<void> {
    if (sendsPicture()) {
      openWanted();
      if (live && shared.known()) await video?.start();
      return;
    }
    const stopped = Promise.all([video?.stop(), early.dropCamera().catch(() => {})]);
    // At once: a device may take long to close, and what was captured before may not leave meanwhile, nor be asked for again.
    peer.discard('video');
    await stopped;
  }

  /** Who borrows the loudspeaker lets go of it before it is opened here. */
  async function holdPlayout(): Promise<void> {
    if (!held && live && connection?.negotiated.audio != null) await shared.setPlays(true);
    await playout.setHeld(held);
    if (held) await shared.setPlays(false);
  }

  scope.own(peer.on('candidates', (candidates) => emit('candidates', candidates)));
  scope.own(peer.on('update', (sdp) => emit('update', { sdp })));
  scope.own(
    peer.on('secured', (secured) => {
      connection = secured;
      goLive();
    })
  );
  scope.own(peer.on('failed', fail));
  scope.own(
    peer.on('silent', (silent) =>
      onProblem('connection')(silent ? { code: 'CL_MEDIA_SILENT', detectedBy: 'connection', text: errorCodes.CL_MEDIA_SILENT.text } : null)
    )
  );
  scope.own(peer.on('keyframeRequest', (kind, why) => (kind === 'video' ? video?.requestKeyframe() : share?.requestKeyframe(why))));
  // Before goLive() the receiver holds what comes, bounded, and gives none of it away.
  scope.own(peer.on('rtp', (kind, packet) => receiver.take(kind, packet)));
  scope.own(
    peer.on('key', (key) => {
      if (!live || held) return;
      emit('key');
      hearKey(key);
    })
  );
  scope.own(peer.on('ended', (kind) => receiver.end(kind)));
  scope.own(peer.on('senderClock', (kind, senderClock) => receiver.setSenderClock(kind, senderClock)));

  return {
    async createOffer() {
      openWanted();
      return { sdp: await peer.createOffer(), commitment: hex(encryption.commitment(nonce)) };
    },
    async acceptAnswer(sdp, endToEnd, endpoints) {
      await peer.acceptAnswer(sdp, bindingsOf(endpoints));
      agreement = agreementOfAnswer(endToEnd);
      goLive();
      return { nonce: hex(nonce) };
    },
    async acceptOffer(sdp, endToEnd, endpoints) {
      if (agreement.kind !== 'open') throw new CloisterError('CL_MEDIA_NEGOTIATION', 'this exchange has its offer already');
      agreement = agreementOfOffer(endToEnd);
      return { sdp: await peer.acceptOffer(sdp, wanted.promise, bindingsOf(endpoints)), nonce: hex(nonce) };
    },
    async open() {
      answered = true;
      wanted.resolve();
      openWanted();
      goLive();
      return null;
    },
    async reveal(revealed) {
      const settled = takeNonce(agreement, revealed, encryption.commitmentHolds);
      if (settled === 'unasked') throw new CloisterError('CL_SECURITY_COMMITMENT', 'a nonce was revealed that nobody had committed to');
      if (settled === 'misfit') {
        fail({ code: 'CL_SECURITY_COMMITMENT', detectedBy: 'commitment', text: 'The other side’s security code contribution does not fit its commitment.' });
        return null;
      }
      agreement = settled;
      goLive();
      return null;
    },
    acceptUpdate: (sdp) => peer.acceptUpdate(sdp),
    async acceptUpdateAnswer(sdp, answers) {
      await peer.acceptUpdateAnswer(sdp, answers);
      return null;
    },
    async networkChanged(addresses) {
      peer.networkChanged(addresses);
      return null;
    },
    async iceServersChanged(servers) {
      peer.iceServersChanged(servers);
      return null;
    },
    async addCandidates(candidates) {
      await peer.addCandidates(candidates);
      return null;
    },
    async setDevices(order) {
      devices.set(order);
      return null;
    },
    async setMicrophone(on) {
      wantsMicrophone = on;
      applyMicrophone();
      report();
      return null;
    },
    async setCamera(on) {
      wantsCamera = on;
      await applyCamera();
      report();
      return null;
    },
    async setHeld(on) {
      held = on;
      if (on) keys.stop();
      applyMicrophone();
      // Another call of this room may need the microphone and the loudspeaker, which few systems open twice.
      if (!on && live) openWanted();
      await Promise.all([on ? audio.stop() : undefined, holdPlayout(), applyCamera()]);
      // What came meanwhile was dropped, so that the next pictures stand on nothing that the display has.
      if (!on) for (const kind of PICTURE_KINDS) peer.requestKeyframe(kind);
      report();
      return null;
    },
    async setScreen(on, source) {
      if (!on) {
        const stopped = share?.stop();
        peer.end('screen');
        await stopped;
      } else if (!live) throw new CloisterError('CL_CALL_WRONG_PHASE');
      else if (share === null) throw new CloisterError('CL_MEDIA_SCREEN_UNSUPPORTED');
      else {
        const wantedSource = source ?? settings.screen;
        if (wantedSource !== sharedChoice) await share.stop();
        sharedChoice = wantedSource;
        onProblem('screen')(null);
        await share.start();
      }
      report();
      return null;
    },
    async setRecording(on) {
      await (on ? startRecording() : stopRecording());
      return null;
    },
    async pressKeys(pressed) {
      if (!live || held) throw new CloisterError('CL_CALL_WRONG_PHASE');
      if (connection?.negotiated.keys == null) throw new CloisterError('CL_CALL_FEATURE_MISSING', 'The other side takes no dial tones.');
      if (!keys.press(pressed)) throw new CloisterError('CL_CALL_WRONG_PHASE', 'More keys wait to be sent than anybody presses.');
      return null;
    },
    async setVolume(percent) {
      playout.setVolume(percent);
      return null;
    },
    async lend() {
      settledStandard();
      return shared.lend();
    },
    async borrow(loan) {
      if (failed || scope.closed) throw new CloisterError('CL_CALL_WRONG_PHASE');
      if (loan === null) await shared.keepOwn();
      else {
        if (agreement.kind === 'committed' || agreement.kind === 'settled') throw new CloisterError('CL_CALL_FEATURE_UNAVAILABLE');
        if (shared.lends()) throw new CloisterError('CL_CALL_WRONG_PHASE', 'This call lends its devices to another one.');
        await shared.borrow(loan, () => Promise.allSettled([video?.stop(), audio.stop(), early.drop()]));
      }
      openWanted();
      report();
      return null;
    },
    async displayTicket() {
      await feedStarted.catch((cause) => {
        throw asCloisterError(cause);
      });
      return feed.ticket();
    },
    ownPictureTicket: () => ownPicture.ticket(),
    async close() {
      live = false;
      // At once: the disk may take long for what is left of a recording.
      const stopped = stopMedia();
      await scope[Symbol.asyncDispose]();
      await Promise.allSettled([stopped, feed[Symbol.asyncDispose](), receiver.close()]);
    }
  };
}
