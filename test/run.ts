// npm test: the system's programs, the pages, then the suites, but for the lab; the last line is `N passed, N failed`.
// Usage: npm test [-- [unit] [integration] [browser] [lab] [--seed NUMBER]]
import { randomInt } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { runProcess } from './run-process.ts';
import { runSpecs, type SpecOptions, type Tally } from './run-specs.ts';
import { wrongRuntime } from './runtime.ts';
import { ensureSystemPackages, type Suite, thisMachine } from './system-packages.ts';

const ROOT = join(import.meta.dirname, '..');

type SuitePlan = SpecOptions & {
  readonly name: Suite;
  /** Unit specs share two processes and change places; the others have a process each, so that a crash in native code takes one file only. */
  readonly together: boolean;
  /** Only where it is named. */
  readonly asked?: true;
};

const SUITES: readonly SuitePlan[] = [
  { name: 'unit', together: true, testTimeoutMs: 15_000, timeoutMs: 180_000 },
  { name: 'integration', together: false, testTimeoutMs: 60_000, timeoutMs: 600_000 },
  { name: 'browser', together: false, testTimeoutMs: 120_000, timeoutMs: 900_000 },
  // A guest for each file; its processor is emulated.
  { name: 'lab', together: false, testTimeoutMs: 300_000, timeoutMs: 1_800_000, asked: true }
];

/** Fisher-Yates with a small seeded generator (mulberry32): the same seed gives the same order. */
function shuffle<T>(items: readonly T[], seed: number): T[] {
  let state = seed;
  const random = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

function specFiles(suite: Suite): string[] {
  const folder = join(ROOT, 'test', suite);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function runSuite(suite: SuitePlan, seed: number): Promise<Tally> {
  const files = specFiles(suite.name);
  if (files.length === 0) return { passed: 0, failures: [`${suite.name}: there is no spec file`] };
  if (suite.together) return runTogether(suite, shuffle(files, seed));
  const tallies: Tally[] = [];
  for (const file of files) {
    console.log(`\n--- ${relative(ROOT, file)}`);
    tallies.push(await runSpecs(relative(ROOT, file), [file], suite));
  }
  return sum(tallies);
}

/** In two processes at once; what the second prints follows when both have ended. */
async function runTogether(suite: SuitePlan, files: readonly string[]): Promise<Tally> {
  const half = (rest: 0 | 1): string[] => files.filter((_, index) => index % 2 === rest);
  const folder = mkdtempSync(join(tmpdir(), 'cloister-tests-'));
  const [kept, output] = [join(folder, 'output'), openSync(join(folder, 'output'), 'w')];
  try {
    const tallies = await Promise.all([runSpecs(suite.name, half(0), suite), runSpecs(suite.name, half(1), { ...suite, output })]);
    process.stdout.write(readFileSync(kept));
    return sum(tallies);
  } finally {
    closeSync(output);
    rmSync(folder, { recursive: true });
  }
}

const sum = (tallies: readonly Tally[]): Tally => ({
  passed: tallies.reduce((total, tally) => total + tally.passed, 0),
  failures: tallies.flatMap((tally) => tally.failures)
});

async function runAll(suites: readonly SuitePlan[], seed: number): Promise<Tally> {
  const names = suites.map((suite) => suite.name);
  const missing = wrongRuntime() ?? ensureSystemPackages(names, thisMachine());
  if (missing !== null) return { passed: 0, failures: [missing] };
  if (names.some((name) => name !== 'unit')) {
    const build = await runProcess(process.execPath, [join(ROOT, 'src', 'ui', 'build.ts')], { timeoutMs: 300_000 });
    if (build.exitCode !== 0) return { passed: 0, failures: ['the panel and display pages could not be built'] };
  }
  const tallies: Tally[] = [];
  for (const suite of suites) {
    const startedAt = performance.now();
    console.log(`\n=== ${suite.name}${suite.together ? ` (the same order again: npm test -- ${suite.name} --seed ${seed})` : ''}`);
    const tally = await runSuite(suite, seed);
    console.log(`\n=== ${suite.name}: ${tally.passed} passed, ${tally.failures.length} failed, ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    tallies.push(tally);
  }
  return sum(tallies);
}

function parseCommandLine(): { readonly suites: readonly SuitePlan[]; readonly seed: number } | null {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { seed: { type: 'string' } } });
    const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
    const known = positionals.every((name) => SUITES.some((suite) => suite.name === name));
    if (!known || !Number.isSafeInteger(seed)) return null;
    return { suites: SUITES.filter(({ name, asked }) => (positionals.length === 0 ? asked !== true : positionals.includes(name))), seed };
  } catch {
    return null;
  }
}

const plan = parseCommandLine();
if (plan === null) {
  console.error('Usage: npm test [-- [unit] [integration] [browser] [lab] [--seed NUMBER]]');
  process.exit(2);
}
const { passed, failures } = await runAll(plan.suites, plan.seed);
if (failures.length > 0) console.log(`\nFailed:\n${failures.map((failure) => `  ${failure}`).join('\n')}`);
process.exitCode = failures.length > 0 ? 1 : 0;
console.log(`\n${passed} passed, ${failures.length} failed`);
