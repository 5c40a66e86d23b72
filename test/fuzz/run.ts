// npm run fuzz -- [--datagrams N] [--seed N] [--state NAME]... [--trial N]
// Fires at every state of the secure transport, or at those named. Ends with 1 at the first finding, with what is needed to have it again.
// This thread only watches: the one that fires may hang or run out of memory.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { STATES } from './states.ts';
import { createSharedMemory, createWatch, type Finding, type FuzzMessage, type FuzzReport, type FuzzTask } from './watched-state.ts';

const USAGE = `Usage: npm run fuzz -- [--datagrams N] [--seed N] [--state NAME]... [--trial N]

  --datagrams  at each state (default: 1000000)
  --seed       the same course again (default: any; it is printed)
  --state      only this one, or these (default: all): ${Object.keys(STATES).join(' ')}
  --trial      only this trial again; with the seed, the state and the datagrams of the run that found something`;

const HANG_MS = 60_000;
const PROGRESS_MS = 10_000;
const THREAD_MEMORY_MB = 512;

type Options = { readonly datagrams: number; readonly seed: number; readonly states: readonly string[]; readonly trial: number | null };
type Result = { readonly reports: readonly (readonly [state: string, report: FuzzReport])[]; readonly grownBytes: number };

function integer(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,10}$/.test(text)) throw new TypeError(`a number is wanted, not ${JSON.stringify(text)}`);
  return Number(text);
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: { datagrams: { type: 'string' }, seed: { type: 'string' }, state: { type: 'string', multiple: true }, trial: { type: 'string' } }
  });
  const states = values.state ?? Object.keys(STATES);
  for (const name of states) if (!Object.hasOwn(STATES, name)) throw new TypeError(`there is no state ${name}`);
  const trial = values.trial === undefined ? null : integer(values.trial, 0);
  return { datagrams: integer(values.datagrams, 1_000_000), seed: integer(values.seed, randomInt(2 ** 32)), states, trial };
}

function fire({ states, datagrams, seed, trial }: Options, say: (line: string) => void): Promise<Result | Finding> {
  const shared = createSharedMemory();
  const watch = createWatch(shared);
  const task: FuzzTask = { states, seed, datagrams, trial, shared };
  const thread = new Worker(new URL('./fire-thread.ts', import.meta.url), { workerData: task, resourceLimits: { maxOldGenerationSizeMb: THREAD_MEMORY_MB } });
  const reports: [string, FuzzReport][] = [];
  let state = 'warming up';
  let before = 0;
  return new Promise((resolve) => {
    let fired = -1;
    let movedAt = performance.now();
    let toldAt = movedAt;
    const lookOut = setInterval(() => {
      const now = performance.now();
      if (watch.fired() !== fired) [fired, movedAt] = [watch.fired(), now];
      else if (now - movedAt > HANG_MS) failed(`nothing has moved for ${HANG_MS / 1_000} s`);
      if (now - toldAt > PROGRESS_MS) {
        toldAt = now;
        say(`${state}: ${fired - before} of ${datagrams}`);
      }
    }, 1_000);
    const end = (result: Result | Finding): void => {
      clearInterval(lookOut);
      void thread.terminate();
      resolve(result);
    };
    const failed = (finding: string): void =>
      end({ finding, state, datagrams, trial: watch.trial(), lastShots: [{ how: 'the last one', hex: watch.last().toString('hex') }] });
    thread.on('message', (message: FuzzMessage) => {
      if ('finding' in message) end(message);
      else if ('grownBytes' in message) end({ reports, grownBytes: message.grownBytes });
      else if ('begun' in message) [state, before] = [message.begun, watch.fired()];
      else {
        reports.push([message.state, message.report]);
        say(`${message.state}: done, ${message.report.seconds.toFixed(0)} s`);
      }
    });
    thread.on('error', (error) => failed(`the thread failed: ${error instanceof Error ? error.stack : String(error)}`));
    thread.on('exit', (status) => failed(`the thread ended by itself with ${status}`));
  });
}

const kilobytes = (bytes: number): string => `${(bytes / 1_024).toFixed(0)} KiB`;

function table(reports: Result['reports']): string {
  const rows = reports.map(([state, { datagrams, trials, seconds, outcomes, grownBytes }]) => [
    state,
    String(datagrams),
    String(Math.round(datagrams / seconds)),
    String(trials),
    kilobytes(grownBytes),
    Object.entries(outcomes)
      .map(([outcome, times]) => `${outcome} ${times}`)
      .join(', ')
  ]);
  const all = [['state', 'datagrams', 'per second', 'trials', 'growth in a siege', 'outcomes'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()
    )
    .join('\n');
}

async function main(): Promise<number> {
  const say = (line: string): void => console.error(line);
  let options: Options;
  try {
    options = readOptions();
  } catch (error) {
    say(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const { seed, states } = options;
  say(`seed ${seed}, ${options.datagrams} datagrams at each of ${states.length} states`);
  const result = await fire(options, say);
  if ('finding' in result) {
    const { finding, state, datagrams, trial, lastShots } = result;
    const again = trial === null ? '' : ` --state ${state} --trial ${trial}`;
    say(`\nFOUND at ${state}: ${finding}\n\nAgain: npm run fuzz -- --seed ${seed} --datagrams ${datagrams}${again}`);
    for (const { how, hex } of lastShots) say(`  ${how}: ${hex}`);
    return 1;
  }
  const total = result.reports.reduce((sum, [, { datagrams }]) => sum + datagrams, 0);
  console.log(`${table(result.reports)}\n\nleft in use by all: ${kilobytes(result.grownBytes)}`);
  console.log(`${total} datagrams at ${result.reports.length} states, seed ${seed}: nothing found`);
  return 0;
}

process.exitCode = await main();
