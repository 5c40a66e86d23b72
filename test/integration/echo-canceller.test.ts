// The echo canceller in a room made of numbers: how much of the far side's sound is left in what the microphone sends, and what is left of the near side's.
import assert from 'node:assert/strict';
import { type EchoCanceller, openEchoCanceller } from '../../src/media/audio/echo-canceller.ts';
import { AUDIO_BLOCK_SAMPLES, AUDIO_SAMPLE_RATE } from '../../src/media/source/source.ts';
import { createRandom, delayed, drifted, echoOf, hiss, powerDb, speechLike, sumOf, toInt16 } from '../fakes/acoustic-room.ts';

const SECONDS = 12;
/** Each delay, drift and jump is heard from here on. */
const CONVERGED_S = 3;

const far = speechLike(SECONDS, 1, 0.5);
/** As if the loudspeaker and the microphone had no buffers; 8 dB below, reverberation of 300 ms. */
const echoAtOnce = echoOf(far, { gainDb: -8, reverberationMs: 300, seed: 2 });
const ownNoise = hiss(far.length, -70, 3);

/** @param canceller null: what the microphone hears is sent as it is */
function heard(canceller: EchoCanceller | null, microphone: Int16Array, played: Int16Array): Int16Array {
  const sent = new Int16Array(microphone.length);
  for (let at = 0; at + AUDIO_BLOCK_SAMPLES <= sent.length; at += AUDIO_BLOCK_SAMPLES) {
    const block = microphone.subarray(at, at + AUDIO_BLOCK_SAMPLES);
    canceller?.render(played.subarray(at, at + AUDIO_BLOCK_SAMPLES));
    sent.set(canceller?.capture(block) ?? block, at);
  }
  return sent;
}

/** Echo return loss enhancement: how much less echo there is, in decibels. */
const enhancement = (before: Int16Array, after: Int16Array, fromS: number, toS: number): number => powerDb(before, fromS, toS) - powerDb(after, fromS, toS);

describe('the echo canceller', () => {
  const canceller = async (): Promise<EchoCanceller> => {
    const opened = await openEchoCanceller();
    after(() => opened.close());
    return opened;
  };
  const inRoom = async (echo: Float32Array): Promise<{ readonly before: Int16Array; readonly after: Int16Array }> => {
    const before = toInt16(sumOf(echo, ownNoise));
    return { before, after: heard(await canceller(), before, toInt16(far)) };
  };

  for (const delayMs of [10, 60, 150, 300, 500]) {
    it(`takes out 30 dB of an echo that comes after ${delayMs} ms, from the third second on`, async function () {
      this.timeout(20_000);
      const { before, after } = await inRoom(delayed(echoAtOnce, delayMs));
      const decibels = enhancement(before, after, CONVERGED_S, SECONDS);
      assert(decibels >= 30, `${decibels.toFixed(1)} dB`);
    });
  }

  it('is what makes the difference: what nobody cleans keeps its echo, and so does what is cleaned by another sound than the one that was played', async function () {
    this.timeout(20_000);
    const before = toInt16(sumOf(delayed(echoAtOnce, 60), ownNoise));
    assert.equal(enhancement(before, heard(null, before, toInt16(far)), CONVERGED_S, SECONDS), 0);
    const stranger = heard(await canceller(), before, toInt16(speechLike(SECONDS, 77, 0.5)));
    const decibels = enhancement(before, stranger, CONVERGED_S, SECONDS);
    assert(decibels < 15, `${decibels.toFixed(1)} dB`);
  });

  for (const partsPerMillion of [100, -100]) {
    it(`holds where the clocks of loudspeaker and microphone differ by ${partsPerMillion} ppm`, async function () {
      this.timeout(20_000);
      const { before, after } = await inRoom(drifted(delayed(echoAtOnce, 60), partsPerMillion));
      const decibels = enhancement(before, after, CONVERGED_S, SECONDS);
      assert(decibels >= 25, `${decibels.toFixed(1)} dB`);
    });
  }

  for (const [name, first, then] of [
    ['later', 60, 100],
    ['earlier', 100, 60]
  ] as const) {
    it(`finds an echo again that comes 40 ms ${name} at once, within 3 s`, async function () {
      this.timeout(20_000);
      const jumpS = 6;
      const [one, other] = [delayed(echoAtOnce, first), delayed(echoAtOnce, then)];
      const { before, after } = await inRoom(one.map((sample, at) => (at < jumpS * AUDIO_SAMPLE_RATE ? sample : (other[at] ?? 0))));
      const decibels = enhancement(before, after, jumpS + 3, SECONDS);
      assert(decibels >= 30, `${decibels.toFixed(1)} dB`);
    });
  }

  it('lets the near side through where both speak all the time, the near side 4 dB louder than the echo', async function () {
    this.timeout(20_000);
    const near = speechLike(SECONDS, 11, 0.5).map((sample, at) => (at < CONVERGED_S * AUDIO_SAMPLE_RATE ? 0 : sample));
    const sent = heard(await canceller(), toInt16(sumOf(delayed(echoAtOnce, 60), ownNoise, near)), toInt16(far));
    const { correlation, gainDb } = resemblance(toInt16(near), sent, CONVERGED_S + 1);
    assert(gainDb > -6, `the near side is ${gainDb.toFixed(1)} dB`);
    assert(correlation > 0.7, `correlation ${correlation.toFixed(2)}`);
  });

  it('leaves the near side as it is where the far side is silent', async function () {
    this.timeout(20_000);
    const near = speechLike(6, 9, 0.3);
    const sent = heard(await canceller(), toInt16(sumOf(near, ownNoise)), new Int16Array(near.length));
    const { correlation, gainDb } = resemblance(toInt16(near), sent, 1);
    assert(Math.abs(gainDb) < 1, `${gainDb.toFixed(1)} dB`);
    assert(correlation > 0.97, `correlation ${correlation.toFixed(2)}`);
  });

  it('takes blocks of any kind, many of one side and none of the other, and refuses nothing but work after its end', async () => {
    const opened = await canceller();
    const random = createRandom(5);
    for (let block = 0; block < 50; block++) opened.render(Int16Array.from({ length: AUDIO_BLOCK_SAMPLES }, () => (random() - 0.5) * 65_535));
    for (let block = 0; block < 50; block++) {
      assert.equal(opened.capture(new Int16Array(AUDIO_BLOCK_SAMPLES).fill(block % 2 === 0 ? -32_768 : 32_767)).length, AUDIO_BLOCK_SAMPLES);
    }
    for (const delayMs of [-5, 0, 10_000]) opened.setDelay(delayMs);
    opened.close();
    opened.close();
    assert.throws(() => opened.capture(new Int16Array(AUDIO_BLOCK_SAMPLES)), { code: 'CL_MEDIA_ECHO' });
  });
});

