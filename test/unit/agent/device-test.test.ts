import assert from 'node:assert/strict';
import { createDeviceTest } from '../../../agent/device-test.ts';
import { silentLog } from '../../../src/kernel/log.ts';
import type { FromTest, ToTest, TriedDevice } from '../../../src/media/device-test-messages.ts';
import type { SoundLevel } from '../../../src/room/state.ts';
import { createFakeClock } from '../../fakes/clock.ts';

const MICROPHONE: TriedDevice = { kind: 'microphone', choice: 'hw:1,0', name: 'Bar' };
const CAMERA: TriedDevice = { kind: 'camera', choice: '/dev/video0', name: 'Eye' };
const LEVEL: SoundLevel = { rmsDbfs: -30, peakDbfs: -20, clipping: false, silent: false };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Processes that hear what is said to them, say what a test makes them, and are gone a turn after they were killed. */
function world(mayLaunch: () => boolean = () => true) {
  const launched: { readonly heard: ToTest[]; say(message: FromTest): void; killed: boolean; alive: boolean; die(): void }[] = [];
  const clock = createFakeClock();
  const test = createDeviceTest({
    pages: () => ({ host: '127.0.0.1', origins: ['http://127.0.0.1:1'] }),
    clock,
    log: silentLog,
    launch() {
      if (!mayLaunch()) throw new Error('out of memory');
      assert.ok(
        launched.every(({ alive }) => !alive),
        'two at a time'
      );
      let listener: (message: FromTest) => void = () => {};
      const { promise: gone, resolve } = Promise.withResolvers<void>();
      const child = {
        heard: [] as ToTest[],
        say: (message: FromTest) => listener(message),
        killed: false,
        alive: true,
        die() {
          child.alive = false;
          resolve();
        }
      };
      launched.push(child);
      return {
        tell: (message) => void child.heard.push(message),
        onMessage: (given) => {
          listener = given;
        },
        gone,
        kill() {
          child.killed = true;
          setImmediate(() => child.die());
        }
      };
    }
  });
  const child = (index: number) => {
    const found = launched[index];
    assert.ok(found);
    return found;
  };
  return { test, clock, child, launched };
}

describe('a device that is tried', () => {
  it('shows what it gives until it is stopped, and is free then', async () => {
    const { test, child } = world();
    await test.start('mic', MICROPHONE);
    assert.deepEqual(child(0).heard[0], { type: 'begin', device: MICROPHONE, pages: { host: '127.0.0.1', origins: ['http://127.0.0.1:1'] } });
    assert.deepEqual(test.view(), { id: 'mic', kind: 'microphone', level: null, problem: null });
    child(0).say({ type: 'level', level: LEVEL });
    child(0).say({ type: 'problem', problem: { code: 'CL_MEDIA_MICROPHONE_SILENT', text: 'x' } });
    assert.deepEqual(test.view()?.level, LEVEL);
    assert.equal(test.view()?.problem?.code, 'CL_MEDIA_MICROPHONE_SILENT');
    await test.stop();
    assert.deepEqual([test.view(), child(0).alive], [null, false]);
    child(0).say({ type: 'level', level: LEVEL });
    assert.equal(test.view(), null);
  });

  it('gives way to the next one, which is opened when the first is gone', async () => {
    const { test, child, launched } = world();
    await test.start('mic', MICROPHONE);
    await Promise.all([test.start('eye', CAMERA), test.start('mic', MICROPHONE)]);
    assert.deepEqual([launched.length, child(0).alive, child(1).alive, child(2).alive, test.view()?.id], [3, false, false, true, 'mic']);
    await test.stop();
  });

  it('is ended at once when it is stopped, whatever is waited for', async () => {
    const { test, child } = world();
    await test.start('mic', MICROPHONE);
    const next = test.start('eye', CAMERA);
    const stopped = test.stop();
    assert.equal(child(0).killed, true);
    await Promise.all([next, stopped]);
    assert.deepEqual([test.view(), child(1).alive], [null, false]);
  });

  it('is over after two minutes, when its tone was played, and when nobody looks through the camera any more', async () => {
    const { test, clock, child } = world();
    await test.start('mic', MICROPHONE);
    clock.advance(119_000);
    await turn();
    assert.notEqual(test.view(), null);
    clock.advance(1_500);
    await turn();
    assert.deepEqual([test.view(), child(0).killed], [null, true]);
    await test.start('horn', { kind: 'speaker', choice: 'hw:0,0', name: 'Horn' });
    child(1).say({ type: 'played' });
    await turn();
    assert.equal(test.view(), null);
    await test.start('eye', CAMERA);
    child(2).say({ type: 'unwatched' });
    await turn();
    assert.deepEqual([test.view(), child(2).killed], [null, true]);
    await test.stop();
  });

  it('says so when its process dies, and can be tried again', async () => {
    const { test, child } = world();
    await test.start('mic', MICROPHONE);
    child(0).say({ type: 'level', level: LEVEL });
    child(0).die();
    await turn();
    assert.deepEqual([test.view()?.level, test.view()?.problem?.code], [null, 'CL_MEDIA_PROCESS_DIED']);
    await test.start('mic', MICROPHONE);
    assert.equal(test.view()?.problem, null);
    await test.stop();
  });

  it('gives a ticket for a camera’s picture alone, and never waits for a process that does not answer', async () => {
    const { test, clock, child } = world();
    await assert.rejects(test.ticket(), { code: 'CL_DEVICE_UNKNOWN' });
    await test.start('mic', MICROPHONE);
    await assert.rejects(test.ticket(), { code: 'CL_DEVICE_UNKNOWN' });
    await test.start('eye', CAMERA);
    const ticket = test.ticket();
    child(1).say({ type: 'ticket', url: 'ws://127.0.0.1:2/feed/x' });
    assert.deepEqual(await ticket, { url: 'ws://127.0.0.1:2/feed/x' });
    const waiting = test.ticket();
    clock.advance(10_000);
    await assert.rejects(waiting, { code: 'CL_DEVICE_UNKNOWN' });
    const cut = test.ticket();
    await test.stop();
    await assert.rejects(cut, { code: 'CL_DEVICE_UNKNOWN' });
  });

  it('is told to whoever asked that it could not begin, and can be tried again', async () => {
    let may = false;
    const { test, child } = world(() => may);
    await assert.rejects(test.start('mic', MICROPHONE), /out of memory/);
    await test.stop();
    may = true;
    await test.start('mic', MICROPHONE);
    assert.deepEqual([test.view()?.id, child(0).alive], ['mic', true]);
    await test.stop();
    assert.equal(child(0).alive, false);
  });
});
