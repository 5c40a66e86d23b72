// Records one standard call: what this room sends and what it gets, as it is encoded, on one time line, into a sealed file. Nothing is decoded.
// Invariants: a picture begins with a keyframe; time never goes back within a track; memory is bounded, and a recording that cannot keep up ends.
import type { Clock } from '../../kernel/clock.ts';
import { asCloisterError } from '../../kernel/errors.ts';
import { Scope } from '../../kernel/scope.ts';
import type { FeedFrame } from '../display-feed/protocol.ts';
import type { EncodedPicture } from '../encode/native-encoder.ts';
import type { MediaFailure } from '../port.ts';
import type { NegotiatedMedia } from '../streams.ts';
import { type MatroskaFrame, type MatroskaTrack, type MatroskaWriter, openMatroska } from './matroska.ts';
import { createRecordingFile } from './recording-file.ts';

export type RecorderOptions = {
  readonly clock: Clock;
  readonly directory: string;
  readonly name: string;
  readonly maxBytes: number;
  readonly sealKey: (contentKey: string) => Promise<string | null>;
  readonly negotiated: NegotiatedMedia;
  /** Of the other side's picture now. */
  readonly theirSize: () => { readonly width: number; readonly height: number };
  /** It goes on no longer; what was recorded is readable. Not called for stop(). */
  readonly onEnd: (failure: MediaFailure) => void;
};

export type Recorder = {
  /** `captureMs`: monotonic, here. */
  ownPicture(picture: EncodedPicture, captureMs: number): void;
  ownSound(data: Uint8Array, captureMs: number): void;
  theirs(frame: FeedFrame): void;
  /** Resolves when all of it is on the disk, or with why not all of it is. */
  stop(): Promise<MediaFailure | null>;
};

type Waiting = { readonly track: number; readonly atMs: number; readonly keyframe: boolean; readonly data: Uint8Array };
/** What a picture's track says of itself before the first keyframe came. */
type Seen = { keyframe: Uint8Array | null; width: number; height: number };

const OWN_PICTURE = 'This room: picture';
const OWN_SOUND = 'This room: sound';
const THEIR_PICTURE = 'Other side: picture';
const THEIR_SOUND = 'Other side: sound';
const TICK_MS = 200;
/** Keyframes of both sides are waited for, so that the file says how large they are. */
const BEGIN_MS = 1_500;
/** What arrives late is still put where it belongs. */
const HOLD_MS = 600;
const FLUSH_MS = 1_000;
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
const UNSEEN_SIZE = { width: 640, height: 360 } as const;
/** The other side's clock runs at its own speed: its distance follows the quickest packets at once, and slower ones by this. */
const DRIFT = 1 / 2_000;

const WHY = {
  full: 'The recording has reached its size (recording.maxBytes) and was ended.',
  'disk-full': 'The disk is full, or nearly: the recording was ended.',
  failed: 'The recording could not be written any more and was ended.'
} as const;

const failureOf = (text: string): MediaFailure => ({ code: 'CL_CALL_RECORDING', detectedBy: 'recording', text });

