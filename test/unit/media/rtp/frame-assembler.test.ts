import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type AssembledFrame, createFrameAssembler, type FrameAssembler } from '../../../../src/media/rtp/frame-assembler.ts';
import { packetizeH264 } from '../../../../src/media/rtp/h264.ts';
import { packetizeVp8 } from '../../../../src/media/rtp/vp8.ts';
import { packetizeVp9 } from '../../../../src/media/rtp/vp9.ts';
import { type ReceivedRtp, VIDEO_CODECS } from '../../../../src/media/streams.ts';
import { annexB, h264Frame, PPS, SPS_720, slice, streamOfFrames, toPackets, vp8Frame, vp9Frame } from './packets.ts';

const CODECS = {
  H264: { frame: h264Frame, packetize: (frame: Uint8Array) => packetizeH264(frame, 60) },
  VP8: { frame: vp8Frame, packetize: (frame: Uint8Array) => packetizeVp8(frame, 1, 60) },
  VP9: { frame: vp9Frame, packetize: (frame: Uint8Array) => packetizeVp9(frame, 1, 60) }
} as const;
const WINDOW_MS = 60;

/** Pushes the packets in their order, all at one time. */
function pushAll(assembler: FrameAssembler, packets: readonly ReceivedRtp[], nowMs: number): AssembledFrame[] {
  return packets.flatMap((packet) => assembler.push({ ...packet, arrivedAtMs: nowMs }, nowMs).frames);
}

const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');

/** A keyframe and `deltas` frames of three packets each. */
function vp8Stream(deltas: number, firstSequence = 100): { readonly frames: Uint8Array[]; readonly packets: ReceivedRtp[] } {
  const frames = Array.from({ length: deltas + 1 }, (_, index) => vp8Frame(index === 0, new Uint8Array(140).fill(index + 1)));
  return {
    frames,
    packets: toPackets(
      frames.map((frame) => packetizeVp8(frame, 1, 60)),
      firstSequence
    )
  };
}

