// npm run soak -- --minutes N [--seed S] [--step NAME]... [--json]
// Two whole rooms call each other over and over while things break, seeded. Ends with 1 at the first invariant that does not hold, with the history of the
// step. The same seed brings the same steps in the same order; when exactly something breaks within one depends on the machine, too.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createRandom, type Random } from '../fuzz/random.ts';
import { fitLine, growsBeyond, type Line, type Sample } from './growth.ts';
import { type Baselines, type Rested, requireRest, setBaseline, watchPhases } from './invariants.ts';
import { STEPS } from './steps.ts';
import { createWorld, INDICES, type World } from './world.ts';

const USAGE = `Usage: npm run soak -- --minutes N [--seed S] [--step NAME]... [--json]

  --minutes  how long (default: 30); the step that runs then is ended in good order
  --seed     the same steps again (default: any; it is printed)
  --step     only this one, or these (default: all): ${Object.keys(STEPS).join(', ')}
  --json     the summary as a document`;

const PROGRESS_MS = 10_000;
/** What is kept for a while (messages seen, the last security events) fills up first: an agent's first third is not judged, nor its first steps. */
const WARM_UP_STEPS = 20;
const WARM_UP_SHARE = 1 / 3;
const FILES_WARM_UP_STEPS = 5;
const JUDGED_SAMPLES = 20;
/** What an agent may grow by in a step: beyond it a day of calls is felt. Measured in the first minutes: 7 ± 1 KiB of heap, 43 ± 4 KiB of RSS. */
const HEAP_BYTES_PER_STEP = 8 * 1_024;
const RSS_BYTES_PER_STEP = 96 * 1_024;

type Options = { readonly minutes: number; readonly seed: number; readonly steps: readonly string[]; readonly json: boolean };
type Series = { readonly room: number; readonly pid: number; readonly heap: Sample[]; readonly rss: Sample[]; readonly files: number[] };
type Tally = { times: number; longestMs: number; totalMs: number };
type Broken = { readonly step: string; readonly number: number; readonly why: string; readonly history: readonly string[] };

function readOptions(): Options {
  const { values } = parseArgs({
    options: { minutes: { type: 'string' }, seed: { type: 'string' }, step: { type: 'string', multiple: true }, json: { type: 'boolean' } }
  });
  const steps = values.step ?? Object.keys(STEPS);
  for (const name of steps) if (!Object.hasOwn(STEPS, name)) throw new TypeError(`there is no step ${name}`);
  const minutes = Number(values.minutes ?? 30);
  if (!(minutes > 0)) throw new TypeError('--minutes wants a number above 0');
  const seed = Number(values.seed ?? randomInt(2 ** 31));
  if (!Number.isSafeInteger(seed) || seed < 0) throw new TypeError('--seed wants a whole number');
  return { minutes, seed, steps, json: values.json === true };
}

/** All steps in an order of chance, and then again in another. */
function* rounds(steps: readonly string[], random: Random): Generator<string, never> {
  for (;;) {
    const left = [...steps];
    while (left.length > 0) yield left.splice(random.below(left.length), 1)[0] as string;
  }
}

function keep(series: Map<number, Series>, rested: Rested, step: number): void {
  for (const room of INDICES) {
    const { pid, heapBytes, rssBytes, files } = rested.probes[room];
    const kept = series.get(pid) ?? { room, pid, heap: [], rss: [], files: [] };
    series.set(pid, kept);
    kept.heap.push({ at: step, value: heapBytes });
    kept.rss.push({ at: step, value: rssBytes });
    kept.files.push(files);
  }
}

function linesOf({ heap, rss }: Series): { readonly heap: Line | null; readonly rss: Line | null } {
  const from = Math.max(WARM_UP_STEPS, Math.floor(heap.length * WARM_UP_SHARE));
  return { heap: fitLine(heap.slice(from)), rss: fitLine(rss.slice(from)) };
}

/** What grows, in words; judged at the end, over as many steps as there were. */
function growthOf(series: readonly Series[]): string[] {
  return series.flatMap((each) => {
    const { heap, rss } = linesOf(each);
    const judged = [
      ['heap', heap, HEAP_BYTES_PER_STEP],
      ['RSS', rss, RSS_BYTES_PER_STEP]
    ] as const;
    return judged.flatMap(([what, line, limit]) =>
      line !== null && line.samples >= JUDGED_SAMPLES && growsBeyond(line, limit) ? [`the ${what} of room ${each.room}’s agent grows: ${inWords(line)}`] : []
    );
  });
}

