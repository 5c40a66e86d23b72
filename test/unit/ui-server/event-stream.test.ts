// The event stream against connections that do not behave; how it goes over a real one is in test/integration/http.test.ts.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Scope } from '../../../src/kernel/scope.ts';
import type { RoomState } from '../../../src/room/state.ts';
import { openEventStream } from '../../../src/ui-server/event-stream.ts';
import type { DisplayPages } from '../../../src/ui-server/port.ts';
import { createFakeClock } from '../../fakes/clock.ts';
import { createFakeRoom } from '../../fakes/room.ts';

const CODE = '12345 67890 12345 67890';
const HIGH_WATER_BYTES = 16 * 1024;

/** A response whose reader takes what is written only while `reads`. */
class Connection extends EventEmitter {
  reads = true;
  destroyed = false;
  waiting = '';
  taken = '';

  setHeader(): void {}
  write(text: string): void {
    this.waiting += text;
    if (this.reads) this.read();
  }
  read(): void {
    this.taken += this.waiting;
    this.waiting = '';
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
  get writableLength(): number {
    return this.waiting.length;
  }
  get writableNeedDrain(): boolean {
    return this.waiting.length > HIGH_WATER_BYTES;
  }
}

function open() {
  const clock = createFakeClock();
  const scope = new Scope();
  const room = createFakeRoom();
  const stream = openEventStream(room, scope, clock);
  const join = (url = '/api/v1/events', elsewhere = false): Connection => {
    const connection = new Connection();
    stream.serve({ method: 'GET', url, headers: {} } as IncomingMessage, connection as unknown as ServerResponse, elsewhere);
    return connection;
  };
  const rename = (name: string): void => room.change((state) => ({ ...state, room: { ...state.room, name } }));
  return { clock, scope, room, stream, join, rename };
}

describe('event stream', () => {
  it('drops who has read nothing between two heartbeats, and nobody else', () => {
    const { clock, stream, join, rename } = open();
    const [stuck, slow, good] = [join(), join(), join()];
    stuck.reads = false;
    slow.reads = false;
    rename('Studio');
    clock.advance(15_000);
    assert.deepEqual([stuck.destroyed, slow.destroyed], [false, false]);
    slow.read();
    slow.reads = true;
    clock.advance(15_000);
    assert.deepEqual([stuck.destroyed, slow.destroyed, good.destroyed], [true, false, false]);
    assert.equal(stream.listeners, 2);
    assert.equal(slow.taken, good.taken);
  });

  it('drops who has much unread when a security code is gone, so that it does not wait there', () => {
    const { room, join, rename } = open();
    const [behind, good] = [join(), join()];
    room.ring();
    behind.reads = false;
    room.connect(CODE);
    rename('x'.repeat(HIGH_WATER_BYTES));
    assert.equal(behind.destroyed, false);
    room.changeCall((call) => ({ ...call, encryption: { ...call.encryption, securityCode: null } }));
    assert.deepEqual([behind.destroyed, good.destroyed], [true, false]);
  });

  it('gives who comes between a change and the word of it the state of now, and the change once', () => {
    const listeners = new Set<(state: RoomState) => void>();
    const inner = createFakeRoom();
    const room = {
      state: inner.state,
      setDisplays: inner.setDisplays,
      subscribe: (listener: (state: RoomState) => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      }
    };
    const stream = openEventStream(room, new Scope(), createFakeClock());
    inner.ring();
    const connection = new Connection();
    stream.serve({ method: 'GET', headers: {} } as IncomingMessage, connection as unknown as ServerResponse);
    for (const listener of listeners) listener(inner.state());
    assert.match(connection.taken, /"phase":"ringing"/);
    assert.equal(connection.taken.match(/^event: /gm)?.length, 1);
  });

  it('has places of their own for those elsewhere, who are no display of this room', () => {
    const { room, stream, join } = open();
    const told: DisplayPages[] = [];
    room.setDisplays = (pages) => told.push(pages);
    const outside = Array.from({ length: 16 }, () => join('/api/v1/events?page=display&sound=on', true));
    assert.throws(() => join(undefined, true), { code: 'CL_LISTENERS_FULL' });
    const own = Array.from({ length: 32 }, () => join());
    assert.throws(() => join(), { code: 'CL_LISTENERS_FULL' });
    assert.deepEqual([stream.listeners, told], [48, []]);
    outside[0]?.destroy();
    own[0]?.destroy();
    join(undefined, true);
    join();
    assert.throws(() => join(), { code: 'CL_LISTENERS_FULL' });
    assert.deepEqual(told, []);
  });

  it('counts the displays that listen, and of them those that may play, and no longer than they do', async () => {
    const { clock, scope, room, join } = open();
    const told: DisplayPages[] = [];
    const { setDisplays } = room;
    room.setDisplays = (pages) => {
      told.push(pages);
      setDisplays(pages);
    };
    join();
    join('/api/v1/events?page=panel&sound=on');
    assert.deepEqual(told, []);
    const silent = join('/api/v1/events?page=display');
    const sounding = join('/api/v1/events?page=display&sound=on');
    assert.deepEqual(told.splice(0), [
      { open: 1, sounding: 0 },
      { open: 2, sounding: 1 }
    ]);
    assert.equal(room.state().devices.displays, 2);
    silent.emit('close');
    silent.emit('close');
    assert.deepEqual(told.splice(0), [{ open: 1, sounding: 1 }]);
    // One that reads nothing any more is gone, too, though its connection is open.
    sounding.reads = false;
    for (let times = 0; times < 3; times++) clock.advance(15_000);
    assert.deepEqual([told.splice(0), room.state().devices.displays], [[{ open: 0, sounding: 0 }], 0]);
    await scope[Symbol.asyncDispose]();
  });

  it('lets go of room, timers and listeners with its scope', async () => {
    const { clock, scope, room, join } = open();
    const connection = join();
    await scope[Symbol.asyncDispose]();
    assert.deepEqual([connection.destroyed, clock.pending, room.subscribers], [true, 0, 0]);
  });
});
