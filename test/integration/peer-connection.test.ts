import assert from 'node:assert/strict';
import { createSocket, Socket } from 'node:dgram';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { networkInterfaces } from 'node:os';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createPeerConnection, type PeerConnectionOptions } from '../../src/media/peer/peer-connection.ts';
import type { PeerConnection, SecuredConnection } from '../../src/media/streams.ts';
import { callThrough, createRelay, isDtlsDatagram, isMediaDatagram, pause, roomParty, stockParty, until } from '../fakes/dtls-attacker.ts';

const make = (options: Partial<PeerConnectionOptions> = {}) =>
  createPeerConnection({
    certificate: createCallCertificate(Date.now()),
    iceServers: [],
    fips: false,
    videoCodecs: ['H264', 'VP8'],
    clock: systemClock,
    log: silentLog,
    ...options
  });
const securedOf = (peer: PeerConnection) =>
  new Promise<SecuredConnection>((resolve, reject) => {
    peer.on('secured', resolve);
    peer.on('failed', (failure) => reject(new Error(`${failure.code}: ${failure.text}`)));
  });

async function connect(offerer: PeerConnection, answerer: PeerConnection): Promise<readonly [SecuredConnection, SecuredConnection]> {
  const both = Promise.all([securedOf(offerer), securedOf(answerer)]);
  await offerer.acceptAnswer(await answerer.acceptOffer(await offerer.createOffer()));
  return await both;
}

/** A STUN binding request with the given attributes (RFC 8489 section 5). */
const bindingRequest = (attributes: Buffer) => {
  const header = Buffer.from('000100002112a442000102030405060708090a0b', 'hex');
  header.writeUInt16BE(attributes.length, 2);
  return Buffer.concat([header, attributes]);
};

