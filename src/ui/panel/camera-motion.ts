// Moves a camera for as long as a finger holds. Each word to the camera holds for a short time only and is said again, so that a camera stops by
// itself when the panel is gone; the last word is always stop, and it is never overtaken by a move that is still under way.
import type { Clock } from '../../kernel/clock.ts';
import type { CameraCommand } from '../../ui-server/port.ts';

export type Direction = { readonly pan: number; readonly tilt: number; readonly zoom: number };

/** Each move holds twice as long as until it is said again. */
const HOLDS_MS = 800;
const AGAIN_MS = 400;

type CameraMotionOptions = {
  /** False where the camera refused. */
  readonly send: (command: CameraCommand) => Promise<boolean>;
  readonly clock: Pick<Clock, 'schedule'>;
};

export type CameraMotion = {
  start(direction: Direction): void;
  stop(): void;
};

export function createCameraMotion({ send, clock }: CameraMotionOptions): CameraMotion {
  let wanted: Direction | null = null;
  let driving = false;
  let wake: (() => void) | null = null;

  const rest = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = clock.schedule(AGAIN_MS, resolve);
      wake = () => {
        timer.cancel();
        resolve();
      };
    });

  async function drive(): Promise<void> {
    driving = true;
    while (wanted !== null) {
      const moving: Direction = wanted;
      const { pan, tilt, zoom } = moving;
      const moved = await send({ type: 'move', pan, tilt, zoom, focus: 0, forMs: HOLDS_MS });
      if (!moved) wanted = null;
      else if (wanted === moving) await rest();
      // A finger that came back meanwhile goes on with the next move.
      if (wanted === null) await send({ type: 'stop' });
    }
    driving = false;
  }

  return {
    start(direction) {
      wanted = direction;
      wake?.();
      if (!driving) void drive();
    },
    stop() {
      wanted = null;
      wake?.();
    }
  };
}
