import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createQueueBounds } from '../../../src/signaling/queue-bounds.ts';

const limits = { recipient: { messages: 5, bytes: 500 }, sender: { messages: 3, bytes: 200 } };

describe('queue bounds of the embedded broker', () => {
  it('lets no sender take more than its share of what is kept for a recipient', () => {
    const bounds = createQueueBounds(limits);
    for (let n = 0; n < 3; n++) assert.ok(bounds.admit('b', 'mallory', 10));
    assert.ok(!bounds.admit('b', 'mallory', 10));
    assert.ok(bounds.admit('b', 'alice', 10));
    assert.ok(bounds.admit('c', 'mallory', 10));
    bounds.release('b', 'mallory', 10);
    assert.ok(bounds.admit('b', 'mallory', 10));
  });

  it('counts bytes, too', () => {
    const bounds = createQueueBounds(limits);
    assert.ok(!bounds.admit('b', 'alice', 201));
    assert.ok(bounds.admit('b', 'alice', 200));
    assert.ok(!bounds.admit('b', 'alice', 1));
  });

  it('property: never keeps more than its limits, and gives back all', () => {
    const message = fc.record({ sender: fc.constantFrom('s1', 's2', 's3'), bytes: fc.integer({ min: 0, max: 150 }), release: fc.boolean() });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 60 }), (messages) => {
        const bounds = createQueueBounds(limits);
        const kept: { sender: string; bytes: number }[] = [];
        for (const { sender, bytes, release } of messages) {
          const oldest = release ? kept.shift() : undefined;
          if (oldest !== undefined) bounds.release('b', oldest.sender, oldest.bytes);
          if (bounds.admit('b', sender, bytes)) kept.push({ sender, bytes });
          assert.ok(kept.length <= 5 && kept.reduce((sum, each) => sum + each.bytes, 0) <= 500);
        }
        for (const { sender, bytes } of kept) bounds.release('b', sender, bytes);
        for (let n = 0; n < 3; n++) assert.ok(bounds.admit('b', 's1', 10));
      })
    );
  });
});
