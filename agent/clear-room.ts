// Removes what people left in the room: when somebody asks, and daily where it is set, afterwards where the room was off or in a call at that time.
// Invariant: that the room was cleared is written last, so that a clearing which was cut off is done again.
import type { Clock } from '../src/kernel/clock.ts';
import { asCloisterError } from '../src/kernel/errors.ts';
import { createEvents, type EventSource } from '../src/kernel/events.ts';
import type { Log } from '../src/kernel/log.ts';
import { Scope } from '../src/kernel/scope.ts';
import type { People } from '../src/people/people.ts';
import { isWipeDue } from '../src/settings/daily-wipe.ts';
import type { Settings } from '../src/settings/settings.ts';
import type { ReportsPort } from '../src/ui-server/port.ts';

const LOOK_MS = 30_000;
/** After a clearing that failed, such as on a full disk. */
const AGAIN_MS = 10 * 60_000;

export type ClearingOptions = {
  readonly settings: Pick<Settings, 'view' | 'wipedAtMs' | 'wipe'>;
  readonly people: Pick<People, 'wipe'>;
  readonly reports: Pick<ReportsPort, 'wipe'>;
  /** Whether people talk in this room now. */
  readonly inCall: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
};

export type Clearing = EventSource<{ cleared: readonly [] }> &
  AsyncDisposable & {
    /** Clears the room where that is due, and looks every half minute from then on. */
    start(signal: AbortSignal): Promise<void>;
    /** @throws why something could not be removed; the rest is removed all the same */
    clear(): Promise<void>;
  };

export function createClearing({ settings, people, reports, inCall, clock, log }: ClearingOptions): Clearing {
  const scope = new Scope();
  const events = createEvents<{ cleared: readonly [] }>((error) => log.error('a listener failed', { error: String(error) }));
  let daily: Promise<void> | null = null;
  let notBeforeMs = Number.NEGATIVE_INFINITY;

  async function clear(): Promise<void> {
    const outcomes = await Promise.allSettled([people.wipe(), reports.wipe()]);
    events.emit('cleared');
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    await settings.wipe(failed === undefined);
    if (failed !== undefined) throw failed.reason;
    log.info('the room was cleared');
  }

  function look(): void {
    if (daily !== null || inCall() || clock.monotonicMs() < notBeforeMs) return;
    if (!isWipeDue(settings.view().wipeDailyAt, settings.wipedAtMs(), clock.now())) return;
    daily = clear()
      .catch((error: unknown) => {
        notBeforeMs = clock.monotonicMs() + AGAIN_MS;
        log.error('the daily clearing of the room failed', { code: asCloisterError(error).code, error: String(error) });
      })
      .finally(() => {
        daily = null;
      });
  }

  return {
    on: events.on,
    clear,
    async start(signal) {
      signal.throwIfAborted();
      look();
      scope.every(clock, LOOK_MS, look);
      await daily;
    },
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]();
      await daily;
    }
  };
}
