// The room's administrator: one PIN, its tries, sessions, and the token of this machine's programs. Invariants: tries come one after the other, each is counted on
// disk before its hash is computed; waiting is counted by a clock that never jumps and goes on after a restart where it was; what cannot be read or
// written locks. No PIN, hash or token is in a log or an error.
import { timingSafeEqual } from 'node:crypto';
import type { Clock, Timer } from '../kernel/clock.ts';
import { CloisterError } from '../kernel/errors.ts';
import { createEvents } from '../kernel/events.ts';
import type { Log } from '../kernel/log.ts';
import { Scope } from '../kernel/scope.ts';
import type { Problem } from '../room/state.ts';
import type { AdminPort } from '../ui-server/port.ts';
import type { AdminFile, AdminRecord, KeptPin } from './admin-file.ts';
import { waitAfter, weaknessOf } from './pin-rules.ts';
import { createSessions, hashOfToken, newToken } from './sessions.ts';

/** How far a wait may start again after a power cut. */
const WAIT_KEPT_EVERY_MS = 10_000;
/** Who may write in the data folder may take the PIN away, also while the room runs. */
const LOOK_MS = 10_000;
/** A person waits for each: more at once are not people. */
const MOST_WAITING = 8;

const DAMAGED = 'the file with the PIN cannot be used: administration is locked until cloister pin reset';

export type RoomAdminOptions = {
  readonly file: AdminFile;
  readonly hash: { readonly hashPin: (pin: string) => Promise<string>; readonly verifyPin: (pin: string, kept: string) => Promise<boolean> };
  /** Gives programs that may read the data folder their token; anew at each start. */
  readonly writeToken: (token: string) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
};

type View = { readonly pinSet: boolean; readonly lockedUntil: string | null };

export type RoomAdministrator = AdminPort &
  AsyncDisposable & {
    on(event: 'changed', listener: () => void): () => void;
    start(signal: AbortSignal): Promise<void>;
    view(): View;
    /** What ails it, for health; null where nothing does. */
    problem(): { readonly code: Problem['code']; readonly sinceMs: number } | null;
    /** What must be in no report. */
    secrets(): readonly string[];
    /** Whether the PIN is right, at the cost of a try. @throws CloisterError as signIn */
    provePin(pin: string): Promise<void>;
  };

