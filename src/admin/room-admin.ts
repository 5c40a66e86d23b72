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
import type { AdminFile, AdminRecord, KeptPin, KeptTries, TryPlace } from './admin-file.ts';
import { waitAfter, weaknessOf } from './pin-rules.ts';
import { createSessions, hashOfToken, newToken } from './sessions.ts';

/** How far a wait may start again after a power cut. */
const WAIT_KEPT_EVERY_MS = 10_000;
/** Who may write in the data folder may take the PIN away, also while the room runs. */
const LOOK_MS = 10_000;
/** Of each place. A person waits for each: more at once are not people. */
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

/** One of each place. */
type Lock = { untilMonotonicMs: number; until: string | null; timer: Timer | null };
const PLACES: readonly TryPlace[] = ['here', 'network'];
const UNTRIED: KeptTries = { wrong: 0, waitMs: 0 };

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
  };

export function createRoomAdmin({ file, hash, writeToken, clock, log }: RoomAdminOptions): RoomAdministrator {
  const scope = new Scope();
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('a listener failed', { error: String(error) }));
  const sessions = createSessions(clock);
  const programToken = newToken();

  /** Until it was read, nobody is let in and nobody sets a PIN. */
  let record: AdminRecord = 'damaged';
  let damagedSinceMs = clock.now();
  const locks: Readonly<Record<TryPlace, Lock>> = {
    here: { untilMonotonicMs: 0, until: null, timer: null },
    network: { untilMonotonicMs: 0, until: null, timer: null }
  };
  const waiting: Record<TryPlace, number> = { here: 0, network: 0 };
  let last: Promise<unknown> = Promise.resolve();

  const remainingMs = (place: TryPlace): number => Math.max(0, Math.ceil(locks[place].untilMonotonicMs - clock.monotonicMs()));

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  }

  /** A person's try. @throws CloisterError CL_PIN_LOCKED where too many wait already */
  async function asTry<T>(place: TryPlace, work: () => Promise<T>): Promise<T> {
    if (waiting[place] >= MOST_WAITING) throw new CloisterError('CL_PIN_LOCKED', 'Too many tries at once; wait a moment.');
    waiting[place] += 1;
    try {
      return await inTurn(work);
    } finally {
      waiting[place] -= 1;
    }
  }

  const locked = (place: TryPlace): CloisterError =>
    new CloisterError('CL_PIN_LOCKED', `The PIN was wrong too often; wait ${waitInWords(remainingMs(place))} before the next try.`);

  function take(next: AdminRecord): void {
    if (JSON.stringify(next) === JSON.stringify(record)) return;
    // Of a hash that is another one, or gone, no session was begun.
    if (typeof next === 'string' || typeof record === 'string' || next.pin !== record.pin) sessions.endAll();
    if (next === 'damaged') {
      damagedSinceMs = clock.now();
      log.error(DAMAGED);
    }
    record = next;
    if (next === 'none') for (const place of PLACES) unlock(place);
    events.emit('changed');
  }

  function unlock(place: TryPlace): void {
    const lock = locks[place];
    lock.timer?.cancel();
    Object.assign(lock, { untilMonotonicMs: 0, until: null, timer: null });
    events.emit('changed');
  }

  function lock(place: TryPlace, waitMs: number): void {
    const own = locks[place];
    own.timer?.cancel();
    own.untilMonotonicMs = clock.monotonicMs() + waitMs;
    own.until = new Date(clock.now() + waitMs).toISOString();
    const tick = (): void => {
      keepRemainder();
      if (remainingMs(place) === 0) {
        unlock(place);
        return;
      }
      own.timer = scope.schedule(clock, Math.min(WAIT_KEPT_EVERY_MS, remainingMs(place)), tick);
    };
    own.timer = scope.schedule(clock, Math.min(WAIT_KEPT_EVERY_MS, waitMs), tick);
    events.emit('changed');
  }

  /** So that a restart is no way around the wait; one that is not kept is longer then, not shorter. */
  function keepRemainder(): void {
    inTurn(async () => {
      await look();
      if (typeof record === 'string') return;
      const { here, network } = record.tries;
      const tries = { here: { ...here, waitMs: remainingMs('here') }, network: { ...network, waitMs: remainingMs('network') } };
      await keep({ ...record, tries });
    }).catch((error) => log.warn('how long the PIN is locked could not be kept', { error: String(error) }));
  }

  /** Only what was on disk a moment ago: a PIN that somebody took away is not put there again. @throws CloisterError CL_PIN_UNREADABLE */
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
    if (typeof found === 'string') return;
    for (const place of PLACES) if (found.tries[place].waitMs > 0) lock(place, found.tries[place].waitMs);
  }

  /** @throws CloisterError CL_PIN_NOT_SET, CL_PIN_UNREADABLE */
  async function present(): Promise<KeptPin> {
    await look();
    if (record === 'none') throw new CloisterError('CL_PIN_NOT_SET');
    if (record === 'damaged') throw new CloisterError('CL_PIN_UNREADABLE');
    return record;
  }

  /** @throws CloisterError CL_PIN_NOT_SET, CL_PIN_UNREADABLE, CL_PIN_LOCKED, CL_PIN_WRONG */
  async function prove(pin: string, place: TryPlace): Promise<void> {
    const { pin: kept, tries } = await present();
    if (remainingMs(place) > 0) throw locked(place);
    const wrong = tries[place].wrong + 1;
    const waitMs = waitAfter(wrong);
    // Counted first, as if it were wrong: who ends the agent, or fills the disk, while it is compared has used up a try all the same.
    await keep({ pin: kept, tries: { ...tries, [place]: { wrong, waitMs } } });
    const right = await hash.verifyPin(pin, kept);
    // Comparing takes a while, in which somebody may have taken the PIN away, or put another one there.
    const now = await present();
    if (right && now.pin === kept) {
      await keep({ ...now, tries: { ...now.tries, [place]: UNTRIED } });
      return;
    }
    log.warn('a wrong administrator’s PIN', { tries: wrong, place });
    if (waitMs > 0) lock(place, waitMs);
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
      // A disk that takes nothing more is no reason for a dark panel: programs of this machine are then nobody's administrator.
      await writeToken(programToken).catch((error) => log.error('the token of this machine’s programs cannot be written', { error: String(error) }));
      scope.every(clock, LOOK_MS, () => void inTurn(look).catch((error) => log.error('the PIN could not be read', { error: String(error) })));
    },
    // What people at the room's own panel have to wait for.
    view: () => ({ pinSet: record !== 'none', lockedUntil: locks.here.until }),
    problem: () => (record === 'damaged' ? { code: 'CL_PIN_UNREADABLE', sinceMs: damagedSinceMs } : null),
    secrets: () => [programToken, ...(typeof record === 'string' ? [] : [record.pin])],
    pinSet: () => record !== 'none',
    setPin(pin, current, place = 'here') {
      const weakness = weaknessOf(pin);
      if (weakness !== null) return Promise.reject(new CloisterError('CL_PIN_WEAK', weakness));
      return asTry(place, async () => {
        await look();
        if (record === 'damaged') throw new CloisterError('CL_PIN_UNREADABLE');
        // Of two who want to be the first after a reset, it is the one who is there.
        if (record === 'none' && place === 'network') throw new CloisterError('CL_PIN_NOT_SET', 'The first PIN is set at the room’s own panel.');
        if (record !== 'none') {
          if (current === null) throw new CloisterError('CL_PIN_REQUIRED', 'A PIN is set already: say the present one, too.');
          await prove(current, place);
        }
        const kept = { pin: await hash.hashPin(pin), tries: { here: UNTRIED, network: UNTRIED } };
        await keep(kept);
        log.info('the administrator’s PIN was set');
      });
    },
    async signIn(pin, place = 'here') {
      await asTry(place, () => prove(pin, place));
      return { token: sessions.begin() };
    },
    holds: (token) => isProgramToken(token) || sessions.use(token),
    endsAt(token) {
      const left = sessions.remainingMs(token);
      return left === null ? null : new Date(clock.now() + left).toISOString();
    },
    signOut: sessions.end,
    async [Symbol.asyncDispose]() {
      if (PLACES.some((place) => remainingMs(place) > 0)) keepRemainder();
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
