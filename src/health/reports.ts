// Reports on disk: one archive and one small description each, for their owner only. Invariants: one is made at a time; a report is there whole or not at
// all (the description comes last); at most ten are kept, the oldest goes; an id never becomes a path before it was found to be one.
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Clock } from '../kernel/clock.ts';
import { CloisterError, hasSystemCode } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { UUID_PATTERN, uuidV7 } from '../kernel/uuid.ts';
import type { ReportFile, ReportsPort, ReportView } from '../ui-server/port.ts';
import { type BundleSources, makeBundle } from './bundle.ts';

const MOST_REPORTS = 10;
const MOST_CHARACTERS = 2000;
const OWNER_ONLY = 0o600;
const OWNER_ONLY_FOLDER = 0o700;

const description = z.strictObject({
  id: z.string().regex(UUID_PATTERN),
  at: z.iso.datetime(),
  text: z.string().max(2 * MOST_CHARACTERS),
  bytes: z.int().min(0)
});

export type ReportsOptions = {
  readonly directory: string;
  readonly maxBytes: number;
  readonly sources: BundleSources;
  /** Replaces a file whole or not at all. */
  readonly writeFile: (path: string, content: string | Uint8Array, mode: number) => Promise<void>;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
};

export function createReports({ directory, maxBytes, sources, writeFile, clock, log }: ReportsOptions): ReportsPort {
  let making: Promise<unknown> | null = null;

  /** @throws CloisterError CL_REPORT_BUSY, CL_REPORT_FAILED */
  async function alone<T>(work: () => Promise<T>): Promise<T> {
    if (making !== null) throw new CloisterError('CL_REPORT_BUSY');
    const mine = work();
    making = mine;
    try {
      return await mine;
    } catch (cause) {
      log.error('a report could not be made', { error: String(cause) });
      throw cause instanceof CloisterError && cause.code === 'CL_REPORT_FAILED' ? cause : new CloisterError('CL_REPORT_FAILED', undefined, { cause });
    } finally {
      making = null;
    }
  }

  const fileName = (id: string, at: string): string => `cloister-report-${at.slice(0, 10)}-${id.slice(-12)}.tar.gz`;
  const pathOf = (id: string, extension: 'json' | 'tar.gz'): string => join(directory, `${id}.${extension}`);

  async function names(): Promise<readonly string[]> {
    try {
      return await readdir(directory);
    } catch (error) {
      if (hasSystemCode(error, 'ENOENT')) return [];
      throw new CloisterError('CL_REPORT_FAILED', 'The folder of reports cannot be read.', { cause: error });
    }
  }

  /** The latest first. What is damaged is not listed, and goes with the next report. */
  async function list(): Promise<readonly ReportView[]> {
    const found = await names();
    const read = await Promise.all(
      found
        .filter((name) => name.endsWith('.json') && UUID_PATTERN.test(name.slice(0, -5)) && found.includes(`${name.slice(0, -5)}.tar.gz`))
        .map(async (name) => {
          try {
            const view = description.parse(JSON.parse(await readFile(join(directory, name), 'utf8')));
            return view.id === name.slice(0, -5) ? [view] : [];
          } catch {
            return [];
          }
        })
    );
    return read.flat().sort((a, b) => (a.id < b.id ? 1 : -1));
  }

  /** Whatever does not belong to one of the kept reports goes, also what a power cut left behind. */
  async function prune(): Promise<void> {
    const kept = (await list()).slice(0, MOST_REPORTS).flatMap(({ id }) => [`${id}.json`, `${id}.tar.gz`]);
    for (const name of await names()) if (!kept.includes(name)) await rm(join(directory, name), { recursive: true, force: true });
  }

  const head = (text: string) => {
    const atMs = clock.now();
    return { id: uuidV7(atMs, randomBytes(10)), atMs, text: sources.redact.text(text.trim().slice(0, MOST_CHARACTERS)) };
  };

  return {
    create: (text) =>
      alone(async () => {
        const made = head(text);
        const bytes = await makeBundle(made, sources, maxBytes);
        const view: ReportView = { id: made.id, at: new Date(made.atMs).toISOString(), text: made.text, bytes: bytes.length };
        await mkdir(directory, { recursive: true, mode: OWNER_ONLY_FOLDER });
        try {
          await writeFile(pathOf(made.id, 'tar.gz'), bytes, OWNER_ONLY);
          await writeFile(pathOf(made.id, 'json'), `${JSON.stringify(view)}\n`, OWNER_ONLY);
        } catch (error) {
          await rm(pathOf(made.id, 'tar.gz'), { force: true });
          throw error;
        }
        await prune();
        log.info('a report was made', { report: made.id, bytes: bytes.length });
        return view;
      }),
    list,
    async open(id): Promise<ReportFile> {
      const view = UUID_PATTERN.test(id) ? (await list()).find((report) => report.id === id) : undefined;
      if (view === undefined) throw new CloisterError('CL_REPORT_UNKNOWN');
      try {
        return { name: fileName(id, view.at), bytes: await readFile(pathOf(id, 'tar.gz')) };
      } catch (cause) {
        throw new CloisterError('CL_REPORT_UNKNOWN', undefined, { cause });
      }
    },
    diagnostics: () =>
      alone(async () => {
        const made = head('');
        return { name: fileName(made.id, new Date(made.atMs).toISOString()), bytes: await makeBundle(made, sources, maxBytes) };
      }),
    async wipe() {
      // One that is being made is of the time that is wiped.
      await making?.catch(() => {});
      await rm(directory, { recursive: true, force: true });
    }
  };
}
