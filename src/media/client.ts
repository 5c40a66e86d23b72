// The agent's side of media processes: starts them, keeps one warm, turns method calls into IPC.
// A media process is used for one exchange of one call and ends with it; its key is never anywhere else.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../kernel/errors.ts';
import { createEvents } from '../kernel/events.ts';
import type { Log } from '../kernel/log.ts';
import { Scope } from '../kernel/scope.ts';
import type { FromProcess, MediaRequests, RequestName, ToProcess } from './ipc.ts';
import type { MediaCallOptions, MediaEvents, MediaProcesses, MediaSession, MediaSettings } from './port.ts';

export type MediaProcessesOptions = {
  /** Asked when a process is taken, so that a changed setting holds from the next call on. */
  readonly settings: () => MediaSettings;
  /** A process died in its call. */
  readonly onDied?: () => void;
  readonly clock: Clock;
  readonly log: Log;
};

const ENTRY = fileURLToPath(new URL('./process.ts', import.meta.url));
const CLOSE_LIMIT_MS = 1_000;
/** A call's first second belongs to the call, not to starting the next spare. */
const SPARE_DELAY_MS = 1_500;
/**
 * Those of three calls, the spare, and some that are closing. Whoever lets calls come and go faster than processes end must not fill the machine with
 * them: such a call has none, and fails.
 */
const MAX_PROCESSES = 8;

export function createMediaProcesses(options: MediaProcessesOptions): MediaProcesses {
  const { clock, log } = options;
  const scope = new Scope();
  const running = new Set<MediaChild>();
  let spare: MediaChild | null = null;
  let warming: Timer | null = null;
  let started = false;

  const launch = (): MediaChild => {
    const child = startChild(clock, log);
    running.add(child);
    child.onExit(() => {
      running.delete(child);
      if (spare === child) spare = null;
    });
    return child;
  };
  const warm = (): void => {
    if (scope.closed || !started || spare !== null) return;
    if (running.size < MAX_PROCESSES) spare = launch();
    else warmLater();
  };
  /** One timer, however many calls began: each would else start a process of its own. */
  const warmLater = (): void => {
    warming?.cancel();
    warming = scope.schedule(clock, SPARE_DELAY_MS, warm);
  };

  return {
    start: (signal) => {
      started = true;
      warm();
      const ready = spare?.ready ?? Promise.resolve();
      return signal.aborted ? Promise.resolve() : ready;
    },
    take(call: MediaCallOptions): MediaSession {
      const another = (): MediaChild => (running.size < MAX_PROCESSES ? launch() : goneChild(log));
      const child = spare ?? another();
      spare = null;
      warmLater();
      return sessionOver(child, another, options.settings, call, log, options.onDied ?? (() => {}));
    },
    async [Symbol.asyncDispose]() {
      started = false;
      await scope[Symbol.asyncDispose]();
      await Promise.all([...running].map((child) => child.stop()));
    }
  };
}

type MediaChild = {
  /** Resolves when the process has loaded its modules; also when it died before. */
  readonly ready: Promise<void>;
  readonly pid: number | undefined;
  request<K extends RequestName>(name: K, ...parameters: MediaRequests[K]['parameters']): Promise<MediaRequests[K]['result']>;
  onEvent(listener: (event: string, parameters: readonly unknown[]) => void): void;
  onExit(listener: () => void): void;
  /** Asks the process to close, kills it after a second, resolves when it is gone. */
  stop(): Promise<void>;
  readonly stopping: () => boolean;
};

function startChild(clock: Clock, log: Log): MediaChild {
  const child = spawnMediaProcess();
  const pending = new Map<number, { resolve(value: unknown): void; reject(error: CloisterError): void }>();
  const exitListeners: (() => void)[] = [];
  let eventListener: (event: string, parameters: readonly unknown[]) => void = () => {};
  let nextId = 1;
  let gone = false;
  let stopping = false;
  let markReady: () => void = () => {};
  const ready = new Promise<void>((resolve) => {
    markReady = resolve;
  });

  child.on('message', (message: FromProcess) => {
    if ('ready' in message) markReady();
    else if ('event' in message) eventListener(message.event, message.parameters);
    else {
      const waiting = pending.get(message.id);
      pending.delete(message.id);
      if ('error' in message) waiting?.reject(new CloisterError(message.error.code, message.error.message));
      else waiting?.resolve(message.result);
    }
  });
  const onGone = (reason: string): void => {
    if (gone) return;
    gone = true;
    if (!stopping) log.error('media process ended unexpectedly', { pid: child.pid, reason });
    markReady();
    for (const { reject } of pending.values()) reject(new CloisterError('CL_MEDIA_PROCESS_DIED'));
    pending.clear();
    for (const listener of exitListeners) listener();
  };
  child.on('exit', (code, signal) => onGone(signal ?? `status ${code}`));
  child.on('error', (error) => onGone(error.message));
  // What native code prints goes to our standard error line by line; it holds no secret (log.ts).
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n')) if (line.trim() !== '') log.debug('media process', { pid: child.pid, line: line.slice(0, 500) });
  });

  const request: MediaChild['request'] = (name, ...parameters) => {
    if (gone) return Promise.reject(new CloisterError('CL_MEDIA_PROCESS_DIED'));
    const id = nextId++;
    const message: ToProcess = { id, request: name, parameters };
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve: (value) => resolve(value as never), reject });
      child.send(message, (error) => {
        if (error !== null && pending.delete(id)) reject(asCloisterError(error, 'CL_MEDIA_PROCESS_DIED'));
      });
    });
  };

  return {
    ready,
    pid: child.pid,
    request,
    onEvent: (listener) => {
      eventListener = listener;
    },
    onExit: (listener) => {
      if (gone) listener();
      else exitListeners.push(listener);
    },
    stopping: () => stopping,
    stop: () =>
      new Promise((resolve) => {
        stopping = true;
        if (gone) return resolve();
        const kill = clock.schedule(CLOSE_LIMIT_MS, () => child.kill('SIGKILL'));
        exitListeners.push(() => {
          kill.cancel();
          resolve();
        });
        request('close').catch(() => {});
      })
  };
}

