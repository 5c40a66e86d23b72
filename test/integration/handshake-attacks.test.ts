// Attackers between two real peers over UDP on the loopback interface. For each there is a control: the same attack succeeds on a stock peer.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { securityCode } from '../../src/encryption/security-code.ts';
import type { ErrorCode } from '../../src/kernel/error-codes.ts';
import { type AlertName, EXTENSION, MESSAGE } from '../../src/media/secure-transport/dtls/registry.ts';
import {
  callThrough,
  createRelay,
  decrypts,
  isDtlsDatagram,
  isMediaDatagram,
  type Outcome,
  type Party,
  pause,
  type Relay,
  rewriteHandshake,
  roomParty,
  seenCertificate,
  stockParty,
  terminateDtls,
  until,
  weakenKeyExchange
} from '../fakes/dtls-attacker.ts';
import { alterHello } from '../fakes/dtls-peer.ts';
import { keyPemOf } from '../fakes/pem.ts';

/** As long as a peer that were fooled would need to say something. */
const SILENCE_MS = 300;

function detected(outcome: Outcome, code: ErrorCode, detectedBy: string): void {
  assert.ok('failed' in outcome, 'the attack was not noticed');
  assert.equal(outcome.failed.code, code, outcome.failed.text);
  assert.equal(outcome.failed.detectedBy, detectedBy);
}
/** Of a side that has noticed nothing by itself. */
function told(outcome: Outcome, alert: AlertName): void {
  detected(outcome, 'CL_MEDIA_CONNECT', 'connection');
  assert.ok('failed' in outcome && outcome.failed.text === `the other side refused the handshake: ${alert}`, JSON.stringify(outcome));
}
const connected = (outcome: Outcome) => assert.ok('secured' in outcome, 'the control is not connected');
const mediaOf = (relay: Relay) => relay.seen.filter(({ data }) => isMediaDatagram(data));
const isRtcp = (data: Buffer) => (data[1] ?? 0) >= 192 && (data[1] ?? 0) <= 223;
/** What the answerer sent. */
const rtpOf = (relay: Relay) => mediaOf(relay).filter(({ from, data }) => from === 'answerer' && !isRtcp(data));
const rtcpOf = (relay: Relay) => mediaOf(relay).filter(({ from, data }) => from === 'answerer' && isRtcp(data));

const OLDEST_PROFILE = Buffer.from('0002000100', 'hex');
/** The control is in dtls-attacks.test.ts. */
const offerOldestProfile = (type: number, body: Buffer): Buffer =>
  type !== MESSAGE.clientHello
    ? body
    : alterHello({ type, sequence: 0, body }, (draft) => {
        draft.extensions = draft.extensions.map(([extension, data]) => [extension, extension === EXTENSION.useSrtp ? OLDEST_PROFILE : data]);
      }).body;

async function call(offerer: Party, answerer: Party): Promise<void> {
  await offerer.accept(await answerer.answer(await offerer.offer()));
}

// The stock stack's last timers, which nothing ends before they run out.
after(async function () {
  this.timeout(60_000);
  while (process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length > 1) await new Promise((resolve) => setTimeout(resolve, 50));
});

