import assert from 'node:assert/strict';
import fc from 'fast-check';
import { nextRtcpIndex, rtpIndex } from '../../../../../src/media/secure-transport/srtp/packet-index.ts';

describe('SRTP packet index', () => {
  it('finds every index from 2^15 behind to 2^15 - 1 ahead of the highest', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat().map((n) => n % 2 ** 48),
        fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
        (highest, distance) => {
          const index = highest + distance;
          fc.pre(index >= 0 && index < 2 ** 48);
          assert.equal(rtpIndex(highest, index % 2 ** 16), index);
        }
      ),
      {
        numRuns: 2_000,
        examples: [
          [2 ** 31, -1],
          [2 ** 32 - 1, 1],
          [2 ** 47, 2 ** 15 - 1],
          [40_000, -(2 ** 15)]
        ]
      }
    );
  });

  it('begins with the sequence number', () => {
    for (const sequenceNumber of [0, 1, 32_768, 65_535]) assert.equal(rtpIndex(null, sequenceNumber), sequenceNumber);
  });

  it('has none below 0 and none from 2^48', () => {
    assert.equal(rtpIndex(5, 65_535), null);
    assert.equal(rtpIndex(0, 32_768), null);
    assert.equal(rtpIndex(2 ** 48 - 1, 65_535), 2 ** 48 - 1);
    assert.equal(rtpIndex(2 ** 48 - 1, 0), null);
    assert.equal(rtpIndex(2 ** 48 - 2, 32_000), null);
  });

  it('counts SRTCP from 0 and never starts over', () => {
    assert.equal(nextRtcpIndex(null), 0);
    assert.equal(nextRtcpIndex(0), 1);
    assert.equal(nextRtcpIndex(2 ** 31 - 2), 2 ** 31 - 1);
    assert.throws(() => nextRtcpIndex(2 ** 31 - 1), { code: 'CL_INTERNAL' });
  });
});
