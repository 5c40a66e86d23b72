// Reports on disk: one archive and one small description each, for their owner only. Invariants: one is made at a time; a report is there whole or not at
// all (the description comes last); at most ten are kept, the oldest goes and never the one that was just made; an id never becomes a path before it was found to be one.
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
/** What is taken out of the words may be shorter than what is put in its place. */
const MOST_CHARACTERS_KEPT = 2 * MOST_CHARACTERS;
/** Of all checks together: each has ten seconds, and what they ask before has no limit of its own. */
const CHECKS_LIMIT_MS = 30_000;
const OWNER_ONLY = 0o600;
const OWNER_ONLY_FOLDER = 0o700;

const description = z.strictObject({
  id: z.string().regex(UUID_PATTERN),
  at: z.iso.datetime(),
  text: z.string().max(MOST_CHARACTERS_KEPT),
  bytes: z.int().min(0)
});

export type ReportsOptions = {
  readonly directory: string;
  readonly maxBytes: number;
  readonly sources: BundleSources;
  /** Replaces a file whole or not at all. */
  readonly writeFile: (path: string, content: string | Uint8Array, mode: number) => Promise<void>;
  readonly clock: Pick<Clock, 'now' | 'schedule'>;
  readonly log: Log;
};

export function createReports({ directory, maxBytes, sources: given, writeFile, clock, log }: ReportsOptions): ReportsPort {
  let making: Promise<unknown> | null = null;
  const sources: BundleSources = { ...given, diagnosis: () => inTime(given.diagnosis(), clock) };

  /** Whoever calls it has looked that nothing else is on its way. */
  async function alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = work();
    making = mine;
    try {
      return await mine;
    } finally {
      making = null;
    }
  }

  /** @throws CloisterError CL_REPORT_BUSY, CL_REPORT_FAILED */
  async function make<T>(work: () => Promise<T>): Promise<T> {
    if (making !== null) throw new CloisterError('CL_REPORT_BUSY');
    try {
      return await alone(work);
    } catch (cause) {
      log.error('a report could not be made', { error: String(cause) });
      throw cause instanceof CloisterError && cause.code === 'CL_REPORT_FAILED' ? cause : new CloisterError('CL_REPORT_FAILED', undefined, { cause });
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

  /** Whatever does not belong to one of the kept reports goes, also what a power cut left behind. By its id one that was made with the clock set back is the oldest. */
  async function prune(made: ReportView): Promise<void> {
    const others = (await list()).filter(({ id }) => id !== made.id);
    const kept = [made, ...others].slice(0, MOST_REPORTS).flatMap(({ id }) => [`${id}.json`, `${id}.tar.gz`]);
    for (const name of await names()) if (!kept.includes(name)) await rm(join(directory, name), { recursive: true, force: true });
  }

  const head = (text: string) => {
    const atMs = clock.now();
    return { id: uuidV7(atMs, randomBytes(10)), atMs, text: sources.redact.text(text.trim().slice(0, MOST_CHARACTERS)).slice(0, MOST_CHARACTERS_KEPT) };
  };

  return {
    create: (text) =>
      make(async () => {
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
        // It is there: the others go with the next one.
        await prune(view).catch((error) => log.warn('earlier reports could not be removed', { error: String(error) }));
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
      make(async () => {
        const made = head('');
        return { name: fileName(made.id, new Date(made.atMs).toISOString()), bytes: await makeBundle(made, sources, maxBytes) };
      }),
    async wipe() {
      // One that is being made is of the time that is wiped, and none is begun in between.
      while (making !== null) await making.catch(() => {});
      await alone(() => rm(directory, { recursive: true, force: true }));
    }
  };
}

async function inTime<T>(work: Promise<T>, clock: Pick<Clock, 'schedule'>): Promise<T> {
  const limit = Promise.withResolvers<never>();
  const timer = clock.schedule(CHECKS_LIMIT_MS, () => limit.reject(new Error(`the checks did not end within ${CHECKS_LIMIT_MS / 1000} s`)));
  try {
    return await Promise.race([work, limit.promise]);
  } finally {
    timer.cancel();
  }
}
