// A meeting room as sound finds it, made of numbers: speech-like sound, the way from loudspeaker to microphone, and two sound clocks.
// Everything is seeded, so that a figure comes out the same each time. Samples are floats from -1 to 1, at 48 kHz.
const RATE = 48_000;

export type Random = () => number;

/** mulberry32: numbers from 0 to 1. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const noise = (random: Random): number => random() + random() + random() - 1.5;

/** A formant: two poles at `hz`. */
function createResonator(hz: number, widthHz: number): (input: number) => number {
  const radius = Math.exp((-Math.PI * widthHz) / RATE);
  const turn = 2 * radius * Math.cos((2 * Math.PI * hz) / RATE);
  let [before, twoBefore] = [0, 0];
  return (input) => {
    const output = (1 - radius) * input + turn * before - radius * radius * twoBefore;
    [before, twoBefore] = [output, before];
    return output;
  };
}

/**
 * What has speech's traits: voiced syllables and hissed ones of 100 to 300 ms, formants that move from one to the next, a falling spectrum,
 * a pause of up to a second after each dozen.
 * @param peak of its samples
 */
export function speechLike(seconds: number, seed: number, peak: number): Float32Array {
  const random = createRandom(seed);
  const samples = new Float32Array(Math.round(seconds * RATE));
  let loudest = 0;
  let voice = 0;
  for (let at = 0; at < samples.length; ) {
    const pause = random() < 1 / 12 ? 0.3 + 0.7 * random() : 0.02 + 0.05 * random();
    at += Math.round(pause * RATE);
    const length = Math.round((0.1 + 0.2 * random()) * RATE);
    const hissed = random() < 0.2;
    const formants = hissed
      ? [createResonator(3_000 + 2_500 * random(), 1_500)]
      : [createResonator(300 + 500 * random(), 90), createResonator(1_000 + 1_000 * random(), 140), createResonator(2_400 + 600 * random(), 220)];
    const pitchHz = 100 + 60 * random();
    for (let index = 0; index < length && at + index < samples.length; index++) {
      voice = (voice + pitchHz / RATE) % 1;
      const excitation = hissed ? 0.3 * noise(random) : voice * 2 - 1 + 0.05 * noise(random);
      const envelope = Math.sin((Math.PI * index) / length) ** 0.7;
      const sound = formants.reduce((sum, formant, order) => sum + formant(excitation * envelope) / (order + 1), 0);
      samples[at + index] = sound;
      loudest = Math.max(loudest, Math.abs(sound));
    }
    at += length;
  }
  return samples.map((sample) => (sample * peak) / (loudest || 1));
}

type RoomTraits = {
  /** Of the direct sound. */
  readonly gainDb: number;
  readonly reverberationMs: number;
  readonly seed: number;
};

export type Reflection = { readonly at: number; readonly gain: number };

/** How a room answers: the direct sound, and after it reflections that come at random and fall by 60 dB in the reverberation time. */
export function reflectionsOf({ gainDb, reverberationMs, seed }: RoomTraits): readonly Reflection[] {
  const random = createRandom(seed);
  const direct = 10 ** (gainDb / 20);
  const reflections = [{ at: 0, gain: direct }];
  const tail = (reverberationMs * RATE) / 1000;
  for (let after = RATE / 500; after < tail; after += (RATE / 1000) * (0.5 + random())) {
    reflections.push({ at: Math.round(after), gain: direct * 0.25 * (random() < 0.5 ? -1 : 1) * 10 ** ((-3 * after) / tail) });
  }
  return reflections;
}

/** @returns the echo of `played` from sample `from` to `to` */
export function echoBetween(played: Float32Array, reflections: readonly Reflection[], from: number, to: number): Float32Array {
  const echo = new Float32Array(to - from);
  for (const { at, gain } of reflections) {
    for (let index = Math.max(from, at); index < to; index++) echo[index - from] = (echo[index - from] ?? 0) + gain * (played[index - at] ?? 0);
  }
  return echo;
}

export const echoOf = (played: Float32Array, traits: RoomTraits): Float32Array => echoBetween(played, reflectionsOf(traits), 0, played.length);

export function delayed(samples: Float32Array, delayMs: number): Float32Array {
  const late = new Float32Array(samples.length);
  late.set(samples.subarray(0, samples.length - Math.round((delayMs * RATE) / 1000)), Math.round((delayMs * RATE) / 1000));
  return late;
}

/** The same sound by a clock that is faster by so much (the samples come closer). */
export function drifted(samples: Float32Array, partsPerMillion: number): Float32Array {
  return samples.map((_, index) => {
    const position = index * (1 + partsPerMillion / 1e6);
    const at = Math.floor(position);
    const part = position - at;
    const [a, b, c, d] = [samples[at - 1] ?? 0, samples[at] ?? 0, samples[at + 1] ?? 0, samples[at + 2] ?? 0];
    // Four points, Hermite: a straight line would muffle what is high.
    return b + 0.5 * part * (c - a + part * (2 * a - 5 * b + 4 * c - d + part * (3 * (b - c) + d - a)));
  });
}

export const sumOf = (...parts: readonly Float32Array[]): Float32Array =>
  (parts[0] ?? new Float32Array()).map((_, index) => parts.reduce((sum, part) => sum + (part[index] ?? 0), 0));

/** A microphone's own noise. */
export function hiss(length: number, dbfs: number, seed: number): Float32Array {
  const random = createRandom(seed);
  const amplitude = 2 * 10 ** (dbfs / 20); // noise() has a variance of a quarter
  return new Float32Array(length).map(() => amplitude * noise(random));
}

export const toInt16 = (samples: Float32Array): Int16Array =>
  Int16Array.from(samples, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_767))));

/** From second to second. */
export function powerDb(samples: ArrayLike<number>, fromSeconds: number, toSeconds: number): number {
  let sum = 0;
  const [from, to] = [Math.round(fromSeconds * RATE), Math.min(samples.length, Math.round(toSeconds * RATE))];
  for (let index = from; index < to; index++) sum += (samples[index] ?? 0) ** 2;
  return 10 * Math.log10(sum / (to - from) + 1e-12);
}
