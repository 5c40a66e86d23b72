// Plays the other side's sound in the room where no display does, and knows what is played where the echo has to be taken out of the microphone.
// Invariant: the display or the loudspeaker, never both: two would be each other's echo. A loudspeaker that is lost costs no call: it is told, and
// taken again when it is back. Time is the device's: it is given what it has played, and the buffer stretches what comes to that.
// In a conference the sound of a second call is played with this one's, or this one's by the process of the other call (loan/).
import type { Clock } from '../../kernel/clock.ts';
import { errorCodes } from '../../kernel/error-codes.ts';
import { Scope } from '../../kernel/scope.ts';
import { gainOfPercent } from '../../kernel/volume.ts';
import type { SoundLevel } from '../../room/state.ts';
import { createLevelMeter, type LevelMeter } from '../audio/level-meter.ts';
import type { DeviceOrder } from '../device-order.ts';
import type { MediaDevice, MediaFailure, SourceChoice } from '../port.ts';
import { devicesFor } from '../source/chosen-devices.ts';
import { createDeviceKeeper, type DeviceKeeper, type Held } from '../source/device-keeper.ts';
import { AUDIO_BLOCK_MS, AUDIO_BLOCK_SAMPLES, AUDIO_SAMPLE_RATE } from '../source/source.ts';
import { dtmfTone, fillTone, toneSamples } from '../tones/tones.ts';
import type { OpusDecoder } from './opus-decoder.ts';
import { SoundBuffer } from './sound-buffer.ts';
import type { Speaker } from './speaker.ts';

export type PlayoutOptions = {
  readonly clock: Clock;
  /** `auto`, `display`, `none`, or a device's name or path. */
  readonly choice: SourceChoice;
  readonly devices: DeviceOrder;
  /** Displays that are connected now. */
  displays(): number;
  /** @throws CloisterError CL_MEDIA_SPEAKER */
  openSpeaker(path: string): Promise<Speaker>;
  /** @throws CloisterError CL_MEDIA_SPEAKER */
  openDecoder(): OpusDecoder;
  /** Somebody wants to hear what the display plays. */
  wantsReference(): boolean;
  /** What is played now, AUDIO_BLOCK_SAMPLES samples at a time, and how long it takes at the least until it sounds. */
  onPlayed(samples: Int16Array, delayMs: number): void;
  /** Of the loudspeaker; null when it is well again, or not wanted any more. */
  onProblem(failure: MediaFailure | null): void;
};

/** Whose sound it is. */
export type Voiced = 'call' | 'borrower';

/** The room's own loudspeaker, or the page of a display. */
export type Player = MediaDevice | 'display';

export type Playout = AsyncDisposable & {
  /** The call is secured: there may be sound from now on. */
  start(): void;
  /** One Opus packet, in the order of its call: this one, or the one that borrows the loudspeaker. */
  push(packet: { readonly timestampUs: number; readonly data: Uint8Array }, of?: Voiced): void;
  /** Whether another call borrows the loudspeaker: what is heard then is both. */
  setBorrowed(on: boolean): void;
  /** Whether another call of this room plays what this one receives: nothing is played here then. Resolves when the loudspeaker is released, or is wanted again. */
  setElsewhere(on: boolean): Promise<void>;
  /** Whether sound belongs to the display. */
  forDisplay(): boolean;
  /** Who plays now; null where nobody does. */
  player(): Player | null;
  /** On hold nobody plays. Resolves when the loudspeaker is released, or is wanted again. */
  setHeld(on: boolean): Promise<void>;
  /** A key that was pressed here or there is heard once, over the sound. */
  key(key: string): void;
  /** @param percent 0 to 100 */
  setVolume(percent: number): void;
  /** Of what is played here, at its volume; null where nothing is, or nobody here listens to it. */
  level(): SoundLevel | null;
};

