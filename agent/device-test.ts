// One device that somebody tries outside of a call, in a process of its own (src/media/device-test.ts). At most one at a time; it is over when it is
// stopped, when a call needs the device, when no page looks through a camera, and after two minutes. Once stop() has resolved the device is free.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '../src/kernel/clock.ts';
import { errorCodes } from '../src/kernel/error-codes.ts';
import { CloisterError } from '../src/kernel/errors.ts';
import { createEvents, type EventSource } from '../src/kernel/events.ts';
import type { Log } from '../src/kernel/log.ts';
import type { FromTest, TestPages, ToTest, TriedDevice } from '../src/media/device-test-messages.ts';
import type { DeviceTestView } from '../src/room/state.ts';

/** A process that tries one device. */
export type TestProcess = {
  tell(message: ToTest): void;
  onMessage(listener: (message: FromTest) => void): void;
  /** Resolves when it is gone, however it went. */
  readonly gone: Promise<void>;
  kill(): void;
};

export type DeviceTestOptions = {
  readonly pages: () => TestPages;
  readonly launch?: () => TestProcess;
  readonly clock: Clock;
  readonly log: Log;
};

export type DeviceTest = EventSource<{ readonly changed: readonly [] }> &
  AsyncDisposable & {
    /** Whatever was tried before is over. */
    start(id: string, device: TriedDevice): Promise<void>;
    stop(): Promise<void>;
    view(): DeviceTestView | null;
    /** @throws CloisterError CL_DEVICE_UNKNOWN where nothing with a picture is tried */
    ticket(): Promise<{ readonly url: string }>;
  };

const ENTRY = fileURLToPath(new URL('../src/media/device-test.ts', import.meta.url));
const LIMIT_MS = 120_000;
const TICKET_LIMIT_MS = 10_000;

type Running = { readonly process: TestProcess; readonly over: Timer; readonly waiting: ((url: string | null) => void)[] };

export function createDeviceTest({ pages, launch = launchTest, clock, log }: DeviceTestOptions): DeviceTest {
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('a listener of the device test failed', { error: String(error) }));
  let running: Running | null = null;
  let view: DeviceTestView | null = null;
  let closed = false;
  let last: Promise<void> = Promise.resolve();
  const show = (next: DeviceTestView | null): void => {
    view = next;
    events.emit('changed');
  };

  function take(mine: Running, message: FromTest): void {
    if (running !== mine || view === null) return;
    switch (message.type) {
      case 'level':
        show({ ...view, level: message.level });
        return;
      case 'problem':
        if (message.problem !== null) log.info('a device that is tried has a problem', { device: view.id, code: message.problem.code });
        show({ ...view, problem: message.problem });
        return;
      case 'played':
      case 'unwatched':
        void stop();
        return;
      case 'ticket':
        for (const answer of mine.waiting.splice(0)) answer(message.url);
    }
  }

  async function end(): Promise<void> {
    const ending = running;
    running = null;
    if (view !== null) show(null);
    if (ending === null) return;
    ending.over.cancel();
    for (const answer of ending.waiting.splice(0)) answer(null);
    ending.process.kill();
    await ending.process.gone;
  }

  /** One after the other: a device is let go before it, or another one, is opened. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const mine = last.then(work);
    // One that could not begin is told to whoever asked for it, and to nobody after.
    last = mine.catch(() => {});
    return mine;
  };

  function begin(id: string, device: TriedDevice): void {
    const process = launch();
    const mine: Running = { process, over: clock.schedule(LIMIT_MS, () => void stop()), waiting: [] };
    running = mine;
    process.onMessage((message) => take(mine, message));
    void process.gone.then(() => {
      for (const answer of mine.waiting.splice(0)) answer(null);
      if (running !== mine || view === null) return;
      log.warn('the process that tried a device has ended', { device: id });
      show({ ...view, level: null, problem: { code: 'CL_MEDIA_PROCESS_DIED', text: errorCodes.CL_MEDIA_PROCESS_DIED.text } });
    });
    process.tell({ type: 'begin', device, pages: pages() });
    show({ id, kind: device.kind, level: null, problem: null });
  }

  /** What is running is ended at once; only what was asked for before is waited for. */
  function stop(): Promise<void> {
    running?.process.kill();
    return inTurn(end);
  }

  return {
    on: events.on,
    start: (id, device) =>
      inTurn(async () => {
        await end();
        if (!closed) begin(id, device);
      }),
    stop,
    view: () => view,
    async ticket() {
      const mine = running;
      if (mine === null || (view?.kind !== 'camera' && view?.kind !== 'content')) throw new CloisterError('CL_DEVICE_UNKNOWN', 'No camera is tried now.');
      const url = await new Promise<string | null>((resolve) => {
        const limit = clock.schedule(TICKET_LIMIT_MS, () => resolve(null));
        mine.waiting.push((answer) => {
          limit.cancel();
          resolve(answer);
        });
        mine.process.tell({ type: 'ticket' });
      });
      if (url === null) throw new CloisterError('CL_DEVICE_UNKNOWN', 'The camera is not tried any more.');
      return { url };
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await stop();
    }
  };
}

function launchTest(): TestProcess {
  const { NODE_OPTIONS: _options, NODE_DEBUG: _nodeDebug, DEBUG: _debug, ...env } = process.env;
  const child = spawn(process.execPath, ['--disable-sigusr1', '--no-warnings', ENTRY], { env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  return {
    tell: (message) => void child.send(message, () => {}),
    onMessage: (listener) => void child.on('message', listener),
    gone: new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    }),
    kill: () => void child.kill('SIGKILL')
  };
}
