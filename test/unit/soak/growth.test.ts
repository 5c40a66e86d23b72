import assert from 'node:assert/strict';
import { fitLine, growsBeyond, type Sample } from '../../soak/growth.ts';

const samples = (count: number, value: (at: number) => number): Sample[] => Array.from({ length: count }, (_, at) => ({ at, value: value(at) }));
/** From -1 to 1, the same course each time. */
const noise = (at: number): number => Math.sin(at * 12.9898) * Math.cos(at * 78.233);

describe('the growth of a figure', () => {
  it('is the slope of the line of least squares', () => {
    const line = fitLine(samples(10, (at) => 5 + 3 * at));
    assert.ok(line !== null);
    assert.ok(Math.abs(line.slope - 3) < 1e-9 && Math.abs(line.start - 5) < 1e-9 && line.slopeError < 1e-9);
  });

  it('comes with the standard error of the slope', () => {
    // By hand: the residuals are 0.2, -0.4, 0, 0.4 and -0.2.
    const line = fitLine([1, 1, 2, 3, 3].map((value, at) => ({ at, value })));
    assert.ok(line !== null);
    assert.equal(line.samples, 5);
    assert.ok(Math.abs(line.slope - 0.6) < 1e-9);
    assert.ok(Math.abs(line.slopeError - Math.sqrt(0.4 / 3 / 10)) < 1e-9);
  });

  it('is not told of too few samples, or of one moment', () => {
    assert.equal(fitLine(samples(2, () => 1)), null);
    assert.equal(fitLine([1, 2, 3].map((value) => ({ at: 7, value }))), null);
  });

  it('is found under noise that is much larger than a step, and not found where there is none', () => {
    const growing = fitLine(samples(80, (at) => 30_000_000 + 20_000 * at + 300_000 * noise(at)));
    const flat = fitLine(samples(80, (at) => 30_000_000 + 300_000 * noise(at)));
    assert.ok(growing !== null && flat !== null);
    assert.ok(growsBeyond(growing, 8_192));
    assert.ok(!growsBeyond(flat, 8_192));
  });
});
