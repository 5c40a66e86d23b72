import assert from 'node:assert/strict';
import { createDelayTrend } from '../../../../src/media/congestion/delay-trend.ts';

const SPACING_MS = 20;
const ON_THE_WAY_MS = 30;

/** @returns how often it said `over`, and the largest queue it saw, while packets were read at the times that `readAt` says */
function watch(readAt: (arrivedMs: number) => number, seconds: number) {
  const trend = createDelayTrend();
  let over = 0;
  let queueMs = 0;
  for (let sentMs = 0; sentMs < seconds * 1000; sentMs += SPACING_MS) {
    trend.add(sentMs, readAt(sentMs + ON_THE_WAY_MS));
    if (trend.usage() === 'over') over++;
    queueMs = Math.max(queueMs, trend.queueMs());
  }
  return { over, queueMs };
}

describe('trend of the delay', () => {
  it('sees a queue that grows', () => {
    const { over, queueMs } = watch((arrivedMs) => arrivedMs * 1.1, 5);
    assert.ok(over > 50 && queueMs > 200, `${over}, ${queueMs} ms`);
  });

  it('takes a receiver that stands still for no queue: what it then reads at once came in time', () => {
    for (const stoppedMs of [150, 300, 600]) {
      const { over, queueMs } = watch((arrivedMs) => {
        const phase = arrivedMs % 2_000;
        return phase > 1_000 && phase < 1_000 + stoppedMs ? arrivedMs - phase + 1_000 + stoppedMs : arrivedMs;
      }, 20);
      assert.equal(over, 0, `${over} times, for ${stoppedMs} ms`);
      assert.ok(queueMs < 50, `${queueMs} ms, for ${stoppedMs} ms`);
    }
  });
});
