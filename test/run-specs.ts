// Runs spec files and counts. What is not a passed test is a failed one: a crash, a time-out, no test at all, something left behind.
import { join } from 'node:path';
import { type ProcessEnd, runProcess } from './run-process.ts';

export type Tally = { readonly passed: number; readonly failures: readonly string[] };

export type SpecOptions = {
  /** For one test that says nothing else. */
  readonly testTimeoutMs: number;
  /** For all of the files together. */
  readonly timeoutMs: number;
  readonly output?: 'ignore' | number;
};

/** @param title how failures that are no test's are named */
export async function runSpecs(title: string, files: readonly string[], options: SpecOptions): Promise<Tally> {
  let passed = 0;
  let ranToEnd = false;
  const failures: string[] = [];
  const end = await runProcess(process.execPath, [join(import.meta.dirname, 'mocha-process.ts'), String(options.testTimeoutMs), ...files], {
    timeoutMs: options.timeoutMs,
    ...(options.output === undefined ? {} : { output: options.output }),
    onMessage: (message) => {
      if (typeof message !== 'object' || message === null) return;
      if ('passed' in message) passed++;
      if ('failed' in message) failures.push(String(message.failed));
      if ('ended' in message) ranToEnd = true;
    }
  });
  for (const fault of faults(end, options, ranToEnd, passed + failures.length)) failures.push(`${title}: ${fault}`);
  return { passed, failures };
}

function faults(end: ProcessEnd, options: SpecOptions, ranToEnd: boolean, tests: number): string[] {
  const found: string[] = [];
  if (end.timedOut) found.push(`not done after ${options.timeoutMs / 1000} s; killed`);
  else if (end.exitCode !== 0) found.push(`mocha ended with ${end.signal ?? `status ${end.exitCode}`}`);
  else if (!ranToEnd) found.push('mocha ended before the last test');
  if (tests === 0) found.push('no test was run');
  if (end.leftBehind.length > 0) found.push(`left running: ${end.leftBehind.join('; ')}`);
  return found;
}
