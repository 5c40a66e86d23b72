// Problems that somebody has seen and silenced with a reason, on disk. Invariants: a silence is of one problem as it was (code, severity and text): another
// device's, or one that got worse, counts; it ends when the problem was gone for a minute, so that the next time counts again and a
// loose plug does not have to be silenced each time.
import * as z from 'zod';
import type { KeptFile } from '../config/kept-file.ts';
import type { Clock } from '../kernel/clock.ts';
import { CloisterError } from '../kernel/errors.ts';
import { createEvents } from '../kernel/events.ts';
import type { Log } from '../kernel/log.ts';
import { Scope } from '../kernel/scope.ts';
import type { Problem } from '../room/state.ts';

const GONE_FOR_GOOD_MS = 60_000;
const MOST_SILENCES = 100;
const text = z.string().max(2000);

const silence = z.strictObject({
  code: z.string().max(64),
  severity: z.enum(['warning', 'error']),
  text,
  reason: z.string().min(1).max(500),
  at: z.iso.datetime()
});
export const keptSilences = z.strictObject({ version: z.literal(1), silences: z.array(silence).max(MOST_SILENCES) });
type Silence = z.output<typeof silence>;
export type KeptSilences = z.output<typeof keptSilences>;
export const NO_SILENCES: KeptSilences = { version: 1, silences: [] };

export type Silences = AsyncDisposable & {
  on(event: 'changed', listener: () => void): () => void;
  start(signal: AbortSignal): Promise<void>;
  /** The problems as they are now, each with its silence. */
  mark(problems: readonly Problem[]): Problem[];
  /**
   * All problems of that code that are there now; `reason` null: they count again.
   * @throws CloisterError CL_NOT_FOUND where there is none; the system's error, and nothing has changed, where it cannot be kept
   */
  set(code: string, reason: string | null): Promise<void>;
};

type Options = { readonly file: KeptFile<KeptSilences>; readonly clock: Clock; readonly log: Log };

const isOf = (kept: Silence, problem: Pick<Problem, 'code' | 'severity' | 'text'>): boolean =>
  kept.code === problem.code && kept.severity === problem.severity && kept.text === problem.text.slice(0, 2000);

export function createSilences({ file, clock, log }: Options): Silences {
  const scope = new Scope();
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('a listener failed', { error: String(error) }));
  let silences: readonly Silence[] = [];
  let present: readonly Problem[] = [];
  /** Since when nobody has seen its problem. */
  const missingSinceMs = new Map<Silence, number>();

  let last: Promise<unknown> = Promise.resolve();
  /** One change after the other, each of what the one before has left. */
  function change(make: (before: readonly Silence[]) => readonly Silence[]): Promise<void> {
    const mine = last.then(() => keep(make(silences)));
    last = mine.catch(() => {});
    return mine;
  }

  async function keep(next: readonly Silence[]): Promise<void> {
    await file.write({ version: 1, silences: [...next] });
    silences = next;
    for (const each of [...missingSinceMs.keys()]) if (!next.includes(each)) missingSinceMs.delete(each);
    events.emit('changed');
  }

  function note(): void {
    for (const each of silences) {
      if (present.some((problem) => isOf(each, problem))) missingSinceMs.delete(each);
      else if (!missingSinceMs.has(each)) missingSinceMs.set(each, clock.monotonicMs());
    }
  }

  function forget(): void {
    note();
    const over = silences.filter((each) => clock.monotonicMs() - (missingSinceMs.get(each) ?? Number.POSITIVE_INFINITY) >= GONE_FOR_GOOD_MS);
    if (over.length === 0) return;
    change((before) => before.filter((each) => !over.includes(each))).catch((error) =>
      log.warn('a problem that is gone is still silenced: the file cannot be written', { error: String(error) })
    );
  }

  return {
    on: events.on,
    async start(signal) {
      signal.throwIfAborted();
      ({ silences } = await file.read());
      // Also of those whose problem was gone when the room was started again.
      scope.every(clock, GONE_FOR_GOOD_MS / 4, forget);
    },
    mark(problems) {
      present = problems;
      note();
      return problems.map((problem) => {
        const found = silences.find((each) => isOf(each, problem));
        return { ...problem, silenced: found === undefined ? null : { reason: found.reason, at: found.at } };
      });
    },
    async set(code, reason) {
      const meant = present.filter((problem) => problem.code === code);
      if (meant.length === 0) throw new CloisterError('CL_NOT_FOUND', 'There is no such problem now.');
      const at = new Date(clock.now()).toISOString();
      const added = reason === null ? [] : meant.map((problem) => ({ code, severity: problem.severity, text: problem.text.slice(0, 2000), reason, at }));
      await change((before) => [...before.filter((each) => !meant.some((problem) => isOf(each, problem))), ...added].slice(-MOST_SILENCES));
    },
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]();
    }
  };
}
