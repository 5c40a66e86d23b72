// Ephemeral key exchange on P-256 and X25519 (RFC 8422, RFC 7748). Private halves are KeyObjects, made for one handshake.
import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import type { Group } from './registry.ts';
import { Refusal } from './wire.ts';

export type KeyShare = {
  readonly group: Group;
  /** As it goes over the wire: the uncompressed point, or the 32 bytes of the u-coordinate. */
  readonly share: Buffer;
  /** The pre-master secret. @throws Refusal illegal_parameter for a share that is no point of the group, or makes the secret all zero */
  agree(remoteShare: Buffer): Buffer;
};

const P256_POINT_BYTES = 65;
const UNCOMPRESSED_POINT = 4;
const X25519_BYTES = 32;
/** SubjectPublicKeyInfo before the point itself: OpenSSL then checks that it is on the curve. */
const SPKI_PREFIX: Readonly<Record<Group['name'], Buffer>> = {
  'P-256': Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
  X25519: Buffer.from('302a300506032b656e032100', 'hex')
};

export function createKeyShare(group: Group): KeyShare {
  const { publicKey, privateKey } = group.name === 'X25519' ? generateKeyPairSync('x25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const prefix = SPKI_PREFIX[group.name];
  return {
    group,
    share: publicKey.export({ type: 'spki', format: 'der' }).subarray(prefix.length),
    agree(remoteShare) {
      const wellFormed =
        group.name === 'X25519' ? remoteShare.length === X25519_BYTES : remoteShare.length === P256_POINT_BYTES && remoteShare[0] === UNCOMPRESSED_POINT;
      if (!wellFormed) throw new Refusal('illegal_parameter', 'a key share has not the form of its group');
      let secret: Buffer;
      try {
        secret = diffieHellman({ privateKey, publicKey: createPublicKey({ key: Buffer.concat([prefix, remoteShare]), format: 'der', type: 'spki' }) });
      } catch {
        throw new Refusal('illegal_parameter', 'a key share is not a point of its group');
      }
      // RFC 7748 section 6.1, RFC 8422 section 5.11: a share of small order. OpenSSL refuses it above; should it ever not, this does, in constant time.
      let bits = 0;
      for (const byte of secret) bits |= byte;
      if (bits === 0) throw new Refusal('illegal_parameter', 'the key shares make an all-zero secret');
      return secret;
    }
  };
}
