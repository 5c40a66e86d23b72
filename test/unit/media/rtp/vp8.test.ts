import assert from 'node:assert/strict';
import fc from 'fast-check';
import { packetizeVp8, vp8Depacketizer } from '../../../../src/media/rtp/vp8.ts';
import { vp8Frame } from './packets.ts';

describe('VP8 payloads (RFC 7741)', () => {
  it('gives back what was packetised, with the PictureID and one start', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.uint8Array({ minLength: 1, maxLength: 500 }),
        fc.integer({ min: 5, max: 120 }),
        fc.nat(),
        (keyframe, bytes, max, pictureId) => {
          const frame = vp8Frame(keyframe, bytes);
          const payloads = packetizeVp8(frame, pictureId, max);
          assert.ok(payloads.every((payload) => payload.byteLength <= max));
          assert.deepEqual(
            payloads.map((payload) => [payload[0], payload[1], ((payload[2] ?? 0) << 8) | (payload[3] ?? 0)]),
            payloads.map((_, index) => [index === 0 ? 0x90 : 0x80, 0x80, 0x8000 | (pictureId & 0x7fff)])
          );
          const joined = vp8Depacketizer.join(payloads);
          assert.deepEqual(Buffer.from(joined?.data ?? []), Buffer.from(frame));
          assert.equal(joined?.keyframe, keyframe);
          assert.deepEqual(joined?.config, keyframe ? { codec: 'vp8', width: 640, height: 360 } : null);
          assert.equal(vp8Depacketizer.startsKeyframe(payloads[0] ?? new Uint8Array()), keyframe);
        }
      )
    );
  });

  for (const [form, descriptor] of Object.entries({
    'no extension': '10',
    'a PictureID of 7 bits': '908011',
    'a PictureID of 15 bits': '90808011',
    'PictureID, TL0PICIDX and TID': '90e0800a0b20',
    'TID and KEYIDX': '903005',
    'the non-reference bit': '30'
  })) {
    it(`reads a descriptor with ${form}`, () => {
      const frame = vp8Frame(true, new Uint8Array([1, 2, 3]));
      const payload = Buffer.concat([Buffer.from(descriptor, 'hex'), frame]);
      assert.deepEqual(Buffer.from(vp8Depacketizer.join([payload])?.data ?? []), Buffer.from(frame));
    });
  }

  it('refuses a frame without its start, with two starts, cut off, or a keyframe without its start code', () => {
    const [first = new Uint8Array(), second = new Uint8Array()] = packetizeVp8(vp8Frame(true, new Uint8Array(100)), 7, 60);
    assert.notEqual(vp8Depacketizer.join([first, second]), null);
    assert.equal(vp8Depacketizer.join([second]), null);
    assert.equal(vp8Depacketizer.join([first, first]), null);
    assert.equal(vp8Depacketizer.join([]), null);
    assert.equal(vp8Depacketizer.join([Buffer.from('9080', 'hex')]), null);
    assert.equal(vp8Depacketizer.join([Buffer.from('1010000000000000000000', 'hex')]), null);
  });

  it('is total for any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 5 }), (payloads) => {
        for (const payload of payloads) vp8Depacketizer.startsKeyframe(payload);
        vp8Depacketizer.join(payloads);
      }),
      { numRuns: 500 }
    );
  });
});
