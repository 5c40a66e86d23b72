import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createOutbox, type OutgoingMessage } from '../../../src/signaling/outbox.ts';

const message = (name: string, expiresAtMs: number): OutgoingMessage => ({ topic: name, payload: Buffer.from(name), retain: false, expiresAtMs });

/** A broker that takes what it is given and confirms when told to. */
function fakeBroker() {
  const got: string[] = [];
  const open: (() => void)[] = [];
  return {
    got,
    publish: (outgoing: OutgoingMessage, confirmed: () => void) => {
      got.push(outgoing.topic);
      open.push(confirmed);
    },
    confirmAll: () => {
      for (const confirm of open.splice(0)) confirm();
    }
  };
}

describe('outbox', () => {
  it('resolves when confirmed, and hands each message over once', async () => {
    const outbox = createOutbox();
    const broker = fakeBroker();
    const done = [outbox.add(message('a', 100)), outbox.add(message('b', 100))];
    outbox.flush(0, broker.publish);
    outbox.flush(0, broker.publish);
    assert.deepEqual(broker.got, ['a', 'b']);
    broker.confirmAll();
    await Promise.all(done);
  });

  it('sends again in the old order what a lost connection left open', async () => {
    const outbox = createOutbox();
    const [first, second] = [fakeBroker(), fakeBroker()];
    const done = [outbox.add(message('a', 100)), outbox.add(message('b', 100))];
    outbox.flush(0, first.publish);
    outbox.connectionLost();
    done.push(outbox.add(message('c', 100)));
    outbox.flush(50, second.publish);
    assert.deepEqual(second.got, ['a', 'b', 'c']);
    first.confirmAll();
    second.confirmAll();
    await Promise.all(done);
  });

  it('drops what has expired, and says when the next one does', async () => {
    const outbox = createOutbox();
    const broker = fakeBroker();
    const short = outbox.add(message('a', 10));
    const long = outbox.add(message('b', 20));
    assert.equal(outbox.expire(5), 10);
    assert.equal(outbox.expire(10), 20);
    await assert.rejects(short, { code: 'CL_BROKER_UNREACHABLE' });
    outbox.flush(15, broker.publish);
    assert.deepEqual(broker.got, ['b']);
    assert.equal(outbox.expire(25), Number.POSITIVE_INFINITY);
    broker.confirmAll();
    await long;
  });

  it('is bounded, and ends with what waits refused', async () => {
    const outbox = createOutbox(1);
    const waiting = outbox.add(message('a', 100));
    await assert.rejects(outbox.add(message('b', 100)), { code: 'CL_BROKER_UNREACHABLE' });
    outbox.close();
    await assert.rejects(waiting, { code: 'CL_BROKER_UNREACHABLE' });
    await assert.rejects(outbox.add(message('c', 100)), { code: 'CL_BROKER_UNREACHABLE' });
  });

  it('loses nothing and keeps the order, however often the connection breaks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('add', 'flush', 'lost', 'confirm'), { maxLength: 60 }), async (steps) => {
        const outbox = createOutbox();
        let broker = fakeBroker();
        const done: Promise<void>[] = [];
        for (const step of steps) {
          if (step === 'add') done.push(outbox.add(message(String(done.length).padStart(3, '0'), 100)));
          if (step === 'flush') outbox.flush(0, broker.publish);
          if (step === 'confirm') broker.confirmAll();
          if (step === 'lost') {
            outbox.connectionLost();
            broker = fakeBroker();
          }
          assert.deepEqual(broker.got, [...broker.got].sort());
        }
        outbox.flush(0, broker.publish);
        broker.confirmAll();
        await Promise.all(done);
      })
    );
  });
});
