// Which hardware encoders work on this machine: each that could is tried once, at the start, in a process of its own that may crash or hang.
// Media processes are told the names of those that passed. After a media process died in a call none is trusted until the next start.
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createEvents, type EventSource } from '../../kernel/events.ts';
import type { Log } from '../../kernel/log.ts';
import type { MediaFailure } from '../port.ts';
import type { VideoCodec } from '../streams.ts';
import { encodersToProbe } from './encoder-table.ts';

export type HardwareProbe = EventSource<{ settled: readonly [] }> &
  AsyncDisposable & {
    /** Begins, and waits for nothing. */
    start(): Promise<void>;
    /** Those that passed so far. */
    usable(): readonly string[];
    /** A media process died that could have used them. */
    distrust(): void;
    problem(): MediaFailure | null;
  };

/** @returns whether it works; rejects for a trial that could not be made */
export type Trial = (encoder: string, signal: AbortSignal) => Promise<boolean>;

export type HardwareProbeOptions = {
  readonly mode: 'auto' | 'off' | 'expected';
  readonly codecs: readonly VideoCodec[];
  readonly log: Log;
  readonly platform?: NodeJS.Platform;
  readonly listDevices?: () => Promise<readonly string[]>;
  readonly trial?: Trial;
};

const TRIAL = fileURLToPath(new URL('./hardware-trial.ts', import.meta.url));
const TRIAL_LIMIT_MS = 8_000;

export function createHardwareProbe(options: HardwareProbeOptions): HardwareProbe {
  const { mode, codecs, log, platform = process.platform, listDevices = devicesHere, trial = trialInProcess } = options;
  const events = createEvents<{ settled: readonly [] }>((error) => log.error('a listener of the hardware probe failed', { error: String(error) }));
  const stopped = new AbortController();
  let usable: readonly string[] = [];
  let problem: MediaFailure | null = null;
  let running: Promise<void> = Promise.resolve();

  const tell = (text: string): void => {
    problem = { code: 'CL_MEDIA_HARDWARE', detectedBy: 'hardware-probe', text };
  };

  async function run(): Promise<void> {
    const { signal } = stopped;
    const choices = encodersToProbe(platform, await listDevices(), codecs);
    for (const { name } of choices) {
      const works = await trial(name, signal).catch(() => false);
      if (signal.aborted) return;
      if (works) usable = [...usable, name];
      log.info('hardware encoder tried', { encoder: name, works });
    }
    if (mode === 'expected' && usable.length === 0) {
      const tried = choices.length === 0 ? 'this machine has none that could be tried' : `none of ${choices.map(({ name }) => name).join(', ')} works`;
      tell(`Hardware encoding is expected, but ${tried}. The picture is encoded in software.`);
    }
    events.emit('settled');
  }

  return {
    on: events.on,
    async start() {
      if (mode !== 'off') running = run().catch((error) => log.error('the hardware probe failed', { error: String(error) }));
    },
    usable: () => usable,
    distrust() {
      if (usable.length === 0) return;
      stopped.abort(); // what would still be tried is not trusted either
      usable = [];
      tell('A media process died while hardware encoders were in use. Until the next start the picture is encoded in software.');
      events.emit('settled');
    },
    problem: () => problem,
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await running;
    }
  };
}

async function devicesHere(): Promise<readonly string[]> {
  const list = async (folder: string): Promise<string[]> => (await readdir(folder).catch(() => [])).map((name) => `${folder}/${name}`);
  return [...(await list('/dev/dri')), ...(await list('/dev'))];
}

function trialInProcess(encoder: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // The channel tells the trial when this process is gone.
    const stdio = ['ignore', 'ignore', 'ignore', 'ipc'] as const;
    const child = spawn(process.execPath, ['--no-warnings', TRIAL, encoder], { stdio: [...stdio], timeout: TRIAL_LIMIT_MS, killSignal: 'SIGKILL', signal });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code === 0));
  });
}
