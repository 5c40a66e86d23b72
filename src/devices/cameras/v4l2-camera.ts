// A camera's controls by V4L2: pan, tilt, zoom, focus, exposure, white balance, backlight, and whether its shutter is closed.
// Invariants: controls are found by their number (linux/v4l2-controls.h), since kernels name them differently; a camera that has positions only is
// moved by steps; it is asked about its shutter in a call alone, every two seconds.
import type { Clock } from '../../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Log } from '../../kernel/log.ts';
import { Scope } from '../../kernel/scope.ts';
import type { CameraState } from '../port.ts';
import {
  CAMERA_AXES,
  type CameraAxis,
  type CameraCapabilities,
  type CameraControl,
  type CameraControlName,
  type CameraPosition,
  type CameraSpeeds,
  type ControlAbility,
  type ControlUnit,
  checkPosition,
  checkSpeeds,
  checkValue,
  createHeldMove,
  refused
} from './camera-control.ts';
import type { V4l2Ctl } from './v4l2-ctl.ts';
import { parseControls, parseValues, type V4l2Control } from './v4l2-text.ts';

/** V4L2_CID_PRIVACY */
const PRIVACY = 0x009a0910;

type ValueControl = { readonly id: number; readonly unit: ControlUnit; readonly automatic?: number };

/** V4L2_CID_PAN_ABSOLUTE and so on; `automatic`: the control that leaves it to the camera. */
const VALUES: Readonly<Record<CameraControlName, ValueControl>> = {
  pan: { id: 0x009a0908, unit: 'arc-seconds' },
  tilt: { id: 0x009a0909, unit: 'arc-seconds' },
  zoom: { id: 0x009a090d, unit: 'device' },
  focus: { id: 0x009a090a, unit: 'device', automatic: 0x009a090c },
  exposure: { id: 0x009a0902, unit: '100 µs', automatic: 0x009a0901 },
  'white-balance': { id: 0x0098091a, unit: 'kelvin', automatic: 0x0098090c },
  backlight: { id: 0x0098091c, unit: 'device' }
};
const NAMES = Object.keys(VALUES).filter((name): name is CameraControlName => Object.hasOwn(VALUES, name));

/** V4L2_CID_PAN_SPEED, V4L2_CID_TILT_SPEED, V4L2_CID_ZOOM_CONTINUOUS: 0 stops. */
const SPEEDS: Readonly<Partial<Record<CameraAxis, number>>> = { pan: 0x009a0920, tilt: 0x009a0921, zoom: 0x009a090f };

/** V4L2_EXPOSURE_AUTO to V4L2_EXPOSURE_APERTURE_PRIORITY. A webcam's automatic is the last, since its iris does not move. */
const EXPOSURE_MODE = 0x009a0901;
const EXPOSURE = { auto: 0, manual: 1, aperturePriority: 3 };

/** From one end to the other at full speed takes this long where only positions can be told. */
const CROSSING_MS = 6_000;
const STEP_MS = 200;
const SHUTTER_MS = 2_000;

type Controls = ReadonlyMap<number, V4l2Control>;

