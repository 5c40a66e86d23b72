import assert from 'node:assert/strict';
import fc from 'fast-check';
import { packetizeVp9, vp9Depacketizer } from '../../../../src/media/rtp/vp9.ts';
import { boundedVp9 } from '../../../../src/media/rtp/vp9-frame.ts';
import { vp9Frame, vp9Header, withVp9Index } from './packets.ts';

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

  const framed = (frame: Uint8Array) => vp9Depacketizer.join([Buffer.concat([Buffer.from('0c', 'hex'), frame])]);

  it('says where a frame ends, so that a decoder takes nothing behind it for another', () => {
    const frame = Buffer.concat([vp9Header(640, 360), Buffer.from([0, 1, 2, 3])]);
    assert.equal(hex(framed(frame)?.data), hex(withVp9Index(frame)));
    assert.equal(hex(framed(withVp9Index(frame))?.data), hex(withVp9Index(frame)));
  });

  // Each is shown, an inter frame without error resilience: reset_frame_context 00, refreshed 0, references 0; then what is named.
  const inter = (bits: string): Buffer => {
    const text = `100001100000000000${'0'.repeat(12)}${bits}`;
    return Buffer.from((text.padEnd(Math.ceil(text.length / 8) * 8 + 8, '0').match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  };
  const side = (pixels: number): string => (pixels - 1).toString(2).padStart(16, '0');
  const intra = (pixels: number): Buffer => {
    // Not shown, error resilience, intra_only; the sync code; refreshed 0.
    const text = `100001011${(0x498342).toString(2).padStart(24, '0')}00000000${side(pixels)}${side(pixels)}0000000`;
    return Buffer.from((text.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  };
  const superframe = (...frames: readonly Uint8Array[]): Buffer => {
    const marker = Buffer.from([0xc8 | (frames.length - 1)]);
    const sizes = frames.map(({ byteLength }) => Buffer.from([byteLength & 0xff, byteLength >> 8]));
    return Buffer.concat([...frames, marker, ...sizes, marker]);
  };
  const small = Buffer.concat([vp9Header(640, 360), Buffer.from([0])]);
  const cases: Readonly<Record<string, readonly [frame: Uint8Array, taken: boolean]>> = {
    'a frame of the size of its third reference': [inter('001'), true],
    'a frame of another size': [inter(`000${side(320)}${side(180)}`), true],
    'a frame that is larger than any screen': [inter(`000${side(16_384)}${side(16_384)}`), false],
    'a frame that is cut off in its size': [inter('000').subarray(0, 5), false],
    'a frame without prediction of another size': [intra(640), true],
    'a frame without prediction that is larger than any screen': [intra(16_384), false],
    'a keyframe that is larger than any screen': [Buffer.concat([vp9Header(8_192, 8_192), Buffer.from([0])]), false],
    'a keyframe with a side that no screen has': [Buffer.concat([vp9Header(16_384, 16), Buffer.from([0])]), false],
    'a frame that shows an earlier one': [Buffer.from([0x88]), true],
    'a frame of profile 1': [Buffer.from([0xa6, 0, 0, 2]), false],
    'what is no frame': [Buffer.from([0x46, 0, 0, 2]), false],
    'two frames in one': [superframe(inter('1'), small), true],
    'two frames in one, of which the second is too large': [superframe(small, inter(`000${side(16_384)}${side(16_384)}`)), false],
    'frames that go beyond their end': [Buffer.from([...inter('1'), 0xc0, 200, 0xc0]), false],
    'an index of nothing': [Buffer.from([...inter('1'), 0xc0, 0, 0xc0]), false],
    'half an index': [Buffer.from([...inter('1'), 0, 1, 0xc0]), false]
  };
  for (const [what, [frame, taken]] of Object.entries(cases)) {
    it(`${taken ? 'takes' : 'refuses'} ${what}`, () => assert.equal(framed(frame) !== null, taken));
  }

  it('answers for any frame, and hands none on but what it would take again as it is', () => {
    const head = fc.constantFrom('80498342', '85', '86', '87', '88', '82').map((text) => Buffer.from(text, 'hex'));
    const index = fc.constantFrom('', 'c005c0', 'c10503c1', 'd805000000d8').map((text) => Buffer.from(text, 'hex'));
    let taken = 0;
    fc.assert(
      fc.property(head, fc.uint8Array({ maxLength: 24 }), index, (first, rest, last) => {
        const bounded = boundedVp9(Buffer.concat([first, rest, last]));
        if (bounded === null) return;
        taken += 1;
        assert.equal(boundedVp9(bounded), bounded);
      }),
      { numRuns: 2000 }
    );
    assert.ok(taken > 100, `${taken} taken`);
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
