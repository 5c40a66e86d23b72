// The port to a camera that can be moved and adjusted, and what holds for every such camera: V4L2 (v4l2-camera.ts) and VISCA over IP (visca-camera.ts).
// Invariants: a value outside its range never reaches the camera; a camera that was told to move is told to stop, by its caller's word, his leaving,
// or after ten seconds, whichever is first, and again until it took it.
import type { Clock, Timer } from '../../kernel/clock.ts';
import { CloisterError } from '../../kernel/errors.ts';
import type { EventSource } from '../../kernel/events.ts';
import type { CameraState } from '../port.ts';

export const CAMERA_AXES = ['pan', 'tilt', 'zoom', 'focus'] as const;
export type CameraAxis = (typeof CAMERA_AXES)[number];

export const CAMERA_CONTROLS = [...CAMERA_AXES, 'exposure', 'white-balance', 'backlight'] as const;
export type CameraControlName = (typeof CAMERA_CONTROLS)[number];

/** `device`: steps whose size only the camera's maker knows. Compensation: steps of the exposure that the camera chose itself. */
export type ControlUnit = 'arc-seconds' | 'device' | '100 µs' | 'kelvin' | 'compensation';

export type ControlAbility = {
  /** Null: it can be left to the camera, and nothing else. */
  readonly range: { readonly min: number; readonly max: number; readonly step: number; readonly unit: ControlUnit } | null;
  /** The camera can do it by itself. */
  readonly auto: boolean;
};

export type CameraCapabilities = {
  readonly controls: Readonly<Partial<Record<CameraControlName, ControlAbility>>>;
  /** Along which it can be moved for as long as somebody wants. */
  readonly moves: readonly CameraAxis[];
  readonly home: boolean;
  /** It tells whether its shutter is closed. */
  readonly privacy: boolean;
};

/** Right, up, in (tele) and far are positive: −1 to 1 of the camera's own fastest. What is left out stands still. */
export type CameraSpeeds = Readonly<Partial<Record<CameraAxis, number>>>;

/** What is left out stays, or is not known. `focus` is left out while the camera focuses by itself. */
export type CameraPosition = Readonly<Partial<Record<CameraAxis, number>>>;

/** Until when a move is wanted: no longer than ten seconds, and not when who wants it is gone. */
export type MoveHold = { readonly forMs?: number; readonly signal?: AbortSignal };

/**
 * One camera. All that ask or tell it something reject with a CloisterError: CL_DEVICE_CONTROL (it has no such control, or does not take this), CL_DEVICE_UNREACHABLE
 * (network), CL_DEVICE_OPEN, CL_DEVICE_PERMISSION, CL_TOOL_MISSING. They resolve when the camera has taken it, which is before it is there.
 */
export type CameraControl = EventSource<{ readonly changed: readonly [] }> &
  AsyncDisposable & {
    start(signal: AbortSignal): Promise<void>;
    /** As it is now; what cannot be told at the moment is null. */
    state(): CameraState;
    /** Only then is it asked about its shutter: it need not be while nobody looks. */
    setInCall(inCall: boolean): void;
    capabilities(): Promise<CameraCapabilities>;
    /** In place of the movement before it. Ends by itself after ten seconds: who wants more says so again. */
    move(speeds: CameraSpeeds, hold?: MoveHold): Promise<void>;
    stop(): Promise<void>;
    moveTo(position: CameraPosition): Promise<void>;
    position(): Promise<CameraPosition>;
    set(control: CameraControlName, value: number | 'auto'): Promise<void>;
    /** Pan and tilt to where its maker has their middle, and zoom to wide. */
    home(): Promise<void>;
  };

export function refused(text: string): CloisterError {
  return new CloisterError('CL_DEVICE_CONTROL', text);
}

/** @throws CloisterError CL_DEVICE_CONTROL where the camera does not have it, or it is not within the range; steps are left to the camera */
export function checkValue({ controls }: CameraCapabilities, control: CameraControlName, value: number | 'auto'): void {
  const ability = Object.hasOwn(controls, control) ? controls[control] : undefined;
  if (ability === undefined) throw refused(`this camera has no ${control}`);
  if (value === 'auto') {
    if (!ability.auto) throw refused(`this camera does not do its ${control} by itself`);
    return;
  }
  if (ability.range === null) throw refused(`this camera does its ${control} by itself only`);
  const { min, max } = ability.range;
  if (!(Number.isSafeInteger(value) && value >= min && value <= max)) throw refused(`${control} is a whole number from ${min} to ${max}`);
}

/** @throws CloisterError CL_DEVICE_CONTROL */
export function checkPosition(capabilities: CameraCapabilities, position: CameraPosition): void {
  for (const axis of CAMERA_AXES) if (position[axis] !== undefined) checkValue(capabilities, axis, position[axis]);
}

/** @throws CloisterError CL_DEVICE_CONTROL */
export function checkSpeeds({ moves }: CameraCapabilities, speeds: CameraSpeeds): void {
  for (const axis of CAMERA_AXES) {
    const speed = speeds[axis] ?? 0;
    if (!(speed >= -1 && speed <= 1)) throw refused('a speed is a number from -1 to 1');
    if (speed !== 0 && !moves.includes(axis)) throw refused(`this camera cannot be moved along its ${axis}`);
  }
}

const MAX_HOLD_MS = 10_000;
const STOP_AGAIN_MS = 500;
/** A camera that was off for longer than a minute does not turn any more. */
const STOP_TRIES = 120;

export type HeldMove = {
  begin(hold: MoveHold): void;
  /** The camera was told otherwise. @returns whether something was held */
  end(): boolean;
};

/**
 * Sees to it that what was begun ends.
 * @param stop tells the camera, and settles; told again where it rejects
 */
export function createHeldMove(clock: Clock, stop: () => Promise<void>): HeldMove {
  let timer: Timer | null = null;
  let letGo: (() => void) | null = null;
  let holds = 0;
  const end = (): boolean => {
    const held = timer !== null;
    holds += 1;
    timer?.cancel();
    timer = null;
    letGo?.();
    letGo = null;
    return held;
  };
  const over = (tries: number): void => {
    end();
    const mine = holds;
    stop().catch(() => {
      if (holds === mine && tries > 1) timer = clock.schedule(STOP_AGAIN_MS, () => over(tries - 1));
    });
  };
  return {
    begin({ forMs = MAX_HOLD_MS, signal }) {
      end();
      timer = clock.schedule(Math.min(MAX_HOLD_MS, Math.max(0, forMs)), () => over(STOP_TRIES));
      if (signal === undefined) return;
      const gone = (): void => over(STOP_TRIES);
      if (signal.aborted) gone();
      else {
        signal.addEventListener('abort', gone, { once: true });
        letGo = () => signal.removeEventListener('abort', gone);
      }
    },
    end
  };
}
