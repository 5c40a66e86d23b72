import assert from 'node:assert/strict';
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { RtpHeader, SrtcpSession, SrtpSession } from 'werift';
import { writePictureLoss, writeReport, writeRtp } from '../../../../../src/media/peer/peer-packets.ts';
import { deriveBytes, keyLabels } from '../../../../../src/media/secure-transport/srtp/key-derivation.ts';
import { createMediaProtection, type SrtpKeys, srtpKeyLengths } from '../../../../../src/media/secure-transport/srtp/srtp.ts';

const SSRC = 0x8234_5678;
const PROFILES = ['AEAD_AES_128_GCM', 'AEAD_AES_256_GCM', 'AES128_CM_HMAC_SHA1_80'] as const;
type Profile = (typeof PROFILES)[number];

const bytes = (text: string, length: number): Buffer => createHash('sha256').update(text).digest().subarray(0, length);

function keysOf(profile: Profile, local: 'a' | 'b'): SrtpKeys {
  const { keyBytes, saltBytes } = srtpKeyLengths[profile];
  const remote = local === 'a' ? 'b' : 'a';
  return {
    localKey: bytes(`key ${local}`, keyBytes),
    localSalt: bytes(`salt ${local}`, saltBytes),
    remoteKey: bytes(`key ${remote}`, keyBytes),
    remoteSalt: bytes(`salt ${remote}`, saltBytes)
  };
}

const peers = (profile: Profile) => [createMediaProtection(profile, keysOf(profile, 'a')), createMediaProtection(profile, keysOf(profile, 'b'))] as const;

const rtp = (sequenceNumber: number, ssrc = SSRC, payload = `payload ${sequenceNumber}`): Buffer =>
  writeRtp({ payloadType: 96, marker: false, sequenceNumber: sequenceNumber & 0xffff, timestamp: 7, ssrc }, Buffer.from(payload));
const report = (ssrc = SSRC): Buffer => Buffer.concat([writeReport(ssrc, null, []).packet, writePictureLoss(ssrc, 5)]);

/** An RTP packet with contributing sources and a header extension. */
const anyRtp = fc
  .record({
    sources: fc.array(fc.nat(0xffff_ffff), { maxLength: 15 }),
    extension: fc.option(fc.uint8Array({ maxLength: 40 }).map((data) => data.subarray(0, data.length & ~3))),
    marker: fc.boolean(),
    sequenceNumber: fc.nat(0xffff),
    ssrc: fc.nat(0xffff_ffff),
    payload: fc.uint8Array({ maxLength: 300 })
  })
  .map(({ sources, extension, payload, ...header }) => {
    const fixed = writeRtp({ ...header, payloadType: 96, timestamp: 1 }, new Uint8Array());
    fixed.writeUInt8(0x80 | (extension === null ? 0 : 0x10) | sources.length, 0);
    const list = Buffer.alloc(4 * sources.length);
    sources.forEach((source, position) => {
      list.writeUInt32BE(source, 4 * position);
    });
    const head = Buffer.from('bede0000', 'hex');
    head.writeUInt16BE((extension?.length ?? 0) / 4, 2);
    return Buffer.concat([fixed, list, ...(extension === null ? [] : [head, extension]), payload]);
  });

