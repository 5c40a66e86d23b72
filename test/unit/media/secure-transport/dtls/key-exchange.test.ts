import assert from 'node:assert/strict';
import { createECDH, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { createKeyShare } from '../../../../../src/media/secure-transport/dtls/key-exchange.ts';
import type { Group } from '../../../../../src/media/secure-transport/dtls/registry.ts';
import { Refusal } from '../../../../../src/media/secure-transport/dtls/wire.ts';

const X25519: Group = { id: 29, name: 'X25519' };
const P256: Group = { id: 23, name: 'P-256' };
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const refused = (error: unknown): boolean => error instanceof Refusal && error.alert === 'illegal_parameter' && error.code === 'CL_SECURITY_HANDSHAKE';

/** RFC 7748 section 6.1. */
const ALICE = {
  scalar: '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
  share: '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'
};
const BOB = {
  scalar: '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
  share: 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f'
};
const SHARED = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
const x25519Secret = (scalar: string, share: Buffer): Buffer =>
  diffieHellman({
    privateKey: createPrivateKey({ key: bytes(`302e020100300506032b656e04220420${scalar}`), format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: Buffer.concat([bytes('302a300506032b656e032100'), share]), format: 'der', type: 'spki' })
  });

/** u-coordinates of small order on the curve and its twist, with the ones that are not reduced (RFC 7748 sections 5 and 6.1). */
const LOW_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'
];

describe('the key exchange', () => {
  for (const group of [X25519, P256]) {
    it(`RFC 8422 5.10: two shares of ${group.name} make one secret of 32 bytes, another each time`, () => {
      const [one, two, three] = [createKeyShare(group), createKeyShare(group), createKeyShare(group)];
      const secret = one.agree(two.share);
      assert.equal(secret.length, 32);
      assert.deepEqual(two.agree(one.share), secret);
      assert.notDeepEqual(three.agree(one.share), secret);
      assert.equal(one.share.length, group.name === 'X25519' ? 32 : 65);
      if (group.name === 'P-256') assert.equal(one.share[0], 4);
    });
  }

  it('RFC 7748 6.1: the vector holds, and our shares agree with its scalars', () => {
    assert.equal(x25519Secret(ALICE.scalar, bytes(BOB.share)).toString('hex'), SHARED);
    assert.equal(x25519Secret(BOB.scalar, bytes(ALICE.share)).toString('hex'), SHARED);
    for (const { scalar, share } of [ALICE, BOB]) {
      const ours = createKeyShare(X25519);
      assert.deepEqual(ours.agree(bytes(share)), x25519Secret(scalar, ours.share));
    }
  });

  it('RFC 8422 5.10: our P-256 shares agree with another interface to the curve', () => {
    const theirs = createECDH('prime256v1');
    const ours = createKeyShare(P256);
    assert.deepEqual(ours.agree(theirs.generateKeys()), theirs.computeSecret(ours.share));
  });

  it('RFC 7748 6.1, RFC 8422 5.11: each X25519 share of small order is refused, also with the bit set that nobody reads', () => {
    for (const hex of LOW_ORDER) {
      assert.throws(() => createKeyShare(X25519).agree(bytes(hex)), refused, hex);
      const marked = bytes(hex);
      marked.writeUInt8(marked.readUInt8(31) | 0x80, 31);
      assert.throws(() => createKeyShare(X25519).agree(marked), refused, marked.toString('hex'));
    }
  });

  it('RFC 8422 5.4: an X25519 share has 32 bytes', () => {
    for (const length of [0, 31, 33, 65]) assert.throws(() => createKeyShare(X25519).agree(Buffer.alloc(length, 9)), refused, String(length));
  });

  it('RFC 8422 5.11: a P-256 share that is not on the curve, at infinity, compressed, hybrid or of another length is refused', () => {
    const { share } = createKeyShare(P256);
    const changed = (at: number, value: number): Buffer => {
      const copy = Buffer.from(share);
      copy[at] = value;
      return copy;
    };
    const wrong: readonly (readonly [text: string, share: Buffer])[] = [
      ['x changed', changed(1, share.readUInt8(1) ^ 1)],
      ['y changed', changed(64, share.readUInt8(64) ^ 1)],
      ['origin', Buffer.concat([bytes('04'), Buffer.alloc(64)])],
      ['coordinates over the field', Buffer.concat([bytes('04'), Buffer.alloc(64, 0xff)])],
      ['infinity', bytes('00')],
      ['infinity, padded', Buffer.alloc(65)],
      ['compressed', Buffer.concat([Buffer.from([2 + (share.readUInt8(64) & 1)]), share.subarray(1, 33)])],
      ['hybrid', changed(0, 6 + (share.readUInt8(64) & 1))],
      ['cut', share.subarray(0, -1)],
      ['longer', Buffer.concat([share, bytes('00')])],
      ['empty', Buffer.alloc(0)],
      ['of X25519', createKeyShare(X25519).share]
    ];
    for (const [text, value] of wrong) assert.throws(() => createKeyShare(P256).agree(value), refused, text);
    createKeyShare(P256).agree(share);
  });
});
