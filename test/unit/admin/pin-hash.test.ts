// A PIN as it is kept: RFC 9106's own vector would need its secret and associated data, which a PIN has not; so the form, the cost and what is refused.
import assert from 'node:assert/strict';
import { argon2Sync } from 'node:crypto';
import { HASH_COST, hashPin, isPinHash, verifyPin } from '../../../src/admin/pin-hash.ts';

const CHEAP = { memoryKib: 64, passes: 1 };

describe('a PIN’s hash', () => {
  it('is argon2id in the PHC format, with at least the cost that OWASP asks for', async function () {
    this.timeout(60_000);
    assert.ok(HASH_COST.memoryKib >= 19 * 1024 && HASH_COST.passes >= 2);
    assert.match(await hashPin('394715'), /^\$argon2id\$v=19\$m=65536,t=3,p=1\$/);
    const kept = await hashPin('394715', CHEAP);
    const [, algorithm, version, cost, salt = '', tag = ''] = kept.split('$');
    assert.deepEqual([algorithm, version, cost], ['argon2id', 'v=19', 'm=64,t=1,p=1']);
    const expected = argon2Sync('argon2id', {
      message: Buffer.from('394715'),
      nonce: Buffer.from(salt, 'base64'),
      parallelism: 1,
      tagLength: 32,
      memory: 64,
      passes: 1
    });
    assert.equal(Buffer.from(tag, 'base64').toString('hex'), expected.toString('hex'));
    assert.equal(await verifyPin('394715', kept), true);
  });

  it('fits its own PIN alone, and is another one each time', async () => {
    const [first, second] = await Promise.all([hashPin('394715', CHEAP), hashPin('394715', CHEAP)]);
    assert.notEqual(first, second);
    for (const kept of [first, second]) {
      assert.equal(isPinHash(kept), true);
      assert.equal(await verifyPin('394715', kept), true);
      for (const wrong of ['394716', '39471', '3947150', '', ' 394715', '394715\0']) assert.equal(await verifyPin(wrong, kept), false, wrong);
    }
  });

  it('is computed off the main thread', async () => {
    let turns = 0;
    let done = false;
    const spin = (): void => {
      turns += 1;
      if (!done) setImmediate(spin);
    };
    spin();
    await hashPin('394715', { memoryKib: 16_384, passes: 2 });
    done = true;
    assert.ok(turns > 20, `${turns} turns of the event loop`);
  });

  it('is refused where it is not what was made, or would cost anything one likes', async () => {
    const good = await hashPin('394715', CHEAP);
    const bad = [
      '',
      'plain',
      good.slice(0, -1),
      `${good}A`,
      ` ${good}`,
      good.replace('argon2id', 'argon2i'),
      good.replace('v=19', 'v=16'),
      good.replace('m=64', 'm=9999999'),
      good.replace('m=64', 'm=0'),
      good.replace('t=1', 't=99'),
      good.replace('t=1', 't=0'),
      good.replace('p=1', 'p=9')
    ];
    for (const kept of bad) {
      assert.equal(isPinHash(kept), false, kept);
      await assert.rejects(verifyPin('394715', kept), { code: 'CL_PIN_UNREADABLE' });
    }
  });
});
