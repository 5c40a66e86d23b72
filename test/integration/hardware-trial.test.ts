// The process that tries a hardware encoder, on a machine that has none, and beside a driver that does not come back.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

function begin(encoder: string, ...more: readonly string[]): { readonly child: ChildProcess; readonly exit: Promise<unknown[]> } {
  const program = path('../../src/media/encode/hardware-trial.ts');
  const child = spawn(process.execPath, ['--no-warnings', ...more, program, encoder], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  return { child, exit: once(child, 'exit') };
}

describe('the trial of a hardware encoder', function () {
  this.timeout(40_000);

  it('ends with 1 where there is no such encoder, or no such hardware', async () => {
    for (const encoder of ['nonesuch', 'h264_nvenc']) assert.deepEqual(await begin(encoder).exit, [1, null], encoder);
  });

  it('ends with the agent, although the driver holds the thread that opens it', async () => {
    const { child, exit } = begin('h264_vaapi', '--import', path('../harness/hanging-encoder.ts'));
    try {
      const hangs = await Promise.race([exit.then(() => 'ended'), pause(4_000, 'hangs', { ref: false })]);
      assert.equal(hangs, 'hangs');
      child.disconnect();
      assert.deepEqual(await Promise.race([exit, pause(10_000, 'still there', { ref: false })]), [null, 'SIGKILL']);
    } finally {
      child.kill('SIGKILL');
      await exit;
    }
  });
});
