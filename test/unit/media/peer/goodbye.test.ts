import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readRtcp, writeCname, writeGoodbye, writeReport } from '../../../../src/media/peer/peer-packets.ts';

describe('RTCP goodbye', () => {
  it('is read as it is written, at the end of a compound packet', () => {
    const compound = Buffer.concat([writeReport(7, null, []).packet, writeCname(7, 'room'), writeGoodbye(0xfedcba98)]);
    assert.deepEqual(readRtcp(compound).at(-1), { type: 'goodbye', ssrcs: [0xfedcba98] });
  });

  it('names as many sources as there are, whatever it says (RFC 3550 section 6.6)', () => {
    // 31 sources are announced, one is there; then one with a reason; then none at all.
    assert.deepEqual(readRtcp(Buffer.from('9fcb000100000005', 'hex')), [{ type: 'goodbye', ssrcs: [5] }]);
    assert.deepEqual(readRtcp(Buffer.from('81cb00030000000504776f726b000000', 'hex')), [{ type: 'goodbye', ssrcs: [5] }]);
    assert.deepEqual(readRtcp(Buffer.from('80cb00010000000a', 'hex')), [{ type: 'goodbye', ssrcs: [] }]);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readRtcp(Buffer.concat([Buffer.from('81cb', 'hex'), bytes]))));
  });
});
