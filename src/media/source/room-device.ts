// What the room's camera and its microphone share: which device is in use, what stands in while there is none, and what is told of it.
// Invariant: nothing of a device passes before start(), nor once it was lost, replaced or closed.
import type { Clock } from '../../kernel/clock.ts';
import { type ErrorCode, errorCodes } from '../../kernel/error-codes.ts';
import type { SourceView } from '../../room/state.ts';
import type { DeviceOrder } from '../device-order.ts';
import type { MediaDevice, MediaFailure, SourceChoice } from '../port.ts';
import { devicesFor, NO_DEVICE } from './chosen-devices.ts';
import { createDeviceKeeper, type Held } from './device-keeper.ts';
import { quietFfmpeg } from './quiet-ffmpeg.ts';

/** What the session hands in. */
export type RoomDeviceOptions = {
  readonly choice: SourceChoice;
  readonly devices: DeviceOrder;
  readonly clock: Clock;
  /** `view` is another one, and what comes next is of another picture or sound than what came before; null: no device is in use. */
  onChange(device: MediaDevice | null): void;
  /** It is away, or gives nothing of use; null when it is well again. */
  onProblem(failure: MediaFailure | null): void;
};

export type RoomDeviceParts<S> = {
  readonly kind: 'camera' | 'microphone';
  readonly away: ErrorCode;
  open(device: MediaDevice): Promise<S>;
  /** Where the agent gave no order. */
  find(): Promise<readonly MediaDevice[]>;
  /** From start() on: this device is to give, or the stand-in. */
  show(held: Held<S> | null): void;
};

export type RoomDevice<S> = {
  readonly view: () => SourceView;
  start(): void;
  /** Whether what this device gave may pass. */
  passes(from: Held<S>): boolean;
  lost(held: Held<S>, reason: string): void;
  /** Of the device in use. */
  setProblem(code: ErrorCode | null): void;
  close(): Promise<void>;
};

/** Resolves when a device is open, or when each was tried; null: the agent gave no order, and nothing was found. */
export async function openRoomDevice<S extends { close(): Promise<void> }>(
  options: RoomDeviceOptions,
  parts: RoomDeviceParts<S>
): Promise<RoomDevice<S> | null> {
  quietFfmpeg(); // before an encoder that is opened meanwhile writes
  const { choice, devices, clock } = options;
  const { kind } = parts;
  let held: Held<S> | null = null;
  let name = choice === 'auto' ? NO_DEVICE[kind] : choice;
  let problem: MediaFailure | null = null;
  let state: 'open' | 'started' | 'closed' = 'open';

  async function order(): Promise<readonly MediaDevice[]> {
    const listed = devices.current();
    // What the machine lists has no order of its own: no other one is better than the one that works.
    if (listed === null && held !== null) return [held.device];
    const tried = devicesFor(choice, listed?.[kind] ?? (choice === 'auto' ? await parts.find() : []));
    if (held === null) name = tried[0]?.name ?? name;
    return tried;
  }

  function setProblem(code: ErrorCode | null, why = ''): void {
    if ((problem?.code ?? null) === code) return;
    problem = code && { code, detectedBy: kind, text: `${errorCodes[code].text}${why && ` (${why})`}` };
    if (state === 'started') options.onProblem(problem);
  }

  const keeper = createDeviceKeeper<S>({
    clock,
    order,
    open: parts.open,
    onUse(used, why) {
      if (state === 'closed') return;
      held = used;
      name = used?.device.name ?? name;
      setProblem(used === null ? parts.away : null, why);
      options.onChange(used?.device ?? null);
      if (state === 'started') parts.show(held);
    }
  });
  const unlisten = devices.on('changed', keeper.reconsider);

  async function close(): Promise<void> {
    setProblem(null);
    state = 'closed';
    unlisten();
    await keeper.close();
  }

  await keeper.open();
  if (held === null && choice === 'auto' && devices.current() === null) {
    await close();
    return null;
  }
  return {
    view: () => ({ kind: held === null ? 'away' : 'device', name }),
    start() {
      if (state === 'closed') return;
      state = 'started';
      keeper.expect();
      if (problem !== null) options.onProblem(problem);
      parts.show(held);
    },
    passes(from) {
      if (state === 'closed' || held !== from) return false;
      keeper.gave();
      return true;
    },
    lost: keeper.lost,
    setProblem,
    close
  };
}