describe('frame assembly', () => {
  for (const codec of VIDEO_CODECS) {
    const { frame: makeFrame, packetize } = CODECS[codec];

    it(`${codec}: whole frames in order come out of any order with duplicates, over the wrap of the sequence number`, () => {
      fc.assert(
        fc.property(streamOfFrames, fc.integer({ min: 65_400, max: 65_535 }), fc.array(fc.nat(6), { maxLength: 200 }), (stream, first, moves) => {
          const frames = stream.map(({ keyframe, bytes }) => makeFrame(keyframe, bytes));
          const packets = toPackets(frames.map(packetize), first);
          // Each packet is late by up to six places, and every fifth comes twice. The first stays: decoding begins with it.
          const order = packets
            .map((packet, index) => ({ packet, place: index === 0 ? -1 : index + (moves[index] ?? 0) }))
            .flatMap((entry, index) => (index % 5 === 0 ? [entry, { ...entry, place: entry.place + 3 }] : [entry]))
            .sort((a, b) => a.place - b.place)
            .map(({ packet }) => packet);
          const assembler = createFrameAssembler(codec, WINDOW_MS);
          const got = pushAll(assembler, order, 0);
          assert.deepEqual(
            got.map(({ data }) => hex(data)),
            frames.map(hex)
          );
          assert.deepEqual(
            got.map(({ keyframe }) => keyframe),
            stream.map(({ keyframe }) => keyframe)
          );
        })
      );
    });

    it(`${codec}: with loss, what comes out is whole, in order, and begins again with a keyframe`, () => {
      fc.assert(
        fc.property(streamOfFrames, fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 80, maxLength: 80 }), (stream, dice) => {
          const frames = stream.map(({ keyframe, bytes }) => makeFrame(keyframe, bytes));
          const packets = toPackets(frames.map(packetize), 65_500);
          const assembler = createFrameAssembler(codec, WINDOW_MS);
          const got: AssembledFrame[] = [];
          let asked = false;
          let nowMs = 0;
          packets.forEach((packet, index) => {
            nowMs += 10;
            if (dice[index % dice.length] === 0) return;
            const assembly = assembler.push({ ...packet, arrivedAtMs: nowMs }, nowMs);
            got.push(...assembly.frames);
            asked ||= assembly.needKeyframe;
          });
          const last = assembler.poll(nowMs + 1000);
          got.push(...last.frames);
          asked ||= last.needKeyframe;
          const originals = frames.map(hex);
          const indices = got.map(({ timestamp }) => ((timestamp - 0xffff_f000) >>> 0) / 3000);
          got.forEach(({ data }, position) => {
            const index = indices[position] ?? -1;
            assert.equal(hex(data), originals[index]);
            const previous = indices[position - 1] ?? -1;
            assert.ok(index > previous);
            // A frame whose predecessor is not there is of use only if it is a keyframe.
            if (index !== previous + 1) assert.ok(stream[index]?.keyframe);
          });
          const complete = got.length === frames.length;
          const missing = packets.some((_, index) => dice[index % dice.length] === 0);
          if (!missing) assert.ok(complete && !asked);
        })
      );
    });
  }

  it('waits for several gaps beside each other, each from when it was known', () => {
    const { packets } = vp8Stream(5);
    const [assembler, at] = [
      createFrameAssembler('VP8', WINDOW_MS),
      (index: number, nowMs: number) => ({ ...packets[index], arrivedAtMs: nowMs }) as ReceivedRtp
    ];
    pushAll(assembler, packets.slice(0, 4), 0);
    // Packets 4 and 7 are missing, and both gaps are known at 10 ms.
    for (const index of [5, 6, 8, 9, 10, 11, 12]) assembler.push(at(index, 10), 10);
    assert.equal(assembler.push(at(4, 50), 50).frames.length, 1);
    assert.equal(assembler.poll(69).needKeyframe, false);
    assert.equal(assembler.poll(70).needKeyframe, true);
  });

  it('waits for a missing packet as long as the window, then asks for a keyframe and goes on with the next one', () => {
    const { packets } = vp8Stream(3);
    const assembler = createFrameAssembler('VP8', WINDOW_MS);
    assert.equal(pushAll(assembler, packets.slice(0, 4), 0).length, 1);
    assert.equal(pushAll(assembler, packets.slice(5), 10).length, 0); // packet 4 is missing
    assert.deepEqual(assembler.poll(69), { frames: [], needKeyframe: false });
    assert.deepEqual(assembler.poll(70), { frames: [], needKeyframe: true });
    assert.equal(assembler.poll(569).needKeyframe, false);
    assert.equal(assembler.poll(570).needKeyframe, true);
    const [late] = packets.slice(4, 5);
    assert.ok(late !== undefined);
    assert.deepEqual(assembler.push(late, 571).frames, []); // too late
    const next = vp8Stream(1, 100 + packets.length);
    const got = pushAll(assembler, next.packets, 600);
    assert.deepEqual(
      got.map(({ data }) => hex(data)),
      next.frames.map(hex)
    );
    assert.equal(assembler.poll(2000).needKeyframe, false);
    assert.deepEqual(assembler.statistics(), { framesAssembled: 3, losses: 1 });
  });

  it('begins with the newest whole keyframe after a loss, and does not wait for what one before it lacks', () => {
    const assembler = createFrameAssembler('VP8', WINDOW_MS);
    const begun = vp8Stream(1);
    pushAll(assembler, begun.packets.slice(0, 4), 0);
    pushAll(assembler, begun.packets.slice(5), 10); // packet 4 is missing
    assert.equal(assembler.poll(70).needKeyframe, true);
    const [lacking, whole] = [vp8Stream(0, 200), vp8Stream(1, 200 + vp8Stream(0).packets.length)];
    assert.deepEqual(pushAll(assembler, [...lacking.packets.slice(0, 1), ...lacking.packets.slice(2)], 80), []);
    const got = pushAll(assembler, whole.packets, 90);
    assert.deepEqual(
      got.map(({ data }) => hex(data)),
      whole.frames.map(hex)
    );
    assert.equal(assembler.poll(1_000).needKeyframe, false);
  });

  it('takes a missing packet that comes within the window', () => {
    const { frames, packets } = vp8Stream(2);
    const assembler = createFrameAssembler('VP8', WINDOW_MS);
    const [missing] = packets.slice(4, 5);
    assert.ok(missing !== undefined);
    const before = pushAll(assembler, [...packets.slice(0, 4), ...packets.slice(5)], 0);
    const after = pushAll(assembler, [missing], 59);
    assert.deepEqual([before.length, after.length], [1, 2]);
    assert.deepEqual(hex(after[1]?.data ?? new Uint8Array()), hex(frames[2] ?? new Uint8Array()));
  });

  it('waits longer for a missing packet where it is told to', () => {
    const { packets } = vp8Stream(2);
    const assembler = createFrameAssembler('VP8', WINDOW_MS);
    const [missing] = packets.slice(4, 5);
    assert.ok(missing !== undefined);
    pushAll(assembler, [...packets.slice(0, 4), ...packets.slice(5)], 0);
    assembler.setWindow(200);
    assert.equal(assembler.poll(150).needKeyframe, false);
    assert.equal(pushAll(assembler, [missing], 199).length, 2);
  });

  it('asks for a keyframe where a stream begins without one, and forgets what came before', () => {
    const { packets } = vp8Stream(2);
    const assembler = createFrameAssembler('VP8', WINDOW_MS);
    assert.deepEqual(pushAll(assembler, packets.slice(3), 0), []);
    assert.equal(assembler.poll(59).needKeyframe, false);
    assert.equal(assembler.poll(60).needKeyframe, true);
    assert.equal(pushAll(assembler, vp8Stream(0, 100 + packets.length).packets, 80).length, 1);
  });

  it('drops a frame that its packets do not make and goes on with a keyframe', () => {
    const { packets } = vp8Stream(1);
    const next = vp8Stream(0, 100 + packets.length);
    const broken = packets.map((packet, index) => (index === 4 ? { ...packet, payload: Uint8Array.of(0x10, 1, 1) } : packet));
    const assembler = createFrameAssembler('VP8', WINDOW_MS);
    const asked = broken.map((packet) => assembler.push(packet, 0).needKeyframe);
    assert.deepEqual(asked, [false, false, false, false, false, true]);
    assert.equal(pushAll(assembler, next.packets, 0).length, 1);
  });

  it('passes over a picture that is too large to be true', () => {
    for (const [width, height, frames] of [
      [5120, 2880, 1],
      [16_383, 16_383, 0]
    ] as const) {
      // VP8: a descriptor that begins a frame, then a keyframe's header (RFC 6386 section 9.1).
      const payload = Buffer.from([0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, width & 0xff, width >> 8, height & 0xff, height >> 8, 0]);
      const { frames: assembled } = createFrameAssembler('VP8').push({ timestamp: 0, marker: true, payload, sequenceNumber: 1, arrivedAtMs: 0 }, 0);
      assert.equal(assembled.length, frames, `${width} by ${height}`);
    }
  });

  it('does not begin with parameter sets that no IDR picture follows', () => {
    const delta = slice(1, new Uint8Array([1, 2, 3]));
    const bare = annexB(SPS_720, PPS, delta);
    const whole = h264Frame(true, new Uint8Array([4]));
    const assembler = createFrameAssembler('H264', WINDOW_MS);
    const packets = toPackets([packetizeH264(bare, 60), packetizeH264(bare, 60), packetizeH264(whole, 60)], 9);
    const got = pushAll(assembler, packets, 0);
    assert.deepEqual(
      got.map(({ data }) => hex(data)),
      [hex(whole)]
    );
  });

  it('does not count duplicates against its bound', () => {
    const { packets } = vp8Stream(1);
    const payload = packetizeVp8(vp8Frame(false, new Uint8Array(1100)), 1, 1150)[0] ?? new Uint8Array();
    const assembler = createFrameAssembler('VP8', WINDOW_MS);
    pushAll(assembler, packets, 0);
    const next: ReceivedRtp = { payload, marker: true, timestamp: 9, sequenceNumber: 101 + packets.length, arrivedAtMs: 0 };
    for (let i = 0; i < 4000; i++) assembler.push(next, 0); // 4 MB of the packet after the missing one
    assert.equal(assembler.push({ ...next, sequenceNumber: 100 + packets.length, timestamp: 8 }, 0).frames.length, 2);
    assert.equal(assembler.statistics().losses, 0);
  });

  it('ends a frame at the next timestamp where the sender sets no marker, and passes over padding', () => {
    const { frames, packets } = vp8Stream(2);
    const unmarked = packets.map((packet) => ({ ...packet, marker: false }));
    const assembler = createFrameAssembler('VP8', WINDOW_MS);
    assert.equal(pushAll(assembler, unmarked, 0).length, 2);
    const padding: ReceivedRtp = {
      payload: new Uint8Array(),
      marker: false,
      timestamp: packets.at(-1)?.timestamp ?? 0,
      sequenceNumber: 100 + packets.length,
      arrivedAtMs: 0
    };
    const more = toPackets([packetizeVp8(vp8Frame(false, new Uint8Array(9)), 1, 60)], 101 + packets.length, 77);
    const got = pushAll(assembler, [padding, ...more], 0);
    assert.equal(got.length, 2);
    assert.equal(hex(got[0]?.data ?? new Uint8Array()), hex(frames[2] ?? new Uint8Array()));
  });

  it('holds a bounded amount and recovers, whether packets lack a start, an end or jump far ahead', () => {
    const body = packetizeVp8(vp8Frame(false, new Uint8Array(60)), 1, 1000)[0] ?? new Uint8Array();
    const assembler = createFrameAssembler('VP8', 1e9);
    let sequence = 0;
    const push = (payload: Uint8Array, marker: boolean) =>
      assembler.push({ payload, marker, timestamp: 5, sequenceNumber: sequence++ & 0xffff, arrivedAtMs: 0 }, 0);
    let asked = 0;
    for (let i = 0; i < 3000; i++) if (push(body, false).needKeyframe) asked++; // no keyframe ever
    assert.equal(asked, 1);
    assert.ok(assembler.statistics().losses >= 2);
    const key = packetizeVp8(vp8Frame(true, new Uint8Array(9)), 1, 1000)[0] ?? new Uint8Array();
    assert.equal(push(key, true).frames.length, 1);
    for (let i = 0; i < 1100; i++) push(body, false); // no end
    assert.equal(push(key, true).frames.length, 1);
    sequence += 20_000;
    assert.equal(push(key, true).frames.length, 1);
    sequence -= 5000; // the sender counts anew
    const recovered = Array.from({ length: 70 }, () => push(key, true).frames.length);
    assert.equal(recovered.at(-1), 1);
  });

  it('looks into each payload once for a beginning, however many wait beside it', () => {
    const assembler = createFrameAssembler('H264', 600);
    let looked = 0;
    // An aggregate of supplemental information: the first byte is read once in each look at it.
    const payload = new Proxy(Buffer.from([24, 0, 1, 6]), {
      get(target, property) {
        if (property === '0') looked += 1;
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      }
    });
    for (let index = 0; index < 500; index += 1) assembler.push({ timestamp: index, marker: false, payload, sequenceNumber: index, arrivedAtMs: index }, index);
    assert.ok(looked >= 500 && looked <= 1500, String(looked));
  });

  it('Opus: each packet is a frame; a lost one is passed over after the window without asking for anything', () => {
    const packets = toPackets(
      [0, 1, 2, 3, 4].map((value) => [Uint8Array.of(value, 1, 2, 3)]),
      65_534
    );
    const assembler = createFrameAssembler('opus', WINDOW_MS);
    const [a, b, , d, e] = packets;
    assert.ok(a && b && d && e);
    assert.equal(pushAll(assembler, [b], 0).length, 1); // the stream begins here
    assert.equal(pushAll(assembler, [a, e, d, d], 0).length, 0);
    assert.deepEqual(assembler.poll(59), { frames: [], needKeyframe: false });
    const { frames, needKeyframe } = assembler.poll(60);
    assert.deepEqual(
      frames.map(({ data }) => data[0]),
      [3, 4]
    );
    assert.equal(needKeyframe, false);
  });

  it('survives any packets', () => {
    const packet = fc.record({
      payload: fc.uint8Array({ maxLength: 12 }),
      marker: fc.boolean(),
      timestamp: fc.integer({ min: 0, max: 3 }).map((value) => value * 3000),
      sequenceNumber: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 65_535 })),
      arrivedAtMs: fc.constant(0)
    });
    fc.assert(
      fc.property(fc.constantFrom('H264', 'VP8', 'VP9', 'opus'), fc.array(packet, { maxLength: 60 }), (codec, packets) => {
        const assembler = createFrameAssembler(codec, 20);
        packets.forEach((received, index) => {
          assembler.push({ ...received, arrivedAtMs: index }, index);
        });
        assembler.poll(1e6);
      }),
      { numRuns: 500 }
    );
  });
});
