// What a call says in RTCP and in its RTP headers, before it is encrypted, as tshark's own dissectors read it: they have to have no complaint.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createKeySender } from '../../src/media/encode/key-sender.ts';
import { KEY_MS } from '../../src/media/rtp/telephone-event.ts';
import { createFakeClock } from '../fakes/clock.ts';
import { createMediaPair, createModelPicture, createModelSound, isRtcpDatagram } from '../fakes/media-pair.ts';

const RAW_IPV4 = 228;
const [RTP_PORT, RTCP_PORT] = [5_004, 5_005];

/** A file of libpcap's format with one IPv4 and UDP packet for each datagram. */
function capture(datagrams: readonly Buffer[]): Buffer {
  const file = Buffer.alloc(24);
  file.writeUInt32LE(0xa1b2c3d4, 0);
  file.writeUInt16LE(2, 4);
  file.writeUInt16LE(4, 6);
  file.writeUInt32LE(65_535, 16);
  file.writeUInt32LE(RAW_IPV4, 20);
  const packets = datagrams.flatMap((datagram, index) => {
    const head = Buffer.alloc(16 + 28);
    head.writeUInt32LE(index, 0);
    head.writeUInt32LE(28 + datagram.length, 8);
    head.writeUInt32LE(28 + datagram.length, 12);
    const ip = head.subarray(16);
    ip.writeUInt8(0x45, 0);
    ip.writeUInt16BE(28 + datagram.length, 2);
    ip.writeUInt8(64, 8);
    ip.writeUInt8(17, 9);
    ip.writeUInt32BE(0x7f000001, 12);
    ip.writeUInt32BE(0x7f000001, 16);
    const port = isRtcpDatagram(datagram) ? RTCP_PORT : RTP_PORT;
    ip.writeUInt16BE(port, 20);
    ip.writeUInt16BE(port, 22);
    ip.writeUInt16BE(8 + datagram.length, 24);
    return [head, datagram];
  });
  return Buffer.concat([file, ...packets]);
}

/** What a call of ten seconds over a bad network says. */
function spoken(arrivals: boolean): Buffer[] {
  const clock = createFakeClock();
  const { left, right, close } = createMediaPair(clock, {
    path: { lossRate: 0.08, delayMs: 20, jitterMs: 90, reorderRate: 0.05, reorderMs: 30, rateKbps: 900, queueBytes: 30_000 },
    sections: (sections) => (arrivals ? sections : sections.map((section) => ({ ...section, features: { ...section.features, transportSequence: null } })))
  });
  const ends = [createModelSound(clock, left.media), createModelPicture(clock, left.media, 'video', { width: 640, height: 360, fps: 30, maxKbps: 500 })];
  clock.advance(5_000);
  left.media.setRedundancy(2);
  right.media.requestKeyframe('video');
  clock.advance(5_000);
  for (const end of ends) end.stop();
  const keys = createKeySender({
    clock,
    rate: () => 48_000,
    timestamp: () => Math.round(clock.monotonicMs() * 48),
    send: (packet) => left.media.send('audio', packet),
    interrupt: () => {},
    onKey: () => {}
  });
  keys.press(KEYS);
  clock.advance(KEYS.length * KEY_MS);
  close();
  return [...left.sent, ...right.sent];
}

const KEYS = '15*#D';
const KEY_EVENTS = [1, 5, 10, 11, 15];

describe('RTP and RTCP of a call, as tshark reads them', function () {
  this.timeout(60_000);

  it('are well formed: reports, questions, keyframe requests, arrivals, estimates, repairs, redundancy', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rtcp-dissected-'));
    try {
      const file = join(folder, 'call.pcap');
      await writeFile(file, capture([...spoken(true), ...spoken(false)]));
      const decode = ['-d', 'rtp.pt==110,rtpevent', '-d', `udp.port==${RTP_PORT},rtp`, '-d', `udp.port==${RTCP_PORT},rtcp`];
      const read = async (filter: string, ...fields: string[]) => {
        const options = ['-r', file, ...decode, '-Y', filter, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
        const { stdout } = await promisify(execFile)('tshark', options, { maxBuffer: 1 << 26 });
        return stdout.split('\n').filter((line) => line !== '');
      };
      assert.deepEqual(await read('_ws.malformed || _ws.expert.severity >= 0x600000', 'frame.number', '_ws.expert.message', '_ws.col.info'), []);
      const rtcp = (await read('rtcp', 'rtcp.pt')).flatMap((line) => line.split(','));
      for (const type of ['200', '201', '202', '205', '206']) assert.ok(rtcp.includes(type), `no RTCP of type ${type}`);
      const [transport, payload] = [await read('rtcp.pt == 205', 'rtcp.rtpfb.fmt'), await read('rtcp.pt == 206', 'rtcp.psfb.fmt')];
      assert.deepEqual([...new Set(transport)].sort(), ['1', '15']);
      assert.deepEqual([...new Set(payload)].sort(), ['1', '15']);
      assert.ok((await read('rtcp.rtpfb.transportcc.statuscount > 1', 'frame.number')).length > 50);
      const types = new Set(await read('rtp', 'rtp.p_type'));
      for (const type of ['63', '96', '97', '111']) assert.ok(types.has(type), `no RTP of type ${type}`);
      // Two calls, in each the keys in their order, as RFC 4733 section 2.5 wants them: the duration grows, the end comes three times.
      const event = (await read('rtpevent', 'rtpevent.event_id', 'rtpevent.duration', 'rtpevent.end_of_event', 'rtp.marker')).map((line) =>
        line.split('\t').map(Number)
      );
      const told = KEY_EVENTS.flatMap((id) => [
        ...[960, 1_920, 2_880, 3_840].map((duration, index) => [id, duration, 0, index === 0 ? 1 : 0]),
        ...[4_800, 4_800, 4_800].map((duration) => [id, duration, 1, 0])
      ]);
      assert.deepEqual(event, [...told, ...told]);
      const times = await read('rtpevent', 'rtp.timestamp');
      assert.ok(
        times.every((time, index) => (index % 7 === 0) === (time !== times[index - 1])),
        'one event has two beginnings, or two have one'
      );
      assert.ok((await read('rtp.ext.rfc5285.id == 3', 'rtp.ext.rfc5285.data')).length > 100);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
