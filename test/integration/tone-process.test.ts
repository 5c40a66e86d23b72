// The process that plays a tone: there is no loudspeaker on this machine, so what is seen here is how it ends. That it sounds is seen in the lab.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startTone } from '../../agent/tone-process.ts';

const NO_SUCH_CARD = 'hw:31,0';
const PLAYER = join(import.meta.dirname, '..', '..', 'src', 'media', 'tone-player.ts');
const LIMIT_MS = 30_000;

/** Processes that play on this card; a number of its own for each test. */
async function players(path: string): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args=']);
  return stdout.split('\n').flatMap((line) => (line.includes('tone-player.ts') && line.includes(`${path} `) ? [Number(line.trim().split(/\s+/)[0])] : []));
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const startMs = performance.now(); !(await condition()); await pause(50)) assert.ok(performance.now() - startMs < LIMIT_MS, `in vain: ${what}`);
}

describe('the process that plays a tone', function () {
  this.timeout(3 * LIMIT_MS);

  it('says why a loudspeaker cannot be opened, once, and is gone', async () => {
    const failures: string[] = [];
    startTone(NO_SUCH_CARD, 'ringing', 60, (why) => failures.push(why));
    await until('its failure', async () => failures.length > 0);
    assert.match(failures[0] ?? '', /the loudspeaker hw:31,0 cannot be opened/);
    await until('its end', async () => (await players(NO_SUCH_CARD)).length === 0);
    assert.equal(failures.length, 1);
  });

  it('is killed at once when it is stopped, and tells nothing then', async () => {
    const failures: string[] = [];
    const player = startTone('hw:30,0', 'ringing', 60, (why) => failures.push(why));
    await until('its process', async () => (await players('hw:30,0')).length === 1);
    const [pid = 0] = await players('hw:30,0');
    player.stop();
    // A process that was killed is no more than a name until its parent has read how it ended.
    const state = (): string => {
      try {
        return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
      } catch {
        return 'gone';
      }
    };
    await until('its end', async () => ['gone', 'Z', 'X'].includes(state()));
    await pause(200);
    assert.deepEqual(failures, []);
  });

  it('ends with the agent, however that ended', async () => {
    const child = spawn(process.execPath, ['--no-warnings', PLAYER, 'hw:29,0', 'ringing', '60'], { stdio: ['pipe', 'ignore', 'ignore'] });
    const exit = new Promise<NodeJS.Signals | null>((resolve) => {
      child.once('exit', (_code, signal) => resolve(signal));
    });
    child.stdin.end(); // as the kernel does with what a killed process held
    assert.equal(await exit, 'SIGKILL');
    assert.deepEqual(await players('hw:29,0'), []);
  });
});
