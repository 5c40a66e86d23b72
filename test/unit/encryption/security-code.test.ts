import assert from 'node:assert/strict';
import fc from 'fast-check';
import { commitment, commitmentHolds, type SecurityCodeInput, securityCode } from '../../../src/encryption/security-code.ts';

// The vectors of call-security.md "The code".
const vectors = [
  {
    callId: '0190f3c2-7d4e-7a31-8c55-000000000001',
    thumbprintCaller: '14e9fe2f0e49f0c703928b62488b6414489988833314f9ae9fa2729aecdb4b8f',
    thumbprintCallee: 'b474b5a79554ed93c2298c0eda286e04715191a60d8b054cf5b2c024b96dc26c',
    nonceCaller: '9baec6541df5df89f9fef19ee87ce8e0022f51c4a6c9a9805236ca783d97d8b3',
    nonceCallee: '2dd56368823e4f8ac988e45a6b9ab4f78c9c1f1434bba622d09e879a535a10d7',
    commitment: '0b88e8e4617668d139f4a94ae8a96b0b120cf1334ecdf391dfd83b49addae32b',
    code: '50239 47533 26749 97493'
  },
  {
    callId: '0190f3c2-7d4e-7a31-8c55-000000000217',
    thumbprintCaller: '70f6acbb0b91acc6a649c8ed95e9902c3a357202620417922dc74dc7e00ba30d',
    thumbprintCallee: '0804ccc0b340ed868ef3c31fc9d9b0dc6e702f6739ad8af491c9e64c2c23d00a',
    nonceCaller: '5998bb36fc17495755b0255ce13ec78f3fc68e18de719037b5a2cef7b596fc29',
    nonceCallee: '159d5b946438fa5a37e805ed7c33853569b1d40831998607286ad69ed78f5692',
    commitment: 'c6f2af8327bea63c767459dc337ee082424613971db1e380f77165886df84f2b',
    code: '00072 19043 06719 90376'
  }
];

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const inputOf = (vector: (typeof vectors)[number]): SecurityCodeInput => ({
  callId: vector.callId,
  thumbprintCaller: bytes(vector.thumbprintCaller),
  thumbprintCallee: bytes(vector.thumbprintCallee),
  nonceCaller: bytes(vector.nonceCaller),
  nonceCallee: bytes(vector.nonceCallee)
});
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const anyInput: fc.Arbitrary<SecurityCodeInput> = fc.record({
  callId: fc.uuid({ version: 7 }),
  thumbprintCaller: hash,
  thumbprintCallee: hash,
  nonceCaller: hash,
  nonceCallee: hash
});

describe('security code', () => {
  for (const vector of vectors) {
    it(`gives ${vector.code} for the vector of the design`, () => {
      assert.equal(securityCode(inputOf(vector)), vector.code);
      assert.equal(Buffer.from(commitment(bytes(vector.nonceCaller))).toString('hex'), vector.commitment);
      assert.equal(commitmentHolds(bytes(vector.nonceCaller), bytes(vector.commitment)), true);
    });
  }

  it('is always four groups of five digits, the same for the same input', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        assert.match(securityCode(input), /^\d{5} \d{5} \d{5} \d{5}$/);
        assert.equal(securityCode(input), securityCode({ ...input }));
      })
    );
  });

  it('changes with every bit of every input', () => {
    const fields = ['thumbprintCaller', 'thumbprintCallee', 'nonceCaller', 'nonceCallee'] as const;
    fc.assert(
      fc.property(anyInput, fc.constantFrom(...fields), fc.nat(255), (input, field, bit) => {
        const changed = Uint8Array.from(input[field]);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.notEqual(securityCode({ ...input, [field]: changed }), securityCode(input));
      })
    );
  });

  it('changes with the call and with who called', () => {
    fc.assert(
      fc.property(anyInput, fc.uuid({ version: 7 }), (input, callId) => {
        fc.pre(callId !== input.callId && Buffer.compare(input.thumbprintCaller, input.thumbprintCallee) !== 0);
        assert.notEqual(securityCode({ ...input, callId }), securityCode(input));
        const swapped = { ...input, thumbprintCaller: input.thumbprintCallee, thumbprintCallee: input.thumbprintCaller };
        assert.notEqual(securityCode(swapped), securityCode(input));
      })
    );
  });

  it('refuses inputs of a wrong length, and says nothing of their content', () => {
    const [vector] = vectors;
    assert.ok(vector);
    const input = inputOf(vector);
    for (const field of ['thumbprintCaller', 'thumbprintCallee', 'nonceCaller', 'nonceCallee'] as const) {
      for (const length of [0, 31, 33]) {
        assert.throws(
          () => securityCode({ ...input, [field]: new Uint8Array(length) }),
          (error: Error) => error.name === 'CloisterError' && error.message === `${field} has ${length} bytes instead of 32`
        );
      }
    }
    assert.throws(() => securityCode({ ...input, callId: 'short' }), { name: 'CloisterError' });
    assert.throws(() => securityCode({ ...input, callId: 'é'.repeat(36) }), { name: 'CloisterError' });
  });
});

describe('commitment', () => {
  it('holds for its own nonce only', () => {
    fc.assert(
      fc.property(hash, hash, (nonce, other) => {
        fc.pre(Buffer.compare(nonce, other) !== 0);
        assert.equal(commitmentHolds(nonce, commitment(nonce)), true);
        assert.equal(commitmentHolds(other, commitment(nonce)), false);
      })
    );
  });

  it('does not hold for values of a wrong length', () => {
    const nonce = new Uint8Array(32);
    assert.equal(commitmentHolds(nonce, commitment(nonce).subarray(0, 31)), false);
    assert.equal(commitmentHolds(new Uint8Array(31), commitment(nonce)), false);
    assert.equal(commitmentHolds(new Uint8Array(0), new Uint8Array(0)), false);
    assert.throws(() => commitment(new Uint8Array(31)), { name: 'CloisterError' });
  });
});
