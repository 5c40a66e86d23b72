import assert from 'node:assert/strict';
import fc from 'fast-check';
import { h264Depacketizer, packetizeH264, splitAnnexB } from '../../../../src/media/rtp/h264.ts';
import { readSequenceParameterSet } from '../../../../src/media/rtp/h264-sps.ts';
import { annexB, PPS, SPS_720, SPS_1080, slice } from './packets.ts';

describe('H.264 payloads (RFC 6184)', () => {
  it('finds NAL units after start codes of three and four bytes, without trailing zeros', () => {
    const stream = Buffer.from('ff000001670900000000000168ff00000165aa0003010000', 'hex');
    assert.deepEqual(
      splitAnnexB(stream).map((nal) => Buffer.from(nal).toString('hex')),
      ['6709', '68ff', '65aa000301']
    );
    assert.deepEqual(splitAnnexB(new Uint8Array([1, 2, 3])), []);
  });

  it('puts the parameter sets into one STAP-A and a small slice into a single NAL unit', () => {
    const small = slice(5, new Uint8Array([1, 2, 3]));
    const payloads = packetizeH264(annexB(SPS_720, PPS, small), 1150);
    assert.equal(payloads.length, 2);
    const [first, second] = payloads;
    assert.equal(
      Buffer.from(first ?? []).toString('hex'),
      `780016${SPS_720.toString('hex')}0004${PPS.toString('hex')}` // 0x78: NRI 3, type 24
    );
    assert.deepEqual(Buffer.from(second ?? []), Buffer.from(small));
  });

  it('fragments what is too large into FU-A with start and end bits', () => {
    const nal = Buffer.from([0x65, ...new Uint8Array(20).fill(0xaa)]);
    const payloads = packetizeH264(annexB(nal), 10);
    assert.deepEqual(
      payloads.map((payload) => [payload[0], payload[1], payload.byteLength]),
      [
        [0x7c, 0x85, 10],
        [0x7c, 0x05, 10],
        [0x7c, 0x45, 6]
      ]
    );
  });

  it('leaves supplemental information out', () => {
    assert.equal(packetizeH264(annexB(Buffer.from([6, 5, 1, 0x80]), PPS), 1150).length, 1);
  });

  it('gives back what was packetised, whatever the sizes, and never exceeds the limit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 40, max: 200 }),
        (slices, max) => {
          const unit = annexB(SPS_720, PPS, ...slices.map((bytes) => slice(5, bytes)));
          const payloads = packetizeH264(unit, max);
          assert.ok(payloads.every((payload) => payload.byteLength <= max && payload.byteLength > 0));
          assert.ok(h264Depacketizer.startsKeyframe(payloads[0] ?? new Uint8Array()));
          const joined = h264Depacketizer.join(payloads);
          assert.deepEqual(Buffer.from(joined?.data ?? []), Buffer.from(unit));
          assert.deepEqual(joined?.config, { codec: 'avc1.42c01f', width: 1280, height: 720 });
        }
      )
    );
  });

  const refused: Readonly<Record<string, string[]>> = {
    'a fragment without its start': ['7c0501'],
    'fragments without their end': ['7c8501', '7c0502'],
    'a second start inside a unit': ['7c8501', '7c8502', '7c4503'],
    'fragments of two units': ['7c8501', '7c4103'],
    'a unit between fragments': ['7c8501', '4101', '7c4503'],
    'an aggregate whose length does not fit': ['78000467'],
    'an aggregate of nothing': ['78'],
    'an empty part of an aggregate': ['780000'],
    'STAP-B': ['79000001'],
    MTAP: ['7a000001'],
    'FU-B': ['7d8500000101'],
    'a fragment without content': ['7cc5'],
    'no payload': []
  };
  for (const [what, payloads] of Object.entries(refused)) {
    it(`refuses ${what}`, () => {
      assert.equal(h264Depacketizer.join(payloads.map((hex) => Buffer.from(hex, 'hex'))), null);
    });
  }

  // Of 8,192 lines of 8,192 pixels: baseline, no order of its own (2), one reference, 512 blocks each way (section 7.3.2.1.1).
  const SPS_LARGE = Buffer.from('6742c01fda002000040190', 'hex');
  it('refuses a frame with a parameter set that is larger than any screen or cannot be read, wherever that stands', () => {
    assert.deepEqual([readSequenceParameterSet(SPS_LARGE)?.width, readSequenceParameterSet(SPS_LARGE)?.height], [8_192, 8_192]);
    const unreadable = SPS_720.subarray(0, 6);
    const idr = slice(5, new Uint8Array([1]));
    const delta = slice(1, new Uint8Array([1]));
    for (const bad of [SPS_LARGE, unreadable]) {
      const hidden = Buffer.concat([delta, Buffer.from([0, 0, 1]), bad]);
      const fragments = [Buffer.concat([Buffer.from([0x7c, 0x87]), bad.subarray(1, 4)]), Buffer.concat([Buffer.from([0x7c, 0x47]), bad.subarray(4)])];
      for (const payloads of [[bad, PPS, idr], [bad, SPS_720, PPS, idr], [SPS_720, bad, PPS, idr], [bad, delta], [hidden], [...fragments, delta]])
        assert.equal(h264Depacketizer.join(payloads), null, payloads.map((payload) => Buffer.from(payload).toString('hex')).join());
    }
    assert.notEqual(h264Depacketizer.join([SPS_720, SPS_720, PPS, idr]), null);
    assert.notEqual(h264Depacketizer.join([SPS_720, delta]), null);
    assert.equal(h264Depacketizer.join([...Array.from({ length: 33 }, () => SPS_720), PPS, idr]), null);
  });

  it('refuses more units in a packet than a picture has rows of macroblocks, in an aggregate and behind start codes', () => {
    const idr = slice(5, new Uint8Array([1]));
    const aggregate = (units: number): Buffer => Buffer.concat([Buffer.from([0x78]), ...Array.from({ length: units }, () => Buffer.from([0, 1, 0x41]))]);
    const hidden = (units: number): Buffer => Buffer.concat([Buffer.from([0x41]), ...Array.from({ length: units - 1 }, () => Buffer.from([0, 0, 1]))]);
    for (const [units, taken] of [
      [128, true],
      [129, false]
    ] as const) {
      assert.equal(h264Depacketizer.join([aggregate(units)]) !== null, taken, `${units} in an aggregate`);
      assert.equal(h264Depacketizer.join([hidden(units)]) !== null, taken, `${units} behind start codes`);
    }
    assert.notEqual(h264Depacketizer.join([hidden(129), idr]), null);
  });

  it('calls only an IDR picture with parameter sets a keyframe', () => {
    assert.equal(h264Depacketizer.join([slice(5, new Uint8Array([1]))])?.keyframe, false);
    assert.equal(h264Depacketizer.join([SPS_720, PPS])?.keyframe, false);
    assert.equal(h264Depacketizer.join([SPS_720, PPS, slice(5, new Uint8Array([1]))])?.keyframe, true);
  });

  it('is total for any bytes', () => {
    const special = fc
      .tuple(fc.constantFrom(0x18, 0x78, 0x7c, 0x1c, 0x67, 0x65), fc.uint8Array({ maxLength: 40 }))
      .map(([head, rest]) => Uint8Array.of(head, ...rest));
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), special), { maxLength: 6 }), (payloads) => {
        for (const payload of payloads) h264Depacketizer.startsKeyframe(payload);
        h264Depacketizer.join(payloads);
        packetizeH264(Buffer.concat(payloads), 20);
      }),
      { numRuns: 500 }
    );
  });
});

describe('sequence parameter set', () => {
  it('gives the codec string and the size, cropping included', () => {
    assert.deepEqual(readSequenceParameterSet(SPS_720), { codec: 'avc1.42c01f', width: 1280, height: 720 });
    assert.deepEqual(readSequenceParameterSet(SPS_1080), { codec: 'avc1.42c028', width: 1920, height: 1080 });
  });

  it('is null for one that is cut off, and total for any bytes', () => {
    for (let size = 0; size < 9; size++) assert.equal(readSequenceParameterSet(SPS_720.subarray(0, size)), null, `${size} bytes`);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const config = readSequenceParameterSet(bytes);
        assert.ok(config === null || (config.width > 0 && config.height > 0 && config.width <= 8192 && config.height <= 8192));
      }),
      { numRuns: 500 }
    );
  });
});