/** A page that is loaded anew is away for a moment, and no display at all is known only after one. */
const NO_DISPLAY_MS = 1_000;
/** With what the device holds it stays at about 300 ms: people talk across each other beyond that. */
const BUFFER_LIMITS = { mostDelayMs: 150, skipMs: 60 };
/** What the device holds: more after it has run dry, since this machine wakes us late. */
const [LEAST_QUEUED_MS, MOST_QUEUED_MS, QUEUED_STEP_MS] = [60, 100, 20];
/** Whoever was not played for so long begins anew: the buffer's clock is what was played. */
const STALLED_MS = 500;
/** A longer gap is a silence that was not sent, or is beyond concealing. */
const MOST_CONCEALED_MS = 60;

/** A few bytes can say that they are 120 ms of sound: the other side gets twice the time that passes decoded, and so much at once after a pause. */
const DECODED_PER_TIME = 2;
const MOST_AT_ONCE_MS = 1_000;
/** What the smallest packet, and one that is none, counts for. */
const LEAST_COST_MS = 5;

const NO_BEEP = new Float32Array(0);

type Role = 'speaker' | 'reference' | 'nobody';
type Voice = { readonly decoder: OpusDecoder; readonly buffer: SoundBuffer; nextUs: number | null; packetMs: number };
type Stream = { readonly voices: Map<Voiced, Voice>; readonly meter: LevelMeter };
/** What may still be decoded, in milliseconds of sound. */
type Budget = { leftMs: number; atMs: number };

