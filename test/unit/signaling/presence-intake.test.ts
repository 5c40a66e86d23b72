import assert from 'node:assert/strict';
import { createPresenceIntake } from '../../../src/signaling/presence-intake.ts';

/** An intake whose proofs end when a test lets them. */
function intake() {
  const proven: string[] = [];
  const waiting: (() => void)[] = [];
  let running = 0;
  const made = createPresenceIntake(async (endpoint, payload) => {
    running += 1;
    assert.equal(running, 1, 'one at a time');
    await new Promise<void>((resolve) => waiting.push(resolve));
    running -= 1;
    proven.push(`${endpoint} ${payload.toString()}`);
  });
  const finish = async (count = Number.POSITIVE_INFINITY): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const next = waiting.shift();
      if (next === undefined) return;
      next();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { ...made, proven, finish };
}

describe('the intake of presence', () => {
  it('proves one after the other, and of one endpoint the latest two that wait', async () => {
    const { add, proven, finish } = intake();
    add('a', Buffer.from('1'));
    for (const text of ['1', '2', '3']) add('b', Buffer.from(text));
    add('a', Buffer.from('2'));
    await finish();
    assert.deepEqual(proven, ['a 1', 'b 2', 'b 3', 'a 2']);
    assert.ok(add('c', Buffer.from('later')));
    await finish();
    assert.equal(proven.at(-1), 'c later');
  });

  it('keeps a bounded number of endpoints and bytes, and gives the room back', async () => {
    const { add, proven, finish } = intake();
    add('first', Buffer.from('x'));
    const large = Buffer.alloc(1024 * 1024);
    for (let n = 0; n < 8; n++) assert.ok(add(`large${n}`, large), `number ${n}`);
    assert.equal(add('one more', large), false);
    assert.ok(add('large0', Buffer.from('')) === true, 'nothing has room everywhere');
    await finish(2);
    assert.ok(add('one more', large));
    await finish();
    let kept = 0;
    for (let n = 0; n < 12_000; n++) if (add(`e${n}`, Buffer.from('x'))) kept += 1;
    // One of them is not waiting any more.
    assert.equal(kept, 10_001);
    await finish();
    assert.equal(proven.length, 1 + 8 + 1 + 1 + kept);
  });

  it('proves first what is sought, also what comes later, and says when there is no more of it', async () => {
    const { add, seek, proven, finish } = intake();
    for (const endpoint of ['a', 'b', 'c', 'd']) add(endpoint, Buffer.from(endpoint === 'c' ? 'attic' : 'hall'));
    const done: string[] = [];
    void seek((payload) => payload.includes('attic')).then(() => done.push('attic'));
    add('e', Buffer.from('attic'));
    await finish(2);
    assert.deepEqual([proven, done], [['a hall', 'c attic'], []]);
    await finish(1);
    assert.deepEqual([proven.at(-1), done], ['e attic', ['attic']]);
    void seek((payload) => payload.includes('hall')).then(() => done.push('hall'));
    await seek((payload) => payload.includes('nothing'));
    assert.deepEqual(done, ['attic', 'hall'], 'nobody waits for what is no longer sought');
    await finish();
    assert.deepEqual(proven.slice(3), ['b hall', 'd hall']);
  });

  it('keeps its own copy', async () => {
    const { add, proven, finish } = intake();
    const buffer = Buffer.from('said');
    add('a', Buffer.from('x'));
    add('b', buffer);
    buffer.fill('?');
    await finish();
    assert.deepEqual(proven, ['a x', 'b said']);
  });
});
