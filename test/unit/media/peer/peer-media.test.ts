import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createKeySender } from '../../../../src/media/encode/key-sender.ts';
import { readRtcp, readRtp, writeNack, writeReport, writeRtp } from '../../../../src/media/peer/peer-packets.ts';
import { wrapRepair } from '../../../../src/media/peer/repairs.ts';
import type { MediaSection } from '../../../../src/media/peer/sdp.ts';
import { readTransportSequence } from '../../../../src/media/rtp/header-extension.ts';
import { KEY_MS, writeKey } from '../../../../src/media/rtp/telephone-event.ts';
import { createFakeClock } from '../../../fakes/clock.ts';
import { createMediaPair, createModelPicture, createModelSound, isRtcpDatagram, type MediaEnd, soundNumbers } from '../../../fakes/media-pair.ts';
import { bothWays } from '../../../harness/impaired-network.ts';

const rtpOf = ({ sent }: MediaEnd) => sent.filter((datagram) => !isRtcpDatagram(datagram));
const rtcpOf = ({ sent }: MediaEnd) => sent.filter(isRtcpDatagram).flatMap(readRtcp);
const picture = (timestamp: number, bytes = 500) => ({ timestamp, marker: true, payload: Buffer.alloc(bytes, 7) });
const without = (change: Partial<MediaSection['features']>) => (sections: MediaSection[]) =>
  sections.map((section) => ({ ...section, features: { ...section.features, ...change } }));

