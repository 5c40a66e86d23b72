// Runs v4l2-ctl on one device, one at a time: what a driver does to its caller, it does to a child (docs/adr/0024-cameras-controlled-by-a-program.md).
// Invariants: no shell; every run ends within two seconds for its caller; output is bounded; a child that cannot even be killed, because it hangs in
// the driver, is left behind once, and the device is not asked again before it is gone.
import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import type { Clock } from '../../kernel/clock.ts';
import { CloisterError, hasSystemCode } from '../../kernel/errors.ts';

/** `status`: the program's; it is not 0 where one of several requests failed, too. */
export type V4l2Output = { readonly stdout: string; readonly stderr: string; readonly status: number };

/**
 * @param args v4l2-ctl's, without the device
 * @throws CloisterError CL_TOOL_MISSING, CL_DEVICE_PERMISSION, CL_DEVICE_OPEN (it is not there, or does not answer in time)
 */
export type V4l2Ctl = (args: readonly string[]) => Promise<V4l2Output>;

const LIMIT_MS = 2_000;
/** vivid, which has more than any camera, prints 14 kB of controls and 40 kB of formats. */
const MAX_OUTPUT_BYTES = 512 * 1024;

/** @param device its node, such as /dev/video0 */
export function createV4l2Ctl({ device, clock, program = 'v4l2-ctl' }: { readonly device: string; readonly clock: Clock; readonly program?: string }): V4l2Ctl {
  let last: Promise<unknown> = Promise.resolve();
  let hanging = false;

  const run = async (args: readonly string[]): Promise<V4l2Output> => {
    if (hanging) throw new CloisterError('CL_DEVICE_OPEN', `${device}: its driver hangs`);
    await mayOpen(device);
    return new Promise((resolve, reject) => {
      const child = spawn(program, ['-d', device, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], LC_ALL: 'C' } });
      const collected = { stdout: '', stderr: '' };
      const giveUp = (why: string): void => {
        // What it said may come after its end.
        hanging = child.exitCode === null && child.signalCode === null;
        child.kill('SIGKILL');
        // It may hang in the driver, where no signal reaches it: neither this process nor its end waits for it.
        child.stdout.destroy();
        child.stderr.destroy();
        child.unref();
        timer.cancel();
        reject(new CloisterError('CL_DEVICE_OPEN', `${device}: ${why}`));
      };
      const timer = clock.schedule(LIMIT_MS, () => giveUp('its driver does not answer'));
      for (const name of ['stdout', 'stderr'] as const) {
        child[name].setEncoding('utf8');
        child[name].on('data', (text: string) => {
          collected[name] += text;
          if (collected[name].length > MAX_OUTPUT_BYTES) giveUp('it says more than can be true');
        });
      }
      child.on('error', (cause) => {
        timer.cancel();
        const missing = hasSystemCode(cause, 'ENOENT');
        reject(
          new CloisterError(missing ? 'CL_TOOL_MISSING' : 'CL_DEVICE_OPEN', missing ? `${program} is not installed (package v4l-utils)` : cause.message, {
            cause
          })
        );
      });
      child.once('exit', () => {
        hanging = false;
      });
      child.once('close', (status) => {
        timer.cancel();
        // Not its own words: they are "Cannot open device", whatever the reason.
        if (/^(?:Cannot open|Unable to detect|Failed to open) /m.test(collected.stderr))
          reject(new CloisterError('CL_DEVICE_OPEN', `${device} cannot be opened`));
        else resolve({ ...collected, status: status ?? -1 });
      });
    });
  };

  return (args) => {
    const mine = last.then(() => run(args));
    last = mine.catch(() => {});
    return mine;
  };
}

/** v4l2-ctl does not tell why it cannot open a device. */
async function mayOpen(device: string): Promise<void> {
  try {
    await access(device, constants.R_OK | constants.W_OK);
  } catch (cause) {
    if (hasSystemCode(cause, 'EACCES', 'EPERM')) throw new CloisterError('CL_DEVICE_PERMISSION', `${device} may not be opened`, { cause });
    throw new CloisterError('CL_DEVICE_OPEN', `${device} is not there`, { cause });
  }
}
