// Writes a device's lamps. Invariants: each report that is written holds the whole state of its lamps and nothing else; one write after the other; a
// slow device gets the newest state and none of those between; what a failed write was to tell is told with the next one.
import type { Result } from '../../kernel/result.ts';
import type { TelephonyLamp } from './report-model.ts';
import type { Lamps } from './telephony.ts';
import type { TelephonyMap } from './telephony-map.ts';

export type LampReport = { readonly reportId: number; readonly lamps: readonly TelephonyLamp[] };

export type LampWriterOptions = {
  /** The output reports that have lamps, and which. */
  readonly reports: readonly LampReport[];
  readonly build: (reportId: number, lit: ReadonlySet<TelephonyLamp>) => Result<Uint8Array>;
  readonly send: (report: Uint8Array) => Promise<void>;
  /** What the device was told last is another one. */
  readonly onTold: (lit: ReadonlySet<TelephonyLamp>) => void;
  readonly onFailed: (error: unknown) => void;
};

export type LampWriter = {
  /** @param again also where the device was told so already */
  show(lamps: Lamps, again: boolean): void;
  /** Until everything was written or has failed. */
  settled(): Promise<void>;
};

export const lampReportsOf = ({ lamps, lampReportIds }: Pick<TelephonyMap, 'lamps' | 'lampReportIds'>): readonly LampReport[] =>
  lampReportIds.map((reportId) => ({ reportId, lamps: lamps.filter((lamp) => lamp.reportId === reportId).map(({ lamp }) => lamp) }));

/** A call is told in this order: a device that hears of a line first has no call to put it to. */
const ORDER: readonly TelephonyLamp[] = ['offHook', 'onLine', 'line'];

const rank = ({ lamps }: LampReport): number => {
  const at = ORDER.findIndex((lamp) => lamps.includes(lamp));
  return at === -1 ? ORDER.length : at;
};

export function createLampWriter({ reports, build, send, onTold, onFailed }: LampWriterOptions): LampWriter {
  const ordered = [...reports].sort((one, other) => rank(one) - rank(other));
  /** By report id: what the device holds, so far as is known. */
  const held = new Map<number, Uint8Array>();
  let waiting: ReadonlySet<TelephonyLamp> | null = null;
  let writing: Promise<void> | null = null;

  async function write(): Promise<void> {
    while (waiting !== null) {
      const lit = waiting;
      waiting = null;
      let failed = false;
      for (const { reportId } of ordered) {
        const report = build(reportId, lit);
        if (report.ok && same(held.get(reportId), report.value)) continue;
        try {
          if (!report.ok) throw report.error;
          held.delete(reportId);
          await send(report.value);
          held.set(reportId, report.value);
        } catch (error) {
          failed = true;
          onFailed(error);
        }
        // The newest state begins from the start of the order.
        if (waiting !== null) break;
      }
      if (!failed && waiting === null) onTold(lit);
    }
  }

  return {
    show(lamps, again) {
      if (again) held.clear();
      waiting = new Set((Object.keys(lamps) as TelephonyLamp[]).filter((lamp) => lamps[lamp]));
      writing ??= write().finally(() => {
        writing = null;
      });
    },
    async settled() {
      await writing;
    }
  };
}

const same = (one: Uint8Array | undefined, other: Uint8Array): boolean =>
  one !== undefined && one.length === other.length && one.every((byte, index) => byte === other[index]);