async function soak(options: Options, world: World, say: (line: string) => void) {
  const random = createRandom(options.seed, 'order');
  const order = rounds(options.steps, random);
  const [codes, baselines, series] = [new Set<string>(), new Map() as Baselines, new Map<number, Series>()];
  const tallies = new Map<string, Tally>();
  const startedMs = performance.now();
  const deadline = startedMs + 60_000 * options.minutes;
  let done = 0;
  let silenced = 0;
  let broken: Broken | null = null;
  let current = '';
  const progress = setInterval(() => {
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
    say(`${seconds} s: ${done} steps, ${codes.size} codes; now: ${current}`);
  }, PROGRESS_MS);
  try {
    while (performance.now() < deadline && broken === null) {
      current = order.next().value;
      const beganMs = performance.now();
      const watch = watchPhases(world);
      world.takeNotes();
      try {
        try {
          await STEPS[current]?.(world, codes);
        } finally {
          world.note('to rest');
        }
        const rested = await requireRest(world, baselines);
        await watch.stop();
        done += 1;
        silenced += rested.silenced;
        keep(series, rested, done);
        for (const room of INDICES)
          if ((series.get(rested.probes[room].pid)?.files.length ?? 0) >= FILES_WARM_UP_STEPS) setBaseline(baselines, rested.probes[room]);
      } catch (error) {
        await watch.stop().catch(() => {});
        broken = { step: current, number: done + 1, why: error instanceof Error ? (error.stack ?? error.message) : String(error), history: world.takeNotes() };
      }
      const tookMs = performance.now() - beganMs;
      const tally = tallies.get(current) ?? { times: 0, longestMs: 0, totalMs: 0 };
      tallies.set(current, { times: tally.times + 1, longestMs: Math.max(tally.longestMs, tookMs), totalMs: tally.totalMs + tookMs });
    }
  } finally {
    clearInterval(progress);
  }
  return { done, silenced, broken, codes: codes.size, tallies, series: [...series.values()], seconds: (performance.now() - startedMs) / 1_000 };
}

const kilobytes = (bytes: number): string => (bytes / 1_024).toFixed(1);
const inWords = (line: Line | null): string =>
  line === null
    ? 'too few samples'
    : `${kilobytes(line.start)} KiB, ${kilobytes(line.slope)} ± ${kilobytes(line.slopeError)} KiB a step over ${line.samples} steps${line.samples < JUDGED_SAMPLES ? ' (too few to judge)' : ''}`;

async function main(): Promise<number> {
  const say = (line: string): void => console.error(line);
  let options: Options;
  try {
    options = readOptions();
  } catch (error) {
    say(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  say(`seed ${options.seed}, ${options.minutes} min`);
  await using world = await createWorld(createRandom(options.seed, 'steps'), options.seed);
  const result = await soak(options, world, say);
  const agents = result.series.map((each) => ({ room: each.room, steps: each.files.length, files: each.files.at(-1) ?? 0, ...linesOf(each) }));
  const steps = Object.fromEntries(
    [...result.tallies].map(([name, { times, longestMs, totalMs }]) => [name, { times, meanMs: Math.round(totalMs / times), longestMs: Math.round(longestMs) }])
  );
  if (options.json) {
    const { seconds, codes, done, silenced, broken } = result;
    console.log(JSON.stringify({ seed: options.seed, seconds: Math.round(seconds), steps: done, codes, silenced, broken, kinds: steps, agents }));
  } else {
    for (const [name, { times, meanMs, longestMs }] of Object.entries(steps))
      console.log(`${name.padEnd(32)}${String(times).padStart(5)} times, ${String(meanMs).padStart(6)} ms, longest ${longestMs} ms`);
    for (const { room, steps: count, files, heap, rss } of agents)
      console.log(`room ${room}’s agent, ${count} steps, ${files} files open\n  heap: ${inWords(heap)}\n  RSS:  ${inWords(rss)}`);
  }
  if (result.broken !== null) {
    const { step, number, why, history } = result.broken;
    say(`\nBROKEN in step ${number}, ${step}: ${why}\n\n${history.map((line) => `  ${line}`).join('\n')}`);
    say(`\nAgain: npm run soak -- --minutes ${options.minutes} --seed ${options.seed}   or only this step: --step '${step}'`);
    return 1;
  }
  const growth = growthOf(result.series);
  if (growth.length > 0) {
    say(`\nGROWN: ${growth.join('\n')}\n\nSeed ${options.seed}`);
    return 1;
  }
  say(
    `${result.done} steps in ${result.seconds.toFixed(0)} s, seed ${options.seed}: every invariant held, ${result.codes} calls were secured and no code came twice, ${result.silenced} processes fell silent`
  );
  return 0;
}

process.exitCode = await main();
