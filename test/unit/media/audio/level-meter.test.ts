import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createLevelMeter } from '../../../../src/media/audio/level-meter.ts';

const RATE = 48_000;
const tone = (amplitude: number, seconds: number): Int16Array =>
  Int16Array.from({ length: RATE * seconds }, (_, at) => Math.round(amplitude * Math.sin((2 * Math.PI * 1_000 * at) / RATE)));
const levelOf = (...parts: readonly Int16Array[]) => {
  const meter = createLevelMeter(RATE);
  for (const part of parts) for (let at = 0; at < part.length; at += 960) meter.add(part.subarray(at, at + 960));
  return meter.level();
};

describe('the level meter', () => {
  it('says nothing before anything was heard', () => {
    assert.equal(createLevelMeter(RATE).level(), null);
  });

  it('measures a full tone at −3 dB and its peak at 0, and a tenth of it 20 dB below', () => {
    assert.deepEqual(levelOf(tone(32_767, 1)), { rmsDbfs: -3, peakDbfs: 0, clipping: false, silent: false });
    assert.deepEqual(levelOf(tone(3_277, 1)), { rmsDbfs: -23, peakDbfs: -20, clipping: false, silent: false });
  });

  it('forgets what is older than a second', () => {
    assert.equal(levelOf(tone(32_767, 1), tone(327, 1))?.peakDbfs, -40);
    assert.equal(levelOf(tone(32_767, 1), tone(327, 0.5))?.peakDbfs, 0);
  });

  it('takes several samples at full scale for clipping, and one for none', () => {
    const touching = new Int16Array(RATE);
    for (let at = 0; at < RATE; at += 100) touching[at] = 32_767;
    assert.equal(levelOf(touching)?.clipping, false);
    const tooLoud = tone(30_000, 1).map((sample) => Math.sign(sample) * Math.min(32_767, Math.abs(sample) * 2));
    assert.equal(levelOf(tooLoud)?.clipping, true);
    // On both sides of a block's border.
    assert.equal(levelOf(Int16Array.from({ length: 1_920 }, (_, at) => (at >= 958 && at <= 960 ? -32_768 : 0)))?.clipping, true);
    assert.equal(levelOf(Int16Array.from({ length: 1_920 }, (_, at) => (at >= 959 && at <= 960 ? -32_768 : 0)))?.clipping, false);
  });

  it('calls zeros and the last bits of a converter silent after five seconds, and a quiet room not', () => {
    assert.equal(levelOf(new Int16Array(RATE * 4.9))?.silent, false);
    assert.deepEqual(levelOf(new Int16Array(RATE * 5)), { rmsDbfs: -120, peakDbfs: -120, clipping: false, silent: true });
    assert.equal(levelOf(tone(3, 5))?.silent, true);
    assert.equal(levelOf(tone(4, 5))?.silent, false);
    assert.equal(levelOf(new Int16Array(RATE * 6), tone(500, 0.02))?.silent, false);
  });

  it('keeps its figures within their bounds whatever it hears', () => {
    fc.assert(
      fc.property(fc.array(fc.int16Array({ maxLength: 2_000 }), { maxLength: 60 }), (blocks) => {
        const meter = createLevelMeter(8_000);
        for (const block of blocks) meter.add(block);
        const level = meter.level();
        if (level === null) return blocks.every((block) => block.length === 0);
        return level.rmsDbfs <= level.peakDbfs && level.rmsDbfs >= -120 && level.peakDbfs <= 0 && meter.silentMs() >= 0;
      }),
      { numRuns: 100 }
    );
  });
});
