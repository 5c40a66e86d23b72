import assert from 'node:assert/strict';
import fc from 'fast-check';
import { commitment, commitmentHolds } from '../../../src/encryption/security-code.ts';
import { agreementOfAnswer, agreementOfOffer, codeInput, hex, OPEN, settledNonce, takeNonce } from '../../../src/media/agreement.ts';

const NONCE = new Uint8Array(32).fill(7);
const committed = agreementOfOffer({ commitment: hex(commitment(NONCE)) });

describe('agreement on the security code', () => {
  it('is settled by the nonce that comes with the answer, or by the one that fits the commitment', () => {
    assert.deepEqual(settledNonce(agreementOfAnswer({ nonce: hex(NONCE) })), NONCE);
    const settled = takeNonce(committed, hex(NONCE), commitmentHolds);
    assert.ok(typeof settled === 'object');
    assert.deepEqual(settledNonce(settled), NONCE);
    // A message may come twice, and changes nothing then.
    assert.equal(takeNonce(settled, hex(NONCE), commitmentHolds), settled);
    assert.equal(takeNonce(settled, 'ab'.repeat(32), commitmentHolds), 'unasked');
  });

  it('lets nothing through while something is missing, and no code for a standard call', () => {
    assert.equal(settledNonce(OPEN), undefined);
    assert.equal(settledNonce(committed), undefined);
    for (const standard of [agreementOfOffer(null), agreementOfAnswer(null)]) assert.equal(settledNonce(standard), null);
  });

  it('takes no nonce but the one that was committed to, and none where nothing was', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array({ minLength: 32, maxLength: 32 }).map(hex)), (revealed) => {
        fc.pre(revealed.toLowerCase() !== hex(NONCE));
        assert.equal(takeNonce(committed, revealed, commitmentHolds), 'misfit');
        for (const agreement of [OPEN, agreementOfOffer(null), agreementOfAnswer({ nonce: hex(NONCE) })])
          assert.equal(takeNonce(agreement, revealed, commitmentHolds), 'unasked');
      })
    );
  });

  it('is the same input of the code on both sides', () => {
    const [one, other] = [
      { thumbprint: new Uint8Array([1]), nonce: new Uint8Array([2]) },
      { thumbprint: new Uint8Array([3]), nonce: new Uint8Array([4]) }
    ];
    const input = codeInput('id', 'caller', one, other);
    assert.deepEqual(input, {
      callId: 'id',
      thumbprintCaller: one.thumbprint,
      thumbprintCallee: other.thumbprint,
      nonceCaller: one.nonce,
      nonceCallee: other.nonce
    });
    assert.deepEqual(codeInput('id', 'callee', other, one), input);
  });
});
