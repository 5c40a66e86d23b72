import assert from 'node:assert/strict';
import { DTMF_GAP_MS, DTMF_TONE_MS, dtmfPair, dtmfTone, fillTone, TONES, type Tone, toneSamples } from '../../../../src/media/tones/tones.ts';

const RATES = [48_000, 44_100] as const;

function render(tone: Tone, rate: number, ms: number, from = 0): Float32Array {
  const samples = new Float32Array(Math.round((ms * rate) / 1_000));
  fillTone(tone, rate, from, samples);
  return samples;
}

/** Goertzel: how much of one frequency is in the samples, as the amplitude of a sine (Hann window, so that neighbours do not leak in). */
function amplitudeOf(samples: Float32Array, hz: number, rate: number): number {
  const turn = (2 * Math.PI * hz) / rate;
  let [before, last] = [0, 0];
  const twice = 2 * Math.cos(turn);
  const step = Math.cos((2 * Math.PI) / samples.length);
  // The window's cosine by its recurrence: Math.cos for each sample costs ten times as much.
  let [older, cosine] = [step, 1];
  for (let index = 0; index < samples.length; index++) {
    const next = twice * last - before + (samples[index] ?? 0) * (1 - cosine);
    before = last;
    last = next;
    [older, cosine] = [cosine, 2 * step * cosine - older];
  }
  return (2 / samples.length) * Math.sqrt(last ** 2 + before ** 2 - twice * last * before);
}

const decibels = (amplitude: number): number => 20 * Math.log10(amplitude);
const rmsOf = (samples: Float32Array): number => Math.sqrt(samples.reduce((sum, value) => sum + value ** 2, 0) / samples.length);

/** The frequency between two bounds of which there is most, to a tenth of a hertz. */
function strongest(samples: Float32Array, rate: number, fromHz: number, toHz: number): number {
  let best = { hz: 0, amplitude: 0 };
  const look = (from: number, to: number, step: number): void => {
    for (let hz = from; hz <= to; hz += step) {
      const amplitude = amplitudeOf(samples, hz, rate);
      if (amplitude > best.amplitude) best = { hz, amplitude };
    }
  };
  look(fromHz, toHz, 5);
  look(best.hz - 5, best.hz + 5, 0.25);
  return best.hz;
}

/** When it sounds: beginnings and lengths in milliseconds, of stretches parted by at least 15 ms of silence. */
function cadence(samples: Float32Array, rate: number): [number, number][] {
  const window = Math.round(rate * 0.005);
  const stretches: [number, number][] = [];
  for (let start = 0; start + window <= samples.length; start += window) {
    if (rmsOf(samples.subarray(start, start + window)) < 0.002) continue;
    const last = stretches.at(-1);
    if (last !== undefined && start - last[1] < 3 * window) last[1] = start + window;
    else stretches.push([start, start + window]);
  }
  return stretches.map(([from, to]) => [(from * 1_000) / rate, ((to - from) * 1_000) / rate]);
}

const near = (actual: number, wanted: number, by: number, what: string): void =>
  assert.ok(Math.abs(actual - wanted) <= by, `${what}: ${actual} instead of ${wanted}`);