export function createV4l2Camera({ ctl, clock, log }: { readonly ctl: V4l2Ctl; readonly clock: Clock; readonly log: Log }): CameraControl {
  const scope = new Scope();
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('A listener to a camera failed', { error: String(error) }));
  let controls: Controls | null = null;
  let now: CameraState = { shutter: null, problem: null };
  let inCall = false;
  let looking = false;
  /** Counts movements, so that the steps of one that was replaced end. */
  let movement = 0;
  let turn: Promise<void> = Promise.resolve();
  const settings = new Map<CameraControlName, number>();

  const become = (next: CameraState): void => {
    if (next.shutter === now.shutter && next.problem?.code === now.problem?.code && next.problem?.text === now.problem?.text) return;
    now = next;
    events.emit('changed');
  };
  /** A failure of the device is its problem; a value that it does not take is the caller's. */
  const run: V4l2Ctl = async (args) => {
    try {
      const output = await ctl(args);
      become({ ...now, problem: null });
      return output;
    } catch (error) {
      const { code, message } = asCloisterError(error, 'CL_DEVICE_OPEN');
      controls = null;
      become({ shutter: null, problem: { code, text: message } });
      throw error;
    }
  };
  const read = async (): Promise<Controls> => {
    const { stdout } = await run(['--list-ctrls-menus']);
    controls = new Map(parseControls(stdout).map((control) => [control.id, control]));
    return controls;
  };
  let reading: Promise<Controls> | null = null;
  /** Many may want to know at once. */
  const known = async (): Promise<Controls> => {
    if (controls !== null) return controls;
    reading ??= read().finally(() => {
      reading = null;
    });
    return reading;
  };
  const write = async (values: readonly (readonly [V4l2Control, number])[]): Promise<void> => {
    if (values.length === 0) return;
    const { status, stdout, stderr } = await run(['-c', values.map(([control, value]) => `${control.name}=${value}`).join(',')]);
    if (status === 0) return;
    controls = null;
    throw new CloisterError(
      'CL_DEVICE_CONTROL',
      `the camera did not take ${values.map(([control]) => control.name).join(', ')}: ${reasonOf(`${stdout}\n${stderr}`)}`
    );
  };
  const values = async (wanted: readonly V4l2Control[]): Promise<ReadonlyMap<string, number>> => {
    if (wanted.length === 0) return new Map();
    return parseValues((await run(['-C', wanted.map(({ name }) => name).join(',')])).stdout);
  };
  const position = async (): Promise<CameraPosition> => {
    const have = await known();
    const axes = CAMERA_AXES.flatMap((axis) => usable(have, VALUES[axis].id).map((control) => ({ axis, control })));
    const autofocus = usable(have, VALUES.focus.automatic);
    const told = await values([...axes.map(({ control }) => control), ...autofocus]);
    const byItself = autofocus.some(({ name }) => told.get(name) === 1);
    const found: Partial<Record<CameraAxis, number>> = {};
    for (const { axis, control } of axes) {
      const value = told.get(control.name);
      if (value !== undefined && !(axis === 'focus' && byItself)) found[axis] = value;
    }
    return found;
  };
  /** A camera that focuses by itself takes no focus. */
  const focusByHand = async (have: Controls): Promise<void> => write(writable(have, VALUES.focus.automatic).map((control) => [control, 0]));
  const moveTo = async (have: Controls, wanted: CameraPosition): Promise<void> => {
    if (wanted.focus !== undefined) await focusByHand(have);
    // Pan and tilt are one control of a USB camera (UVC 1.5 section 4.2.2.1.14): told together, they are one movement.
    await write(CAMERA_AXES.flatMap((axis) => usable(have, VALUES[axis].id).flatMap((control) => pairOf(control, wanted[axis]))));
  };

  /** One after the other: what was replaced before its turn is not told, so that a stop waits for one at most. */
  const inTurn = (isNewest: () => boolean, work: () => Promise<void>): Promise<void> => {
    const mine = turn.then(() => (isNewest() ? work() : undefined));
    turn = mine.catch(() => {});
    return mine;
  };
  const instead = (work: (isNewest: () => boolean, mine: number) => Promise<void>): Promise<void> => {
    movement += 1;
    const mine = movement;
    const isNewest = (): boolean => movement === mine;
    return inTurn(isNewest, () => work(isNewest, mine));
  };
  const stopNow = (): Promise<void> =>
    instead(async () => {
      const have = await known();
      await write(speedControls(have).map(({ control }) => [control, 0]));
    });
  const held = createHeldMove(clock, stopNow);
  scope.own(async () => {
    if (held.end()) await stopNow().catch(() => {});
  });

  const stepAlong = async (mine: number, speeds: CameraSpeeds, have: Controls): Promise<void> => {
    const axes = CAMERA_AXES.flatMap((axis) => stepper(have, axis, speeds[axis] ?? 0));
    if (axes.length === 0) return;
    const at = await position();
    const exact = axes.map(({ axis, control, perMs }) => ({ control, perMs, at: at[axis] ?? control.default ?? 0 }));
    let lastMs = clock.monotonicMs();
    const step = async (): Promise<void> => {
      if (movement !== mine || scope.closed) return;
      const passedMs = clock.monotonicMs() - lastMs;
      lastMs += passedMs;
      for (const one of exact) one.at = Math.min(one.control.max ?? one.at, Math.max(one.control.min ?? one.at, one.at + one.perMs * passedMs));
      try {
        await write(exact.map(({ control, at: value }) => [control, onStep(control, value)]));
      } catch (error) {
        log.warn('A camera stopped on its way', { code: asCloisterError(error).code });
        return;
      }
      scope.schedule(clock, STEP_MS, step);
    };
    scope.schedule(clock, STEP_MS, step);
  };

  const lookAtShutter = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    try {
      const [privacy] = usable(await known(), PRIVACY);
      const closed = privacy === undefined ? undefined : (await values([privacy])).get(privacy.name);
      if (inCall && closed !== undefined) become({ ...now, shutter: closed === 0 ? 'open' : 'closed' });
    } catch {
      // What is wrong is in the state.
    } finally {
      looking = false;
    }
  };

  return {
    on: events.on,
    async start(signal) {
      if (signal.aborted) return;
      await read().catch((error: unknown) => log.warn('A camera’s controls cannot be read', { code: asCloisterError(error).code }));
      scope.every(clock, SHUTTER_MS, () => {
        if (inCall) void lookAtShutter();
      });
    },
    state: () => now,
    setInCall(next) {
      if (inCall === next) return;
      inCall = next;
      if (inCall) void lookAtShutter();
      else become({ ...now, shutter: null });
    },
    async capabilities() {
      return capabilitiesOf(await read());
    },
    async move(speeds, hold = {}) {
      const have = await known();
      checkSpeeds(capabilitiesOf(have), speeds);
      if (hold.signal?.aborted) return;
      held.begin(hold);
      await instead(async (isNewest, mine) => {
        if ((speeds.focus ?? 0) !== 0) await focusByHand(have);
        if (isNewest()) await write(speedControls(have).map(({ axis, control }) => [control, speedValue(control, speeds[axis] ?? 0)]));
        if (isNewest()) await stepAlong(mine, speeds, have);
      });
    },
    async stop() {
      held.end();
      await stopNow();
    },
    async moveTo(wanted) {
      const have = await known();
      checkPosition(capabilitiesOf(have), wanted);
      held.end();
      await instead(() => moveTo(have, wanted));
    },
    position,
    async set(name, value) {
      const have = await known();
      checkValue(capabilitiesOf(have), name, value);
      const automatic = usable(have, VALUES[name].automatic).map((control) => [control, automaticValue(control, value === 'auto')] as const);
      const mine = (settings.get(name) ?? 0) + 1;
      settings.set(name, mine);
      await inTurn(
        () => settings.get(name) === mine,
        async () => {
          await write(automatic);
          if (value !== 'auto') await write(usable(have, VALUES[name].id).map((control) => [control, value]));
        }
      );
    },
    async home() {
      const places = homeOf(await known());
      if (places.length === 0) throw refused('this camera cannot be moved');
      held.end();
      await instead(() => write(places));
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]()
  };
}