const ENVELOPE_SAMPLES = AUDIO_SAMPLE_RATE / 100;

/** How loud each 10 ms are. The canceller's filters turn the phase of what they let through, so that samples cannot be compared. */
function envelopeOf(samples: Int16Array, fromS: number): number[] {
  const parts = Math.floor(samples.length / ENVELOPE_SAMPLES);
  const all = Array.from({ length: parts }, (_, part) => {
    const at = part * ENVELOPE_SAMPLES;
    return Math.hypot(...samples.subarray(at, at + ENVELOPE_SAMPLES)) / Math.sqrt(ENVELOPE_SAMPLES);
  });
  return all.slice(fromS * 100);
}

const correlationOf = (ours: readonly number[], theirs: readonly number[]): number => {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ourMean, theirMean] = [mean(ours), mean(theirs)];
  const both = ours.reduce((sum, value, index) => sum + (value - ourMean) * ((theirs[index] ?? 0) - theirMean), 0);
  return both / Math.sqrt(ours.reduce((sum, value) => sum + (value - ourMean) ** 2, 0) * theirs.reduce((sum, value) => sum + (value - theirMean) ** 2, 0));
};

/** How like `near` is to `sent`, at the delay of the canceller's blocks at which they are most alike; `gainDb`: where the near side speaks. */
function resemblance(near: Int16Array, sent: Int16Array, fromS: number): { readonly correlation: number; readonly gainDb: number } {
  const [nears, sents] = [envelopeOf(near, fromS), envelopeOf(sent, fromS)];
  const shifts = [0, 1, 2, 3].map((shift) => {
    const [ours, theirs] = [nears.slice(0, nears.length - shift), sents.slice(shift)];
    const [before, after] = ours.reduce(
      ([sum, other], value, index) => (value > 100 ? [sum + value ** 2, other + (theirs[index] ?? 0) ** 2] : [sum, other]),
      [0, 0]
    );
    return { correlation: correlationOf(ours, theirs), gainDb: 10 * Math.log10(after / before) };
  });
  return shifts.reduce((best, shift) => (shift.correlation > best.correlation ? shift : best));
}