describe('attacks on the handshake', function () {
  this.timeout(20_000);

  describe('the right certificate with another key', () => {
    const impostorOf = (genuine = createCallCertificate(Date.now())) => stockParty(genuine, keyPemOf(createCallCertificate(Date.now()).privateKey));

    for (const role of ['client', 'server'] as const) {
      it(`control: as DTLS ${role} it is connected to a stock peer and exchanges media`, async () => {
        await using impostor = impostorOf();
        await using victim = stockParty();
        await (role === 'client' ? call(victim, impostor) : call(impostor, victim));
        connected(await victim.outcome);
        connected(await impostor.outcome);
        victim.send();
        await until(() => impostor.received() > 0, 'media at the impostor');
      });

      it(`as DTLS ${role} it is refused, and no media goes either way`, async () => {
        await using impostor = impostorOf();
        await using victim = roomParty();
        await (role === 'client' ? call(victim, impostor) : call(impostor, victim));
        detected(await victim.outcome, 'CL_SECURITY_HANDSHAKE', 'handshake');
        impostor.send();
        victim.send();
        await pause(SILENCE_MS);
        assert.equal(impostor.mediaDatagrams(), 0);
        assert.equal(victim.received(), 0);
      });
    }
  });

  describe('a relay that ends DTLS with the certificates of both, seen earlier, and a key of its own', () => {
    it('control: reads what two stock peers send, and their fingerprints are right', async () => {
      await using relay = await createRelay();
      await using offerer = stockParty();
      await using answerer = stockParty();
      const attack = terminateDtls(relay, { offerer: seenCertificate(answerer.certificate), answerer: seenCertificate(offerer.certificate) });
      await callThrough(relay, offerer, answerer);
      connected(await offerer.outcome);
      connected(await answerer.outcome);
      await until(() => attack.connected.offerer && attack.connected.answerer, 'both handshakes of the relay');
      answerer.send();
      const rtp = () => rtpOf(relay)[0];
      await until(() => rtp() !== undefined, 'media at the relay');
      const { keys } = attack;
      assert.ok(keys.answerer && decrypts(keys.answerer, rtp()?.data ?? Buffer.alloc(0)));
    });

    it('is refused by both', async () => {
      await using relay = await createRelay();
      await using offerer = roomParty();
      await using answerer = roomParty();
      terminateDtls(relay, { offerer: seenCertificate(answerer.certificate), answerer: seenCertificate(offerer.certificate) });
      await callThrough(relay, offerer, answerer);
      detected(await offerer.outcome, 'CL_SECURITY_HANDSHAKE', 'handshake');
      detected(await answerer.outcome, 'CL_SECURITY_HANDSHAKE', 'handshake');
      await pause(SILENCE_MS);
      assert.deepEqual([mediaOf(relay).length, offerer.received(), answerer.received()], [0, 0, 0]);
    });
  });

  describe('a relay that ends DTLS with a certificate of its own', () => {
    it('control: two stock peers complete the handshake with it, and look at the fingerprints only then', async () => {
      await using relay = await createRelay();
      await using offerer = stockParty();
      await using answerer = stockParty();
      const attacker = createCallCertificate(Date.now());
      const attack = terminateDtls(relay, { offerer: attacker, answerer: attacker });
      await callThrough(relay, offerer, answerer);
      await until(() => attack.connected.offerer && attack.connected.answerer, 'both handshakes of the relay');
      assert.ok('failed' in (await offerer.outcome));
      assert.ok('failed' in (await answerer.outcome));
    });

    it('is refused by both, although the descriptions are untouched', async () => {
      await using relay = await createRelay();
      await using offerer = roomParty();
      await using answerer = roomParty();
      const attacker = createCallCertificate(Date.now());
      const attack = terminateDtls(relay, { offerer: attacker, answerer: attacker });
      await callThrough(relay, offerer, answerer);
      detected(await offerer.outcome, 'CL_SECURITY_FINGERPRINT', 'fingerprint');
      detected(await answerer.outcome, 'CL_SECURITY_FINGERPRINT', 'fingerprint');
      assert.deepEqual(attack.connected, { offerer: false, answerer: false });
      await pause(SILENCE_MS);
      assert.deepEqual([mediaOf(relay).length, offerer.received(), answerer.received()], [0, 0, 0]);
    });
  });

  describe('a relay that strips the extended master secret and zeroes both shares', () => {
    it('control: reads what two stock peers send, without any key', async () => {
      await using relay = await createRelay();
      await using offerer = stockParty();
      await using answerer = stockParty();
      const attack = weakenKeyExchange(relay);
      await callThrough(relay, offerer, answerer);
      connected(await offerer.outcome);
      connected(await answerer.outcome);
      answerer.send();
      const rtp = () => rtpOf(relay)[0];
      await until(() => rtp() !== undefined, 'media at the relay');
      // The answerer is DTLS client.
      const { key, salt } = attack.clientKeys();
      assert.ok(decrypts({ localKey: key, localSalt: salt, remoteKey: key, remoteSalt: salt }, rtp()?.data ?? Buffer.alloc(0)));
      await until(() => offerer.received() > 0, 'the same media at the offerer');
    });

    it('is refused by the DTLS server, who tells the client', async () => {
      await using relay = await createRelay();
      await using offerer = roomParty();
      await using answerer = roomParty();
      weakenKeyExchange(relay);
      await callThrough(relay, offerer, answerer);
      detected(await offerer.outcome, 'CL_SECURITY_HANDSHAKE', 'handshake');
      told(await answerer.outcome, 'handshake_failure');
      await pause(SILENCE_MS);
      assert.deepEqual([mediaOf(relay).length, offerer.received(), answerer.received()], [0, 0, 0]);
    });
  });

  describe('a relay that leaves the client no choice but the oldest SRTP profile', () => {
    it('is refused by the DTLS server, who sees it in the client’s signature, and tells the client', async () => {
      await using relay = await createRelay();
      await using offerer = roomParty();
      await using answerer = roomParty();
      relay.forward((_from, data) => [isDtlsDatagram(data) ? rewriteHandshake(data, offerOldestProfile) : data]);
      await callThrough(relay, offerer, answerer);
      detected(await offerer.outcome, 'CL_SECURITY_HANDSHAKE', 'handshake');
      told(await answerer.outcome, 'decrypt_error');
      await pause(SILENCE_MS);
      assert.deepEqual([mediaOf(relay).length, offerer.received(), answerer.received()], [0, 0, 0]);
    });
  });

  describe('fingerprints swapped for the attacker’s in both descriptions', () => {
    it('connects both to the attacker, with codes that differ', async () => {
      await using caller = roomParty();
      await using callee = roomParty();
      const attacker = createCallCertificate(Date.now());
      await using asCallee = stockParty(attacker);
      await using asCaller = stockParty(attacker);
      await call(caller, asCallee);
      await call(asCaller, callee);
      const [atCaller, atCallee] = await Promise.all([caller.outcome, callee.outcome]);
      assert.ok('secured' in atCaller && atCaller.secured && 'secured' in atCallee && atCallee.secured);
      assert.deepEqual(Buffer.from(atCaller.secured.remoteThumbprint), Buffer.from(attacker.thumbprint));
      const common = { callId: '0190f3c2-7d4e-7a31-8c55-000000000001', nonceCaller: new Uint8Array(32).fill(1), nonceCallee: new Uint8Array(32).fill(2) };
      const shownToCaller = securityCode({
        ...common,
        thumbprintCaller: atCaller.secured.localThumbprint,
        thumbprintCallee: atCaller.secured.remoteThumbprint
      });
      const shownToCallee = securityCode({
        ...common,
        thumbprintCaller: atCallee.secured.remoteThumbprint,
        thumbprintCallee: atCallee.secured.localThumbprint
      });
      assert.notEqual(shownToCaller, shownToCallee);
    });

    it('control: without the attacker the codes are the same', async () => {
      await using caller = roomParty();
      await using callee = roomParty();
      await call(caller, callee);
      const [atCaller, atCallee] = await Promise.all([caller.outcome, callee.outcome]);
      assert.ok('secured' in atCaller && atCaller.secured && 'secured' in atCallee && atCallee.secured);
      assert.deepEqual(Buffer.from(atCaller.secured.remoteThumbprint), Buffer.from(atCallee.secured.localThumbprint));
      assert.deepEqual(Buffer.from(atCallee.secured.remoteThumbprint), Buffer.from(atCaller.secured.localThumbprint));
    });
  });
});

