import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type RtcpMessage,
  readRtcp,
  readRtp,
  writeCname,
  writeNack,
  writePictureLoss,
  writeReport,
  writeRtp
} from '../../../../src/media/peer/peer-packets.ts';
import { createReceiveStream, createSendStream } from '../../../../src/media/peer/peer-streams.ts';
import { readTransportSequence, writeTransportSequence } from '../../../../src/media/rtp/header-extension.ts';

const packet = (sequenceNumber: number, timestamp = 0) => ({
  payloadType: 96,
  marker: false,
  sequenceNumber: sequenceNumber & 0xffff,
  timestamp,
  ssrc: 7,
  payload: new Uint8Array(10)
});
const only = <T extends RtcpMessage['type']>(compound: Buffer, type: T): Extract<RtcpMessage, { type: T }> => {
  const found = readRtcp(compound).find((message): message is Extract<RtcpMessage, { type: T }> => message.type === type);
  assert.ok(found);
  return found;
};

describe('RTP and RTCP packets', () => {
  it('reads back the reports that it writes, in a compound packet', () => {
    const block = { ssrc: 2, fractionLost: 3, packetsLost: -4, highestSequence: 0x1_0005, jitter: 6, lastSenderReport: 7, delaySinceLastSenderReport: 8 };
    const sender = { ntpMs: 1_800_000_000_123.5, rtpTimestamp: 0xffff_fff0, packets: 9, octets: 10 };
    const { packet: report, compactNtp } = writeReport(1, sender, [block]);
    const compound = Buffer.concat([report, writeCname(1, 'room'), writePictureLoss(1, 5), writeNack(1, 5, [65_534, 65_535, 0, 30])]);
    const read = only(compound, 'sender-report');
    assert.deepEqual(read.blocks, [block]);
    assert.equal(read.sender.compactNtp, compactNtp);
    assert.ok(Math.abs(read.sender.ntpMs - sender.ntpMs) < 0.001);
    assert.equal(read.sender.rtpTimestamp, sender.rtpTimestamp);
    assert.equal(only(compound, 'keyframe-request').mediaSsrc, 5);
    assert.deepEqual(only(compound, 'nack').sequenceNumbers, [65_534, 65_535, 0, 30]);
    assert.deepEqual(only(writeReport(1, null, [block]).packet, 'receiver-report').blocks, [block]);
  });

  it('takes a full intra request for a keyframe request', () => {
    const fir = Buffer.from('84ce0004000000010000000000000005aa000000', 'hex');
    assert.equal(only(fir, 'keyframe-request').mediaSsrc, 5);
  });

  it('reads any set of missing numbers back', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), fc.uniqueArray(fc.nat(300), { minLength: 1, maxLength: 60 }), (from, offsets) => {
        const numbers = offsets.sort((a, b) => a - b).map((offset) => (from + offset) & 0xffff);
        assert.deepEqual(only(writeNack(1, 2, numbers), 'nack').sequenceNumbers, numbers);
      })
    );
  });

  it('reads past contributing sources, an extension and padding', () => {
    const read = readRtp(Buffer.from(`b1e0000a0000000b0000000c${'000000dd'}${'bede0001aabbccdd'}${'01020304'}${'00000003'}`, 'hex'));
    assert.deepEqual(read && { ...read, payload: [...read.payload] }, {
      payloadType: 96,
      marker: true,
      sequenceNumber: 10,
      timestamp: 11,
      ssrc: 12,
      payload: [1, 2, 3, 4, 0]
    });
  });

  it('reads back the media packets that it writes', () => {
    const header = fc.record({
      payloadType: fc.nat(0x7f),
      sequenceNumber: fc.nat(0xffff),
      timestamp: fc.nat(0xffff_ffff),
      ssrc: fc.nat(0xffff_ffff),
      marker: fc.boolean()
    });
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 1_300 }), fc.option(fc.nat(0xffff)), fc.nat(255), (fields, payload, sequence, padding) => {
        const extension = sequence === null ? undefined : writeTransportSequence(3, sequence);
        const written = writeRtp(fields, payload, extension, padding);
        const read = readRtp(written);
        assert.deepEqual(read && { ...read, payload: Uint8Array.from(read.payload) }, { ...fields, payload });
        assert.equal(readTransportSequence(written, 3), sequence);
      })
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom(0x80, 0x81, 0x84, 0x9f, 0xbf),
        fc.integer({ min: 200, max: 206 }),
        fc.nat(30),
        (bytes, flags, type, words) => {
          const data = Buffer.concat([Buffer.from([flags, type, 0, words]), bytes]);
          assert.ok(Array.isArray(readRtcp(data)));
          const rtp = readRtp(data);
          if (rtp !== null) readTransportSequence(data, 3);
          assert.ok(rtp === null || rtp.payload.length <= data.length - 12);
        }
      ),
      { numRuns: 2_000, examples: [[new Uint8Array(4), 0x80, 200, 0]] }
    );
  });
});