/** A list of one or none. Disabled ones are there in name only (V4L2_CTRL_FLAG_DISABLED); inactive ones are, while something else decides. */
function usable(have: Controls, id: number | undefined): readonly V4l2Control[] {
  const control = id === undefined ? undefined : have.get(id);
  return control === undefined || control.flags.includes('disabled') ? [] : [control];
}

const writable = (have: Controls, id: number | undefined): readonly V4l2Control[] => usable(have, id).filter(({ flags }) => !flags.includes('read-only'));

function capabilitiesOf(have: Controls): CameraCapabilities {
  const controls: Partial<Record<CameraControlName, ControlAbility>> = {};
  for (const name of NAMES) {
    const { id, unit, automatic } = VALUES[name];
    const [value] = writable(have, id);
    const auto = writable(have, automatic).length > 0;
    const range = value === undefined || value.min === null || value.max === null ? null : { min: value.min, max: value.max, step: value.step ?? 1, unit };
    if (range !== null || auto) controls[name] = { range, auto };
  }
  return {
    controls,
    moves: CAMERA_AXES.filter((axis) => (controls[axis]?.range ?? null) !== null || speedControls(have).some((speed) => speed.axis === axis)),
    home: homeOf(have).length > 0,
    privacy: usable(have, PRIVACY).length > 0
  };
}