/** In place of a process that was not started: one that ended at once. */
function goneChild(log: Log): MediaChild {
  log.warn('no media process was started: too many are still ending');
  const gone = () => new CloisterError('CL_MEDIA_PROCESS_DIED');
  return {
    ready: Promise.resolve(),
    pid: undefined,
    request: () => Promise.reject(gone()),
    onEvent: () => {},
    onExit: (listener) => setImmediate(listener),
    stop: () => Promise.resolve(),
    stopping: () => false
  };
}

/** No core file and no debugger: either could write the call's key to disk. The environment holds no option that changes Node. */
function spawnMediaProcess(): ChildProcess {
  // What a call leaves to collect is small and short-lived: a young generation of 1 MB instead of 16 takes 15 MB less and no more CPU time.
  const node = [process.execPath, '--disable-sigusr1', '--no-warnings', '--max-semi-space-size=1', ENTRY];
  // DEBUG and NODE_DEBUG make libraries print what they work with, passwords too.
  const { NODE_OPTIONS: _options, NODE_DEBUG: _nodeDebug, DEBUG: _debug, ...inherited } = process.env;
  // Reading a camera and a microphone holds a thread each; encoding and decoding need theirs beside them.
  const env = { ...inherited, UV_THREADPOOL_SIZE: '8' };
  const options = { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] as ['ignore', 'ignore', 'pipe', 'ipc'] };
  return process.platform === 'win32'
    ? spawn(process.execPath, node.slice(1), options)
    : spawn('/bin/sh', ['-c', 'ulimit -c 0; exec "$0" "$@"', ...node], options);
}

/**
 * @param first may have ended already without anybody having noticed, as a spare that was killed
 * @param another takes its place then, once: as long as nothing was answered nothing is lost with it
 * @param onDied is told of a process that ended in its call by itself
 */
function sessionOver(
  first: MediaChild,
  another: () => MediaChild,
  settings: () => MediaSettings,
  call: MediaCallOptions,
  log: Log,
  onDied: () => void
): MediaSession {
  const events = createEvents<MediaEvents>((error) => log.error('a listener of a media session failed', { error: String(error) }));
  let child = first;
  let answered = false;
  let closing = false;
  const ask = async <K extends RequestName>(name: K, ...parameters: MediaRequests[K]['parameters']): Promise<MediaRequests[K]['result']> => {
    const asked = child;
    try {
      const result = await asked.request(name, ...parameters);
      answered = true;
      return result;
    } catch (cause) {
      if (asCloisterError(cause).code !== 'CL_MEDIA_PROCESS_DIED') throw cause;
      await new Promise<void>((resolve) => asked.onExit(resolve));
      if (asked === child) throw cause;
      return ask(name, ...parameters);
    }
  };
  const begin = (): void => {
    const begun = child;
    begun.onEvent((event, parameters) => events.emit(event as keyof MediaEvents, ...(parameters as never)));
    begun.onExit(() => {
      if (answered || closing || begun !== first) {
        if (answered && !begun.stopping()) onDied();
        events.emit('exit', { expected: begun.stopping() });
      } else {
        child = another();
        begin();
      }
    });
    // Requests are served in order, so `begin` is done before whatever the caller asks next.
    begun.request('begin', settings(), call).then(
      () => {
        answered = true;
      },
      (error) => log.warn('a media process could not begin', { error: asCloisterError(error).code })
    );
  };
  begin();
  const done = (result: Promise<null>): Promise<void> => result.then(() => undefined);
  return {
    on: events.on,
    createOffer: () => ask('createOffer'),
    acceptAnswer: (sdp, endToEnd, endpoints) => ask('acceptAnswer', sdp, endToEnd, endpoints),
    acceptOffer: (sdp, endToEnd, endpoints) => ask('acceptOffer', sdp, endToEnd, endpoints),
    open: () => done(ask('open')),
    reveal: (nonce) => done(ask('reveal', nonce)),
    acceptUpdate: (sdp) => ask('acceptUpdate', sdp),
    acceptUpdateAnswer: (sdp, answers) => done(ask('acceptUpdateAnswer', sdp, answers)),
    networkChanged: (addresses) => done(ask('networkChanged', addresses)),
    iceServersChanged: () => done(ask('iceServersChanged', settings().iceServers)),
    addCandidates: (candidates) => done(ask('addCandidates', candidates)),
    setDevices: (devices) => done(ask('setDevices', devices)),
    setMicrophone: (on) => done(ask('setMicrophone', on)),
    setCamera: (on) => done(ask('setCamera', on)),
    setHeld: (on) => done(ask('setHeld', on)),
    setScreen: (on, source = null) => done(ask('setScreen', on, source)),
    setRecording: (on) => done(ask('setRecording', on)),
    pressKeys: (keys) => done(ask('pressKeys', keys)),
    setVolume: (percent) => done(ask('setVolume', percent)),
    lend: () => ask('lend'),
    borrow: (loan) => done(ask('borrow', loan)),
    displayTicket: () => ask('displayTicket'),
    ownPictureTicket: () => ask('ownPictureTicket'),
    close: () => {
      closing = true;
      return child.stop();
    }
  };
}