export function createRoomAdmin({ file, hash, writeToken, clock, log }: RoomAdminOptions): RoomAdministrator {
  const scope = new Scope();
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('a listener failed', { error: String(error) }));
  const sessions = createSessions(clock);
  const programToken = newToken();

  /** Until it was read, nobody is let in and nobody sets a PIN. */
  let record: AdminRecord = 'damaged';
  let damagedSinceMs = clock.now();
  let lockedUntilMonotonicMs = 0;
  let lockedUntil: string | null = null;
  let lockTimer: Timer | null = null;
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  const remainingMs = (): number => Math.max(0, Math.ceil(lockedUntilMonotonicMs - clock.monotonicMs()));

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  }

  /** A person's try. @throws CloisterError CL_PIN_LOCKED where too many wait already */
  async function asTry<T>(work: () => Promise<T>): Promise<T> {
    if (waiting >= MOST_WAITING) throw locked('Too many tries at once; wait a moment.');
    waiting += 1;
    try {
      return await inTurn(work);
    } finally {
      waiting -= 1;
    }
  }

  const locked = (message?: string): CloisterError =>
    new CloisterError('CL_PIN_LOCKED', message ?? `The PIN was wrong too often; wait ${waitInWords(remainingMs())} before the next try.`, {
      details: { remainingMs: remainingMs() }
    });

  function take(next: AdminRecord): void {
    if (JSON.stringify(next) === JSON.stringify(record)) return;
    // Of a hash that is another one, or gone, no session was begun.
    if (typeof next === 'string' || typeof record === 'string' || next.pin !== record.pin) sessions.endAll();
    if (next === 'damaged') {
      damagedSinceMs = clock.now();
      log.error(DAMAGED);
    }
    record = next;
    if (next === 'none') unlock();
    events.emit('changed');
  }

  function unlock(): void {
    lockTimer?.cancel();
    lockTimer = null;
    lockedUntil = null;
    lockedUntilMonotonicMs = 0;
    events.emit('changed');
  }

  function lock(waitMs: number): void {
    lockTimer?.cancel();
    lockedUntilMonotonicMs = clock.monotonicMs() + waitMs;
    lockedUntil = new Date(clock.now() + waitMs).toISOString();
    const tick = (): void => {
      keepRemainder();
      if (remainingMs() === 0) {
        unlock();
        return;
      }
      lockTimer = scope.schedule(clock, Math.min(WAIT_KEPT_EVERY_MS, remainingMs()), tick);
    };
    lockTimer = scope.schedule(clock, Math.min(WAIT_KEPT_EVERY_MS, waitMs), tick);
    events.emit('changed');
  }

  /** So that a restart is no way around the wait; one that is not kept is longer then, not shorter. */
  function keepRemainder(): void {
    inTurn(async () => {
      const waitMs = remainingMs();
      if (typeof record !== 'string' && record.tries.waitMs !== waitMs) await keep({ ...record, tries: { ...record.tries, waitMs } });
    }).catch((error) => log.warn('how long the PIN is locked could not be kept', { error: String(error) }));
  }

  /** @throws CloisterError CL_PIN_UNREADABLE */
  async function keep(kept: KeptPin): Promise<void> {
    try {
      await file.write(kept);
    } catch (cause) {
      throw new CloisterError('CL_PIN_UNREADABLE', 'The administrator’s PIN and its tries cannot be kept on disk, so that nobody is let in.', { cause });
    }
    take(kept);
  }

  /** What is on disk counts, not what was there before. */
  async function look(): Promise<void> {
    const found = await file.read();
    // The wait in memory is the truth of this run: somebody who puts an older file back gains nothing.
    if (typeof found !== 'string' && typeof record !== 'string' && found.pin === record.pin) return;
    take(found);
    if (typeof found !== 'string' && found.tries.waitMs > 0) lock(found.tries.waitMs);
  }

  /** @throws CloisterError CL_PIN_NOT_SET, CL_PIN_UNREADABLE, CL_PIN_LOCKED, CL_PIN_WRONG */
  async function prove(pin: string): Promise<void> {
    await look();
    if (record === 'none') throw new CloisterError('CL_PIN_NOT_SET');
    if (record === 'damaged') throw new CloisterError('CL_PIN_UNREADABLE');
    if (remainingMs() > 0) throw locked();
    const wrong = record.tries.wrong + 1;
    const waitMs = waitAfter(wrong);
    // Counted first, as if it were wrong: who ends the agent, or fills the disk, while it is compared has used up a try all the same.
    await keep({ pin: record.pin, tries: { wrong, waitMs } });
    if (await hash.verifyPin(pin, record.pin)) {
      await keep({ pin: record.pin, tries: { wrong: 0, waitMs: 0 } });
      return;
    }
    log.warn('a wrong administrator’s PIN', { tries: wrong });
    if (waitMs > 0) lock(waitMs);
    throw new CloisterError('CL_PIN_WRONG', waitMs > 0 ? `This is not the administrator’s PIN; wait ${waitInWords(waitMs)} before the next try.` : undefined);
  }

  const isProgramToken = (token: string): boolean =>
    timingSafeEqual(Buffer.from(hashOfToken(token), 'base64'), Buffer.from(hashOfToken(programToken), 'base64'));

  return {
    on: events.on,
    async start(signal) {
      signal.throwIfAborted();
      await inTurn(look);
      if (record === 'damaged') log.error(DAMAGED);
      await writeToken(programToken);
      scope.every(clock, LOOK_MS, () => void inTurn(look).catch((error) => log.error('the PIN could not be read', { error: String(error) })));
    },
    view: () => ({ pinSet: record !== 'none', lockedUntil }),
    problem: () => (record === 'damaged' ? { code: 'CL_PIN_UNREADABLE', sinceMs: damagedSinceMs } : null),
    secrets: () => [programToken, ...(typeof record === 'string' ? [] : [record.pin])],
    pinSet: () => record !== 'none',
    setPin(pin, current) {
      const weakness = weaknessOf(pin);
      if (weakness !== null) return Promise.reject(new CloisterError('CL_PIN_WEAK', weakness));
      return asTry(async () => {
        await look();
        if (record === 'damaged') throw new CloisterError('CL_PIN_UNREADABLE');
        if (record !== 'none') {
          if (current === null) throw new CloisterError('CL_PIN_REQUIRED', 'A PIN is set already: say the present one, too.');
          await prove(current);
        }
        const kept = { pin: await hash.hashPin(pin), tries: { wrong: 0, waitMs: 0 } };
        await keep(kept);
        sessions.endAll();
        log.info('the administrator’s PIN was set');
      });
    },
    provePin: (pin) => asTry(() => prove(pin)),
    async signIn(pin) {
      await asTry(() => prove(pin));
      return { token: sessions.begin() };
    },
    holds: (token) => isProgramToken(token) || sessions.use(token),
    endsAt(token) {
      const left = sessions.remainingMs(token);
      return left === null ? null : new Date(clock.now() + left).toISOString();
    },
    signOut: sessions.end,
    async [Symbol.asyncDispose]() {
      if (remainingMs() > 0) keepRemainder();
      await last;
      sessions.endAll();
      await scope[Symbol.asyncDispose]();
    }
  };
}

function waitInWords(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
