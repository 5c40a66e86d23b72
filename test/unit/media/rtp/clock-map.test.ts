import assert from 'node:assert/strict';
import { createClockMap } from '../../../../src/media/rtp/clock-map.ts';

describe('clock map', () => {
  it('unwraps timestamps both ways', () => {
    const map = createClockMap(90_000);
    const first = map.map(0xffff_fff0).timestampUs;
    const after = map.map(90_000 - 16).timestampUs;
    const back = map.map(0xffff_fff0).timestampUs;
    assert.ok(Math.abs(after - first - 1_000_000) < 0.01);
    assert.ok(Math.abs(back - first) < 0.01);
  });

  it('does not know the capture time before a sender report, and then reckons from it, across the wrap', () => {
    const map = createClockMap(48_000);
    assert.equal(map.map(1000).captureMs, null);
    map.onSenderClock({ rtpTimestamp: 0xffff_ffff - 479, captureMs: 5000 });
    assert.equal(map.map(480).captureMs, 5020);
    assert.equal(map.map(0xffff_ffff - 959).captureMs, 4990);
    map.onSenderClock({ rtpTimestamp: 0, captureMs: Number.NaN });
    assert.equal(map.map(480).captureMs, 5020);
  });
});