export function createPlayout(options: PlayoutOptions): Playout {
  const { clock, choice, devices } = options;
  const scope = new Scope();
  let started = false;
  let held = false;
  let role: Role = 'nobody';
  let stream: Stream | null = null;
  let keeper: DeviceKeeper<Speaker> | null = null;
  let speaker: Held<Speaker> | null = null;
  let wasThere = false; // a loudspeaker, in this call
  let displayAtMs = 0;
  let pulledAtMs = 0;
  let dueMs = 0; // of the next block, where no device says it
  let queuedTargetMs = LEAST_QUEUED_MS;
  let gain = 1;
  let lastGain = 1;
  let told = false;
  let beep: Float32Array = NO_BEEP; // what of a key is still to be heard
  let borrowed = false;
  let elsewhere = false;
  // Of each far side its own: what one sends costs the other nothing.
  const budgets: Readonly<Record<Voiced, Budget>> = { call: { leftMs: MOST_AT_ONCE_MS, atMs: 0 }, borrower: { leftMs: MOST_AT_ONCE_MS, atMs: 0 } };

  const order = (): readonly MediaDevice[] => devicesFor(choice, devices.current()?.speaker ?? []);

  const roleNow = (): Role => {
    const nowMs = clock.monotonicMs();
    if (held || elsewhere) return 'nobody';
    if (options.displays() > 0) displayAtMs = nowMs;
    if (choice === 'none') return 'nobody';
    if (choice !== 'auto' && choice !== 'display') return 'speaker';
    const byDisplay = choice === 'display' || nowMs - displayAtMs < NO_DISPLAY_MS;
    if (!byDisplay && (wasThere || order().length > 0)) return 'speaker';
    return displayAtMs === nowMs && options.wantsReference() ? 'reference' : 'nobody';
  };

  function tellProblem(why: string | null): void {
    if (why === null && !told) return;
    told = why !== null;
    options.onProblem(why === null ? null : { code: 'CL_MEDIA_SPEAKER', detectedBy: 'speaker', text: `${errorCodes.CL_MEDIA_SPEAKER.text} (${why})` });
  }

  function openLoudspeaker(): void {
    const opened = createDeviceKeeper<Speaker>({
      clock,
      order: async () => order(),
      open: ({ path }) => options.openSpeaker(path),
      onUse(held, reason) {
        if (keeper !== opened) return;
        speaker = held;
        tellProblem(held === null ? reason : null);
        if (held === null) return;
        wasThere = true;
        begin();
        // Not from the buffer, whose clock would jump after the first packet has come.
        for (let queuedMs = 0; queuedMs < queuedTargetMs; queuedMs += AUDIO_BLOCK_MS) held.source.write(new Int16Array(AUDIO_BLOCK_SAMPLES));
        opened.expect();
        held.source.lost.catch((error: Error) => opened.lost(held, error.message));
      }
    });
    keeper = opened;
    void opened.open();
  }

  async function closeLoudspeaker(): Promise<void> {
    const closing = keeper;
    keeper = null;
    speaker = null;
    tellProblem(null);
    await closing?.close();
  }

  function begin(): void {
    end();
    const nowMs = clock.monotonicMs();
    const begun: Stream = { voices: new Map(), meter: createLevelMeter(AUDIO_SAMPLE_RATE) };
    stream = begun;
    for (const of of borrowed ? (['call', 'borrower'] as const) : (['call'] as const)) begun.voices.set(of, openVoice());
    [pulledAtMs, dueMs] = [nowMs, nowMs];
  }

  const openVoice = (): Voice => ({
    decoder: options.openDecoder(),
    buffer: new SoundBuffer(1, AUDIO_SAMPLE_RATE, BUFFER_LIMITS),
    nextUs: null,
    packetMs: AUDIO_BLOCK_MS
  });

  function end(): void {
    for (const { decoder } of stream?.voices.values() ?? []) decoder.close();
    stream = null;
    beep = NO_BEEP;
  }

  function become(next: Role): void {
    if (next === role) return;
    const before = role;
    role = next;
    end();
    if (next === 'reference') begin();
    // A device that is still being let go is tried again.
    if (next === 'speaker') openLoudspeaker();
    if (before === 'speaker') void closeLoudspeaker();
  }

  /** Nobody plays. Resolves when the loudspeaker is released. */
  async function rest(): Promise<void> {
    if (role === 'nobody') return;
    role = 'nobody';
    end();
    await closeLoudspeaker();
  }

  function mayDecode(budget: Budget): boolean {
    const nowMs = clock.monotonicMs();
    budget.leftMs = Math.min(MOST_AT_ONCE_MS, budget.leftMs + DECODED_PER_TIME * (nowMs - budget.atMs));
    budget.atMs = nowMs;
    return budget.leftMs > 0;
  }

  /** @returns what was decoded, once it is counted */
  function counted(budget: Budget, samples: Float32Array | null): Float32Array | null {
    budget.leftMs -= Math.max(LEAST_COST_MS, ((samples?.length ?? 0) * 1_000) / AUDIO_SAMPLE_RATE);
    return samples;
  }

  /** The next samples of what is heard, at the volume; a step of it is spread over them, so that it does not click. */
  function pull({ voices, meter }: Stream): Int16Array {
    const plane = new Float32Array(AUDIO_BLOCK_SAMPLES);
    const voice = new Float32Array(AUDIO_BLOCK_SAMPLES);
    for (const { buffer } of voices.values()) {
      buffer.pull([voice]);
      for (let index = 0; index < plane.length; index++) plane[index] = (plane[index] ?? 0) + (voice[index] ?? 0);
    }
    for (let index = 0; index < Math.min(plane.length, beep.length); index++) plane[index] = (plane[index] ?? 0) + (beep[index] ?? 0);
    beep = beep.subarray(plane.length);
    const samples = new Int16Array(AUDIO_BLOCK_SAMPLES);
    const step = (gain - lastGain) / samples.length;
    for (let index = 0; index < samples.length; index++) {
      samples[index] = Math.max(-32_768, Math.min(32_767, Math.round((plane[index] ?? 0) * (lastGain + step * (index + 1)) * 32_767)));
    }
    lastGain = gain;
    meter.add(samples);
    pulledAtMs = clock.monotonicMs();
    return samples;
  }

  function feedSpeaker(device: Speaker, from: Stream): void {
    let queuedMs = device.queuedMs();
    const hasPlayed = [...from.voices.values()].some(({ buffer }) => buffer.report().playedMs > 0);
    if (queuedMs === 0 && hasPlayed) queuedTargetMs = Math.min(MOST_QUEUED_MS, queuedTargetMs + QUEUED_STEP_MS);
    if (queuedMs < queuedTargetMs) keeper?.gave(); // it plays
    for (; queuedMs < queuedTargetMs; queuedMs += AUDIO_BLOCK_MS) {
      const samples = pull(from);
      device.write(samples);
      options.onPlayed(samples, queuedMs);
    }
  }

  function feedReference(from: Stream): void {
    for (const nowMs = clock.monotonicMs(); dueMs <= nowMs; dueMs += AUDIO_BLOCK_MS) options.onPlayed(pull(from), 0);
  }

  function tick(): void {
    become(roleNow());
    if (stream === null) return;
    if (role === 'reference' && clock.monotonicMs() - pulledAtMs > STALLED_MS) begin();
    if (role === 'reference') feedReference(stream);
    else if (speaker !== null) feedSpeaker(speaker.source, stream);
  }

  scope.own(devices.on('changed', () => keeper?.reconsider()));

  return {
    start() {
      if (started || scope.closed) return;
      started = true;
      displayAtMs = clock.monotonicMs();
      scope.every(clock, AUDIO_BLOCK_MS, tick);
    },
    push({ timestampUs, data }, of = 'call') {
      const voice = stream?.voices.get(of);
      const budget = budgets[of];
      if (voice === undefined || !mayDecode(budget)) return;
      const { decoder, buffer, nextUs, packetMs } = voice;
      const missingMs = nextUs === null ? 0 : (timestampUs - nextUs) / 1_000;
      if (nextUs !== null && missingMs > 1 && missingMs <= MOST_CONCEALED_MS) {
        for (let at = 0; at + packetMs <= missingMs + 1; at += packetMs) {
          const concealed = counted(budget, decoder.conceal());
          if (concealed !== null) buffer.conceal(nextUs + at * 1_000, [concealed]);
        }
      }
      const samples = counted(budget, decoder.decode(data));
      if (samples === null) return;
      buffer.push(timestampUs, [samples]);
      voice.packetMs = (samples.length * 1_000) / AUDIO_SAMPLE_RATE;
      voice.nextUs = timestampUs + voice.packetMs * 1_000;
    },
    setBorrowed(on) {
      if (borrowed === on) return;
      borrowed = on;
      if (stream === null) return;
      if (on) stream.voices.set('borrower', openVoice());
      else {
        stream.voices.get('borrower')?.decoder.close();
        stream.voices.delete('borrower');
      }
    },
    async setElsewhere(on) {
      if (elsewhere === on) return;
      elsewhere = on;
      await (on ? rest() : undefined);
    },
    key(key) {
      const tone = stream === null ? null : dtmfTone(key);
      if (tone === null) return;
      beep = new Float32Array(toneSamples(tone, AUDIO_SAMPLE_RATE));
      fillTone(tone, AUDIO_SAMPLE_RATE, 0, beep);
    },
    forDisplay: () => choice === 'auto' || choice === 'display',
    player() {
      if (role === 'speaker') return speaker?.device ?? null;
      return started && choice !== 'none' && options.displays() > 0 ? 'display' : null;
    },
    async setHeld(on) {
      if (held === on) return;
      held = on;
      // The display went to the call that people talked in meanwhile.
      if (!on) displayAtMs = clock.monotonicMs();
      await (on ? rest() : undefined);
    },
    setVolume(percent) {
      gain = gainOfPercent(percent);
    },
    level: () => stream?.meter.level() ?? null,
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]();
      role = 'nobody';
      await closeLoudspeaker();
      end();
    }
  };
}
