import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { Scope } from '../../../src/kernel/scope.ts';
import { createFakeClock } from '../../fakes/clock.ts';

describe('kernel: scope', () => {
  it('undoes what it owns in reverse order, waiting for each', async () => {
    const order: string[] = [];
    const scope = new Scope();
    scope.own(() => void order.push('first'));
    scope.own(async () => {
      await Promise.resolve();
      order.push('second');
    });
    scope.own(() => void order.push('third'));
    await scope[Symbol.asyncDispose]();
    assert.deepEqual(order, ['third', 'second', 'first']);
  });

  it('aborts its signal before it undoes anything', async () => {
    const scope = new Scope();
    let abortedFirst = false;
    scope.own(() => {
      abortedFirst = scope.signal.aborted;
    });
    assert.equal(scope.signal.aborted, false);
    assert.equal(scope.closed, false);
    await scope[Symbol.asyncDispose]();
    assert.ok(abortedFirst);
    assert.ok(scope.closed);
  });

  it('undoes everything even if parts fail, and says what failed', async () => {
    const scope = new Scope();
    let undone = 0;
    scope.own(() => void undone++);
    scope.own(() => {
      throw new Error('one');
    });
    scope.own(() => Promise.reject(new Error('two')));
    scope.own(() => void undone++);
    await assert.rejects(
      async () => scope[Symbol.asyncDispose](),
      (error) => error instanceof AggregateError && error.errors.map((part) => part.message).join() === 'two,one'
    );
    assert.equal(undone, 2);
  });

  it('undoes each thing once', async () => {
    const scope = new Scope();
    let undone = 0;
    scope.own(() => void undone++);
    scope.own(() => Promise.resolve());
    await Promise.all([scope[Symbol.asyncDispose](), scope[Symbol.asyncDispose]()]);
    await scope[Symbol.asyncDispose]();
    assert.equal(undone, 1);
  });

  it('gives a thing back', async () => {
    const scope = new Scope();
    let undone = 0;
    scope.own(() => void undone++)();
    await scope[Symbol.asyncDispose]();
    assert.equal(undone, 0);
  });

  it('undoes at once what comes too late', async () => {
    const scope = new Scope();
    await scope[Symbol.asyncDispose]();
    let undone = 0;
    scope.own(() => void undone++);
    assert.equal(undone, 1);
  });

  it('ends its timers', async () => {
    const clock = createFakeClock();
    const scope = new Scope();
    const ran: string[] = [];
    scope.schedule(clock, 10, () => ran.push('early'));
    scope.schedule(clock, 30, () => ran.push('late'));
    scope.schedule(clock, 10, () => ran.push('cancelled')).cancel();
    scope.every(clock, 8, () => ran.push('every'));
    clock.advance(20);
    assert.deepEqual(ran, ['every', 'early', 'every']);
    await scope[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0);
    clock.advance(100);
    assert.equal(ran.length, 3);
  });

  it('starts no timer once closed', async () => {
    const clock = createFakeClock();
    const scope = new Scope();
    await scope[Symbol.asyncDispose]();
    scope.schedule(clock, 1, () => assert.fail('ran'));
    scope.every(clock, 1, () => assert.fail('ran'));
    assert.equal(clock.pending, 0);
    clock.advance(10);
  });

  it('keeps a repeated timer going when a run throws', () => {
    const clock = createFakeClock();
    const scope = new Scope();
    let runs = 0;
    scope.every(clock, 10, () => {
      runs++;
      throw new Error('no');
    });
    assert.throws(() => clock.advance(10));
    assert.throws(() => clock.advance(10));
    assert.equal(runs, 2);
  });

  it('lets a run of a repeated timer close the scope', () => {
    const clock = createFakeClock();
    const scope = new Scope();
    scope.every(clock, 10, () => void scope[Symbol.asyncDispose]());
    clock.advance(10);
    assert.equal(clock.pending, 0);
  });

  it('property: whatever is owned, taken back and late, each thing is undone exactly once unless taken back', async () => {
    const step = fc.oneof(
      fc.constant('own' as const),
      fc.nat(20).map((index) => ({ giveBack: index })),
      fc.constant('own-failing' as const)
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(30), async (steps, closeAt) => {
        const scope = new Scope();
        const things: { undone: number; givenBack: boolean; late: boolean; giveBack: () => void }[] = [];
        let closing: Promise<void> | undefined;
        for (const [index, action] of steps.entries()) {
          if (index === closeAt) closing = scope[Symbol.asyncDispose]().catch(() => {});
          if (typeof action === 'object') {
            const thing = things[action.giveBack];
            if (thing && !thing.late && closing === undefined) {
              thing.givenBack = true;
              thing.giveBack();
            }
            continue;
          }
          const thing = { undone: 0, givenBack: false, late: closing !== undefined, giveBack: () => {} };
          things.push(thing);
          thing.giveBack = scope.own(() => {
            thing.undone++;
            if (action === 'own-failing' && !thing.late) throw new Error('fails');
          });
        }
        await closing;
        await scope[Symbol.asyncDispose]().catch(() => {});
        for (const thing of things) assert.equal(thing.undone, thing.givenBack ? 0 : 1);
      })
    );
  });
});