describe('receive stream', () => {
  it('takes each packet once, in whatever order and however often it comes', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), fc.shuffledSubarray([...Array(60).keys(), ...Array(60).keys()], { minLength: 1 }), (from, order) => {
        const stream = createReceiveStream({ ssrc: 7, clockRate: 90_000 });
        const taken = order.filter((offset) => stream.accept(packet(from + offset), 0));
        assert.deepEqual(new Set(taken).size, taken.length);
        assert.equal(taken.length, new Set(order).size);
        assert.equal(stream.packetsReceived(), taken.length);
        assert.equal(stream.packetsLost(), Math.max(...order) - Math.min(...order) + 1 - taken.length);
      })
    );
  });

  it('refuses what is too old to tell whether it was there', () => {
    const stream = createReceiveStream({ ssrc: 7, clockRate: 90_000 });
    stream.accept(packet(10), 0);
    stream.accept(packet(10 + 2048), 0);
    assert.equal(stream.accept(packet(10), 0), false);
    assert.equal(stream.accept(packet(9), 0), false);
    assert.equal(stream.accept(packet(11), 0), true);
  });

  it('takes a repair of what is missing once, and leaves it out of what it reports', () => {
    const stream = createReceiveStream({ ssrc: 7, clockRate: 90_000 });
    const repair = (sequenceNumber: number) => stream.recover({ sequenceNumber, payload: new Uint8Array(10) }, 0);
    assert.equal(repair(5), false, 'of a stream that was not heard yet');
    for (const number of [5, 6, 9]) stream.accept(packet(number), 0);
    assert.deepEqual([4, 7, 7, 6, 9 + 17].map(repair), [false, true, false, false, false]);
    assert.equal(stream.accept(packet(7), 0), false, 'the original, late');
    assert.deepEqual([stream.packetsReceived(), stream.packetsRecovered(), stream.packetsLost()], [3, 1, 1]);
    assert.equal(stream.report(0).packetsLost, 2);
    assert.equal(repair(11), true, 'a second copy of what would come next');
    assert.deepEqual(stream.missing(50, 50), [8, 10]);
    assert.equal(stream.accept(packet(11), 0), false);
  });

  it('reports loss since the report before, and the delay since the sender’s report', () => {
    const stream = createReceiveStream({ ssrc: 7, clockRate: 90_000 });
    for (const number of [1, 2, 4]) stream.accept(packet(number), 0);
    stream.senderReport(99, 1_000);
    const first = stream.report(1_500);
    assert.equal(first.fractionLost, 64);
    assert.equal(first.packetsLost, 1);
    assert.equal(first.highestSequence, 4);
    assert.equal(first.lastSenderReport, 99);
    assert.equal(first.delaySinceLastSenderReport, 32_768);
    for (const number of [5, 6]) stream.accept(packet(number), 0);
    assert.equal(stream.report(2_000).fractionLost, 0);
  });

  it('measures jitter in units of the media clock', () => {
    const stream = createReceiveStream({ ssrc: 7, clockRate: 90_000 });
    stream.accept(packet(1, 0xffff_ff00), 0);
    stream.accept(packet(2, 0xffff_ff00 + 900), 10);
    assert.equal(stream.report(0).jitter, 0);
    stream.accept(packet(3, (0xffff_ff00 + 1_800) >>> 0), 36);
    assert.equal(stream.report(0).jitter, 90);
  });
});

describe('send stream', () => {
  const make = () => createSendStream({ ssrc: 1, payloadType: 96, clockRate: 90_000, firstSequence: 65_535 });
  const payload = { timestamp: 5, marker: true, payload: new Uint8Array(4) };

  it('numbers packets over the rollover', () => {
    const stream = make();
    assert.deepEqual(stream.next(payload, 0), { payloadType: 96, sequenceNumber: 65_535, timestamp: 5, ssrc: 1, marker: true });
    assert.equal(stream.next(payload, 0).sequenceNumber, 0);
    assert.equal(stream.packetsSent(), 2);
    assert.equal(stream.bytesSent(), 8);
  });

  it('leaves a number out where something was cut, but not before the first', () => {
    const stream = make();
    stream.skip();
    assert.equal(stream.next(payload, 0).sequenceNumber, 65_535);
    stream.skip();
    assert.equal(stream.next(payload, 0).sequenceNumber, 1);
  });

  it('tells the capture time of now from the one that was given', () => {
    const stream = make();
    assert.equal(stream.senderInfo(0), null);
    stream.next(payload, 1_000);
    assert.deepEqual(stream.senderInfo(1_100), { ntpMs: 1_100, rtpTimestamp: 5 + 9_000, packets: 1, octets: 4 });
    stream.setClock({ rtpTimestamp: 0xffff_ffff, captureMs: 500 }, 2_000);
    stream.next(payload, 2_100);
    assert.deepEqual(stream.senderInfo(2_010), { ntpMs: 510, rtpTimestamp: 899, packets: 2, octets: 8 });
  });

  it('tells the round trip from a receiver’s report about a report of its own only', () => {
    const stream = make();
    stream.reported(42, 1_000);
    const block = { ssrc: 1, fractionLost: 0, packetsLost: 0, highestSequence: 0, jitter: 0, lastSenderReport: 42, delaySinceLastSenderReport: 65_536 / 2 };
    assert.equal(stream.roundTrip(block, 1_540), 40);
    assert.equal(stream.roundTrip({ ...block, lastSenderReport: 43 }, 1_540), null);
    assert.equal(stream.roundTrip({ ...block, lastSenderReport: 0 }, 1_540), null);
    assert.equal(stream.roundTrip(block, 1_100), null);
  });
});
