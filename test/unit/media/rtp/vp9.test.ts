import assert from 'node:assert/strict';
import fc from 'fast-check';
import { packetizeVp9, vp9Depacketizer } from '../../../../src/media/rtp/vp9.ts';
import { vp9Frame, vp9Header } from './packets.ts';

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

describe('VP9 payloads (RFC 9628)', () => {
  it('gives back what was packetised, numbered, with one start and one end', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.uint8Array({ minLength: 1, maxLength: 500 }),
        fc.integer({ min: 24, max: 120 }),
        fc.nat(),
        (keyframe, bytes, max, pictureId) => {
          const frame = vp9Frame(keyframe, bytes);
          const payloads = packetizeVp9(frame, pictureId, max);
          assert.ok(payloads.every((payload) => payload.byteLength <= max));
          payloads.forEach((payload, index) => {
            const [start, end] = [index === 0, index === payloads.length - 1];
            // I, P, L, F, B, E, V, Z from the left: non-flexible, P but for a keyframe, the structure with its first payload
            const flags = 0xa0 | (keyframe ? 0 : 0x40) | (start ? 0x08 : 0) | (end ? 0x04 : 0) | (start && keyframe ? 0x02 : 0);
            assert.deepEqual([...payload.subarray(0, 5)], [flags, 0x80 | ((pictureId >> 8) & 0x7f), pictureId & 0xff, 0, pictureId & 0xff]);
          });
          const joined = vp9Depacketizer.join(payloads);
          assert.equal(hex(joined?.data), hex(frame));
          assert.equal(joined?.keyframe, keyframe);
          assert.deepEqual(joined?.config, keyframe ? { codec: 'vp09.00.21.08', width: 640, height: 360 } : null);
          assert.equal(vp9Depacketizer.startsKeyframe(payloads[0] ?? new Uint8Array()), keyframe);
        }
      )
    );
  });

  it('describes one layer of the picture’s size, each picture after the one before it, with a keyframe', () => {
    const [payload] = packetizeVp9(vp9Frame(true, new Uint8Array(3)), 0x1234, 100);
    // N_S 0, Y, G; 640 × 360; N_G 1: TID 0, U 0, R 1, P_DIFF 1
    assert.equal(hex(payload?.subarray(0, 13)), 'ae' + '9234' + '00' + '34' + '18' + '0280' + '0168' + '01' + '04' + '01');
  });

  for (const [form, descriptor] of Object.entries({
    'nothing but start and end': '0c',
    'a PictureID of 7 bits': '8c11',
    'a PictureID of 15 bits': '8c8011',
    'layer indices and TL0PICIDX': 'ac80110007',
    'flexible mode and layer indices, without TL0PICIDX': 'bc801100',
    'flexible mode and three references': 'dc8011030506',
    'a structure of two layers with sizes and a group of two pictures': '0e' + '38' + '01400078' + '028000f0' + '02' + '00' + '280603',
    'a structure without size and group': '0e00'
  })) {
    it(`reads a descriptor with ${form}`, () => {
      const frame = vp9Frame(true, Uint8Array.of(1, 2, 3));
      assert.equal(hex(vp9Depacketizer.join([Buffer.concat([Buffer.from(descriptor, 'hex'), frame])])?.data), hex(frame));
    });
  }

  it('names the level by the picture’s size', () => {
    const codecOf = (width: number, height: number) =>
      vp9Depacketizer.join([Buffer.concat([Buffer.from('0c', 'hex'), vp9Header(width, height), Buffer.from([0])])])?.config?.codec;
    assert.deepEqual(
      [codecOf(320, 180), codecOf(640, 360), codecOf(960, 540), codecOf(1280, 720), codecOf(1920, 1080), codecOf(3840, 2160)],
      ['vp09.00.11.08', 'vp09.00.21.08', 'vp09.00.30.08', 'vp09.00.31.08', 'vp09.00.40.08', 'vp09.00.50.08']
    );
    assert.equal(codecOf(8194, 16), undefined);
  });

  it('takes the base layer of a spatial scalable stream, and leaves the layers above out', () => {
    const base = vp9Frame(true, Uint8Array.of(1, 2, 3));
    const payloads = [Buffer.concat([Buffer.from('ac80110007', 'hex'), base]), Buffer.concat([Buffer.from('ac80110307', 'hex'), Buffer.from([9, 9])])];
    assert.equal(hex(vp9Depacketizer.join(payloads)?.data), hex(base));
    assert.equal(vp9Depacketizer.join(payloads.slice(1)), null);
  });

  it('refuses a frame without its start or end, with two starts, cut off, or with a fourth reference', () => {
    const [first = new Uint8Array(), second = new Uint8Array()] = packetizeVp9(vp9Frame(true, new Uint8Array(70)), 7, 60);
    assert.notEqual(vp9Depacketizer.join([first, second]), null);
    for (const payloads of [[first], [second], [first, first], [first, second, second], []]) assert.equal(vp9Depacketizer.join(payloads), null);
    for (const cut of ['8c80', 'ac801100', 'dc801103', 'dc801103050700', '0e', '0e18']) {
      assert.equal(vp9Depacketizer.join([Buffer.from(cut, 'hex')]), null, cut);
    }
  });

  it('is no keyframe where the header is another frame’s or another profile’s', () => {
    const starts = (frame: Uint8Array, flags = '0c'): boolean => vp9Depacketizer.startsKeyframe(Buffer.concat([Buffer.from(flags, 'hex'), frame]));
    const frame = vp9Frame(true, Uint8Array.of(1));
    assert.equal(starts(frame), true);
    assert.equal(starts(frame, '4c'), false); // predicted
    assert.equal(starts(frame, '04'), false); // not its start
    assert.equal(starts(Buffer.from([0x86, ...frame.subarray(1)])), false); // an inter frame
    assert.equal(starts(Buffer.from([0xa2, ...frame.subarray(1)])), false); // profile 1
    assert.equal(starts(Buffer.from([0x82, 0x49, 0x83, 0x43, ...frame.subarray(4)])), false); // no sync code
  });

  it('is total for any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 5 }), (payloads) => {
        for (const payload of payloads) vp9Depacketizer.startsKeyframe(payload);
        const joined = vp9Depacketizer.join(payloads);
        assert.ok(joined === null || joined.keyframe === (joined.config !== null));
      }),
      { numRuns: 2000 }
    );
  });
});
