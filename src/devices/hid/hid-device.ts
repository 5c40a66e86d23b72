// One opened device: its reports go into its telephony (telephony.ts), its lamps come out of it. What is not mapped is neither read nor written.
// Invariants: one device, one connection; nothing is done after close() but what makes it dark.

import { backoffMs } from '../../kernel/backoff.ts';
import type { Clock } from '../../kernel/clock.ts';
import { CloisterError } from '../../kernel/errors.ts';
import type { Log } from '../../kernel/log.ts';
import { Scope } from '../../kernel/scope.ts';
import type { HidDeviceView } from '../../room/state.ts';
import type { CallOnDevices, HidCommand } from '../port.ts';
import { createLampWriter, lampReportsOf } from './lamp-writer.ts';
import { presenceIn, sensesPresence } from './presence.ts';
import type { TelephonyLamp } from './report-model.ts';
import { detached, lampsOf, type TelephonyEvent, telephony } from './telephony.ts';
import { controlValues, lampReport, type TelephonyMap } from './telephony-map.ts';
import type { HidConnection } from './transport.ts';

export type HidDeviceOptions = {
  readonly connection: HidConnection;
  readonly map: TelephonyMap;
  readonly call: CallOnDevices;
  readonly clock: Clock;
  readonly log: Log;
  readonly onCommand: (command: HidCommand) => void;
  /** lamps(), presence() or writeFailed() is another one. */
  readonly onChanged: () => void;
  readonly onLost: (why: string) => void;
};

export type HidDeviceSession = {
  /** Begins to listen, and writes the whole state. */
  attach(): void;
  show(call: CallOnDevices): void;
  /** What the device was told last; null where it has no lamps. */
  lamps(): HidDeviceView['lamps'];
  writeFailed(): boolean;
  presence(): boolean | null;
  /** Darkens the lamps where the device is still there, and lets go of it. */
  close(): Promise<void>;
};

const DARK: CallOnDevices = { phase: 'idle', muted: false };
/** A device that takes nothing any more is let go lit. */
const DARKEN_MS = 300;
/** Nothing is written meanwhile, so that its lamps are not what they should be. */
const WRITE_LIMIT_MS = 2000;
/** A lamp that says what is not so is worse than a write too many. */
const WRITE_AGAIN = { firstMs: 200, maxMs: 30_000 };
/** A key that bounces, or firmware gone wild, does not keep the room busy. */
const MAX_PRESSES_A_SECOND = 30;

export function createHidDevice({ connection, map, call, clock, log, onCommand, onChanged, onLost }: HidDeviceOptions): HidDeviceSession {
  const scope = new Scope();
  const senses = sensesPresence(map.model);
  const has = new Set(map.lamps.map(({ lamp }) => lamp));
  let state = detached(call, map.doubleKeyMs);
  let told: ReadonlySet<TelephonyLamp> = new Set();
  let failed = false;
  let failures = 0;
  let writesAgain = false;
  let somebody: boolean | null = null;
  let lost = false;
  let presses = 0;
  let pressesSinceMs = Number.NEGATIVE_INFINITY;

  const writer = createLampWriter({
    reports: lampReportsOf(map),
    build: (reportId, lit) => lampReport(map, reportId, lit),
    async send(report) {
      const late = scope.schedule(clock, WRITE_LIMIT_MS, () => {
        failed = true;
        onChanged();
      });
      await connection.write(report).finally(late.cancel);
    },
    onTold(lit) {
      told = lit;
      failed = false;
      failures = 0;
      onChanged();
    },
    onFailed(error) {
      if (lost) return;
      if (!failed) log.warn('a device did not take its lamps', { code: error instanceof CloisterError ? error.code : 'CL_DEVICE_WRITE', error: String(error) });
      failed = true;
      writeAgain();
      onChanged();
    }
  });

  function writeAgain(): void {
    if (writesAgain) return;
    writesAgain = true;
    scope.schedule(clock, backoffMs(failures, WRITE_AGAIN, 0), () => {
      writesAgain = false;
      writer.show(lampsOf(state), false);
    });
    failures += 1;
  }

  function press(command: HidCommand): void {
    const nowMs = clock.monotonicMs();
    if (nowMs - pressesSinceMs >= 1000) {
      pressesSinceMs = nowMs;
      presses = 0;
    }
    presses += 1;
    if (presses <= MAX_PRESSES_A_SECOND) {
      log.debug('a key was pressed at a device', { command });
      onCommand(command);
    } else if (presses === MAX_PRESSES_A_SECOND + 1) log.warn('a device presses more keys than a hand can', { command });
  }

  function step(event: TelephonyEvent): void {
    const result = telephony(state, event, clock.monotonicMs());
    state = result.state;
    for (const action of result.actions) {
      if (action.type === 'lamps') writer.show(action.lamps, action.again);
      else if (action.type === 'timer') scope.schedule(clock, action.inMs, () => step({ type: 'timer' }));
      else press(action.command);
    }
  }

  function hear(report: Uint8Array): void {
    if (scope.closed) return;
    const values = controlValues(map, report);
    if (values.length > 0) step({ type: 'report', reportId: report[0] ?? 0, values });
    const now = senses ? presenceIn(map.model, report) : null;
    if (now === null || now === somebody) return;
    somebody = now;
    onChanged();
  }

  return {
    attach() {
      connection.onReport(hear);
      connection.onLost((why) => {
        lost = true;
        onLost(why);
      });
      step({ type: 'attached' });
    },
    show(next) {
      if (!scope.closed) step({ type: 'call', call: next });
    },
    lamps() {
      if (has.size === 0) return null;
      const lit = (lamp: TelephonyLamp): boolean => has.has(lamp) && told.has(lamp);
      return { offHook: lit('offHook'), mute: lit('mute'), ring: lit('ring'), hold: lit('hold') };
    },
    writeFailed: () => failed,
    presence: () => somebody,
    async close() {
      await scope[Symbol.asyncDispose]();
      if (!lost) {
        writer.show(lampsOf({ call: DARK, answeringUntilMs: null }), false);
        await new Promise<void>((resolve) => {
          const timer = clock.schedule(DARKEN_MS, resolve);
          void writer.settled().then(() => {
            timer.cancel();
            resolve();
          });
        });
      }
      await connection.close();
    }
  };
}
