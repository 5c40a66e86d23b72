// The room's microphone as the sender gets it: measured, also while muted, and without the echo of what the room's loudspeaker plays.
// Invariants: nothing of what is measured but its figures goes anywhere; sound is never held up because echo cannot be taken out of it.
import type { Clock } from '../../kernel/clock.ts';
import { errorCodes } from '../../kernel/error-codes.ts';
import { asCloisterError } from '../../kernel/errors.ts';
import type { SoundLevel } from '../../room/state.ts';
import type { Player } from '../playout/playout.ts';
import type { MediaDevice, MediaFailure, MediaSettings, MediaStatistics } from '../port.ts';
import { AUDIO_SAMPLE_RATE, type AudioSource } from '../source/source.ts';
import type { EchoCanceller } from './echo-canceller.ts';
import { createLevelMeter } from './level-meter.ts';

export type MicrophoneOptions = {
  readonly clock: Clock;
  readonly echoCancellation: MediaSettings['echoCancellation'];
  /** Whether what it hears is to be sent: a muted one may be silent. */
  sends(): boolean;
  /** Who plays the other side; null: nobody. */
  player(): Player | null;
  openCanceller(): Promise<EchoCanceller>;
  /** Of the echo canceller, or of a silent microphone; null when it is well. */
  onProblem(part: 'echo' | 'silence', failure: MediaFailure | null): void;
};

export type Microphone = {
  /** What is heard from now on is of this device; null: of none, but a file, a test tone, or what stands in for a device. */
  setDevice(device: MediaDevice | null): void;
  /** The same source, measured and without echo. */
  listen(source: AudioSource): AudioSource;
  /** What the room hears; any number of blocks of 10 ms. `delayMs`: at the least until it sounds. */
  played(samples: Int16Array, delayMs: number): void;
  /** What is played is needed, so that its echo can be taken out. */
  wantsReference(): boolean;
  echo(): MediaStatistics['echo'];
  /** `rmsDbfs` and `peakDbfs` of what is sent or would be, `clipping` and `silent` of what the device gives; null while no microphone gives anything. */
  level(): SoundLevel | null;
  close(): void;
};

const SILENT_PROBLEM_MS = 10_000;
/** What was heard longer ago says nothing of now. */
const STALE_MS = 1_500;
/** From the microphone into this process: a period or two. */
const CAPTURE_DELAY_MS = 20;

const failureOf = (code: MediaFailure['code'], text: string): MediaFailure => ({ code, detectedBy: 'microphone', text });

/** A device takes out what it plays itself, and nothing of what a display or another loudspeaker plays. `hw:CARD,DEVICE`: one card is one device. */
function knowsItsEcho(microphone: MediaDevice, player: Player | null): boolean {
  if (!microphone.cancelsEcho || player === 'display') return false;
  return player === null || (player.cancelsEcho && cardOf(microphone) === cardOf(player));
}

const cardOf = ({ path }: MediaDevice): string => path.replace(/,.*$/, '');

export function createMicrophone(options: MicrophoneOptions): Microphone {
  const { clock } = options;
  let given = createLevelMeter(AUDIO_SAMPLE_RATE);
  let cleaned = createLevelMeter(AUDIO_SAMPLE_RATE);
  let device: MediaDevice | null = null;
  let heardAtMs = Number.NEGATIVE_INFINITY;
  let echo: MediaStatistics['echo'] = 'none';
  let canceller: EchoCanceller | null = null;
  let opening = false;
  let failed = false;
  let delayTold = false;
  let toldSilent = false;
  let sendsSinceMs: number | null = null;
  let closed = false;

  const wanted = (): MediaStatistics['echo'] => {
    if (device === null || options.echoCancellation === 'off') return 'none';
    if (options.echoCancellation === 'auto' && knowsItsEcho(device, options.player())) return 'device';
    return failed ? 'missing' : 'software';
  };

  function fail(error: unknown): void {
    canceller?.close();
    canceller = null;
    failed = true;
    if (closed) return;
    consider();
    const { code, message } = asCloisterError(error, 'CL_MEDIA_ECHO');
    options.onProblem('echo', failureOf(code, `${errorCodes.CL_MEDIA_ECHO.text} (${message.slice(0, 200)})`));
  }

  async function open(): Promise<void> {
    opening = true;
    try {
      const opened = await options.openCanceller();
      if (closed) opened.close();
      else canceller = opened;
    } catch (error) {
      fail(error);
    }
  }

  function consider(): void {
    echo = wanted();
    if (echo === 'software' && !opening) void open();
  }

  function clean(samples: Int16Array): Int16Array {
    if (echo !== 'software' || canceller === null) return samples;
    try {
      return canceller.capture(samples);
    } catch (error) {
      fail(error);
      return samples;
    }
  }

  function judge(): void {
    if (!options.sends()) sendsSinceMs = null;
    else sendsSinceMs ??= clock.monotonicMs();
    // A speakerphone that was muted at itself, too, gives zeros for a moment after both were unmuted.
    const sentMs = sendsSinceMs === null ? 0 : clock.monotonicMs() - sendsSinceMs;
    const silent = device !== null && Math.min(sentMs, given.silentMs()) >= SILENT_PROBLEM_MS;
    if (silent === toldSilent) return;
    toldSilent = silent;
    options.onProblem('silence', silent ? failureOf('CL_MEDIA_MICROPHONE_SILENT', errorCodes.CL_MEDIA_MICROPHONE_SILENT.text) : null);
  }

  function hear(samples: Int16Array): Int16Array {
    heardAtMs = clock.monotonicMs();
    consider(); // who plays may have changed
    given.add(samples);
    const sent = clean(samples);
    cleaned.add(sent);
    judge();
    return sent;
  }

  return {
    setDevice(used) {
      if (used?.path !== device?.path) {
        given = createLevelMeter(AUDIO_SAMPLE_RATE);
        cleaned = createLevelMeter(AUDIO_SAMPLE_RATE);
      }
      device = used;
      consider();
    },
    listen: (source) => ({
      get view() {
        return source.view;
      },
      start(sink) {
        source.start({
          block: (samples, captureMs) => sink.block(hear(samples), captureMs),
          lost: (error) => sink.lost(error)
        });
      },
      close: () => source.close()
    }),
    played(samples, delayMs) {
      if (canceller === null || echo !== 'software') return;
      try {
        if (!delayTold) canceller.setDelay(delayMs + CAPTURE_DELAY_MS);
        delayTold = true;
        canceller.render(samples);
      } catch (error) {
        fail(error);
      }
    },
    wantsReference: () => echo === 'software' && canceller !== null,
    echo: () => echo,
    level() {
      if (clock.monotonicMs() - heardAtMs > STALE_MS) return null;
      const [heard, sent] = [given.level(), cleaned.level()];
      return heard === null || sent === null ? null : { ...heard, rmsDbfs: sent.rmsDbfs, peakDbfs: sent.peakDbfs };
    },
    close() {
      closed = true;
      canceller?.close();
      canceller = null;
    }
  };
}
