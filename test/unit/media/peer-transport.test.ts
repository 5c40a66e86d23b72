import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createCallCertificate } from '../../../src/encryption/call-certificate.ts';
import { silentLog } from '../../../src/kernel/log.ts';
import type { AuditedHandshake } from '../../../src/media/handshake-audit.ts';
import { createPeerTransport, type PeerTransport } from '../../../src/media/peer-transport.ts';
import { createFakeClock } from '../../fakes/clock.ts';

const SSRC = 0x1234_5678;
const bytes = (text: string, length: number): Buffer => createHash('sha256').update(text).digest().subarray(0, length);
const certificate = createCallCertificate(Date.UTC(2026, 0, 1));

/** A transport that never opens a socket, with media keys as from a handshake. */
function secured(side: 'a' | 'b', srtpProfile: AuditedHandshake['srtpProfile']): PeerTransport {
  const transport = createPeerTransport({ controlling: side === 'a', certificate, iceServers: [], fips: false, clock: createFakeClock(), log: silentLog });
  const saltBytes = srtpProfile === 'AEAD_AES_128_GCM' ? 12 : 14;
  const keysOf = (owner: string) => [bytes(`key ${owner}`, 16), bytes(`salt ${owner}`, saltBytes)] as const;
  const [localKey, localSalt] = keysOf(side);
  const [remoteKey, remoteSalt] = keysOf(side === 'a' ? 'b' : 'a');
  transport.openMedia({
    remoteThumbprint: certificate.thumbprint,
    suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
    srtpProfile,
    srtpKeys: { localKey, localSalt, remoteKey, remoteSalt }
  });
  return transport;
}

for (const profile of ['AEAD_AES_128_GCM', 'AES128_CM_HMAC_SHA1_80'] as const) {
  describe(`SRTP with ${profile}`, () => {
    /** Packets `from` to `to` of one sender, counted on over the rollover. */
    const createStream = () => {
      const [sender, receiver] = [secured('a', profile), secured('b', profile)];
      const made: Buffer[] = [];
      const protect = (count: number, ssrc = SSRC): Buffer[] =>
        Array.from({ length: count }, () => {
          const header = { payloadType: 96, sequenceNumber: (65_000 + made.length) & 0xffff, timestamp: made.length, ssrc, marker: false };
          const datagram = sender.protectRtp(header, Buffer.from(`payload ${made.length}`));
          made.push(datagram);
          return datagram;
        });
      const reads = (datagram: Buffer | undefined): boolean => datagram !== undefined && receiver.unprotectRtp(datagram) !== null;
      return { sender, receiver, protect, reads };
    };

    for (const lost of [1, 99, 100, 250, 3_000, 30_000]) {
      it(`reads on when ${lost} packets around the rollover were lost`, () => {
        const { protect, reads } = createStream();
        const before = 536 - Math.min(500, Math.floor(lost / 2));
        assert.ok(protect(before).every(reads));
        protect(lost);
        assert.ok(protect(200).every(reads));
      });
    }

    it('reads on after a packet from before the rollover came late', () => {
      for (const after of [1, 90, 99, 100, 101, 500]) {
        const { protect, reads } = createStream();
        const before = protect(536);
        const late = before.splice(530, 1)[0];
        assert.ok(before.every(reads));
        assert.ok(protect(after).every(reads));
        assert.ok(reads(late), `late after ${after}`);
        assert.ok(protect(300).every(reads), `the rest, after ${after}`);
      }
    });

    it('reads nothing twice, and reads on after a packet was captured and sent again', () => {
      for (const captured of [0, 300, 520, 535, 536, 600]) {
        const { protect, reads } = createStream();
        const sent = protect(640);
        assert.ok(sent.every(reads));
        for (let times = 0; times < 3; times += 1) assert.equal(reads(sent[captured]), false, `packet ${captured}`);
        assert.ok(protect(300).every(reads));
      }
      const { protect, reads } = createStream();
      const early = protect(535);
      assert.ok(early.every(reads));
      assert.equal(reads(early[10]), false);
      protect(2);
      assert.ok(protect(200).every(reads), 'with the last packet before the rollover and the first after it lost');
    });

    it('refuses a forged packet, which changes nothing', () => {
      const { protect, reads } = createStream();
      const [first, second] = protect(2);
      assert.ok(first !== undefined && second !== undefined && reads(first));
      for (const sequenceNumber of [0, 20_000, 40_000, 65_535]) {
        const forged: Buffer = Buffer.from(second);
        forged.writeUInt16BE(sequenceNumber, 2);
        assert.equal(reads(forged), false);
      }
      for (let length = 0; length < second.length; length += 1) assert.equal(reads(second.subarray(0, length)), false);
      assert.ok(reads(second));
    });

    it('holds the state of a few sources only, however many the other side invents', () => {
      const { sender, receiver, protect, reads } = createStream();
      assert.ok(protect(1).every(reads));
      const taken = Array.from({ length: 500 }, (_, ssrc) => protect(1, ssrc).every(reads)).filter(Boolean).length;
      assert.ok(taken < 100, `${taken} sources`);
      assert.ok(protect(1).every(reads));
      const report = (ssrc: number) => {
        const plain = Buffer.from('80c9000100000000', 'hex');
        plain.writeUInt32BE(ssrc, 4);
        return sender.protectRtcp(plain);
      };
      assert.ok(receiver.unprotectRtcp(report(SSRC)) !== null);
      const reports = Array.from({ length: 500 }, (_, ssrc) => receiver.unprotectRtcp(report(ssrc)) !== null).filter(Boolean).length;
      assert.ok(reports < 100, `${reports} sources`);
      assert.ok(receiver.unprotectRtcp(report(SSRC)) !== null);
    });
  });
}
