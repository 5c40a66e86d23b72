// Source → Opus → RTP payloads, for the sound. Mute is decided at the last moment before a packet leaves: once setOn(false) was called
// nothing is sent, and what was captured while muted is never encoded. The source stays open, so that unmuting is quick.
import { randomInt } from 'node:crypto';
import type { EncoderView, SourceView } from '../../room/state.ts';
import { AUDIO_BLOCK_SAMPLES, AUDIO_SAMPLE_RATE, type AudioSource } from '../source/source.ts';
import type { AudioEncoder, AudioTarget } from './audio-encoder.ts';
import { aborted, createLifecycle, type Lifecycle, SENDER_CLOCK_MS } from './sender.ts';
import type { SenderOptions } from './video-sender.ts';

export type AudioSenderOptions = SenderOptions & {
  /** Whether sound is sent from the start. */
  readonly on: boolean;
  openSource(): Promise<AudioSource>;
  createEncoder(): AudioEncoder;
  /** Each packet that is handed to send(). */
  onSound?(payload: Uint8Array, captureMs: number): void;
};

export type AudioSenderStatistics = {
  readonly packetsSent: number;
  readonly sending: boolean;
  /** What is open now; null while nothing is. */
  readonly source: SourceView | null;
  readonly encoder: EncoderView | null;
};

export type AudioSender = Lifecycle & {
  /** After setOn(false) returned no packet leaves. */
  setOn(on: boolean): void;
  /** While a pressed key is sent in its place no sound is; nothing that was captured meanwhile leaves later. */
  setInterrupted(on: boolean): void;
  /** Of what is captured now, in the stream's clock. */
  timestamp(): number;
  setTarget(target: AudioTarget): void;
  statistics(): AudioSenderStatistics;
};

/** A slow encoder may be behind by so many blocks; then the oldest are dropped. */
const MAX_QUEUED = 5;
/** Without a block for so long nothing is sent. In a silence that DTX leaves out the microphone still sends: the next word leaves at once. */
const SENDING_MS = 1000;
const OPUS_ENCODER: EncoderView = { name: 'libopus', hardware: false };
const SAMPLES_PER_MS = AUDIO_SAMPLE_RATE / 1000;
/** Beyond this the capture time has left the count of samples (device overrun), and the count follows. */
const MAX_DRIFT_SAMPLES = 100 * SAMPLES_PER_MS;
const OFFSET_SMOOTHING = 1 / 50;

type Block = { readonly samples: Int16Array; readonly position: number };

export function createAudioSender(options: AudioSenderOptions): AudioSender {
  const { clock } = options;
  const timestampBase = randomInt(2 ** 32);
  let on = options.on;
  let target: AudioTarget | null = null;
  let encoderInUse: AudioEncoder | null = null;
  let sourceInUse: AudioSource | null = null;
  let packetsSent = 0;
  let liveMs: number | null = null; // when a block of the microphone was last sent, or found silent
  let clockToldMs: number | null = null;
  let position: number | null = null; // samples on the monotonic clock of the next block
  let offsetMs = 0; // smoothed distance of the capture times from the position
  let inSilence = true;
  let queued: Block[] = [];
  let interrupted = false;

  /** Counts samples rather than arrivals, which jitter: RTP time moves by exactly one block. */
  function place(captureMs: number): number {
    const captured = captureMs * SAMPLES_PER_MS;
    if (position === null || captured - position > MAX_DRIFT_SAMPLES) {
      const blocks = position === null ? 0 : Math.round((captured - position) / AUDIO_BLOCK_SAMPLES);
      position = position === null ? Math.round(captured) : position + blocks * AUDIO_BLOCK_SAMPLES;
      offsetMs = captureMs - position / SAMPLES_PER_MS;
    }
    offsetMs += (captureMs - position / SAMPLES_PER_MS - offsetMs) * OFFSET_SMOOTHING;
    const placed = position;
    position += AUDIO_BLOCK_SAMPLES;
    return placed;
  }

  function sendPacket(payload: Uint8Array, at: number): void {
    const timestamp = (timestampBase + at) % 2 ** 32;
    // RFC 7587 section 4.1: the first packet after a silence is marked.
    options.send({ timestamp, marker: inSilence, payload });
    options.onSound?.(payload, at / SAMPLES_PER_MS + offsetMs);
    inSilence = false;
    packetsSent++;
    const nowMs = clock.monotonicMs();
    if (clockToldMs === null || nowMs - clockToldMs >= SENDER_CLOCK_MS) {
      clockToldMs = nowMs;
      options.onSenderClock('audio', { rtpTimestamp: timestamp, captureMs: at / SAMPLES_PER_MS + offsetMs });
    }
  }

  async function drain(encoder: AudioEncoder, signal: AbortSignal): Promise<void> {
    for (let block = queued[0]; block !== undefined; block = queued[0]) {
      const before = queued;
      const payload = await encoder.encode(block.samples);
      if (signal.aborted) return;
      if (queued === before) {
        queued.shift();
        if (on) liveMs = clock.monotonicMs();
        if (payload === null) inSilence = true;
        else if (on) sendPacket(payload, block.position);
      }
    }
  }

  async function run(signal: AbortSignal, opened: () => void): Promise<void> {
    const encoder = options.createEncoder();
    if (target !== null) encoder.setTarget(target);
    encoderInUse = encoder;
    let source: AudioSource | null = null;
    let draining: Promise<void> | null = null;
    try {
      await encoder.open();
      if (signal.aborted) return;
      const open = await options.openSource();
      source = open;
      if (signal.aborted) return;
      sourceInUse = open;
      const { promise: failed, reject } = Promise.withResolvers<never>();
      failed.catch(() => {});
      open.start({
        block(samples, captureMs) {
          if (signal.aborted) return;
          const at = place(captureMs);
          if (!on) return;
          if (interrupted) {
            liveMs = clock.monotonicMs();
            return;
          }
          // The first is being encoded; dropping it would not help.
          if (queued.length >= MAX_QUEUED) queued.splice(1, 1);
          queued.push({ samples, position: at });
          draining ??= drain(encoder, signal)
            .catch(reject)
            .finally(() => {
              draining = null;
            });
        },
        lost: reject
      });
      opened();
      await Promise.race([aborted(signal), failed]);
    } finally {
      encoderInUse = null;
      sourceInUse = null;
      queued = [];
      await source?.close();
      await draining;
      await encoder.close();
    }
  }

  return {
    ...createLifecycle(run, clock, 'audio-source', options.onProblem),
    setOn(wanted) {
      on = wanted;
      if (on) return;
      queued = []; // drain() sees that its queue was replaced, and sends nothing of it
      inSilence = true;
      liveMs = null;
    },
    setInterrupted(wanted) {
      interrupted = wanted;
      if (!interrupted) return;
      queued = [];
      inSilence = true;
    },
    timestamp: () => (timestampBase + Math.round(clock.monotonicMs() * SAMPLES_PER_MS)) % 2 ** 32,
    setTarget(wanted) {
      target = wanted;
      encoderInUse?.setTarget(wanted);
    },
    statistics: () => ({
      packetsSent,
      // What leaves while the microphone is away is digital zero: nothing of the room is heard.
      sending: on && sourceInUse?.view.kind !== 'away' && liveMs !== null && clock.monotonicMs() - liveMs < SENDING_MS,
      source: sourceInUse?.view ?? null,
      encoder: sourceInUse === null ? null : OPUS_ENCODER
    })
  };
}