/** @throws CloisterError CL_CALL_RECORDING where the file cannot be made */
export async function startRecorder(options: RecorderOptions): Promise<Recorder> {
  const { clock, negotiated } = options;
  const scope = new Scope();
  const beganMs = clock.monotonicMs();
  let over = false;
  const end = (text: string): void => {
    if (over) return;
    over = true;
    options.onEnd(failureOf(text));
    void finish();
  };
  const file = await createRecordingFile({ ...options, onEnd: (why) => end(WHY[why]) });

  const titles = [...(negotiated.video === null ? [] : [OWN_PICTURE, THEIR_PICTURE]), ...(negotiated.audio === null ? [] : [OWN_SOUND, THEIR_SOUND])];
  const trackOf = (title: string): number => titles.indexOf(title);
  const seen: Record<string, Seen> = {
    [OWN_PICTURE]: { keyframe: null, ...UNSEEN_SIZE },
    [THEIR_PICTURE]: { keyframe: null, ...UNSEEN_SIZE }
  };
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  const lastMs = titles.map(() => -1);
  let theirDistanceMs: number | null = null;
  let writer: MatroskaWriter | null = null;
  let flushedMs = beganMs;
  let last: Promise<void> = Promise.resolve();
  let finished: Promise<MediaFailure | null> | null = null;
  /** What could not be written once it was to end. */
  let lastFailure: string | null = null;

  function take(title: string, atMs: number, keyframe: boolean, data: Uint8Array): void {
    const track = trackOf(title);
    if (over || track < 0) return;
    waiting.push({ track, atMs, keyframe, data: Uint8Array.from(data) });
    waitingBytes += data.byteLength;
    if (waitingBytes > MAX_WAITING_BYTES) end(WHY.failed);
  }

  function picture(title: string, atMs: number, keyframe: boolean, data: Uint8Array, size: { readonly width: number; readonly height: number }): void {
    const before = seen[title];
    if (before === undefined || (before.keyframe === null && !keyframe)) return;
    if (before.keyframe === null)
      Object.assign(before, { keyframe: Uint8Array.from(data), width: size.width || before.width, height: size.height || before.height });
    take(title, atMs, keyframe, data);
  }

  /** On our clock: when it was captured there, as far as it could be known, and when it came. */
  function theirTime(captureMs: number | null): number {
    const nowMs = clock.monotonicMs();
    if (captureMs === null) return nowMs;
    const distance = nowMs - captureMs;
    theirDistanceMs = theirDistanceMs === null || distance < theirDistanceMs ? distance : theirDistanceMs + (distance - theirDistanceMs) * DRIFT;
    return captureMs + theirDistanceMs;
  }

  function describe(title: string): MatroskaTrack {
    if (title === OWN_SOUND || title === THEIR_SOUND || negotiated.video === null) return { kind: 'sound', title };
    const { keyframe, width, height } = seen[title] ?? { keyframe: null, ...UNSEEN_SIZE };
    return { kind: 'picture', title, codec: negotiated.video.codec, width, height, keyframe };
  }

  async function drain(untilMs: number): Promise<void> {
    if (writer === null) {
      const all = negotiated.video === null || Object.values(seen).every(({ keyframe }) => keyframe !== null);
      if (!all && clock.monotonicMs() - beganMs < BEGIN_MS && !over) return;
      writer = await openMatroska(titles.map(describe), file.write);
    }
    const due = waiting.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
    waiting = waiting.filter(({ atMs }) => atMs > untilMs);
    for (const { track, atMs, keyframe, data } of due) {
      waitingBytes -= data.byteLength;
      const timeMs = Math.max(Math.round(atMs - beganMs), (lastMs[track] ?? -1) + 1, 0);
      lastMs[track] = timeMs;
      const frame: MatroskaFrame = { track, timeMs, keyframe, data };
      await writer.write(frame);
    }
    const nowMs = clock.monotonicMs();
    if (nowMs - flushedMs >= FLUSH_MS) {
      flushedMs = nowMs;
      file.flush();
    }
  }

  const inTurn = (work: () => Promise<void>): Promise<void> => {
    last = last.then(work).catch((cause) => {
      const why = `${WHY.failed} ${asCloisterError(cause, 'CL_CALL_RECORDING').message}`;
      if (over) lastFailure ??= why;
      else end(why);
    });
    return last;
  };

  function finish(): Promise<MediaFailure | null> {
    finished ??= scope[Symbol.asyncDispose]().then(async () => {
      await inTurn(() => drain(Number.POSITIVE_INFINITY));
      await inTurn(async () => writer?.close());
      const failed = await file.close();
      const text = failed === null ? lastFailure : WHY[failed];
      return text === null ? null : failureOf(text);
    });
    return finished;
  }

  scope.every(clock, TICK_MS, () => void inTurn(() => drain(clock.monotonicMs() - HOLD_MS)));

  return {
    ownPicture: ({ data, keyframe, width, height }, captureMs) => picture(OWN_PICTURE, captureMs, keyframe, data, { width, height }),
    ownSound: (data, captureMs) => take(OWN_SOUND, captureMs, true, data),
    theirs({ kind, captureMs, data }) {
      if (kind === 'audio') take(THEIR_SOUND, theirTime(captureMs), true, data);
      else if (kind === 'video-key' || kind === 'video-delta') picture(THEIR_PICTURE, theirTime(captureMs), kind === 'video-key', data, options.theirSize());
    },
    async stop() {
      over = true;
      return await finish();
    }
  };
}
