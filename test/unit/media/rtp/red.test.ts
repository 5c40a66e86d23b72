import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type RedBlock, readRed, writeRed } from '../../../../src/media/rtp/red.ts';

const block = (timestamp: number, bytes: readonly number[] | Uint8Array): RedBlock => ({ payloadType: 111, timestamp, payload: Uint8Array.from(bytes) });
const plain = (blocks: readonly RedBlock[] | null) => blocks?.map(({ payloadType, timestamp, payload }) => ({ payloadType, timestamp, payload: [...payload] }));

describe('redundant sound', () => {
  it('writes the bytes of RFC 2198 section 3', () => {
    // One block, 960 before, two bytes: 1 1101111 | 00001111000000 0000000010.
    assert.equal(writeRed(block(2000, [3]), [block(1040, [1, 2])]).toString('hex'), 'ef0f0002' + '6f' + '0102' + '03');
  });

  it('what was written is read back, also over the wrap of the timestamp', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.array(fc.uint8Array({ minLength: 1, maxLength: 1023 }), { minLength: 1, maxLength: 3 }), (timestamp, payloads) => {
        const blocks = payloads.map((payload, index) => block((timestamp - 960 * (payloads.length - 1 - index)) >>> 0, payload));
        const primary = blocks.at(-1) ?? block(0, []);
        assert.deepEqual(plain(readRed(writeRed(primary, blocks.slice(0, -1)), timestamp)), plain(blocks));
      })
    );
  });

  it('leaves out what the header cannot say', () => {
    const primary = block(100_000, [9]);
    const before = [block(100_000 - 2 ** 14, [1]), block(99_000, new Uint8Array(1024)), block(99_000, []), block(100_000, [1]), block(99_040, [5])];
    assert.deepEqual(plain(readRed(writeRed(primary, before), 100_000)), plain([block(99_040, [5]), primary]));
  });

  it('refuses what is cut short and too many blocks', () => {
    const whole = writeRed(block(2000, []), [block(1040, [1, 2])]);
    for (let length = 0; length < whole.length; length++) assert.equal(readRed(whole.subarray(0, length), 2000), null);
    assert.notEqual(readRed(whole, 2000), null);
    assert.equal(readRed(Buffer.from(`${'ef000001'.repeat(4)}6f01020304`, 'hex'), 0), null);
  });

  it('hostile bytes never throw and the blocks lie inside', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(0xffffffff), (bytes, timestamp) => {
        const blocks = readRed(bytes, timestamp) ?? [];
        assert.ok(blocks.length <= 4 && blocks.reduce((sum, { payload }) => sum + payload.length, 0) <= bytes.length);
      })
    );
  });
});