describe('media of a connection', () => {
  it('numbers everything that leaves, of all kinds, repairs included, in the order in which it leaves', () => {
    const clock = createFakeClock();
    const { left, right, close } = createMediaPair(clock, { path: { lossRate: 0.1 } });
    for (let n = 0; n < 200; n += 1) {
      // Not the last of a frame, which goes out twice: others are asked for.
      left.media.send('video', { ...picture(n * 3_000), marker: false });
      left.media.send('screen', picture(n * 3_000));
      left.media.send('audio', { timestamp: n * 960, marker: false, payload: Buffer.alloc(60) });
      clock.advance(20);
    }
    // Sound has no stream of repairs: what is sent again of it is the very datagram.
    const numbers = [...new Set(rtpOf(left).map((datagram) => readTransportSequence(datagram, 3)))];
    const [first] = numbers;
    assert.ok(typeof first === 'number');
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => (first + index) & 0xffff)
    );
    assert.ok(left.media.statistics().video.packetsResent > 5);
    assert.ok(right.media.statistics().video.packetsRecovered > 5);
    assert.ok(rtpOf(left).some((datagram) => readRtp(datagram)?.payloadType === 97));
    close();
  });

  it('repairs as a stream of its own, or with the very datagram where the other side has no such stream', () => {
    for (const repairs of [true, false]) {
      const clock = createFakeClock();
      const { left, right, pipe, close } = createMediaPair(clock, {
        path: { lossRate: 0.05 },
        ...(repairs ? {} : { sections: without({ repairs: new Map() }) })
      });
      for (let n = 0; n < 500; n += 1) {
        left.media.send('video', picture(n * 3_000));
        clock.advance(10);
      }
      clock.advance(1_000);
      const numbers = right.received.video.map(({ sequenceNumber }) => sequenceNumber);
      assert.equal(new Set(numbers).size, numbers.length, 'one was delivered twice');
      assert.equal(numbers.length, 500);
      const { lost } = pipe.figures().offerer;
      const { packetsResent } = left.media.statistics().video;
      assert.ok(lost > 10 && packetsResent / lost <= 1.5, `${packetsResent} resends for ${lost} lost`);
      const types = new Set(rtpOf(left).map((datagram) => readRtp(datagram)?.payloadType));
      assert.equal(types.has(97), repairs);
      const copies = rtpOf(left).length - new Set(rtpOf(left).map((datagram) => datagram.toString('hex'))).size;
      assert.equal(copies, repairs ? 0 : packetsResent);
      close();
    }
  });

  it('takes a repair once, from one source, and nothing that is malformed or was not missing', () => {
    const clock = createFakeClock();
    const { left, right, close } = createMediaPair(clock);
    const media = (sequenceNumber: number) =>
      writeRtp({ payloadType: 96, sequenceNumber, timestamp: 0, ssrc: 102, marker: false }, Buffer.from([sequenceNumber]));
    let number = 0;
    const repair = (of: number, ssrc = 104, payload: Uint8Array = Buffer.from([of])) =>
      right.media.takeRtp(writeRtp({ payloadType: 97, sequenceNumber: number++, timestamp: 5, ssrc, marker: false }, wrapRepair(of, payload)));
    repair(3);
    for (const sequenceNumber of [1, 2, 4, 6]) right.media.takeRtp(media(sequenceNumber));
    repair(3);
    repair(3);
    repair(2);
    repair(6 + 17);
    repair(5, 999);
    repair(5, 104, new Uint8Array());
    assert.deepEqual(
      right.received.video.map(({ payload }) => payload[0]),
      [1, 2, 4, 6, 3]
    );
    right.media.takeRtp(media(3));
    repair(5);
    assert.deepEqual(
      right.received.video.slice(5).map(({ payload }) => payload[0]),
      [5]
    );
    assert.equal(left.received.video.length, 0);
    close();
  });

  it('asks for sound again where the round trip is short and nothing else brings it, and not where it is long', () => {
    for (const [delayMs, asks] of [
      [20, true],
      [150, false]
    ] as const) {
      const clock = createFakeClock();
      const { left, right, close } = createMediaPair(clock, { path: { lossRate: 0.05, delayMs } });
      const sound = createModelSound(clock, left.media);
      clock.advance(10_000);
      sound.stop();
      clock.advance(1_000);
      const asked = rtcpOf(right).filter((message) => message.type === 'nack' && message.mediaSsrc === 101);
      assert.equal(asked.length > 0, asks);
      const numbers = soundNumbers(right.received.audio);
      assert.equal(new Set(numbers).size, numbers.length);
      if (asks) assert.ok(sound.sent() - numbers.length <= 2, `${sound.sent() - numbers.length} blocks are missing`);
      close();
    }
  });

  it('sends sound with what was before it, so that single losses are filled from the next packet and nothing is asked for', () => {
    const clock = createFakeClock();
    const { left, right, close } = createMediaPair(clock, { path: { lossRate: 0.1, delayMs: 20 } });
    left.media.setRedundancy(2);
    const sound = createModelSound(clock, left.media);
    clock.advance(20_000);
    sound.stop();
    clock.advance(100);
    const packets = right.received.audio;
    const numbers = soundNumbers(packets);
    assert.equal(new Set(numbers).size, numbers.length);
    assert.ok(sound.sent() - numbers.length <= 6, `${sound.sent() - numbers.length} of ${sound.sent()} blocks are missing`);
    assert.ok(right.media.statistics().audio.packetsRecovered > 50);
    assert.ok(packets.every(({ redundant }) => redundant === true));
    for (const { timestamp, payload } of packets) assert.equal(timestamp, Buffer.from(payload).readUInt32BE(0) * 960);
    const first = packets[0]?.sequenceNumber ?? 0;
    const begun = numbers[0] ?? 0;
    for (const [index, { sequenceNumber }] of packets.entries()) assert.equal((sequenceNumber - first) & 0xffff, (numbers[index] ?? 0) - begun);
    assert.equal(rtcpOf(right).filter((message) => message.type === 'nack').length, 0);
    left.media.setRedundancy(0);
    left.media.send('audio', { timestamp: 1, marker: false, payload: Buffer.alloc(40) });
    assert.equal(readRtp(rtpOf(left).at(-1) ?? Buffer.alloc(0))?.payloadType, 111);
    close();
  });

  it('gives one keyframe request of each kind in 300 ms to the encoder, however many come', () => {
    const clock = createFakeClock();
    const { left, close } = createMediaPair(clock);
    const pli = (ssrc: number) => Buffer.from(`81ce0002000000c8${ssrc.toString(16).padStart(8, '0')}`, 'hex');
    const fir = (ssrc: number) => Buffer.from(`84ce0004000000c800000000${ssrc.toString(16).padStart(8, '0')}00000000`, 'hex');
    for (let ms = 0; ms < 900; ms += 1) {
      left.media.takeRtcp(Buffer.concat([writeReport(200, null, []).packet, pli(102)]));
      if (ms >= 450) left.media.takeRtcp(fir(103));
      left.media.takeRtcp(pli(9_999));
      clock.advance(1);
    }
    assert.deepEqual(left.keyframeRequests.toSorted(), ['screen', 'screen', 'video', 'video', 'video']);
    close();
  });

  it('sends nothing again from before a keyframe that was asked for, and makes none while one must still be on its way', () => {
    const clock = createFakeClock();
    const narrow = { lossRate: 0, delayMs: 20, rateKbps: 300, queueBytes: 20_000 };
    const { left, pipe, close } = createMediaPair(clock);
    const pli = Buffer.concat([writeReport(200, null, []).packet, Buffer.from('81ce0002000000c800000066', 'hex')]);
    for (let n = 0; n < 100; n += 1) {
      if (n === 50) pipe.change(bothWays(narrow));
      left.media.send('video', picture(n * 3_000, 1_000));
      clock.advance(20);
    }
    const { sequenceNumber = 0 } = readRtp(rtpOf(left).findLast((datagram) => readRtp(datagram)?.payloadType === 96) ?? Buffer.alloc(0)) ?? {};
    left.media.takeRtcp(pli);
    assert.deepEqual(left.keyframeRequests, ['video']);
    const { packetsResent } = left.media.statistics().video;
    left.media.takeRtcp(Buffer.concat([writeReport(200, null, []).packet, writeNack(200, 102, [sequenceNumber])]));
    assert.equal(left.media.statistics().video.packetsResent, packetsResent);
    clock.advance(400);
    left.media.takeRtcp(pli);
    assert.deepEqual(left.keyframeRequests, ['video'], 'over a full path a keyframe takes longer than 300 ms');
    clock.advance(1_000);
    left.media.takeRtcp(pli);
    assert.deepEqual(left.keyframeRequests, ['video', 'video']);
    close();
  });

  it('does not take what overflows a queue for loss of the path', () => {
    const clock = createFakeClock();
    const { left, pipe, close } = createMediaPair(clock);
    const model = createModelPicture(clock, left.media, 'video', { width: 1280, height: 720, fps: 30, maxKbps: 2_500 });
    clock.advance(3_000);
    pipe.change(bothWays({ lossRate: 0, delayMs: 20, rateKbps: 300, queueBytes: 11_250 }));
    let most = 0;
    for (let ms = 0; ms < 4_000; ms += 100) {
      clock.advance(100);
      most = Math.max(most, left.media.statistics().send.lossFraction);
    }
    assert.ok(pipe.figures().offerer.overflowed > 50 && most < 0.1, `${pipe.figures().offerer.overflowed} overflowed, ${most} taken for lost`);
    model.stop();
    close();
  });

  it('lets nothing of a kind leave any more that was discarded, repairs and waiting packets included, and shows the cut', () => {
    const clock = createFakeClock();
    const { left, right, close } = createMediaPair(clock);
    for (let n = 0; n < 200; n += 1) left.media.send('video', picture(n, 1_100));
    clock.advance(10);
    const before = rtpOf(left).length;
    assert.ok(before < 150, 'control: some wait');
    left.media.discard('video');
    const numbers = rtpOf(left).map((datagram) => readRtp(datagram)?.sequenceNumber ?? 0);
    const nack = Buffer.from('81cd0003000000c80000006600000000', 'hex');
    nack.writeUInt16BE(numbers[0] ?? 0, 12);
    left.media.takeRtcp(nack);
    clock.advance(1_000);
    assert.equal(rtpOf(left).filter((datagram) => readRtp(datagram)?.payloadType === 96).length, before);
    assert.equal(left.media.statistics().video.packetsResent, 0);
    left.media.send('video', picture(999));
    clock.advance(100);
    assert.equal(((right.received.video.at(-1)?.sequenceNumber ?? 0) - (numbers.at(-1) ?? 0)) & 0xffff, 2);
    close();
  });

  it('drops what waits too long, once, and has the picture begin anew; a page of text may wait longer', () => {
    const clock = createFakeClock();
    const { left, close } = createMediaPair(clock);
    for (let n = 0; n < 60; n += 1) left.media.send('screen', picture(n, 1_100));
    clock.advance(40);
    assert.deepEqual(left.keyframeRequests, [], 'what a page may take');
    left.media.discard('screen');
    for (let n = 0; n < 600; n += 1) left.media.send('video', picture(n, 1_100));
    assert.deepEqual(left.keyframeRequests, []);
    clock.advance(40);
    assert.deepEqual(left.keyframeRequests, ['video']);
    const pictures = () => rtpOf(left).filter((datagram) => readRtp(datagram)?.payloadType === 96).length;
    const before = pictures();
    clock.advance(200);
    assert.equal(pictures(), before);
    close();
  });

  it('drops no page for its size, but where a newer one has waited behind it for long', () => {
    const clock = createFakeClock();
    const { left, close } = createMediaPair(clock, { path: { rateKbps: 300, queueBytes: 18_600 } });
    const page = (n: number, packets: number) => {
      for (let index = 0; index < packets; index += 1) left.media.send('screen', { ...picture(n, 1_100), marker: index === packets - 1 });
    };
    page(1, 200);
    clock.advance(3_000);
    assert.ok(left.media.queuedMs() > 500, 'control: it still waits');
    assert.deepEqual(left.keyframeRequests, []);
    page(2, 1);
    clock.advance(1_400);
    assert.deepEqual(left.keyframeRequests, []);
    clock.advance(200);
    assert.deepEqual(left.keyframeRequests, ['screen']);
    assert.ok(left.media.queuedMs() < 100, 'all of both is gone');
    page(3, 100);
    clock.advance(3_000);
    assert.deepEqual(left.keyframeRequests, ['screen'], 'the next one is alone again');
    close();
  });

  it('asks twice for a keyframe, since the request may be lost, and the other side makes one of it', () => {
    const clock = createFakeClock();
    const { left, right, close } = createMediaPair(clock);
    left.media.send('video', picture(0));
    clock.advance(100);
    right.media.requestKeyframe('video');
    clock.advance(200);
    assert.equal(rtcpOf(right).filter((message) => message.type === 'keyframe-request').length, 2);
    assert.deepEqual(left.keyframeRequests, ['video']);
    close();
  });

  it('repairs twice where much is lost, and once where little is', () => {
    for (const [lossRate, least, most] of [
      [0.03, 0.7, 1.5],
      [0.3, 1.7, 4]
    ] as const) {
      const clock = createFakeClock();
      const { left, pipe, close } = createMediaPair(clock, { path: { lossRate } });
      for (let n = 0; n < 1_000; n += 1) {
        left.media.send('video', { ...picture(n * 3_000), marker: false });
        clock.advance(10);
      }
      const { packetsResent } = left.media.statistics().video;
      const share = packetsResent / (lossRate * 1_000);
      assert.ok(share > least && share < most, `${packetsResent} resends, ${pipe.figures().offerer.lost} lost`);
      close();
    }
  });

  it('sends the last packet of a frame twice where some is lost and there is room, so that few have to be waited for', () => {
    for (const [rateKbps, least, most] of [
      [20_000, 0, 0.04],
      [80, 0.05, 1]
    ] as const) {
      const clock = createFakeClock();
      const { left, right, close } = createMediaPair(clock, { path: { lossRate: 0.1, rateKbps, queueBytes: 20_000 } });
      const sentMs = new Map<number, number>();
      for (let n = 0; n < 900; n += 1) {
        sentMs.set(n, clock.monotonicMs());
        left.media.send('video', picture(n, 300));
        clock.advance(67);
      }
      const settled = right.received.video.filter(({ timestamp }) => timestamp > 300);
      const late = settled.filter(({ timestamp, arrivedAtMs }) => arrivedAtMs - (sentMs.get(timestamp) ?? 0) > 50).length / settled.length;
      assert.ok(settled.length > 500 && late >= least && late <= most, `${late} of ${settled.length} late over ${rateKbps} kbit/s`);
      close();
    }
  });

  it('takes nothing for known of another path: the rate begins anew, and finds what that one carries', () => {
    const clock = createFakeClock();
    const { left, pipe, close } = createMediaPair(clock);
    left.media.setWanted({ video: 2_500, screen: 0 });
    const model = createModelPicture(clock, left.media, 'video', { width: 1280, height: 720, fps: 30, maxKbps: 2_500 });
    clock.advance(5_000);
    const { targetKbps } = left.media.statistics().send;
    assert.ok(targetKbps > 2_000, `${targetKbps}`);
    pipe.change({ offerer: { lossRate: 0, delayMs: 60 }, answerer: { lossRate: 0, delayMs: 60 } });
    left.media.pathChanged();
    const anew = left.media.statistics().send;
    assert.deepEqual([anew.targetKbps, anew.acknowledgedKbps, anew.lossFraction], [300, null, 0]);
    clock.advance(3_000);
    assert.ok(left.media.statistics().send.targetKbps > 1_000, `${left.media.statistics().send.targetKbps}`);
    model.stop();
    close();
  });

  it('does not take its own standing still for silence of the other side', () => {
    const clock = createFakeClock();
    const { left, right, close } = createMediaPair(clock);
    const model = createModelPicture(clock, left.media, 'video', { width: 640, height: 360, fps: 30, maxKbps: 500 });
    clock.advance(5_000);
    const before = left.media.statistics().send.targetKbps;
    model.stop();
    // Nothing of it ran for two seconds; what came meanwhile is read after its timers.
    const { tick, takeRtcp } = left.media;
    const waiting: Buffer[] = [];
    Object.assign(left.media, { tick: () => {}, takeRtcp: (datagram: Buffer) => void waiting.push(datagram) });
    left.media.send('audio', { timestamp: 0, marker: false, payload: Buffer.alloc(60) });
    clock.advance(2_000);
    tick();
    const after = left.media.statistics().send.targetKbps;
    Object.assign(left.media, { tick, takeRtcp });
    for (const datagram of waiting) takeRtcp(datagram);
    assert.ok(after >= before && right.received.audio.length > 0, `${before}, then ${after}`);
    close();
  });

  it('tells an estimate of its own to a peer that cannot be told arrivals, and follows such a one', () => {
    const clock = createFakeClock();
    const { left, right, close } = createMediaPair(clock, { sections: without({ transportSequence: null }), path: { rateKbps: 400, queueBytes: 5_000 } });
    const model = createModelPicture(clock, left.media, 'video', { width: 640, height: 360, fps: 30, maxKbps: 1_500 });
    clock.advance(15_000);
    const estimates = rtcpOf(right).filter((message) => message.type === 'receiver-estimate');
    assert.ok(estimates.length > 5);
    assert.equal(rtcpOf(right).filter((message) => message.type === 'transport-feedback').length, 0);
    const { targetKbps } = left.media.statistics().send;
    assert.ok(targetKbps < 700, `${targetKbps} kbit/s over a path of 400`);
    model.stop();
    close();
  });

  it('sends no more repairs than media, whatever is asked for', () => {
    const clock = createFakeClock();
    const { left, close } = createMediaPair(clock, { path: { delayMs: 5 } });
    const kinds = ['audio', 'video'] as const;
    const ssrcs = { audio: 101, video: 102 };
    const bytesSent = () => rtpOf(left).reduce((sum, { length }) => sum + length, 0);
    const sent = { audio: [] as number[], video: [] as number[] };
    for (let n = 0; n < 500; n += 1) {
      left.media.send('audio', { timestamp: n * 960, marker: false, payload: Buffer.alloc(80) });
      for (let part = 0; part < 4; part += 1) left.media.send('video', picture(n * 1_800, 1_000));
      const seen = left.sent.length;
      clock.advance(20);
      for (const datagram of left.sent.slice(seen - 5)) {
        const packet = isRtcpDatagram(datagram) ? null : readRtp(datagram);
        for (const kind of kinds) if (packet?.ssrc === ssrcs[kind] && sent[kind].at(-1) !== packet.sequenceNumber) sent[kind].push(packet.sequenceNumber);
      }
      for (const kind of kinds) left.media.takeRtcp(writeNack(201, ssrcs[kind], sent[kind].slice(-500)));
    }
    const { audio, video } = left.media.statistics();
    const media = 500 * (80 + 4 * 1_000 + 5 * 20);
    assert.ok(audio.packetsResent + video.packetsResent > 500, 'control: some were sent again');
    assert.ok(bytesSent() < 2.1 * media + 256_000, `${bytesSent()} bytes for ${media}`);
    close();
  });

  it('sends no more repairs of a picture than of the picture, whatever sound there is beside it', () => {
    const clock = createFakeClock();
    const { left, close } = createMediaPair(clock, { path: { delayMs: 5 } });
    const numbers: number[] = [];
    for (let n = 0; n < 500; n += 1) {
      left.media.send('audio', { timestamp: n * 960, marker: false, payload: Buffer.alloc(1_000) });
      left.media.send('video', { ...picture(n * 1_800, 300), marker: false });
      const seen = left.sent.length;
      clock.advance(20);
      for (const datagram of left.sent.slice(seen)) {
        const packet = isRtcpDatagram(datagram) ? null : readRtp(datagram);
        if (packet?.ssrc === 102) numbers.push(packet.sequenceNumber);
      }
      left.media.takeRtcp(writeNack(201, 102, numbers.slice(-300)));
    }
    const { bytesResent } = left.media.statistics().send;
    assert.ok(bytesResent > 256_000 && bytesResent < 256_000 + 500 * 400, `${bytesResent} bytes again of ${500 * 300}`);
    close();
  });

  it('reads so many messages about arrivals and no more, and goes on with honest ones after a storm', () => {
    const clock = createFakeClock();
    const { left, close } = createMediaPair(clock);
    const sound = createModelSound(clock, left.media);
    clock.advance(2_000);
    const before = left.media.statistics().send.acknowledgedKbps;
    assert.ok(before !== null && before > 30);
    // 8191 numbers from 0 on, none of which arrived, in 24 bytes.
    const storm = Buffer.concat(Array.from({ length: 2_000 }, () => Buffer.from('8fcd0005000000c90000006500001fff000000001fff0000', 'hex')));
    assert.equal(readRtcp(storm).length, 2_000);
    const began = performance.now();
    for (let count = 0; count < 20; count += 1) left.media.takeRtcp(storm);
    // All of them would be half a minute of work on a slow machine, and not much less on a quick one.
    assert.ok(performance.now() - began < 5_000, `${performance.now() - began} ms`);
    sound.setTarget({ kbps: 100 });
    clock.advance(3_000);
    assert.ok((left.media.statistics().send.acknowledgedKbps ?? 0) > before + 30);
    sound.stop();
    close();
  });

  it('recovers with a peer that sends nothing but receiver reports', () => {
    const clock = createFakeClock();
    const sections = without({ transportSequence: null, feedback: ['nack'] });
    const { left, pipe, close } = createMediaPair(clock, { sections });
    const sound = createModelSound(clock, left.media);
    clock.advance(3_000);
    pipe.change(bothWays({ delayMs: 20, lossRate: 1 }));
    clock.advance(60_000);
    const { targetKbps } = left.media.statistics().send;
    assert.ok(targetKbps < 200, `${targetKbps} kbit/s over a path that carries nothing`);
    pipe.change(bothWays({ delayMs: 20, lossRate: 0 }));
    clock.advance(60_000);
    // What it began with: a source that sends so little proves no more.
    assert.ok(left.media.statistics().send.targetKbps >= 300, `${left.media.statistics().send.targetKbps} kbit/s`);
    sound.stop();
    close();
  });

  it('takes one report of losses of each stream in a tenth of a second, however many come', () => {
    const clock = createFakeClock();
    const { left, close } = createMediaPair(clock, { sections: without({ transportSequence: null, feedback: ['nack'] }) });
    const block = { ssrc: 102, packetsLost: 0, highestSequence: 0, jitter: 0, lastSenderReport: 0, delaySinceLastSenderReport: 0 };
    const report = (...fractions: readonly number[]): void =>
      left.media.takeRtcp(
        writeReport(
          7,
          null,
          fractions.map((fractionLost) => ({ ...block, fractionLost }))
        ).packet
      );
    report(0, ...Array<number>(30).fill(255));
    clock.advance(50);
    report(255);
    assert.equal(left.media.statistics().send.lossFraction, 0);
    clock.advance(50);
    report(128);
    assert.equal(left.media.statistics().send.lossFraction, 0.25);
    close();
  });

  it('never throws at what an authenticated peer invents', () => {
    const clock = createFakeClock();
    const { left, close } = createMediaPair(clock);
    left.media.send('video', picture(0));
    clock.advance(100);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.constantFrom(0x80, 0x81, 0x84, 0x8f, 0x90, 0xb0),
        fc.constantFrom(96, 97, 63, 111, 200, 201, 203, 205, 206),
        fc.nat(19),
        (bytes, flags, type, words) => {
          const datagram = Buffer.concat([Buffer.from([flags, type, 0, words]), bytes]);
          if (type >= 200) left.media.takeRtcp(datagram);
          else left.media.takeRtp(datagram);
          clock.advance(1);
        }
      ),
      { numRuns: 3_000 }
    );
    close();
  });

  it('carries keys in the stream of the sound, under their own payload type, redundant sound beside them and packets lost', () => {
    for (const keys of [[{ rate: 48_000, payloadType: 110 }], [{ rate: 8_000, payloadType: 126 }]] as const) {
      const clock = createFakeClock();
      const { left, right, close } = createMediaPair(clock, { path: { lossRate: 0.2 }, seed: 7, sections: without({ keys }) });
      left.media.setRedundancy(2);
      const press = createKeySender({
        clock,
        rate: () => keys[0].rate,
        timestamp: () => Math.round(clock.monotonicMs() * 48),
        send: (packet) => left.media.send('audio', packet),
        interrupt: (on) => (on ? sound?.stop() : undefined),
        onKey: () => {}
      });
      let sound: ReturnType<typeof createModelSound> | null = createModelSound(clock, left.media);
      clock.advance(1_000);
      press.press('0123456789*#ABCD');
      clock.advance(16 * KEY_MS);
      sound = createModelSound(clock, left.media);
      clock.advance(1_000);
      sound.stop();
      assert.equal(right.pressed.join(''), '0123456789*#ABCD');
      const packets = rtpOf(left).flatMap((datagram) => readRtp(datagram) ?? []);
      const events = packets.filter(({ payloadType }) => payloadType === keys[0].payloadType);
      const [source] = new Set(packets.filter(({ payloadType }) => payloadType === 63).map(({ ssrc }) => ssrc));
      assert.ok(events.every(({ ssrc, payload }) => ssrc === source && payload.length === 4));
      // What is redundant in the first sound after the keys would else be taken for what was lost of them.
      assert.deepEqual(
        right.received.audio.filter(({ payload }) => payload.length === 4),
        []
      );
      const heard = soundNumbers(right.received.audio);
      assert.ok(heard.length > 90 && heard.every((number) => number >= 0 && number < 120), 'what was heard is no sound that was sent');
      close();
    }
  });

  it('takes nothing for what was lost of a key: redundant sound behind it is of the sound behind it', () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const clock = createFakeClock();
      const { left, right, close } = createMediaPair(clock, { path: { lossRate: 0.4 }, seed });
      left.media.setRedundancy(2);
      let number = 0;
      const sound = (blocks: number): void => {
        for (const end = number + blocks; number < end; number += 1) {
          const payload = Buffer.alloc(60);
          payload.writeUInt32BE(number);
          left.media.send('audio', { timestamp: Math.round(clock.monotonicMs() * 48), marker: false, payload });
          clock.advance(20);
        }
      };
      for (let times = 0; times < 5; times += 1) {
        sound(10);
        const timestamp = Math.round(clock.monotonicMs() * 48);
        for (const { marker, payload } of writeKey('5', 48_000)) {
          left.media.send('audio', { timestamp, marker, payload, event: true });
          clock.advance(20);
        }
      }
      sound(10);
      clock.advance(500);
      const heard = soundNumbers(right.received.audio);
      assert.equal(new Set(heard).size, heard.length, `with seed ${seed} some is heard twice: ${heard}`);
      assert.equal(right.pressed.length, 5);
      close();
    }
  });

  it('sends no key where the other side takes none, and tells none that was not agreed', () => {
    const clock = createFakeClock();
    const { left, right, close } = createMediaPair(clock, { sections: without({ keys: [] }) });
    const [packet] = writeKey('1', 48_000);
    left.media.send('audio', { timestamp: 0, marker: true, payload: packet?.payload ?? Buffer.alloc(0), event: true });
    right.media.takeRtp(writeRtp({ payloadType: 110, sequenceNumber: 1, timestamp: 0, ssrc: 101, marker: true }, packet?.payload ?? Buffer.alloc(0)));
    clock.advance(100);
    assert.deepEqual([rtpOf(left).length, right.pressed], [0, []]);
    close();
  });
});
