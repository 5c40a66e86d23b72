// The display's pictures in a story: nothing is decoded, the canvases are painted.

import type { DisplayPictures, SlotView } from '../../src/ui/display/display-feeds.ts';
import { noSlots } from '../../src/ui/display/slots.ts';
import { remotesOf } from '../../src/ui/shared/conference.ts';
import type { Story } from '../browser/fixtures/story.ts';

const FRAME = { width: 1280, height: 720 } as const;
/** Of the two other rooms. */
const WALLS = [
  ['#c9b79f', '#6f6556'],
  ['#9fb3c9', '#4c5a6b']
] as const;

export class PaintedFeed implements DisplayPictures {
  readonly #slots: readonly SlotView[];

  constructor({ state }: Story) {
    const calls = state?.call == null ? [] : remotesOf(state.call, state);
    this.#slots = noSlots.map((_, slot) => {
      const call = calls[slot];
      return { call: call?.id ?? null, live: call?.media.video.receiving === true, screenSince: call?.media.screen.receiving === true ? slot : null };
    });
  }

  follow(): void {
    for (const canvas of document.querySelectorAll<HTMLCanvasElement>('canvas[data-of]')) {
      canvas.width = FRAME.width;
      canvas.height = FRAME.height;
      const context = canvas.getContext('2d');
      if (context === null) continue;
      if (canvas.dataset['of'] === 'screen') paintPage(context);
      else paintRoom(context, WALLS[Number(canvas.dataset['slot'])] ?? WALLS[0]);
    }
  }

  setVolume(): void {}

  playTone(): void {}

  readonly subscribe = () => (): void => {};

  readonly view = (): readonly SlotView[] => this.#slots;
}

/** Two people at a table before a window. */
function paintRoom(context: CanvasRenderingContext2D, [light, dark]: readonly [string, string]): void {
  const { width, height } = FRAME;
  const wall = context.createLinearGradient(0, 0, width, height);
  wall.addColorStop(0, light);
  wall.addColorStop(1, dark);
  context.fillStyle = wall;
  context.fillRect(0, 0, width, height);
  const window = context.createLinearGradient(0, 60, 0, 360);
  window.addColorStop(0, '#d8ecff');
  window.addColorStop(1, '#9fc3df');
  context.fillStyle = window;
  context.fillRect(820, 60, 340, 300);
  for (const [x, coat, skin] of [
    [430, '#2f4858', '#c98f6b'],
    [800, '#7a3b46', '#8d5a3c']
  ] as const) {
    context.fillStyle = coat;
    context.beginPath();
    context.ellipse(x, 620, 170, 230, 0, 0, 7);
    context.fill();
    context.fillStyle = skin;
    context.beginPath();
    context.ellipse(x, 310, 82, 105, 0, 0, 7);
    context.fill();
    context.fillStyle = '#231a14';
    context.beginPath();
    context.ellipse(x, 240, 88, 62, 0, 3.1, 6.3);
    context.fill();
  }
  context.fillStyle = '#3b2c21';
  context.fillRect(0, 590, width, 130);
}

/** A page with a heading, lines and bars. */
function paintPage(context: CanvasRenderingContext2D): void {
  const { width, height } = FRAME;
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, width, height);
  context.fillStyle = '#1f3a5f';
  context.fillRect(80, 70, 620, 54);
  context.fillStyle = '#c8ccd2';
  for (let line = 0; line < 6; line += 1) context.fillRect(80, 190 + line * 56, line % 3 === 2 ? 300 : 440, 20);
  for (const [index, value] of [180, 260, 230, 340, 400].entries()) {
    context.fillStyle = index === 4 ? '#d9822b' : '#5b8db8';
    context.fillRect(640 + index * 110, 610 - value, 76, value);
  }
  context.fillStyle = '#1f3a5f';
  context.fillRect(630, 610, 560, 4);
}