describe('peer connection', function () {
  this.timeout(15_000);

  for (const [offererFips, answererFips] of [
    [false, false],
    [true, true],
    [true, false],
    [false, true]
  ] as const) {
    it(`secures a call${offererFips || answererFips ? ` with approved algorithms asked for by ${offererFips ? 'the offerer' : ''}${offererFips && answererFips ? ' and ' : ''}${answererFips ? 'the answerer' : ''}` : ''}`, async () => {
      const [offerer, answerer] = [make({ fips: offererFips }), make({ fips: answererFips })];
      try {
        const [atOfferer, atAnswerer] = await connect(offerer, answerer);
        assert.deepEqual(Buffer.from(atOfferer.remoteThumbprint), Buffer.from(atAnswerer.localThumbprint));
        assert.deepEqual(Buffer.from(atAnswerer.remoteThumbprint), Buffer.from(atOfferer.localThumbprint));
        const negotiated = {
          video: { codec: 'H264', payloadType: 102 },
          screen: { codec: 'VP8', payloadType: 106 },
          audio: { codec: 'opus', payloadType: 111 },
          keys: { rate: 48000 }
        };
        assert.deepEqual([atOfferer.negotiated, atAnswerer.negotiated], [negotiated, negotiated]);
      } finally {
        await Promise.all([offerer.close(), answerer.close()]);
      }
    });
  }

  it('carries sound and picture both ways, with keyframe requests, capture times, round trip and counts', async () => {
    const [offerer, answerer] = [make(), make()];
    try {
      await connect(offerer, answerer);
      for (const [from, to] of [
        [offerer, answerer],
        [answerer, offerer]
      ] as const) {
        const got: string[] = [];
        const clocks: { kind: string; rtpTimestamp: number; captureMs: number }[] = [];
        let requests = 0;
        to.on('rtp', (kind, packet) => got.push(`${kind} ${packet.timestamp} ${packet.marker} ${Buffer.from(packet.payload).toString()}`));
        to.on('senderClock', (kind, clock) => clocks.push({ kind, ...clock }));
        from.on('keyframeRequest', () => {
          requests += 1;
        });
        from.setSenderClock('video', { rtpTimestamp: 1_000_000, captureMs: 5_000 });
        from.send('video', { timestamp: 90_000, marker: true, payload: Buffer.from('picture') });
        from.send('audio', { timestamp: 4_294_967_295, marker: false, payload: Buffer.from('sound') });
        await until(() => got.length === 2, 'both packets');
        assert.deepEqual(got.sort(), ['audio 4294967295 false sound', 'video 90000 true picture']);
        await until(() => clocks.some(({ kind }) => kind === 'video'), 'the sender’s clock');
        const clock = clocks.find(({ kind }) => kind === 'video');
        assert.ok(clock && Math.abs((clock.rtpTimestamp - 1_000_000) / 90 - (clock.captureMs - 5_000)) < 1, JSON.stringify(clock));
        to.requestKeyframe('video');
        to.requestKeyframe('video');
        await until(() => requests > 0, 'the keyframe request');
        await pause(500);
        assert.equal(requests, 2, 'one at once and the other after the pause');
        assert.equal(from.statistics().video.packetsSent, 1);
        assert.deepEqual(to.statistics().video, { ...to.statistics().video, packetsReceived: 1, bytesReceived: 7, lost: 0 });
        assert.ok((from.roundTripMs() ?? 9_999) < 500);
      }
    } finally {
      await Promise.all([offerer.close(), answerer.close()]);
    }
  });

  it('sends no picture to a side that offers or answers to take none', async () => {
    const noPicture = (sdp: string, direction: string) => {
      const at = sdp.indexOf('m=video');
      return sdp.slice(0, at) + sdp.slice(at).replace('a=sendrecv', `a=${direction}`);
    };
    for (const [offerTakes, answerTakes] of [
      [false, true],
      [true, false]
    ] as const) {
      const [offerer, answerer] = [make(), make()];
      try {
        const both = Promise.all([securedOf(offerer), securedOf(answerer)]);
        const offer = await offerer.createOffer();
        const answer = await answerer.acceptOffer(offerTakes ? offer : noPicture(offer, 'sendonly'));
        assert.equal(answer.includes('a=recvonly'), !offerTakes);
        await offerer.acceptAnswer(answerTakes ? answer.replace('a=recvonly', 'a=sendrecv') : noPicture(answer, 'sendonly'));
        await both;
        const [silent, heard] = offerTakes ? [offerer, answerer] : [answerer, offerer];
        const got: string[] = [];
        silent.on('rtp', (kind) => got.push(kind));
        heard.on('rtp', (kind) => got.push(`to the side that takes none: ${kind}`));
        const picture = { timestamp: 1, marker: true, payload: Buffer.from('picture') };
        silent.send('video', picture);
        heard.send('video', picture);
        heard.send('audio', picture);
        await until(() => got.length >= 2, 'sound and picture');
        await pause(50);
        assert.deepEqual(got.sort(), ['audio', 'video']);
        assert.equal(silent.statistics().video.packetsSent, 0);
      } finally {
        await Promise.all([offerer.close(), answerer.close()]);
      }
    }
  });

  it('trickles: candidates that come after the descriptions, in any order', async () => {
    const [offerer, answerer] = [make(), make()];
    const strip = (sdp: string) => {
      const lines = sdp.split('\r\n');
      const candidates = lines.filter((line) => line.startsWith('a=candidate')).map((line) => ({ candidate: line.slice(2), sdpMid: '0', sdpMLineIndex: 0 }));
      return { candidates, sdp: lines.filter((line) => !line.startsWith('a=candidate') && !line.startsWith('a=end-of')).join('\r\n') };
    };
    try {
      const both = Promise.all([securedOf(offerer), securedOf(answerer)]);
      const offer = strip(await offerer.createOffer());
      await answerer.addCandidates(offer.candidates.slice(0, 1));
      const answer = strip(await answerer.acceptOffer(offer.sdp));
      await offerer.addCandidates(answer.candidates);
      await offerer.acceptAnswer(answer.sdp);
      await offerer.addCandidates([]);
      await answerer.addCandidates([...offer.candidates.slice(1), { candidate: 'candidate:nonsense', sdpMid: null, sdpMLineIndex: null }]);
      await answerer.addCandidates([]);
      await both;
    } finally {
      await Promise.all([offerer.close(), answerer.close()]);
    }
  });

  it('asks nobody but the other side: no name is looked up, no datagram leaves for anybody else', async () => {
    // With the addresses that a socket is bound to.
    const own = new Set(['0.0.0.0', '::', ...Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address))]);
    const asked: string[] = [];
    const note = (name: unknown) => {
      if (typeof name === 'string' && !own.has(name)) asked.push(name);
    };
    const { lookup } = dns;
    const { lookup: lookupLater } = dns.promises;
    const { send } = Socket.prototype;
    Reflect.set(dns, 'lookup', (name: string, ...rest: unknown[]) => {
      note(name);
      return Reflect.apply(lookup, dns, [name, ...rest]);
    });
    Reflect.set(dns.promises, 'lookup', (name: string, ...rest: unknown[]) => {
      note(name);
      return Reflect.apply(lookupLater, dns.promises, [name, ...rest]);
    });
    Socket.prototype.send = function (this: Socket, ...parameters: Parameters<Socket['send']>): void {
      note(parameters.findLast((parameter) => typeof parameter === 'string'));
      Reflect.apply(send, this, parameters);
    } as Socket['send'];
    syncBuiltinESMExports();
    const [offerer, answerer] = [make(), make()];
    try {
      await connect(offerer, answerer);
      assert.equal(asked.join(), '');
      // Control: with a server, that one is asked, so that the test would have seen it.
      const asking = make({ iceServers: [{ urls: 'stun:stun.invalid:3478' }] });
      await asking.createOffer();
      await until(() => asked.includes('stun.invalid'), 'the question');
      await asking.close();
    } finally {
      Reflect.set(dns, 'lookup', lookup);
      Reflect.set(dns.promises, 'lookup', lookupLater);
      Socket.prototype.send = send;
      syncBuiltinESMExports();
      await Promise.all([offerer.close(), answerer.close()]);
    }
  });

  it('answers no connectivity check that is not signed with this call’s password', async () => {
    const probe = async (sdp: string): Promise<boolean> => {
      const [, port] = /127\.0\.0\.1 (\d+) typ host/.exec(sdp) ?? [];
      const socket = createSocket('udp4');
      let answered = false;
      socket.on('message', () => {
        answered = true;
      });
      // PRIORITY, ICE-CONTROLLING and USERNAME, as an honest check has them, but no MESSAGE-INTEGRITY.
      const ufrag = Buffer.from(/a=ice-ufrag:(\S+)/.exec(sdp)?.[1] ?? '');
      const name = Buffer.concat([ufrag, Buffer.from(':x')]);
      const padded = Buffer.concat([Buffer.from([0, 6, 0, name.length]), name, Buffer.alloc((4 - (name.length % 4)) % 4)]);
      socket.send(bindingRequest(Buffer.concat([Buffer.from('002400046e7f00ff802a0008ffffffffffffffff', 'hex'), padded])), Number(port), '127.0.0.1');
      await pause(150);
      socket.close();
      return answered;
    };
    await using stock = stockParty();
    assert.equal(await probe(await stock.offer()), true, 'control: the stock stack answers it');
    const room = make();
    try {
      assert.equal(await probe(await room.createOffer()), false);
    } finally {
      await room.close();
    }
  });

  for (const repairs of ['as a stream of their own', 'as they were, where the other side takes no such stream'] as const) {
    it(`repairs lost video packets ${repairs}, without delivering any twice`, async () => {
      await using relay = await createRelay();
      await using offerer = roomParty();
      await using answerer = roomParty();
      const numbers: number[] = [];
      answerer.peer.on('rtp', (_kind, { sequenceNumber }) => numbers.push(sequenceNumber));
      const dropped = new Set<number>();
      const types = new Set<number>();
      relay.forward((from, data) => {
        const type = (data[1] ?? 0) & 0x7f;
        const isRtp = isMediaDatagram(data) && ((data[1] ?? 0) < 192 || (data[1] ?? 0) > 223);
        if (from === 'offerer' && isRtp) types.add(type);
        if (from !== 'offerer' || !isRtp || type !== 96) return [data];
        const sequenceNumber = data.readUInt16BE(2);
        if (sequenceNumber % 5 !== 0 || dropped.has(sequenceNumber)) return [data];
        dropped.add(sequenceNumber);
        return [];
      });
      const own = repairs === 'as a stream of their own';
      const changed = (sdp: string) => (own ? sdp : sdp.replaceAll('rtx/90000', 'x/90000'));
      const answer = await answerer.answer(changed(relay.rewrite('offerer', await offerer.offer())));
      await offerer.accept(relay.rewrite('answerer', answer));
      await until(() => numbers.length > 60, 'the packets');
      const [first] = numbers;
      assert.ok(first !== undefined && dropped.size > 8);
      await until(() => [...dropped].slice(0, 5).every((number) => number < first || numbers.includes(number)), 'the repairs');
      assert.equal(new Set(numbers).size, numbers.length);
      assert.equal(types.has(97), own);
      const { packetsResent } = offerer.peer.statistics().video;
      assert.ok(packetsResent > 0 && packetsResent <= 1.5 * dropped.size + 2, `${packetsResent} resends for ${dropped.size} lost`);
    });
  }

  it('is not disturbed by handshake datagrams that come twice, at once or late', async () => {
    await using relay = await createRelay();
    await using offerer = roomParty();
    await using answerer = roomParty();
    const late: NodeJS.Timeout[] = [];
    relay.forward((from, data) => {
      if (!isDtlsDatagram(data)) return [data];
      late.push(setTimeout(() => relay.inject(from === 'offerer' ? 'answerer' : 'offerer', data), 8));
      return [data, data];
    });
    await callThrough(relay, offerer, answerer);
    const outcomes = await Promise.all([offerer.outcome, answerer.outcome]);
    for (const timer of late) clearTimeout(timer);
    for (const outcome of outcomes) assert.ok('secured' in outcome, JSON.stringify(outcome));
    await until(() => offerer.received() > 5 && answerer.received() > 5, 'media');
  });

  it('makes no room for handshake messages that say they are large, wherever they stand in a record, and then connects', async () => {
    await using relay = await createRelay();
    await using offerer = roomParty();
    await using answerer = roomParty();
    let held = true;
    relay.forward((_from, data) => (held && isDtlsDatagram(data) ? [] : [data]));
    /** One byte of a message (RFC 6347 section 4.2.2). */
    const piece = (length: number, sequence: number, offset: number) => {
      const bytes = Buffer.alloc(13);
      bytes.writeUInt8(99, 0);
      bytes.writeUIntBE(length, 1, 3);
      bytes.writeUInt16BE(sequence, 4);
      bytes.writeUIntBE(offset, 6, 3);
      bytes.writeUIntBE(1, 9, 3);
      return bytes;
    };
    await callThrough(relay, offerer, answerer);
    await until(() => relay.seen.some(({ data }) => isDtlsDatagram(data)), 'the ClientHello');
    const before = process.memoryUsage().arrayBuffers;
    const MESSAGES = 2_000;
    for (let number = 0; number < MESSAGES; number += 1) {
      const sequence = number % 50;
      // The largest that can be said, and the largest that is taken: 32 MB and 65 MB if each were kept.
      const body = Buffer.concat([piece(1, 50, 0), piece(0xffffff, sequence, 0), piece(0xffffff, sequence, 0xfffffe), piece(32_768, sequence, number)]);
      const record = Buffer.from('16fefd00000000000000000000', 'hex');
      record.writeUIntBE(1_000 + number, 5, 6);
      record.writeUInt16BE(body.length, 11);
      for (const side of ['offerer', 'answerer'] as const) relay.inject(side, Buffer.concat([record, body]));
      if (number % 50 === 0) await pause(1);
    }
    await pause(100);
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 20_000_000, `${grown} bytes more: the messages were kept`);
    held = false;
    const outcomes = await Promise.all([offerer.outcome, answerer.outcome]);
    for (const outcome of outcomes) assert.ok('secured' in outcome, JSON.stringify(outcome));
    await until(() => offerer.received() > 5 && answerer.received() > 5, 'media');
  });

  it('holds what comes before its own proof, and delivers it after; answers a repeated last flight', async () => {
    await using relay = await createRelay();
    await using offerer = roomParty();
    await using answerer = roomParty();
    const order: string[] = [];
    answerer.peer.on('secured', () => order.push('secured'));
    answerer.peer.on('rtp', () => order.push('rtp'));
    let lost = 0;
    let media = 0;
    relay.forward((from, data) => {
      if (from === 'offerer' && isMediaDatagram(data)) media += 1;
      // The server's ChangeCipherSpec and Finished do not arrive until the client has asked again, and media has come.
      const lastFlight = from === 'offerer' && isDtlsDatagram(data) && (data[0] === 20 || data.readUInt16BE(3) === 1);
      if (!lastFlight || (lost >= 2 && media > 10)) return [data];
      lost += 1;
      return [];
    });
    await callThrough(relay, offerer, answerer);
    await until(() => media > 10, 'media before the proof');
    await until(() => order.length > 20, 'the proof and the media');
    assert.ok(lost >= 2, 'the last flight came at once');
    assert.equal(order[0], 'secured');
    assert.equal(order.filter((entry) => entry === 'secured').length, 1);
  });

  it('refuses descriptions that do not fit, with a code, and stays usable', async () => {
    const [offerer, answerer] = [make(), make()];
    try {
      await assert.rejects(offerer.acceptAnswer('v=0'), { code: 'CL_MEDIA_NEGOTIATION' });
      const offer = await offerer.createOffer();
      await assert.rejects(offerer.createOffer(), { code: 'CL_MEDIA_NEGOTIATION' });
      await assert.rejects(offerer.acceptAnswer('nonsense'), { code: 'CL_MEDIA_NEGOTIATION' });
      await assert.rejects(answerer.acceptOffer(offer.replace(/a=fingerprint.*\r\n/, '')), { code: 'CL_SECURITY_FINGERPRINT' });
      const both = Promise.all([securedOf(offerer), securedOf(answerer)]);
      await offerer.acceptAnswer(await answerer.acceptOffer(offer));
      await both;
      await assert.rejects(offerer.acceptAnswer(offer), { name: 'CloisterError' });
    } finally {
      await Promise.all([offerer.close(), answerer.close()]);
    }
  });

  it('sends nothing to an address that an offer names before the call is wanted, and then connects', async () => {
    const [offerer, answerer] = [make(), make()];
    const socket = createSocket('udp4');
    try {
      let datagrams = 0;
      socket.on('message', () => {
        datagrams += 1;
      });
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
      const named = `candidate:99 1 udp 2130706431 127.0.0.1 ${socket.address().port} typ host`;
      const wanted = Promise.withResolvers<void>();
      const both = Promise.all([securedOf(offerer), securedOf(answerer)]);
      const answer = await answerer.acceptOffer((await offerer.createOffer()).replace('a=candidate:', `a=${named}\r\na=candidate:`), wanted.promise);
      await answerer.addCandidates([{ candidate: named.replace(':99', ':98'), sdpMid: '0', sdpMLineIndex: 0 }]);
      await pause(150);
      assert.equal(datagrams, 0);
      wanted.resolve();
      await until(() => datagrams > 0, 'control: the address is tried once the call is wanted');
      await offerer.acceptAnswer(answer);
      await both;
    } finally {
      socket.close();
      await Promise.all([offerer.close(), answerer.close()]);
    }
  });

  it('refuses a description that names its own certificate', async () => {
    const [offerer, answerer] = [make(), make()];
    try {
      const offer = await offerer.createOffer();
      const [own] = /a=fingerprint:.*/.exec(offer) ?? [];
      const answer = (await answerer.acceptOffer(offer)).replace(/a=fingerprint:.*/g, own ?? '');
      await assert.rejects(offerer.acceptAnswer(answer), { code: 'CL_SECURITY_FINGERPRINT' });
    } finally {
      await Promise.all([offerer.close(), answerer.close()]);
    }
  });

  it('is silent after close, and refuses to be used', async () => {
    const [offerer, answerer] = [make(), make()];
    await connect(offerer, answerer);
    let events = 0;
    for (const event of ['rtp', 'failed', 'candidates', 'senderClock'] as const) {
      offerer.on(event, () => {
        events += 1;
      });
    }
    await offerer.close();
    await offerer.close();
    answerer.send('video', { timestamp: 0, marker: true, payload: Buffer.from('late') });
    offerer.send('video', { timestamp: 0, marker: true, payload: Buffer.from('late') });
    await pause(100);
    assert.equal(events, 0);
    await assert.rejects(offerer.createOffer(), { code: 'CL_MEDIA_LOST' });
    await answerer.close();
  });
});
