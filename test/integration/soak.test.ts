// A short run of the soak (npm run soak), another course each time; and that it tells a room which does not move any more.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const RUN = join(import.meta.dirname, '..', 'soak', 'run.ts');
const LIMIT_MS = 180_000;

type Soak = { readonly child: ChildProcess; output(): string; complaints(): string; readonly status: Promise<number | null> };

function soak(...args: readonly string[]): Soak {
  const child = spawn(process.execPath, [RUN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS });
  let [output, complaints] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  return { child, output: () => output, complaints: () => complaints, status: once(child, 'close').then(([status]: (number | null)[]) => status ?? null) };
}

async function childrenOf(parent: number): Promise<number[]> {
  const lists = await readdir(`/proc/${parent}/task`).catch(() => []);
  const texts = await Promise.all(lists.map((task) => readFile(`/proc/${parent}/task/${task}/children`, 'utf8').catch(() => '')));
  return texts.flatMap((text) => text.trim().split(' ').filter(Boolean).map(Number));
}

describe('calls over and over while things break', function () {
  this.timeout(LIMIT_MS);

  it('keep every invariant for a minute', async () => {
    const run = soak('--minutes', '1', '--json');
    assert.equal(await run.status, 0, run.complaints());
    const summary = JSON.parse(run.output()) as { steps: number; codes: number; silenced: number; broken: unknown; agents: { steps: number }[] };
    assert.equal(summary.broken, null);
    assert.ok(summary.steps >= 3 && summary.codes >= 1 && summary.silenced >= 2, run.output());
    assert.ok(summary.agents.length >= 2);
  });

  it('end with 1, the seed and what happened where a room stands still', async () => {
    const run = soak('--minutes', '1', '--seed', '7', '--step', 'talk');
    while (!/^10 s:/m.test(run.complaints())) {
      assert.equal(run.child.exitCode, null, run.complaints());
      await once(run.child.stderr ?? run.child, 'data');
    }
    // Both are agents; they go on as the soak ends.
    for (const pid of await childrenOf(run.child.pid ?? 0)) process.kill(pid, 'SIGSTOP');
    assert.equal(await run.status, 1);
    assert.match(run.complaints(), /BROKEN in step \d+, talk: /);
    assert.match(run.complaints(), /Again: npm run soak -- --minutes 1 --seed 7/);
    // Stopped between two steps, it is the next call that cannot be placed.
    assert.match(run.complaints(), /places call|to rest/);
  });

  it('are not begun where something unknown is asked for', async () => {
    const run = soak('--step', 'nothing');
    assert.equal(await run.status, 2);
    assert.equal(run.output(), '');
  });
});
