// Attackers between two real peers over UDP on the loopback interface. For each there is a control: the same attack succeeds where nothing audits.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { securityCode } from '../../src/encryption/security-code.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { ErrorCode } from '../../src/kernel/error-codes.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createPeerTransport } from '../../src/media/peer-transport.ts';
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
  roomParty,
  seenCertificate,
  stockParty,
  terminateDtls,
  until,
  weakenKeyExchange
} from '../fakes/dtls-attacker.ts';

/** As long as a peer that were fooled would need to say something. */
const SILENCE_MS = 300;

function detected(outcome: Outcome, code: ErrorCode, detectedBy: string): void {
  assert.ok('failed' in outcome, 'the attack was not noticed');
  assert.equal(outcome.failed.code, code, outcome.failed.text);
  assert.equal(outcome.failed.detectedBy, detectedBy);
}
const connected = (outcome: Outcome) => assert.ok('secured' in outcome, 'the control is not connected');
const mediaOf = (relay: Relay) => relay.seen.filter(({ data }) => isMediaDatagram(data));
/** What the answerer sent, without RTCP. */
const rtpOf = (relay: Relay) => mediaOf(relay).filter(({ from, data }) => from === 'answerer' && ((data[1] ?? 0) < 192 || (data[1] ?? 0) > 223));

async function call(offerer: Party, answerer: Party): Promise<void> {
  await offerer.accept(await answerer.answer(await offerer.offer()));
}

// The stock stack goes on repeating the last flight of a handshake that failed, for up to half a minute.
after(async function () {
  this.timeout(60_000);
  while (process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length > 1) await new Promise((resolve) => setTimeout(resolve, 500));
});

describe('attacks on the handshake', function () {
  this.timeout(20_000);

  describe('the right certificate with another key', () => {
    const impostorOf = (genuine = createCallCertificate(Date.now())) => stockParty(genuine, createCallCertificate(Date.now()).keyPem);

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
        detected(await victim.outcome, 'CL_SECURITY_HANDSHAKE', 'handshake-audit');
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
      detected(await offerer.outcome, 'CL_SECURITY_HANDSHAKE', 'handshake-audit');
      detected(await answerer.outcome, 'CL_SECURITY_HANDSHAKE', 'handshake-audit');
      await pause(SILENCE_MS);
      assert.deepEqual([mediaOf(relay).length, offerer.received(), answerer.received()], [0, 0, 0]);
    });
  });

  describe('a relay that ends DTLS with a certificate of its own', () => {
    it('control: the handshake itself is completed on both sides', async () => {
      await using relay = await createRelay();
      const attacker = createCallCertificate(Date.now());
      const attack = terminateDtls(relay, { offerer: attacker, answerer: attacker });
      const open = (controlling: boolean) => {
        const certificate = createCallCertificate(Date.now());
        return createPeerTransport({ controlling, certificate, iceServers: [], fips: false, clock: systemClock, log: silentLog });
      };
      const [offerer, answerer] = [open(true), open(false)];
      try {
        for (const [from, self, peer] of [
          ['offerer', offerer, answerer],
          ['answerer', answerer, offerer]
        ] as const) {
          const candidates: string[] = [];
          self.on('candidate', (candidate) => candidates.push(candidate ?? ''));
          await self.gather();
          const sdp = relay.rewrite(from, ['a=mid:0', ...candidates.map((candidate) => `a=${candidate}`)].join('\r\n'));
          peer.setRemote(self.iceUfrag, self.icePassword);
          await peer.addCandidate(/a=(candidate:.*)/.exec(sdp)?.[1] ?? '');
        }
        const transcripts = await Promise.all([offerer.connect('server'), answerer.connect('client')]);
        assert.deepEqual(
          transcripts.map((transcript) => transcript.masterSecret.length),
          [48, 48]
        );
        await until(() => attack.connected.offerer && attack.connected.answerer, 'both handshakes of the relay');
      } finally {
        await Promise.all([offerer.close(), answerer.close()]);
      }
    });

    it('is refused by both, although the descriptions are untouched', async () => {
      await using relay = await createRelay();
      await using offerer = roomParty();
      await using answerer = roomParty();
      const attacker = createCallCertificate(Date.now());
      terminateDtls(relay, { offerer: attacker, answerer: attacker });
      await callThrough(relay, offerer, answerer);
      detected(await offerer.outcome, 'CL_SECURITY_FINGERPRINT', 'fingerprint');
      detected(await answerer.outcome, 'CL_SECURITY_FINGERPRINT', 'fingerprint');
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

    it('is refused by both', async () => {
      await using relay = await createRelay();
      await using offerer = roomParty();
      await using answerer = roomParty();
      weakenKeyExchange(relay);
      await callThrough(relay, offerer, answerer);
      detected(await offerer.outcome, 'CL_SECURITY_HANDSHAKE', 'handshake-audit');
      detected(await answerer.outcome, 'CL_SECURITY_HANDSHAKE', 'handshake-audit');
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
      await offerer.peer.checkUpdate(answer);
      await offerer.peer.checkUpdate('v=0');
      assert.equal(offerer.failure(), null);
      await offerer.peer.checkUpdate(extra(answer));
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

    it('do nothing to a call, in either role, from the peer’s address or another', async () => {
      await using relay = await createRelay();
      await using offerer = roomParty();
      await using answerer = roomParty();
      await callThrough(relay, offerer, answerer);
      connected(await offerer.outcome);
      connected(await answerer.outcome);
      await until(() => offerer.received() > 0 && answerer.received() > 0, 'media');
      const spoken = relay.seen.filter(({ data }) => isDtlsDatagram(data)).length;
      const stranger = createSocket('udp4');
      try {
        for (const [name, datagram] of Object.entries(injections(clientHelloOf(relay)))) {
          for (const side of ['offerer', 'answerer'] as const) {
            relay.inject(side, datagram);
            const { address, port } = relay.address(side);
            stranger.send(datagram, port, address);
          }
          await pause(30);
          const before = [offerer.received(), answerer.received()] as const;
          await until(() => offerer.received() > before[0] + 5 && answerer.received() > before[1] + 5, `media after ${name}`);
        }
        assert.deepEqual([offerer.failure(), answerer.failure()], [null, null]);
        assert.equal(relay.seen.filter(({ data }) => isDtlsDatagram(data)).length, spoken, 'a room answered');
      } finally {
        stranger.close();
      }
    });
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