describe('attacks on a running call', function () {
  this.timeout(20_000);
  const extra = (sdp: string) => sdp.replace(/a=fingerprint:sha-256 .*/, (line) => `${line}\r\na=fingerprint:sha-256 ${'00:'.repeat(31)}01`);
  /** Sent from the address that the peer knows. */
  const injections = (clientHello: Buffer): Record<string, Buffer> => ({
    'a ClientHello': clientHello,
    'a plain alert': Buffer.from('15fefd000000000000ffff00020100', 'hex'),
    'a plain fatal alert': Buffer.from('15fefd000000000000ffff00020228', 'hex'),
    'a record of an unknown kind': Buffer.from('19fefd000000000000ffff000401020304', 'hex'),
    'half a record': Buffer.from('16fefd', 'hex')
  });
  const clientHelloOf = (relay: Relay) => {
    const hello = relay.seen.find(({ data }) => isDtlsDatagram(data) && data[13] === 1);
    assert.ok(hello);
    return hello.data;
  };

  describe('a second fingerprint in a later offer', () => {
    it('control: a stock peer then accepts either certificate', async () => {
      await using offerer = stockParty();
      await using answerer = stockParty();
      const offer = await offerer.offer();
      await offerer.accept(await answerer.answer(offer));
      connected(await answerer.outcome);
      await answerer.peer.setRemoteDescription({ type: 'offer', sdp: extra(offer) });
      const [transport] = answerer.peer.dtlsTransports;
      assert.ok(transport);
      const parameters: unknown = Reflect.get(transport, 'remoteParameters');
      assert.equal((parameters as { fingerprints: unknown[] }).fingerprints.length, 2);
    });

    for (const [name, change] of [
      ['an additional one', extra],
      ['another one', (sdp: string) => sdp.replace(/a=fingerprint:sha-256 .*/, `a=fingerprint:sha-256 ${'00:'.repeat(31)}01`)],
      ['none', (sdp: string) => sdp.replace(/a=fingerprint:sha-256 .*\r\n/, '')]
    ] as const) {
      it(`${name} ends the call`, async () => {
        await using offerer = roomParty();
        await using answerer = roomParty();
        const offer = await offerer.offer();
        await offerer.accept(await answerer.answer(offer));
        connected(await answerer.outcome);
        await assert.rejects(answerer.answer(change(offer)), { code: 'CL_SECURITY_RENEGOTIATION' });
        assert.equal(answerer.failure()?.code, 'CL_SECURITY_RENEGOTIATION');
        assert.equal(answerer.failure()?.detectedBy, 'fingerprint');
        const before = answerer.received();
        await pause(SILENCE_MS);
        assert.equal(answerer.received(), before);
      });
    }

    it('in whatever message of the call, ends it', async () => {
      await using offerer = roomParty();
      await using answerer = roomParty();
      const offer = await offerer.offer();
      const answer = await answerer.answer(offer);
      await offerer.accept(answer);
      connected(await offerer.outcome);
      assert.equal(await offerer.peer.acceptUpdate(answer), null);
      await offerer.peer.acceptUpdate('v=0');
      assert.equal(offerer.failure(), null);
      await offerer.peer.acceptUpdate(extra(answer));
      assert.equal(offerer.failure()?.code, 'CL_SECURITY_RENEGOTIATION');
    });

    it('the same one is taken, and the call goes on', async () => {
      await using offerer = roomParty();
      await using answerer = roomParty();
      const offer = await offerer.offer();
      await offerer.accept(await answerer.answer(offer));
      connected(await answerer.outcome);
      assert.match(await answerer.answer(offer), /^v=0/);
      const before = answerer.received();
      await until(() => answerer.received() > before + 5, 'media after the offer');
      assert.equal(answerer.failure(), null);
    });
  });

  describe('handshake records and alerts from outside', () => {
    it('control: a ClientHello resets a stock peer’s handshake while it says that it is connected', async () => {
      await using relay = await createRelay();
      await using offerer = stockParty();
      await using answerer = stockParty();
      await callThrough(relay, offerer, answerer);
      connected(await offerer.outcome);
      const [transport] = offerer.peer.dtlsTransports;
      assert.equal(transport?.dtls?.connected, true);
      relay.inject('offerer', clientHelloOf(relay));
      await until(() => transport?.dtls?.connected === false, 'the reset');
      assert.equal(offerer.peer.connectionState, 'connected');
    });

    it('control: a plain alert closes a stock peer’s handshake while it says that it is connected', async () => {
      await using relay = await createRelay();
      await using offerer = stockParty();
      await using answerer = stockParty();
      await callThrough(relay, offerer, answerer);
      connected(await offerer.outcome);
      const [transport] = offerer.peer.dtlsTransports;
      relay.inject('offerer', injections(clientHelloOf(relay))['a plain alert'] ?? Buffer.alloc(0));
      await until(() => transport?.state === 'closed', 'the closing');
      assert.equal(offerer.peer.connectionState, 'connected');
    });

    /** In epoch 1, where only who has the keys can say something; and in epochs that never come. */
    const forgeries = (): Record<string, Buffer> => {
      const sealed = (type: number, epoch: number, bytes: number) => {
        const record = Buffer.concat([Buffer.from('00fefd0000000000ffff000000', 'hex'), randomBytes(bytes)]);
        record.writeUInt8(type, 0);
        record.writeUInt16BE(epoch, 3);
        record.writeUInt16BE(bytes, 11);
        return record;
      };
      return {
        'a forged alert': sealed(21, 1, 26),
        'a forged alert that is too short': sealed(21, 1, 2),
        'a forged handshake message': sealed(22, 1, 48),
        'a forged ChangeCipherSpec': sealed(20, 1, 25),
        'forged application data': sealed(23, 1, 100),
        'an empty record': sealed(23, 1, 0),
        'an alert of the next epoch': sealed(21, 2, 26),
        'an alert of the last epoch': sealed(21, 65_535, 26)
      };
    };
    const NOTHINGS: readonly (readonly [string, (relay: Relay) => Record<string, Buffer>])[] = [
      ['in plain text or of an unknown kind', (relay) => injections(clientHelloOf(relay))],
      ['that are forged', forgeries],
      [
        'captured and sent again',
        (relay) =>
          Object.fromEntries(relay.seen.filter(({ data }) => isDtlsDatagram(data)).map(({ from, data }, index) => [`datagram ${index} of the ${from}`, data]))
      ]
    ];
    for (const [what, datagrams] of NOTHINGS) {
      it(`${what} do nothing to a call, in either role, from the peer’s address or another`, async () => {
        await using relay = await createRelay();
        await using offerer = roomParty();
        await using answerer = roomParty();
        await callThrough(relay, offerer, answerer);
        connected(await offerer.outcome);
        connected(await answerer.outcome);
        await until(() => offerer.received() > 0 && answerer.received() > 0, 'media');
        const spoken = relay.seen.filter(({ data }) => isDtlsDatagram(data)).length;
        const flows = (text: string) => {
          const before = [offerer.received(), answerer.received()] as const;
          return until(() => offerer.received() > before[0] + 5 && answerer.received() > before[1] + 5, text);
        };
        const stranger = createSocket('udp4');
        try {
          for (const [name, datagram] of Object.entries(datagrams(relay))) {
            for (const side of ['offerer', 'answerer'] as const) {
              relay.inject(side, datagram);
              const { address, port } = relay.address(side);
              stranger.send(datagram, port, address);
            }
            await pause(30);
            await flows(`media after ${name}`);
          }
          // Where it is listened to, a plain alert is believed when nothing else has come for two seconds: then media stops.
          if (what === NOTHINGS[0]?.[0]) await pause(2_200);
          await flows('media after it all');
          assert.deepEqual([offerer.failure(), answerer.failure()], [null, null]);
          assert.equal(relay.seen.filter(({ data }) => isDtlsDatagram(data)).length, spoken, 'a room answered');
        } finally {
          stranger.close();
        }
      });
    }
  });

  describe('close_notify from the other side itself', () => {
    for (const [name, closing] of [
      ['DTLS server', 'offerer'],
      ['DTLS client', 'answerer']
    ] as const) {
      it(`of the ${name} ends the call, and media at once`, async () => {
        await using relay = await createRelay();
        await using offerer = roomParty();
        await using answerer = roomParty();
        await callThrough(relay, offerer, answerer);
        connected(await offerer.outcome);
        connected(await answerer.outcome);
        await until(() => offerer.received() > 5 && answerer.received() > 5, 'media');
        const [leaving, left] = closing === 'offerer' ? [offerer, answerer] : [answerer, offerer];
        const before = relay.seen.length;
        await leaving.peer.close();
        await until(() => left.failure() !== null, 'the end');
        assert.deepEqual([left.failure()?.code, left.failure()?.detectedBy], ['CL_MEDIA_LOST', 'connection']);
        const said = relay.seen.slice(before);
        const notified = said.findIndex(({ from, data }) => from === closing && data[0] === 21 && data.readUInt16BE(3) === 1);
        assert.ok(notified >= 0, 'there was no close_notify');
        // What was under way when it came.
        const sent = said.slice(notified + 1).filter(({ from, data }) => from !== closing && isMediaDatagram(data));
        assert.ok(sent.length <= 3, `${sent.length} packets were sent to nobody`);
        const received = left.received();
        await pause(SILENCE_MS);
        assert.equal(left.received(), received);
      });
    }
  });

  describe('packets captured and sent again', () => {
    it('control: a stock peer delivers them each time', async () => {
      await using relay = await createRelay();
      await using offerer = stockParty();
      await using answerer = stockParty();
      await callThrough(relay, offerer, answerer);
      connected(await offerer.outcome);
      connected(await answerer.outcome);
      answerer.send();
      await until(() => offerer.received() === 1, 'the packet');
      const [packet] = rtpOf(relay);
      assert.ok(packet);
      for (let time = 0; time < 3; time += 1) relay.inject('offerer', packet.data);
      await until(() => offerer.received() === 4, 'the packet three times more');
    });

    it('control: a stock peer takes reports again too', async () => {
      await using relay = await createRelay();
      await using offerer = stockParty();
      await using answerer = stockParty();
      await callThrough(relay, offerer, answerer);
      connected(await offerer.outcome);
      connected(await answerer.outcome);
      let reports = 0;
      offerer.peer.dtlsTransports[0]?.onRtcp.subscribe(() => {
        reports += 1;
      });
      answerer.send();
      const first = () => rtcpOf(relay)[0];
      await until(() => first() !== undefined && reports > 0, 'a report');
      const before = reports;
      for (let time = 0; time < 50; time += 1) relay.inject('offerer', first()?.data ?? Buffer.alloc(0));
      await until(() => reports >= before + 50, 'the report fifty times more');
    });

    it('reports and keyframe requests are taken once, from the same address and from another', async () => {
      await using relay = await createRelay();
      await using offerer = roomParty();
      await using answerer = roomParty();
      let [requests, clocks] = [0, 0];
      offerer.peer.on('keyframeRequest', () => {
        requests += 1;
      });
      offerer.peer.on('senderClock', () => {
        clocks += 1;
      });
      await callThrough(relay, offerer, answerer);
      connected(await offerer.outcome);
      await until(() => answerer.received() > 5, 'media');
      answerer.peer.requestKeyframe('video');
      await until(() => requests === 1 && clocks > 0, 'the request and a report');
      const captured = rtcpOf(relay).map(({ data }) => data);
      const { address, port } = relay.address('offerer');
      const stranger = createSocket('udp4');
      try {
        for (let time = 0; time < 5; time += 1) {
          // Longer than a request keeps off the next one.
          await pause(120);
          for (const data of captured) {
            relay.inject('offerer', data);
            stranger.send(data, port, address);
          }
        }
        await pause(SILENCE_MS);
        assert.equal(requests, 1);
        assert.ok(clocks <= rtcpOf(relay).length, `${clocks} reports taken of ${rtcpOf(relay).length}`);
        answerer.peer.requestKeyframe('video');
        await until(() => requests === 2, 'control: a new request');
      } finally {
        stranger.close();
      }
    });

    it('are not taken from an address that no connectivity check has proven', async () => {
      await using relay = await createRelay();
      await using offerer = roomParty();
      await using answerer = roomParty();
      const numbers: number[] = [];
      offerer.peer.on('rtp', (_kind, { sequenceNumber }) => numbers.push(sequenceNumber));
      const kept: Buffer[] = [];
      // Sound, so that nothing is repaired: every packet of it is kept back.
      relay.forward((from, data) => {
        if (from !== 'answerer' || ((data[1] ?? 0) & 0x7f) !== 111 || !isMediaDatagram(data)) return [data];
        kept.push(data);
        return [];
      });
      await callThrough(relay, offerer, answerer);
      connected(await offerer.outcome);
      await until(() => numbers.length > 5, 'picture');
      const sound: number[] = [];
      offerer.peer.on('rtp', (kind, { sequenceNumber }) => kind === 'audio' && sound.push(sequenceNumber));
      for (let timestamp = 0; timestamp < 4_800; timestamp += 960) answerer.peer.send('audio', { timestamp, marker: false, payload: Buffer.alloc(20) });
      await until(() => kept.length === 5, 'the kept packets');
      const { address, port } = relay.address('offerer');
      const stranger = createSocket('udp4');
      try {
        for (const data of kept) stranger.send(data, port, address);
        await pause(SILENCE_MS);
        assert.deepEqual(sound, []);
        // Control: they are good packets, and taken from where they belong.
        for (const data of kept) relay.inject('offerer', data);
        await until(() => sound.length === 5, 'the same packets from the path');
      } finally {
        stranger.close();
      }
    });

    it('are delivered once, from the same address and from another', async () => {
      await using relay = await createRelay();
      await using offerer = roomParty();
      await using answerer = roomParty();
      const numbers: number[] = [];
      offerer.peer.on('rtp', (_kind, { sequenceNumber }) => numbers.push(sequenceNumber));
      await callThrough(relay, offerer, answerer);
      connected(await offerer.outcome);
      await until(() => numbers.length > 10, 'media');
      const { address, port } = relay.address('offerer');
      const stranger = createSocket('udp4');
      try {
        for (const { data } of mediaOf(relay).filter(({ from }) => from === 'answerer')) {
          relay.inject('offerer', data);
          stranger.send(data, port, address);
        }
        const before = numbers.length;
        await until(() => numbers.length > before + 5, 'media after it');
        assert.equal(new Set(numbers).size, numbers.length);
      } finally {
        stranger.close();
      }
    });
  });
});
