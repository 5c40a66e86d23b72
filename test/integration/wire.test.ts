// A whole call as a sniffer sees it on the wire (requirement R9): the handshake, two certificates made for this call alone, then nothing but
// SRTP, SRTCP and STUN. The search for plain media has its control in the same capture: the display's feed, which never leaves the machine.
import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Capture, dissect, type Packet, startCapture } from '../harness/capture.ts';
import { bodyOf, createHostileBroker, type HostileBroker } from '../harness/hostile-broker.ts';
import { udpPortsOf } from '../harness/processes.ts';
import { bothEnded, startTwoRooms, type TwoRooms } from '../harness/two-rooms.ts';
import { displayed, findings, joined, type Kind, kindOf, windows } from '../harness/wire.ts';

const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
const CERTIFICATE = 11;
const CLIENT_KEY_EXCHANGE = 16;
const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;

type CapturedCall = { readonly ports: ReadonlySet<number>; readonly displayPort: number; readonly frames: readonly Buffer[]; readonly code: string };

describe('a call on the wire', function () {
  this.timeout(180_000);
  let folder: string;
  let capture: Capture;
  let broker: HostileBroker;
  let pair: TwoRooms;
  let packets: Packet[];
  let calls: CapturedCall[];
  let identities: Buffer[];
  const file = (): string => join(folder, 'call.pcap');

  const touches = (ports: ReadonlySet<number>) => (packet: Packet) =>
    packet.protocol === 'udp' && (ports.has(packet.sourcePort) || ports.has(packet.destinationPort));
  const filterFor = ({ ports }: CapturedCall): string => `dtls && udp.port in {${[...ports].join(', ')}}`;

  async function captureCall(): Promise<CapturedCall> {
    await pair.placeCall();
    const ports = new Set((await Promise.all(pair.rooms.map(async (room) => udpPortsOf((await room.callProcess()) ?? 0)))).flat());
    const { port, frames } = await displayed(pair.rooms[1].http, pair.rooms[1].url, 40);
    const code = (await pair.rooms[0].call())?.encryption.securityCode ?? '';
    await pair.rooms[0].act('end');
    await pair.waitFor('both ended', bothEnded);
    return { ports, displayPort: port, frames, code };
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-wire-'));
    capture = await startCapture(file());
    broker = createHostileBroker();
    pair = await startTwoRooms({ makeBroker: broker.make });
    calls = [await captureCall(), await captureCall()];
    packets = await capture.packets();
    const pems = ['ca/ca.pem', 'broker/certificate.pem', 'Boardroom/identity/certificate.pem', 'Studio/identity/certificate.pem'];
    identities = await Promise.all(pems.map(async (name) => new X509Certificate(await readFile(join(pair.folder, name))).raw));
  });

  after(async () => {
    await pair?.[Symbol.asyncDispose]();
    await capture?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('begins with the whole handshake of DTLS 1.2', async () => {
    for (const call of calls) {
      const rows = await dissect(file(), filterFor(call), ['dtls.handshake.type', 'dtls.record.content_type']);
      const messages = new Set(rows.flatMap(([types = '']) => types.split(',').map(Number)));
      for (const type of [CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, CLIENT_KEY_EXCHANGE]) assert.ok(messages.has(type), `handshake message ${type}`);
      const records = rows.flatMap(([, types = '']) => types.split(',').map(Number));
      assert.ok(records.filter((type) => type === CHANGE_CIPHER_SPEC).length >= 2, 'ChangeCipherSpec of both sides');
      const [[version = ''] = []] = await dissect(file(), `${filterFor(call)} && dtls.handshake.type == 2`, ['dtls.handshake.version']);
      assert.equal(Number(version), 0xfefd);
    }
  });

  it('shows a certificate of each side that was made for this call, and is the one that was announced', async () => {
    const seen: string[] = [];
    for (const [index, call] of calls.entries()) {
      const rows = await dissect(file(), `${filterFor(call)} && dtls.handshake.type == 11`, ['udp.srcport', 'dtls.handshake.certificate']);
      const ders = new Map(rows.map(([port = '', hex = '']) => [Buffer.from(hex.replaceAll(':', ''), 'hex').toString('base64'), port]));
      assert.equal(ders.size, 2, 'one certificate of each side');
      assert.equal(new Set(ders.values()).size, 2, 'from two ports');
      const announced = broker.seen.filter(({ type }) => type === 'call.invite' || type === 'call.answer').slice(index * 2, index * 2 + 2);
      const fingerprints = announced.map((message) =>
        /a=fingerprint:sha-256 (\S+)/
          .exec(String(bodyOf(message)['sdp']))?.[1]
          ?.replaceAll(':', '')
          .toLowerCase()
      );
      for (const base64 of ders.keys()) {
        const der = Buffer.from(base64, 'base64');
        assert.ok(!identities.some((identity) => identity.equals(der)), 'an identity’s certificate');
        assert.ok(!/boardroom|studio|contoso|cloister/i.test(der.toString('latin1')), 'a name is in the certificate');
        assert.ok(fingerprints.includes(createHash('sha256').update(der).digest('hex')), 'not the announced one');
        seen.push(base64);
      }
    }
    assert.equal(new Set(seen).size, 4, 'a certificate was used for two calls');
  });

  it('carries nothing but SRTP, SRTCP and STUN after the handshake until it is closed, and no media before', () => {
    for (const call of calls) {
      const mine = packets.filter(touches(call.ports));
      const kinds = mine.map(kindOf);
      assert.deepEqual(
        kinds.filter((kind) => kind === 'unknown'),
        []
      );
      const isClosing = ({ payload }: Packet): boolean => payload[0] === ALERT && payload.readUInt16BE(3) === 1;
      const last = mine.findLastIndex((packet) => kindOf(packet) === 'dtls' && !isClosing(packet));
      const closed = mine.findIndex((packet) => kindOf(packet) === 'dtls' && isClosing(packet));
      assert.ok(closed > last, 'the association is not closed at the end');
      // What was on its way still arrives.
      assert.ok(kinds.slice(closed).filter((kind) => kind === 'rtp').length < 20, 'media goes on after the end');
      const first = kinds.findIndex((kind) => kind === 'rtp' || kind === 'rtcp');
      const changed = mine.findIndex((packet) => kindOf(packet) === 'dtls' && packet.payload[0] === CHANGE_CIPHER_SPEC);
      assert.ok(last >= 0 && changed >= 0 && first > changed, 'media before the keys');
      const count = (kind: Kind): number => kinds.slice(last + 1, closed).filter((each) => each === kind).length;
      assert.deepEqual([count('dtls'), count('unknown')], [0, 0]);
      assert.ok(count('rtp') > 50 && count('rtcp') > 2 && kinds.includes('stun'), `${count('rtp')} RTP, ${count('rtcp')} RTCP`);
      for (const packet of mine.filter((each) => kindOf(each) === 'rtcp')) {
        // RFC 7714 section 9.2: the E flag, then the index, at the very end: the report is encrypted.
        assert.equal((packet.payload.at(-4) ?? 0) & 0x80, 0x80, 'an RTCP packet in the clear');
      }
    }
  });

  it('holds none of the picture and sound in the clear', () => {
    for (const call of calls) {
      const pieces = windows(call.frames);
      assert.ok(pieces.length > 100, `only ${pieces.length} pieces to look for`);
      const feed = joined(packets.filter(({ protocol, sourcePort }) => protocol === 'tcp' && sourcePort === call.displayPort));
      // TCP and WebSocket headers cut some of them apart.
      assert.ok(findings(feed, pieces) > pieces.length * 0.9, `control: only ${findings(feed, pieces)} of ${pieces.length} are in the display’s feed`);
      assert.equal(findings(joined(packets.filter(({ protocol }) => protocol === 'udp')), pieces), 0);
    }
  });

  it('holds no message, code or nonce in what goes to the broker and comes from it', () => {
    const port = Number(new URL(pair.broker.url).port);
    const signaling = packets.filter(({ protocol, sourcePort, destinationPort }) => protocol === 'tcp' && (sourcePort === port || destinationPort === port));
    const bytes = joined(signaling);
    assert.ok(bytes.length > 20_000, 'control: the messages were captured');
    const hello = signaling.find(({ payload, destinationPort }) => destinationPort === port && payload.length > 0);
    assert.deepEqual([hello?.payload[0], hello?.payload[1]], [22, 3], 'TLS from the first byte on');
    const plain = Buffer.concat(broker.seen.map(({ payload }) => payload));
    const messages = broker.seen.map(({ payload }) => payload.subarray(Math.floor(payload.length / 2)).subarray(0, 32));
    assert.equal(findings(plain, messages), messages.length, 'control');
    assert.equal(findings(bytes, messages), 0);
    const nonces = broker.seen.flatMap((message) => {
      const { nonce, encryption } = bodyOf(message) as { nonce?: string; encryption?: { nonce?: string } };
      return [nonce, encryption?.nonce].filter((each) => each !== undefined);
    });
    assert.equal(new Set(nonces).size, 4);
    const secrets = [
      ...nonces.flatMap((nonce) => [Buffer.from(nonce), Buffer.from(nonce, 'hex')]),
      ...calls.flatMap(({ code }) => [Buffer.from(code), Buffer.from(code.replaceAll(' ', ''))]),
      Buffer.from('a=fingerprint'),
      Buffer.from('cloister/1/')
    ];
    assert.equal(findings(bytes, secrets), 0);
    assert.equal(findings(joined(packets.filter(({ protocol }) => protocol === 'udp')), secrets), 0);
  });
});
