// A sample of the fuzzer (npm run fuzz): 50,000 mutated datagrams over all states of the secure transport, and some thousand at a path, a call, and what reads HID devices and cameras,
// another course with each run. A failure prints the seed and how to have the trial again.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { mutate } from '../fuzz/mutate.ts';
import { createRandom } from '../fuzz/random.ts';
import { STATES } from '../fuzz/states.ts';

const RUN = join(import.meta.dirname, '..', 'fuzz', 'run.ts');
const DATAGRAMS = 50_000;
/** At each state of a path and a call. */
const SHOTS_AT_A_CALL = 600;
const LIMIT_MS = 180_000;
const isOfCall = (state: string): boolean => /^(call:|path:|texts$)/.test(state);
const HID = 'hid';
const CAMERAS = 'cameras';

type End = { readonly status: number | null; readonly output: string; readonly complaints: string };

const fuzz = (...args: readonly string[]): Promise<End> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, ['--expose-gc', RUN, ...args], { timeout: LIMIT_MS, maxBuffer: 2 ** 24 }, (_error, output, complaints) =>
      resolve({ status: child.exitCode, output, complaints })
    );
  });

describe('the secure transport under mutated datagrams', function () {
  this.timeout(LIMIT_MS + 10_000);

  it('neither fails, hangs, grows nor believes one, in any state', async () => {
    const states = Object.keys(STATES).filter((state) => !isOfCall(state) && state !== HID && state !== CAMERAS);
    const { status, output, complaints } = await fuzz(
      '--datagrams',
      String(Math.ceil(DATAGRAMS / states.length)),
      ...states.flatMap((state) => ['--state', state])
    );
    assert.equal(status, 0, complaints);
    for (const state of states) assert.match(output, new RegExp(`^${state} `, 'm'));
    const [, total] = /^(\d+) datagrams at \d+ states, seed \d+: nothing found$/m.exec(output) ?? [];
    assert.ok(Number(total) >= DATAGRAMS, output);
  });

  it('keeps nothing of what is fired at one association for long', async () => {
    // The shots above are too few in each siege to show a leak of 100 bytes a shot.
    const states = ['client:server-hello-done', 'client:connected', 'server:client-hello', 'server:connected'];
    const { status, complaints } = await fuzz('--datagrams', '20000', ...states.flatMap((state) => ['--state', state]));
    assert.equal(status, 0, complaints);
  });

  it('and so it is with a path and a whole call, while honest media goes on', async () => {
    const states = Object.keys(STATES).filter(isOfCall);
    const { status, output, complaints } = await fuzz('--datagrams', String(SHOTS_AT_A_CALL), ...states.flatMap((state) => ['--state', state]));
    assert.equal(status, 0, complaints);
    for (const state of states) assert.match(output, new RegExp(`^${state} `, 'm'));
  });

  it('and with HID devices: nothing is thrown, nothing hangs, and no report is built with another length than its descriptor has', async () => {
    const { status, output, complaints } = await fuzz('--datagrams', '2000', '--state', HID);
    assert.equal(status, 0, complaints);
    assert.match(output, /^hid .* a report is built [1-9]/m);
  });

  it('and with cameras: nothing is thrown, and nothing hangs', async () => {
    const { status, output, complaints } = await fuzz('--datagrams', '4000', '--state', CAMERAS);
    assert.equal(status, 0, complaints);
    assert.match(output, /^cameras .* an? (?:answer is taken|text says something) [1-9]/m);
  });

  it('is not fired at where the fuzzer is asked for something it does not know', async () => {
    const { status, output } = await fuzz('--state', 'nowhere');
    assert.equal(status, 2);
    assert.equal(output, '');
  });

  it('meets the same datagrams with the same seed', () => {
    const corpus = [Buffer.alloc(200, 22), Buffer.from('16fefd0000000000000000000c0e0000000005000000000000', 'hex')];
    const course = (seed: number): string[] => {
      const random = createRandom(seed, 'test');
      return Array.from({ length: 500 }, () => mutate(random, corpus).datagram.toString('hex'));
    };
    assert.deepEqual(course(1), course(1));
    assert.notDeepEqual(course(1), course(2));
  });
});
