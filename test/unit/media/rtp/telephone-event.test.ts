import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createKeyReader, KEY_MS, writeKey } from '../../../../src/media/rtp/telephone-event.ts';

const KEYS = [...'0123456789*#ABCD'];

describe('telephone events (RFC 4733)', () => {
  it('are packets whose duration grows, of which the first is marked and the end is told three times', () => {
    for (const rate of [48_000, 8_000]) {
      const packets = writeKey('#', rate);
      assert.deepEqual(
        packets.map(({ atMs, marker, payload }) => [atMs, marker, payload.readUInt8(0), payload.readUInt8(1) >> 6, (payload.readUInt16BE(2) * 1_000) / rate]),
        [
          [0, true, 11, 0, 20],
          [20, false, 11, 0, 40],
          [40, false, 11, 0, 60],
          [60, false, 11, 0, 80],
          [80, false, 11, 2, 100],
          [100, false, 11, 2, 100],
          [120, false, 11, 2, 100]
        ]
      );
    }
    assert.ok(KEY_MS > 120, 'the next key begins before the last one’s end was told');
    for (const none of ['', 'E', '12', 'a', '٣']) assert.deepEqual(writeKey(none, 48_000), [], none);
  });

  it('are read as the key that was written, once, whichever of its packets come', () => {
    const some = fc.subarray([0, 1, 2, 3, 4, 5, 6], { minLength: 1 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...KEYS), some), { maxLength: 20 }), fc.nat(2 ** 32 - 1), (pressed, first) => {
        const reader = createKeyReader();
        const read: string[] = [];
        pressed.forEach(([key, which], index) => {
          const timestamp = (first + index * KEY_MS * 48) % 2 ** 32;
          const packets = writeKey(key, 48_000);
          for (const each of which) {
            const found = reader.take(packets[each]?.payload ?? Buffer.alloc(0), timestamp, index * KEY_MS + each * 20);
            if (found !== null) read.push(found);
          }
        });
        assert.deepEqual(
          read,
          pressed.map(([key]) => key)
        );
      })
    );
  });

  it('that come late, that are no keys, or that come more quickly than anybody dials are not told', () => {
    const reader = createKeyReader();
    const payload = (key: string): Buffer => writeKey(key, 48_000)[0]?.payload ?? Buffer.alloc(0);
    assert.equal(reader.take(payload('1'), 10_000, 0), '1');
    assert.equal(reader.take(payload('2'), 5_000, 200), null);
    assert.equal(reader.take(Buffer.from([16, 0, 0, 10]), 20_000, 400), null);
    assert.equal(reader.take(payload('3').subarray(0, 3), 20_000, 400), null);
    assert.equal(reader.take(payload('3'), 20_000, 400), '3');
    let told = 0;
    for (let index = 0; index < 1_000; index++) if (reader.take(payload('4'), 30_000 + index, 500 + index) !== null) told += 1;
    assert.ok(told <= 25, `${told} in a second`);
  });

  it('never throws, whatever comes', () => {
    const reader = createKeyReader();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(2 ** 32 - 1), fc.nat(1_000_000), (bytes, timestamp, nowMs) => {
        const key = reader.take(bytes, timestamp, nowMs);
        assert.ok(key === null || KEYS.includes(key));
      })
    );
  });
});
