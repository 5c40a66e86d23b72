// npm run check: what must hold before a commit and in CI. Every step runs, whatever the others found; the last line sums up.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runProcess } from './run-process.ts';
import { wrongRuntime } from './runtime.ts';

const ROOT = join(import.meta.dirname, '..');
const STEP_LIMIT_MS = 300_000;

const program = (name: string): string => join(ROOT, 'node_modules', '.bin', name);

type Step = { readonly name: string; readonly command: string; readonly args: readonly string[] };

const STEPS: readonly Step[] = [
  { name: 'types', command: program('tsc'), args: ['-p', 'tsconfig.json'] },
  { name: 'lint and format', command: program('biome'), args: ['check', '--error-on-warnings'] },
  { name: 'dead code', command: program('knip'), args: ['--no-progress'] },
  { name: 'architecture', command: program('mocha'), args: ['--reporter', 'dot', 'test/unit/architecture/architecture.test.ts'] },
  { name: 'generated files', command: process.execPath, args: ['agent/generate.ts', '--check'] }
];

async function run(step: Step): Promise<boolean> {
  if (!existsSync(step.command)) {
    console.error(`${step.command} is not there: run npm ci`);
    return false;
  }
  const end = await runProcess(step.command, step.args, { timeoutMs: STEP_LIMIT_MS });
  if (end.timedOut) console.error(`not done after ${STEP_LIMIT_MS / 1000} s; killed`);
  return end.exitCode === 0 && !end.timedOut;
}

const runtime = wrongRuntime();
if (runtime !== null) {
  console.error(runtime);
  process.exit(1);
}
process.chdir(ROOT);
const failed: string[] = [];
for (const step of STEPS) {
  console.log(`\n=== ${step.name}`);
  const startedAt = performance.now();
  const passed = await run(step);
  if (!passed) failed.push(step.name);
  console.log(`=== ${step.name}: ${passed ? 'passed' : 'FAILED'}, ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}
process.exitCode = failed.length > 0 ? 1 : 0;
console.log(`\nchecks: ${STEPS.length - failed.length} passed, ${failed.length} failed${failed.length > 0 ? ` (${failed.join(', ')})` : ''}`);
