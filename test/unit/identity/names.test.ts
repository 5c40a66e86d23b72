import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { accountIdOf, endpointIdOf } from '../../../src/identity/names.ts';

/** RFC 4648 base32 done the slow way: the bytes as one number, five bits at a time. */
function slowBase32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  return Array.from({ length: 26 }, (_, index) => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(bits.slice(index * 5, index * 5 + 5), 2)]).join('');
}

describe('names', () => {
  it('has the protocol’s vectors', () => {
    // printf 'cloister account:boardroom@contoso.example' | sha256sum, then base32.
    assert.equal(accountIdOf('boardroom@contoso.example'), 'lblpm4fwtvfmwv4ntqt4rzcqr5');
    // SHA-256 of nothing begins e3b0c442…
    assert.equal(endpointIdOf(new Uint8Array()), '4oymiquy7qobjgx36tejs35zeq');
  });

  it('is base32 of the hash, for any input', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (spki) => {
        assert.equal(endpointIdOf(spki), slowBase32(createHash('sha256').update(spki).digest()));
      })
    );
  });

  it('makes an endpoint’s id from its public key alone', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    assert.match(endpointIdOf(publicKey.export({ type: 'spki', format: 'der' })), /^[a-z2-7]{26}$/);
  });
});