for (const profile of PROFILES) {
  describe(`SRTP with ${profile}`, () => {
    const addedBytes = profile === 'AES128_CM_HMAC_SHA1_80' ? 10 : 16;

    /** One sender and its receiver; `reads` says whether the receiver took what it was given, and that it is what was sent. */
    const createStream = () => {
      const [sender, receiver] = peers(profile);
      const sent = new Map<Buffer, Buffer>();
      const protect = (sequenceNumber: number, ssrc = SSRC): Buffer => {
        const plain = rtp(sequenceNumber, ssrc);
        const datagram = sender.protectRtp(plain);
        sent.set(datagram, plain);
        return datagram;
      };
      const reads = (datagram: Buffer): boolean => {
        const plain = receiver.unprotectRtp(datagram);
        if (plain !== null) assert.deepEqual(plain, sent.get(datagram));
        return plain !== null;
      };
      return { sender, receiver, protect, reads };
    };

    it('reads what the other side sent, both ways, and leaves its input as it was', () => {
      fc.assert(
        fc.property(anyRtp, (packet) => {
          const [a, b] = peers(profile);
          for (const [sender, receiver] of [[a, b] as const, [b, a] as const]) {
            const before = Buffer.from(packet);
            const datagram = sender.protectRtp(packet);
            const protectedBefore = Buffer.from(datagram);
            assert.equal(datagram.length, packet.length + addedBytes);
            assert.deepEqual(receiver.unprotectRtp(datagram), packet);
            assert.deepEqual([packet, datagram], [before, protectedBefore]);
          }
        }),
        { numRuns: 60 }
      );
    });

    it('reads reports that the other side sent, and numbers them from 0 for each source', () => {
      const [a, b] = peers(profile);
      const wordAt = addedBytes === 16 ? -4 : -14;
      for (const [sender, receiver] of [[a, b] as const, [b, a] as const])
        for (const [ssrc, index] of [
          [SSRC, 0],
          [SSRC, 1],
          [6, 0],
          [SSRC, 2],
          [6, 1]
        ] as const) {
          const datagram = sender.protectRtcp(report(ssrc));
          assert.equal(datagram.readUInt32BE(datagram.length + wordAt), 0x8000_0000 + index);
          assert.equal(datagram.indexOf(report(ssrc).subarray(8)), -1);
          assert.deepEqual(receiver.unprotectRtcp(datagram), report(ssrc));
          assert.equal(receiver.unprotectRtcp(datagram), null);
        }
    });

    it('reads nothing that is its own', () => {
      const [a] = peers(profile);
      assert.equal(a.unprotectRtp(a.protectRtp(rtp(1))), null);
      assert.equal(a.unprotectRtcp(a.protectRtcp(report())), null);
    });

    it('takes each packet once, with loss and in another order, over rollovers', () => {
      // Numbers that are left out are those of lost packets. A packet comes up to five places later than it was sent.
      const gap = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2 ** 15 - 1 }));
      const packet = fc.record({ gap, places: fc.nat(5), copies: fc.integer({ min: 1, max: 3 }) });
      fc.assert(
        fc.property(fc.nat(2 ** 15 - 1), fc.array(packet, { minLength: 1, maxLength: 60 }), (first, stream) => {
          const { protect, reads } = createStream();
          let index = first;
          const sent = stream.map(({ gap: left, places, copies }, position) => {
            index += position === 0 ? 0 : left;
            return { index, datagram: protect(index), arrives: position + places, copies };
          });
          let highest: number | null = null;
          for (const { index: own, datagram, copies } of sent.sort((x, y) => x.arrives - y.arrives)) {
            const readable: boolean = highest === null ? own < 3 * 2 ** 15 : own > highest - 2048 && own < highest + 2 ** 15;
            assert.equal(reads(datagram), readable, `index ${own}, highest ${highest}`);
            if (readable) highest = Math.max(highest ?? 0, own);
            for (let copy = 1; copy < copies; copy += 1) assert.equal(reads(datagram), false);
          }
        }),
        { numRuns: 150 }
      );
    });

    it('finds the count of rollovers again after 2^15 - 1 numbers ahead, and not after more', () => {
      for (const first of [0, 20_000, 40_000, 65_535]) {
        const { protect, reads } = createStream();
        assert.ok(reads(protect(first)));
        const next = protect(first + 2 ** 15 - 1);
        const lost = protect(first + 2 ** 15);
        assert.ok(reads(next), `${first}`);
        assert.ok(reads(lost));
      }
      const { protect, reads } = createStream();
      assert.ok(reads(protect(0)));
      protect(20_000);
      assert.equal(reads(protect(2 ** 15)), false);
    });

    it('takes what comes late from before a rollover, within the window', () => {
      const { protect, reads } = createStream();
      const early = [65_000, 65_001, 65_535].map((index) => protect(index));
      const [tooOld, old, last] = early;
      assert.ok(tooOld && old && last);
      assert.ok(reads(protect(65_536)));
      assert.ok(reads(last));
      assert.ok(reads(protect(65_000 + 2048)));
      assert.equal(reads(tooOld), false);
      assert.ok(reads(old));
      assert.ok(!reads(old) && !reads(last));
    });

    it('hears a source first shortly before or after a rollover', () => {
      const before = createStream();
      assert.ok(before.reads(before.protect(65_535)));
      assert.ok(before.reads(before.protect(65_536)));

      const after = createStream();
      const [overtaken, first, second] = [after.protect(65_500), after.protect(65_540), after.protect(65_541)];
      assert.ok(after.reads(first), 'every packet before the rollover was lost or overtaken');
      assert.ok(after.reads(second));
      assert.ok(after.reads(overtaken));
      assert.ok(!after.reads(first));

      const begun = createStream();
      const [zero] = [begun.protect(0), begun.protect(3)];
      assert.ok(begun.reads(begun.protect(5)));
      assert.ok(begun.reads(zero), 'a sender that began at 0 has no number below it');
      assert.equal(begun.receiver.unprotectRtp(rtp(65_535)), null);
    });

    it('reads nothing of a source that it hears first after two rollovers, and stays sound', () => {
      const { protect, reads } = createStream();
      for (let index = 0; index < 2 * 2 ** 16; index += 30_000) protect(index);
      for (let index = 2 * 2 ** 16 + 10; index < 2 * 2 ** 16 + 30; index += 1) assert.equal(reads(protect(index)), false);
      assert.ok(reads(protect(9, SSRC + 1)));
    });

    it('refuses a packet of which any bit is another, or any part is missing, and remembers nothing of it', () => {
      const [sender, receiver] = peers(profile);
      const extended = Buffer.concat([
        Buffer.from('91600009', 'hex'),
        rtp(0).subarray(4, 12),
        Buffer.from('00000004bede0001aabbccdd', 'hex'),
        Buffer.from('payload')
      ]);
      const cases = [
        [sender.protectRtp(extended), receiver.unprotectRtp, extended],
        [sender.protectRtcp(report()), receiver.unprotectRtcp, report()]
      ] as const;
      for (const [datagram, unprotect, plain] of cases) {
        // First from an unknown source, then from a known one.
        for (let round = 0; round < 2; round += 1) {
          for (let bit = 0; bit < 8 * datagram.length; bit += 1) {
            const forged = Buffer.from(datagram);
            forged.writeUInt8(forged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
            assert.equal(unprotect(forged), null, `bit ${bit}`);
          }
          for (let length = 0; length < datagram.length; length += 1) {
            assert.equal(unprotect(datagram.subarray(0, length)), null, `${length} bytes`);
            assert.equal(unprotect(datagram.subarray(datagram.length - length)), null, `the last ${length} bytes`);
          }
          assert.equal(unprotect(Buffer.concat([datagram, Buffer.alloc(1)])), null);
          if (round === 0) assert.deepEqual(unprotect(datagram), plain);
        }
      }
      assert.deepEqual(receiver.unprotectRtp(sender.protectRtp(rtp(10))), rtp(10));
      assert.deepEqual(receiver.unprotectRtcp(sender.protectRtcp(report())), report());
    });

    it('never throws for what comes', () => {
      const [, receiver] = peers(profile);
      const first = fc.constantFrom(0x00, 0x80, 0x8f, 0x90, 0x9f, 0xbf, 0xff);
      fc.assert(
        fc.property(first, fc.uint8Array({ maxLength: 120 }), (flags, data) => {
          const datagram = Buffer.concat([Buffer.from([flags]), data]);
          assert.equal(receiver.unprotectRtp(datagram), null);
          assert.equal(receiver.unprotectRtcp(datagram), null);
        }),
        { numRuns: 500 }
      );
    });

    it('refuses SRTCP that is authenticated and not encrypted', () => {
      const { localKey: key, localSalt: salt } = keysOf(profile, 'a');
      const { keyBytes, saltBytes } = srtpKeyLengths[profile];
      const [, receiver] = peers(profile);
      const derive = (label: number, length: number) => deriveBytes(key, salt, label, length);
      const word = Buffer.from('00000007', 'hex');
      const packet = report();
      const authenticated = (): Buffer => {
        if (addedBytes === 10) {
          const mac = createHmac('sha1', derive(keyLabels.rtcp.authenticationKey, 20)).update(packet).update(word);
          return Buffer.concat([packet, word, mac.digest().subarray(0, 10)]);
        }
        const vector = derive(keyLabels.rtcp.salt, saltBytes);
        for (const [position, byte] of [...packet.subarray(4, 8), 0, 0, ...word].entries())
          vector.writeUInt8(vector.readUInt8(2 + position) ^ byte, 2 + position);
        const cipher = createCipheriv(keyBytes === 32 ? 'aes-256-gcm' : 'aes-128-gcm', derive(keyLabels.rtcp.cipherKey, keyBytes), vector);
        cipher.setAAD(Buffer.concat([packet, word]));
        cipher.final();
        return Buffer.concat([packet, cipher.getAuthTag(), word]);
      };
      assert.equal(receiver.unprotectRtcp(authenticated()), null);
    });

    it('takes reports late within their window, and each once', () => {
      const [sender, receiver] = peers(profile);
      const sent = Array.from({ length: 300 }, () => sender.protectRtcp(report()));
      const [late] = sent.splice(60, 1);
      const [tooOld] = sent.splice(40, 1);
      assert.ok(late && tooOld);
      for (const datagram of sent) assert.ok(receiver.unprotectRtcp(datagram));
      for (const datagram of [...sent, tooOld]) assert.equal(receiver.unprotectRtcp(datagram), null);
      assert.deepEqual(receiver.unprotectRtcp(late), report());
      assert.equal(receiver.unprotectRtcp(late), null);
    });

    it('hears 32 sources, of which forged ones are none', () => {
      const [, receiver] = peers(profile);
      // A sender of its own for each source, since a sender has no more of them either.
      const honest = (ssrc: number) => {
        const [sender] = peers(profile);
        return [sender.protectRtp(rtp(1, ssrc)), sender.protectRtcp(report(ssrc))] as const;
      };
      const reads = ([packet, control]: ReturnType<typeof honest>) => [receiver.unprotectRtp(packet) !== null, receiver.unprotectRtcp(control) !== null];
      for (let ssrc = 1_000; ssrc < 1_100; ssrc += 1) {
        const forged = honest(ssrc).map((datagram) => Buffer.concat([datagram, Buffer.alloc(4)]));
        assert.deepEqual(
          forged.map((datagram) => receiver.unprotectRtp(datagram) ?? receiver.unprotectRtcp(datagram)),
          [null, null]
        );
      }
      for (let ssrc = 0; ssrc < 32; ssrc += 1) assert.deepEqual(reads(honest(ssrc)), [true, true], `source ${ssrc}`);
      assert.deepEqual(reads(honest(32)), [false, false]);
      assert.deepEqual(reads(honest(5)), [false, false], 'a repetition');
      const [sender] = peers(profile);
      sender.protectRtcp(report(5));
      assert.deepEqual(reads([sender.protectRtp(rtp(2, 5)), sender.protectRtcp(report(5))]), [true, true]);
    });

    it('never protects two packets under one index, nor has more than 32 sources', () => {
      const { sender, protect, reads } = createStream();
      const refused = { code: 'CL_INTERNAL' };
      assert.ok(reads(protect(65_534)));
      assert.ok(reads(protect(65_537)));
      assert.ok(reads(protect(65_535)), 'a little out of order');
      for (const used of [65_534, 65_535, 65_537]) assert.throws(() => sender.protectRtp(rtp(used, SSRC, 'another')), refused);
      assert.ok(reads(protect(65_536)));
      assert.ok(reads(protect(65_537 + 2048)));
      assert.throws(() => sender.protectRtp(rtp(65_533)), refused, 'too old to tell');
      protect(3, 1);
      assert.throws(() => sender.protectRtp(rtp(65_535, 1)), refused, 'before the first');
      for (let ssrc = 2; ssrc < 32; ssrc += 1) protect(1, ssrc);
      assert.throws(() => sender.protectRtp(rtp(1, 32)), refused);
      for (let ssrc = 0; ssrc < 32; ssrc += 1) sender.protectRtcp(report(ssrc));
      assert.throws(() => sender.protectRtcp(report(32)), refused);
    });

    it('protects nothing that is not a packet', () => {
      const [sender] = peers(profile);
      const refused = { code: 'CL_INTERNAL' };
      for (const malformed of ['', '80', '00'.repeat(12), `9f${'00'.repeat(11)}`, `90${'00'.repeat(13)}ffff`])
        assert.throws(() => sender.protectRtp(Buffer.from(malformed, 'hex')), refused, malformed);
      for (const malformed of ['', '80c90001', '00'.repeat(8)]) assert.throws(() => sender.protectRtcp(Buffer.from(malformed, 'hex')), refused, malformed);
    });

    it('refuses keys that do not fit the profile', () => {
      const keys = keysOf(profile, 'a');
      for (const name of ['localKey', 'localSalt', 'remoteKey', 'remoteSalt'] as const)
        assert.throws(() => createMediaProtection(profile, { ...keys, [name]: keys[name].subarray(1) }), { code: 'CL_INTERNAL' }, name);
    });
  });
}

