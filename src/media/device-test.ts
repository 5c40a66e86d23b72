// A process of its own: tries one device until it is ended. What it gives (levels, faults) goes to the agent over the IPC, a camera's picture to this room's
// own pages over a feed, as a self-view does. It ends with the agent, and a driver that hangs holds nobody else.
import { systemClock } from '../kernel/clock.ts';
import { type ErrorCode, errorCodes } from '../kernel/error-codes.ts';
import { asCloisterError, CloisterError } from '../kernel/errors.ts';
import type { DeviceProblem } from '../room/state.ts';
import { createLevelMeter } from './audio/level-meter.ts';
import type { FromTest, TestPages, ToTest, TriedDevice } from './device-test-messages.ts';
import { createVideoEncoder } from './encode/video-encoder.ts';
import { createVideoSender } from './encode/video-sender.ts';
import { createOwnPicture, type OwnPicture } from './own-picture.ts';
import { playTestTone } from './playout/play-test-tone.ts';
import { isDeviceChoice } from './source/chosen-devices.ts';
import { openCamera, openMicrophone } from './source/device-source.ts';
import { examined } from './source/examined-picture.ts';
import { openAudioSource, openVideoSource } from './source/open-source.ts';
import { quietFfmpeg } from './source/quiet-ffmpeg.ts';
import { AUDIO_SAMPLE_RATE } from './source/source.ts';

const CODEC = 'H264';
/** Large enough to see whether a picture is sharp, small enough to cost little. */
const PREVIEW = { width: 640, height: 360, fps: 15, maxKbps: 1_000 } as const;
const LEVEL_MS = 100;
/** As quick as an eye that follows a needle. */
const METER_MS = 300;
/** A device that is open and gives nothing for so long is broken. */
const PATIENCE_MS = 5_000;
const TONE_LIMIT_MS = 10_000;
/** A page that is loaded anew is back by then. */
const UNWATCHED_MS = 15_000;
const WATCHED_LOOK_MS = 500;

const FAULTS = {
  camera: { black: 'CL_MEDIA_CAMERA_BLACK', frozen: 'CL_MEDIA_CAMERA_FROZEN' },
  content: { black: 'CL_DEVICE_PROTECTED', frozen: 'CL_MEDIA_CAMERA_FROZEN' }
} as const;

const tell = (message: FromTest): void => {
  if (process.connected) process.send?.(message);
};
const tellProblem = (problem: DeviceProblem | null): void => tell({ type: 'problem', problem });
const tellCode = (code: ErrorCode): void => tellProblem({ code, text: errorCodes[code].text });
const tellFailure = (cause: unknown): void => {
  const { code, message } = asCloisterError(cause, 'CL_MEDIA_SOURCE');
  tellProblem({ code, text: message });
};

async function tryMicrophone({ choice, name }: TriedDevice): Promise<void> {
  const meter = createLevelMeter(AUDIO_SAMPLE_RATE, METER_MS);
  const source = isDeviceChoice(choice) ? await openMicrophone({ path: choice, name }, systemClock) : await openAudioSource(choice, systemClock);
  let heardMs = systemClock.monotonicMs();
  let told: ErrorCode | null = null;
  const judge = (code: ErrorCode | null): void => {
    if (code === told) return;
    told = code;
    if (code === null) tellProblem(null);
    else tellCode(code);
  };
  let lost = false;
  source.start({
    block(samples) {
      heardMs = systemClock.monotonicMs();
      meter.add(samples);
    },
    lost(error) {
      lost = true;
      tellFailure(error);
    }
  });
  setInterval(() => {
    if (lost) return;
    if (systemClock.monotonicMs() - heardMs > PATIENCE_MS) return judge('CL_MEDIA_MICROPHONE_AWAY');
    const level = meter.level();
    if (level === null) return;
    tell({ type: 'level', level });
    judge(level.silent ? 'CL_MEDIA_MICROPHONE_SILENT' : null);
  }, LEVEL_MS);
}

async function trySpeaker({ choice }: TriedDevice): Promise<void> {
  const limit = setTimeout(() => tellFailure(new CloisterError('CL_MEDIA_SPEAKER', 'The loudspeaker takes no sound.')), TONE_LIMIT_MS);
  try {
    await playTestTone(choice);
    tell({ type: 'played' });
  } finally {
    clearTimeout(limit);
  }
}

function tryPicture({ kind, choice, name, format }: TriedDevice, pages: TestPages): OwnPicture {
  const own = createOwnPicture({ ...pages, clock: systemClock, requestKeyframe: () => sender.requestKeyframe() });
  const faults = FAULTS[kind === 'content' ? 'content' : 'camera'];
  const sender = createVideoSender({
    clock: systemClock,
    profile: PREVIEW,
    send: () => {},
    onSenderClock: () => {},
    onProblem: (failure) => tellProblem(failure && { code: failure.code, text: failure.text }),
    createEncoder: () => createVideoEncoder({ codec: CODEC, profile: PREVIEW, clock: systemClock }),
    onPicture: own.push,
    async openSource() {
      const device = { path: choice, name, ...(format === undefined ? {} : { format }) };
      const source = isDeviceChoice(choice) ? await openCamera(device, PREVIEW, systemClock) : await openVideoSource(choice, PREVIEW, '', systemClock);
      return examined(source, systemClock, (fault) => (fault === null ? tellProblem(null) : tellCode(faults[fault])), kind === 'camera');
    }
  });
  void sender.start();
  let watchedMs = systemClock.monotonicMs();
  setInterval(() => {
    const nowMs = systemClock.monotonicMs();
    if (own.pages() > 0) watchedMs = nowMs;
    else if (nowMs - watchedMs >= UNWATCHED_MS) tell({ type: 'unwatched' });
  }, WATCHED_LOOK_MS);
  return own;
}

/** process.exit() would wait for the threads of the pool, and so for a driver that does not come back. */
const endNow = (): void => void process.kill(process.pid, 'SIGKILL');

function main(): void {
  quietFfmpeg();
  let picture: OwnPicture | null = null;
  process.on('message', (message: ToTest) => {
    if (message.type === 'ticket') {
      const url = picture === null ? Promise.resolve(null) : picture.ticket().then((ticket) => ticket.url);
      url.then(
        (made) => tell({ type: 'ticket', url: made }),
        () => tell({ type: 'ticket', url: null })
      );
    } else if (message.device.kind === 'microphone') tryMicrophone(message.device).catch(tellFailure);
    else if (message.device.kind === 'speaker') trySpeaker(message.device).catch(tellFailure);
    else picture = tryPicture(message.device, message.pages);
  });
  process.on('disconnect', endNow);
  process.on('SIGINT', () => {});
}

main();
