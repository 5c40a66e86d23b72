import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { createAead, createCounterMode, type PacketTransform } from '../../../../../src/media/secure-transport/srtp/transforms.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

type Vector = { readonly plain: Buffer; readonly headBytes: number; readonly ssrc: number; readonly index: number; readonly sealed: Buffer };

function fits(transform: PacketTransform, { plain, headBytes, ssrc, index, sealed }: Vector): void {
  assert.deepEqual(transform.protect(plain, headBytes, ssrc, index), sealed);
  assert.deepEqual(transform.unprotect(sealed, headBytes, ssrc, index), plain);
}

describe('SRTP transforms', () => {
  describe('AES-GCM, RFC 7714', () => {
    const salt = hex('517569642070726f2071756f');
    const key128 = createSecretKey(hex('000102030405060708090a0b0c0d0e0f'));
    const key256 = createSecretKey(hex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'));
    const rtpHead = '8040f17b 8041f8d3 5501a0b2';
    const rtp = hex(`${rtpHead} 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573`);
    const rtpAt = { plain: rtp, headBytes: 12, ssrc: 0x5501_a0b2, index: 0xf17b };
    const rtcpHead = '81c8000d 4d617273';
    const rtcp = hex(`${rtcpHead} 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef`);
    const rtcpAt = { plain: rtcp, headBytes: 8, ssrc: 0x4d61_7273, index: 0x5d4 };

    it('fits sections 16.1.1 and 16.1.2: SRTP, 128 bits', () => {
      fits(createAead('aes-128-gcm', key128, salt, 'rtp'), {
        ...rtpAt,
        sealed: hex(`${rtpHead} f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833 899d7f27beb16a9152cf765ee4390cce`)
      });
    });

    it('fits sections 16.2.1 and 16.2.2: SRTP, 256 bits', () => {
      fits(createAead('aes-256-gcm', key256, salt, 'rtp'), {
        ...rtpAt,
        sealed: hex(`${rtpHead} 32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b 7aa3db36dfffd6b0f9bb7878d7a76c13`)
      });
    });

    it('fits sections 16.1.3, 16.1.4, 16.2.3 and 16.2.4: a packet that is all head', () => {
      const allHead = { ...rtpAt, headBytes: rtp.length };
      fits(createAead('aes-128-gcm', key128, salt, 'rtp'), { ...allHead, sealed: Buffer.concat([rtp, hex('22493f82d2bce397e9d79e3b19aa4216')]) });
      fits(createAead('aes-256-gcm', key256, salt, 'rtp'), { ...allHead, sealed: Buffer.concat([rtp, hex('a866d5910f887463067ceefec45215d4')]) });
    });

    it('authenticates source and index', () => {
      const transform = createAead('aes-128-gcm', key128, salt, 'rtp');
      const { headBytes, ssrc, index } = rtpAt;
      const sealed = transform.protect(rtp, headBytes, ssrc, index);
      for (const [otherSsrc, otherIndex] of [
        [ssrc ^ 1, index],
        [ssrc, index ^ 1],
        [ssrc, index + 2 ** 16],
        [ssrc, index + 2 ** 32]
      ] as const)
        assert.equal(transform.unprotect(sealed, headBytes, otherSsrc, otherIndex), null);
      assert.deepEqual(transform.unprotect(sealed, headBytes, ssrc, index), rtp);
    });

    it('fits section 17.1: SRTCP, 128 bits', () => {
      fits(createAead('aes-128-gcm', key128, salt, 'rtcp'), {
        ...rtcpAt,
        sealed: hex(`${rtcpHead} 63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b
                     c84aa45896cf4d2fc5abf87245d9eade 800005d4`)
      });
    });

    it('fits section 17.2: SRTCP, 256 bits', () => {
      fits(createAead('aes-256-gcm', key256, salt, 'rtcp'), {
        ...rtcpAt,
        sealed: hex(`${rtcpHead} d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad
                     1d1eb30c4446839f57ff6f6cb26ac3be 800005d4`)
      });
    });

    it('does not take SRTCP that is authenticated only, as in sections 17.3 and 17.4', () => {
      const tagged = (tag: string) => Buffer.concat([rtcp, hex(tag), hex('000005d4')]);
      const { headBytes, ssrc, index } = rtcpAt;
      for (const head of [headBytes, rtcp.length]) {
        assert.equal(createAead('aes-128-gcm', key128, salt, 'rtcp').unprotect(tagged('841dd9683dd78ec92ae58790125f62b3'), head, ssrc, index), null);
        assert.equal(createAead('aes-256-gcm', key256, salt, 'rtcp').unprotect(tagged('91db4afbfeee5a978fab4393ed2615fe'), head, ssrc, index), null);
      }
    });
  });

  describe('counter mode with HMAC-SHA1, RFC 3711', () => {
    it('fits the key stream of appendix B.2, first and last blocks', () => {
      const key = createSecretKey(hex('2b7e151628aed2a6abf7158809cf4f3c'));
      const transform = createCounterMode(key, createSecretKey(Buffer.alloc(20)), hex('f0f1f2f3f4f5f6f7f8f9fafbfcfd'), 'rtp');
      const stream = transform.protect(Buffer.alloc(12 + 1_044_512), 12, 0, 0).subarray(12, 12 + 1_044_512);
      assert.deepEqual(stream.subarray(0, 48), hex('e03ead0935c95e80e166b16dd92b4eb4 d23513162b02d0f72a43a2fe4a5f97ab 41e95b3bb0a2e8dd477901e4fca894c0'));
      assert.deepEqual(stream.subarray(-48), hex('ec8cdf7398607cb0f2d21675ea9ea1e4 362b7c3c6773516318a077d7fc5073ae 6a2cc3787889374fbeb4c81b17ba6c44'));
    });

    it('authenticates the count of rollovers, which is not sent', () => {
      const key = createSecretKey(Buffer.alloc(16));
      const transform = createCounterMode(key, createSecretKey(Buffer.alloc(20)), Buffer.alloc(14), 'rtp');
      const sealed = transform.protect(Buffer.alloc(40), 12, 0, 5);
      for (const rollovers of [1, 2 ** 16, 2 ** 31]) assert.equal(transform.unprotect(sealed, 12, 0, 5 + rollovers * 2 ** 16), null);
      assert.deepEqual(transform.unprotect(sealed, 12, 0, 5), Buffer.alloc(40));
    });

    // The packets that libsrtp validates itself with. Its keys come from the master key of RFC 3711 appendix B.3.
    it('fits a reference packet of SRTP and of SRTCP', () => {
      const cipherKey = createSecretKey(hex('c61e7a93744f39ee10734afe3ff7a087'));
      const authenticationKey = createSecretKey(hex('cebe321f6ff7716b6fd4ab49af256a156d38baa4'));
      fits(createCounterMode(cipherKey, authenticationKey, hex('30cbbc08863d8c85d49db34a9ae1'), 'rtp'), {
        plain: hex('800f1234 decafbad cafebabe abababab abababab abababab abababab'),
        headBytes: 12,
        ssrc: 0xcafe_babe,
        index: 0x1234,
        sealed: hex('800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc99ea179b8dbb')
      });
      const controlKey = createSecretKey(hex('4c1aa45a81f73d61c800bbb00fbb1eaa'));
      const controlAuthenticationKey = createSecretKey(hex('8d54534feb49ae8e7993a6bd0b844fc323a93dfd'));
      fits(createCounterMode(controlKey, controlAuthenticationKey, hex('9581c7ad87b3e530bf3e4454a8b3'), 'rtcp'), {
        plain: hex('81c8000b cafebabe abababab abababab abababab abababab'),
        headBytes: 8,
        ssrc: 0xcafe_babe,
        index: 1,
        sealed: hex('81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd54d6c1230798')
      });
    });
  });
});
