// Whether a capture input, such as HDMI, has a signal that can be shown: facts of its driver, asked for while somebody needs them.
// Invariants: not asked more often than every two seconds; what a driver does not tell is null, and never "ok".
import type { Clock } from '../../kernel/clock.ts';
import { asCloisterError } from '../../kernel/errors.ts';
import { createEvents, type EventSource } from '../../kernel/events.ts';
import type { Log } from '../../kernel/log.ts';
import { Scope } from '../../kernel/scope.ts';
import type { DeviceProblem } from '../../room/state.ts';
import type { V4l2Ctl } from './v4l2-ctl.ts';
import { parseCurrentInput, parseDvTimings, parseInputs } from './v4l2-text.ts';

export type ContentSignal = 'ok' | 'no-signal' | 'no-lock' | 'no-power' | 'protected';

/** linux/videodev2.h, V4L2_IN_ST_…: the worst first, since one lock or the other is missing, too, where there is no signal. */
const STATUS: readonly (readonly [bits: number, signal: ContentSignal])[] = [
  [0x03000000, 'protected'], // MACROVISION, NO_ACCESS
  [0x00000001, 'no-power'],
  [0x00000002, 'no-signal'],
  [0x00070d00, 'no-lock'] // NO_H_LOCK, NO_V_LOCK, NO_STD_LOCK, NO_SYNC, NO_EQU, NO_CARRIER
];

/** What VIDIOC_QUERY_DV_TIMINGS fails with (linux kernel documentation, "ioctl VIDIOC_G_DV_TIMINGS"), in the system's words: ENOLINK, ENOLCK, ERANGE. */
const TIMINGS_FAILURE: ReadonlyMap<string, ContentSignal> = new Map([
  ['Link has been severed', 'no-signal'],
  ['No locks available', 'no-lock'],
  ['Numerical result out of range', 'no-lock']
]);

const PROBLEMS: Readonly<Record<Exclude<ContentSignal, 'ok'>, DeviceProblem>> = {
  'no-signal': { code: 'CL_DEVICE_NO_SIGNAL', text: 'The capture input has no signal: see the cable and the laptop.' },
  'no-lock': { code: 'CL_DEVICE_NO_SIGNAL', text: 'The capture input cannot follow the signal: choose another resolution at the laptop.' },
  'no-power': { code: 'CL_DEVICE_NO_SIGNAL', text: 'What is connected to the capture input is switched off.' },
  protected: { code: 'CL_DEVICE_PROTECTED', text: 'What is connected to the capture input is copy-protected (HDCP) and cannot be shared.' }
};

/** Of what v4l2-ctl prints for SIGNAL_ARGS; null where the driver does not tell, as those of most USB adapters do not. */
export function signalOf(text: string): ContentSignal | null {
  const current = parseCurrentInput(text);
  const input = parseInputs(text).find(({ number }) => number === current);
  const told = STATUS.find(([bits]) => ((input?.status ?? 0) & bits) !== 0);
  if (told !== undefined) return told[1];
  const timings = parseDvTimings(text);
  if (timings !== null && 'failed' in timings) return TIMINGS_FAILURE.get(timings.failed) ?? (input?.hasDvTimings === true ? 'ok' : null);
  // Some drivers find a picture of nothing where there is no signal.
  return timings === null ? null : timings.width > 0 ? 'ok' : 'no-signal';
}

/** One run of the program. The last fails while another has the device open, with some drivers, and on a webcam always. */
const SIGNAL_ARGS = ['--list-inputs', '--get-input', '--query-dv-timings'];
const PERIOD_MS = 2_000;

export type SignalState = { readonly signal: ContentSignal | null; readonly problem: DeviceProblem | null };

export type SignalWatch = EventSource<{ readonly changed: readonly [] }> &
  AsyncDisposable & {
    start(signal: AbortSignal): Promise<void>;
    /** While it is watched, `changed` tells of each change. */
    setWatched(watched: boolean): void;
    /** As it is now, or was within the last two seconds. Never rejects: a device that cannot be asked is a problem. */
    look(): Promise<SignalState>;
    /** As it was when somebody last looked. */
    state(): SignalState;
  };

export function createSignalWatch({ ctl, clock, log }: { readonly ctl: V4l2Ctl; readonly clock: Clock; readonly log: Log }): SignalWatch {
  const scope = new Scope();
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('A listener to a capture input failed', { error: String(error) }));
  let now: SignalState = { signal: null, problem: null };
  let lookedMs = -Infinity;
  let looking: Promise<SignalState> | null = null;
  let watched = false;

  const become = (next: SignalState): void => {
    const same = next.signal === now.signal && next.problem?.code === now.problem?.code && next.problem?.text === now.problem?.text;
    now = next;
    if (!same) events.emit('changed');
  };
  const ask = async (): Promise<SignalState> => {
    try {
      const { stdout, stderr } = await ctl(SIGNAL_ARGS);
      const signal = signalOf(`${stdout}\n${stderr}`);
      become({ signal, problem: signal === null || signal === 'ok' ? null : PROBLEMS[signal] });
    } catch (error) {
      const { code, message } = asCloisterError(error, 'CL_DEVICE_OPEN');
      become({ signal: null, problem: { code, text: message } });
    }
    return now;
  };
  const look = async (): Promise<SignalState> => {
    if (looking !== null) return looking;
    if (clock.monotonicMs() - lookedMs < PERIOD_MS) return now;
    lookedMs = clock.monotonicMs();
    looking = ask();
    try {
      return await looking;
    } finally {
      looking = null;
    }
  };

  return {
    on: events.on,
    async start(signal) {
      if (signal.aborted) return;
      scope.every(clock, PERIOD_MS, () => {
        if (watched) void look();
      });
    },
    setWatched(next) {
      watched = next;
      if (watched) void look();
    },
    look,
    state: () => now,
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]()
  };
}
