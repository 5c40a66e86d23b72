import assert from 'node:assert/strict';
import { createEvents } from '../../../src/kernel/events.ts';

type Sample = { number: readonly [number]; pair: readonly [string, boolean] };

describe('kernel: events', () => {
  const create = (errors: unknown[] = []) => createEvents<Sample>((error, event) => errors.push([String(error), event]));

  it('hands every listener the arguments, in the order of listening', () => {
    const events = create();
    const heard: unknown[] = [];
    events.on('pair', (text, flag) => heard.push(['a', text, flag]));
    events.on('pair', (text) => heard.push(['b', text]));
    events.on('number', () => heard.push('never'));
    events.emit('pair', 'x', true);
    assert.deepEqual(heard, [
      ['a', 'x', true],
      ['b', 'x']
    ]);
  });

  it('lets no listener harm the emitter or the others', () => {
    const errors: unknown[] = [];
    const events = create(errors);
    const heard: number[] = [];
    events.on('number', () => {
      throw new Error('no');
    });
    events.on('number', (value) => heard.push(value));
    events.emit('number', 7);
    assert.deepEqual(heard, [7]);
    assert.deepEqual(errors, [['Error: no', 'number']]);
  });

  it('stops calling who has left, also who leaves twice', () => {
    const events = create();
    let heard = 0;
    const leave = events.on('number', () => heard++);
    leave();
    leave();
    events.emit('number', 1);
    assert.equal(heard, 0);
  });

  it('may be changed from within a listener', () => {
    const events = create();
    const heard: string[] = [];
    const leave = events.on('number', () => {
      heard.push('once');
      leave();
      events.on('number', () => heard.push('new'));
    });
    events.emit('number', 1);
    assert.deepEqual(heard, ['once']);
    events.emit('number', 2);
    assert.deepEqual(heard, ['once', 'new']);
  });

  it('says nothing where nobody listens', () => {
    create().emit('number', 1);
  });
});
