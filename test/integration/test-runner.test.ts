import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runSpecs, type Tally } from '../run-specs.ts';

/** A runner that reports green when mocha crashed would make every other test worthless. */
describe('test runner', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cloister-runner-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const run = (text: string, timeoutMs = 20_000): Promise<Tally> => {
    const file = join(folder, 'x.test.mjs');
    writeFileSync(file, text);
    return runSpecs('x', [file], { testTimeoutMs: 500, timeoutMs, output: 'ignore' });
  };

  const goneWithin1s = async (argument: string): Promise<void> => {
    const isThere = (): boolean => readdirSync('/proc').some((name) => /^\d+$/.test(name) && commandLine(name).includes(argument));
    const commandLine = (name: string): string[] => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      } catch {
        return []; // it ended meanwhile
      }
    };
    for (let tries = 0; tries < 10 && isThere(); tries++) await delay(100);
    assert.ok(!isThere(), `sleep ${argument} still runs`);
  };

  it('counts passed and failed tests, and hooks that fail', async () => {
    assert.deepEqual(await run(`it('a', () => {}); it('b', () => { throw new Error('no'); }); it('c', () => {});`), { passed: 2, failures: ['b'] });
    assert.deepEqual(await run(`it('a', () => {}); after(() => { throw new Error('no'); });`), { passed: 1, failures: ['"after all" hook for "a"'] });
  });

  it('fails a test that takes too long', async () => {
    assert.deepEqual(await run(`it('a', () => new Promise((resolve) => setTimeout(resolve, 700)));`), { passed: 0, failures: ['a'] });
  });

  it('fails when a test is skipped, left empty or singled out', async () => {
    assert.deepEqual(await run(`it('a', () => {}); it.skip('b', () => {});`), { passed: 1, failures: ['b'] });
    assert.deepEqual(await run(`it('a', () => {}); it('b');`), { passed: 1, failures: ['b'] });
    assert.deepEqual(await run(`it('a', function () { this.skip(); });`), { passed: 0, failures: ['a'] });
    const { failures } = await run(`it.only('a', () => {}); it('b', () => {});`);
    assert.ok(failures.length > 0);
  });

  it('fails when no test was run', async () => {
    assert.deepEqual(await run(''), { passed: 0, failures: ['x: no test was run'] });
  });

  it('fails when the file cannot be loaded, and when mocha crashes half-way', async () => {
    assert.deepEqual(await run('it('), { passed: 0, failures: ['x: mocha ended with status 1', 'x: no test was run'] });
    assert.deepEqual(
      await run(`it('a', () => {}); it('b', async () => { await new Promise((r) => setTimeout(r, 100)); process.kill(process.pid, 'SIGSEGV'); });`),
      {
        passed: 1,
        failures: ['x: mocha ended with SIGSEGV']
      }
    );
    assert.deepEqual(await run(`it('a', () => {}); it('b', () => process.exit(0));`), { passed: 1, failures: ['x: mocha ended before the last test'] });
  });

  it('ends what hangs, with everything that it started', async () => {
    const started = performance.now();
    const { passed, failures } = await run(
      `import { spawn } from 'node:child_process';
      it('a', () => { spawn('sleep', ['4321.5'], { detached: true }).unref(); });
      it('b', () => { for (;;); });`,
      2_000
    );
    assert.deepEqual({ passed, failures }, { passed: 1, failures: ['x: not done after 2 s; killed'] });
    assert.ok(performance.now() - started < 10_000);
    await goneWithin1s('4321.5');
  });

  it('fails when a process is left running, and ends it', async () => {
    const { passed, failures } = await run(`import { spawn } from 'node:child_process';
      it('a', () => { spawn('sleep', ['4322.5'], { detached: true, stdio: 'ignore' }).unref(); });`);
    assert.equal(passed, 1);
    assert.deepEqual(failures, ['x: left running: sleep 4322.5']);
    await goneWithin1s('4322.5');
  });

  it('fails when something is left open', async () => {
    const { passed, failures } = await run(`it('a', () => { setInterval(() => {}, 1000); });`);
    assert.deepEqual({ passed, failures }, { passed: 1, failures: ['x: mocha ended with status 3'] });
  });
});