describe('tones', () => {
  for (const rate of RATES) {
    it(`have the pairs of ITU-T Q.23 for all sixteen keys, and nothing else, at ${rate} Hz`, () => {
      const LOW = [697, 770, 852, 941];
      const HIGH = [1209, 1336, 1477, 1633];
      const layout = ['123A', '456B', '789C', '*0#D'];
      for (const [row, keys] of layout.entries()) {
        for (const [column, key] of [...keys].entries()) {
          const tone = dtmfTone(key);
          assert.ok(tone !== null);
          const samples = render(tone, rate, DTMF_TONE_MS);
          assert.deepEqual(dtmfPair(key), [LOW[row], HIGH[column]]);
          // Q.23: within 1.8 %; a generator of samples can be exact.
          if (row === column) {
            near(strongest(samples, rate, 600, 1_050), LOW[row] ?? 0, 1.5, `low of ${key}`);
            near(strongest(samples, rate, 1_100, 1_800), HIGH[column] ?? 0, 1.5, `high of ${key}`);
          }
          for (const hz of [...LOW, ...HIGH]) {
            const level = decibels(amplitudeOf(samples, hz, rate));
            if (hz === LOW[row]) near(level, -20, 2, `${key} at ${hz}`);
            else if (hz === HIGH[column]) near(level, -18, 2, `${key} at ${hz}`);
            else assert.ok(level < -38, `${key} has ${hz} Hz at ${level} dB`);
          }
        }
      }
    });

    it(`ring back, are busy and end with the frequencies, cadence and levels that are expected, at ${rate} Hz`, () => {
      const ringback = render(TONES.ringback, rate, 11_000);
      assert.deepEqual(
        cadence(ringback, rate).map(([at, ms]) => [Math.round(at / 50) * 50, Math.round(ms / 50) * 50]),
        [
          [0, 1_000],
          [5_000, 1_000],
          [10_000, 1_000]
        ]
      );
      near(strongest(ringback.subarray(0, rate), rate, 300, 600), 425, 0.3, 'ringback');
      const busy = render(TONES.busy, rate, 2_000);
      assert.deepEqual(
        cadence(busy, rate).map(([at, ms]) => [Math.round(at / 50) * 50, Math.round(ms / 50) * 50]),
        [
          [0, 500],
          [1_000, 500]
        ]
      );
      near(decibels(amplitudeOf(busy.subarray(rate * 0.1, rate * 0.4), 425, rate)), -20, 0.5, 'busy');
      const ended = render(TONES.ended, rate, 2_000);
      const [first, second] = cadence(ended, rate);
      assert.ok(first !== undefined && second !== undefined && second[0] + second[1] < 500);
      near(strongest(ended.subarray(0, rate * 0.18), rate, 300, 700), 523.25, 2, 'the first note');
      near(strongest(ended.subarray(rate * 0.2, rate * 0.46), rate, 300, 700), 392, 2, 'the second note');
    });

    it(`ring with two notes, twice, and a rest longer than a breath, at ${rate} Hz`, () => {
      const ringing = render(TONES.ringing, rate, 4_000);
      near(strongest(ringing.subarray(0, rate * 0.4), rate, 500, 1_000), 783.99, 1, 'the first note');
      near(strongest(ringing.subarray(rate * 0.45, rate), rate, 500, 1_000), 659.26, 1, 'the second note');
      near(strongest(ringing.subarray(rate * 1.05, rate * 1.4), rate, 500, 1_000), 783.99, 1, 'the third note');
      assert.equal(rmsOf(ringing.subarray(rate * 2.25, rate * 3.95)), 0);
      assert.equal(toneSamples(TONES.ringing, rate), rate * 4);
    });
  }

  it('never clip and never click, in whatever pieces they are made', () => {
    const keys = [...'0123456789*#ABCD'].flatMap((key) => dtmfTone(key) ?? []);
    for (const tone of [...Object.values(TONES), ...keys]) {
      const rate = 48_000;
      const whole = render(tone, rate, tone.repeats ? 5_500 : 600);
      const pieces = new Float32Array(whole.length);
      for (let at = 0; at < pieces.length; at += 960) fillTone(tone, rate, at, pieces.subarray(at, at + 960));
      assert.deepEqual(pieces, whole);
      const peak = whole.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assert.ok(peak > 0.05 && peak < 0.5, `peak ${peak}`);
      // A click is a step that no frequency of the tone can make: 2π f A / rate, with the envelope's own slope beside.
      const partials = tone.steps.flatMap(({ partials: each }) => each);
      const steepest = Math.max(
        ...tone.steps.map((step) => step.partials.reduce((sum, { hz, dbfs }) => sum + (2 * Math.PI * hz * 10 ** (dbfs / 20)) / rate, 0))
      );
      const envelope = (partials.reduce((most, { dbfs }) => Math.max(most, 10 ** (dbfs / 20)), 0) * 2 * Math.PI) / 960;
      let step = 0;
      for (let index = 1; index < whole.length; index++) step = Math.max(step, Math.abs((whole[index] ?? 0) - (whole[index - 1] ?? 0)));
      assert.ok(step <= steepest + envelope, `a step of ${step}, ${steepest} can be`);
      assert.ok(Math.abs(whole[0] ?? 1) < 1e-4);
    }
  });

  it('are silent after their end, unless they repeat, and at no gain', () => {
    const key = dtmfTone('5');
    assert.ok(key !== null);
    assert.equal(rmsOf(render(key, 48_000, 500, 4_800)), 0);
    const silent = new Float32Array(4_800).fill(1);
    fillTone(TONES.busy, 48_000, 0, silent, 0);
    assert.equal(rmsOf(silent), 0);
    assert.ok(DTMF_GAP_MS >= 40);
  });

  it('know no other keys', () => {
    for (const key of ['', 'E', 'a', '12', ' ', '\u0660']) assert.deepEqual([dtmfPair(key), dtmfTone(key)], [null, null], key);
  });
});
