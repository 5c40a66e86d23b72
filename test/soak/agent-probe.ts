// Loaded before an agent (--import): lets the soak stand between media processes and their sockets (bad-path.ts), and answers SIGUSR2 with what the agent
// has in use. The agent's own code is as it is.
import childProcess from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { getHeapCodeStatistics } from 'node:v8';
import { PROBE_FILE, type Probe, SOAK_FOLDER } from './soak-folder.ts';

const BAD_PATH = new URL('./bad-path.ts', import.meta.url).href;
const isMediaProcess = (argument: unknown): boolean => typeof argument === 'string' && argument.endsWith('/media/process.ts');

function loadIntoMediaProcesses(): void {
  const { spawn } = childProcess;
  const start = (command: string, given: readonly string[], options: childProcess.SpawnOptions): childProcess.ChildProcess => {
    const at = given.findIndex(isMediaProcess);
    return spawn(command, at < 0 ? given : given.toSpliced(at, 0, '--import', BAD_PATH), options);
  };
  childProcess.spawn = start as typeof spawn;
  syncBuiltinESMExports();
}

function answer(folder: string, question: number): void {
  globalThis.gc?.();
  globalThis.gc?.();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const { rss, heapUsed } = process.memoryUsage();
  const { code_and_metadata_size: code, bytecode_and_metadata_size: bytecode } = getHeapCodeStatistics();
  const probe: Probe = { question, rssBytes: rss, heapBytes: heapUsed - code - bytecode, resources };
  const file = join(folder, `${PROBE_FILE}${process.pid}`);
  // Whole or not at all.
  writeFileSync(`${file}.new`, JSON.stringify(probe));
  renameSync(`${file}.new`, file);
}

function probeFor(folder: string): void {
  loadIntoMediaProcesses();
  let questions = 0;
  process.on('SIGUSR2', () => {
    questions += 1;
    answer(folder, questions);
  });
}

const folder = process.env[SOAK_FOLDER];
if (folder !== undefined) probeFor(folder);