for (const [profile, number] of [
  ['AEAD_AES_128_GCM', 7],
  ['AES128_CM_HMAC_SHA1_80', 1]
] as const) {
  describe(`SRTP with ${profile} and another implementation`, () => {
    const keys = keysOf(profile, 'b');
    const config = {
      profile: number,
      keys: { localMasterKey: keys.localKey, localMasterSalt: keys.localSalt, remoteMasterKey: keys.remoteKey, remoteMasterSalt: keys.remoteSalt }
    };

    it('reads media of ours and is read, over a rollover', () => {
      const other = new SrtpSession(config);
      const [ours] = peers(profile);
      for (let index = 65_500; index < 65_600; index += 1) {
        const payload = Buffer.from(`payload ${index}`);
        assert.deepEqual(other.decrypt(ours.protectRtp(rtp(index))), rtp(index));
        const header = new RtpHeader({ payloadType: 96, sequenceNumber: index & 0xffff, timestamp: 7, ssrc: SSRC, payloadOffset: 12 });
        assert.deepEqual(ours.unprotectRtp(other.encrypt(payload, header)), rtp(index));
      }
    });

    it('reads reports of ours and is read', () => {
      const other = new SrtcpSession(config);
      const [ours] = peers(profile);
      for (let count = 0; count < 20; count += 1) {
        assert.deepEqual(other.decrypt(ours.protectRtcp(report())), report());
        assert.deepEqual(ours.unprotectRtcp(other.encrypt(report())), report());
      }
    });
  });
}
