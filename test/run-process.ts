// Runs a child process with a time limit, and sees to it that nothing that it started outlives it: not in its process group, and not
// outside either (a browser makes a group of its own), found by a mark in the environment. Linux; elsewhere only the group is ended.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export type ProcessEnd = {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
  /** Command lines of processes that it left behind; they were killed. */
  readonly leftBehind: readonly string[];
};

type ProcessOptions = {
  readonly timeoutMs: number;
  readonly onMessage?: (message: unknown) => void;
  /** Where what it prints goes: to our own output unless given; a number is that of an open file. */
  readonly output?: 'ignore' | number;
};

const MARK = 'CLOISTER_TEST_PROCESS';
const LEFT_BEHIND_GRACE_MS = 3_000;

/**
 * Runs `command`. An interrupt of this process ends the child too.
 * @throws Error when the command cannot be started
 */
export async function runProcess(command: string, args: readonly string[], options: ProcessOptions): Promise<ProcessEnd> {
  const mark = `${MARK}=${randomUUID()}`;
  const output = options.output ?? 'inherit';
  const child = spawn(command, args, {
    detached: true,
    stdio: options.onMessage ? ['ignore', output, output, 'ipc'] : ['ignore', output, output],
    env: { ...process.env, [MARK]: mark.slice(MARK.length + 1) }
  });
  const ended = new Promise<Pick<ProcessEnd, 'exitCode' | 'signal'>>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  if (options.onMessage) child.on('message', options.onMessage);
  const killAll = (): void => {
    if (child.pid !== undefined) kill(-child.pid);
    for (const { pid } of marked(mark)) kill(pid);
  };
  const interrupted = (signal: NodeJS.Signals): void => {
    killAll();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killAll();
  }, options.timeoutMs);
  try {
    const end = await ended;
    clearTimeout(timer);
    const leftBehind = timedOut ? [] : await stillThere(mark);
    killAll();
    return { ...end, timedOut, leftBehind };
  } finally {
    clearTimeout(timer);
    process.removeListener('SIGINT', interrupted).removeListener('SIGTERM', interrupted);
  }
}

async function stillThere(mark: string): Promise<string[]> {
  for (let waitedMs = 0; waitedMs < LEFT_BEHIND_GRACE_MS && marked(mark).length > 0; waitedMs += 100) await delay(100);
  return marked(mark).map(({ command }) => command);
}

/** Processes whose environment carries the mark; a zombie has none. */
function marked(mark: string): { readonly pid: number; readonly command: string }[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        if (!readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(mark)) return [];
        return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0').join(' ').trim() }];
      } catch {
        return []; // it ended, or is somebody else's
      }
    });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}
