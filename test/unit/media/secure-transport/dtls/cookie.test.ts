import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { cookieFor, cookieHolds } from '../../../../../src/media/secure-transport/dtls/cookie.ts';
import { readClientHello, writeClientHello } from '../../../../../src/media/secure-transport/dtls/messages.ts';
import { STANDARD_POLICY } from '../../../../../src/media/secure-transport/dtls/registry.ts';

const ADDRESS = '192.0.2.1:5000';
const SECRET = createSecretKey(randomBytes(32));
const random = randomBytes(32);
const helloWith = (cookie: Buffer, from = random) => readClientHello(writeClientHello(from, cookie, STANDARD_POLICY));
const COOKIE = cookieFor(SECRET, ADDRESS, helloWith(Buffer.alloc(0)));

describe('the cookie', () => {
  it('RFC 6347 4.2.1: holds for the same hello from the same address, whatever cookie was in the hello that it was made for', () => {
    assert.equal(COOKIE.length, 32);
    assert.ok(cookieHolds(SECRET, ADDRESS, helloWith(COOKIE)));
    assert.deepEqual(cookieFor(SECRET, ADDRESS, helloWith(Buffer.from('another'))), COOKIE);
  });

  it('RFC 6347 4.2.1: does not hold from another address, for another hello, or of another server', () => {
    assert.ok(!cookieHolds(SECRET, '192.0.2.1:5001', helloWith(COOKIE)));
    assert.ok(!cookieHolds(SECRET, '192.0.2.11:5000', helloWith(COOKIE)));
    assert.ok(!cookieHolds(SECRET, ADDRESS, helloWith(COOKIE, randomBytes(32))));
    assert.ok(!cookieHolds(createSecretKey(randomBytes(32)), ADDRESS, helloWith(COOKIE)));
  });

  it('RFC 6347 4.2.1: does not hold when it is empty, cut, longer, or wrong in any bit', () => {
    for (const cookie of [Buffer.alloc(0), COOKIE.subarray(0, -1), COOKIE.subarray(1), Buffer.concat([COOKIE, Buffer.alloc(1)]), Buffer.alloc(32)])
      assert.ok(!cookieHolds(SECRET, ADDRESS, helloWith(cookie)), cookie.toString('hex'));
    for (let bit = 0; bit < 256; bit += 1) {
      const flipped = Buffer.from(COOKIE);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.ok(!cookieHolds(SECRET, ADDRESS, helloWith(flipped)), String(bit));
    }
  });
});