/**
 * Those by which it can be moved both ways. uvcvideo of Linux 6.1 gives the slowest speed of a camera as the least one (-1 to 24) and does not take what
 * is less: such an axis goes by steps, where it has positions.
 */
function speedControls(have: Controls): readonly { readonly axis: CameraAxis; readonly control: V4l2Control }[] {
  return CAMERA_AXES.flatMap((axis) => {
    const hasPositions = writable(have, VALUES[axis].id).length > 0;
    return writable(have, SPEEDS[axis])
      .filter(({ min, max }) => (min ?? 0) < 0 && (max ?? 0) > 0 && (!hasPositions || -2 * (min ?? 0) >= (max ?? 0)))
      .map((control) => ({ axis, control }));
  });
}

function speedValue({ min, max }: V4l2Control, speed: number): number {
  if (speed === 0) return 0;
  return Math.sign(speed) * Math.max(1, Math.round(Math.abs(speed * ((speed < 0 ? min : max) ?? 1))));
}

function stepper(
  have: Controls,
  axis: CameraAxis,
  speed: number
): readonly { readonly axis: CameraAxis; readonly control: V4l2Control; readonly perMs: number }[] {
  if (speed === 0 || speedControls(have).some((known) => known.axis === axis)) return [];
  // V4L2 counts focus from far to near.
  const signed = axis === 'focus' ? -speed : speed;
  return writable(have, VALUES[axis].id).map((control) => ({ axis, control, perMs: (signed * ((control.max ?? 0) - (control.min ?? 0))) / CROSSING_MS }));
}

function onStep({ min, max, step }: V4l2Control, value: number): number {
  const [from, size] = [min ?? 0, step ?? 1];
  return Math.min(max ?? value, from + Math.round((value - from) / Math.max(1, size)) * Math.max(1, size));
}

function homeOf(have: Controls): readonly (readonly [V4l2Control, number])[] {
  const middle = (['pan', 'tilt'] as const).flatMap((axis) =>
    writable(have, VALUES[axis].id).flatMap((control) => pairOf(control, control.default ?? undefined))
  );
  return [...middle, ...writable(have, VALUES.zoom.id).flatMap((control) => pairOf(control, control.min ?? undefined))];
}

function automaticValue({ id, menu }: V4l2Control, on: boolean): number {
  if (id !== EXPOSURE_MODE) return on ? 1 : 0;
  if (!on) return EXPOSURE.manual;
  return menu.includes(EXPOSURE.aperturePriority) ? EXPOSURE.aperturePriority : EXPOSURE.auto;
}

const pairOf = (control: V4l2Control, value: number | undefined): readonly (readonly [V4l2Control, number])[] =>
  value === undefined ? [] : [[control, value]];

/** The system's words, such as "Input/output error". */
function reasonOf(output: string): string {
  return /failed: ([\w ()/-]{1,80})$/m.exec(output)?.[1] ?? 'it does not say why';
}
