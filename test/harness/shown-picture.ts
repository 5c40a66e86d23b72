// What stands on the canvas of an own picture (src/ui/shared/own-picture.tsx): a real picture has a spread of brightness, a moving one is never the same twice.
import type { RoomPage } from './browser.ts';

type ShownPicture = {
  readonly width: number;
  /** Of the brightness, green alone; an even picture has next to none. */
  readonly variance: number;
  /** Differs between two different pictures. */
  readonly print: number;
  readonly transform: string;
  readonly visibility: string;
};

/** @returns null where there is no such part, or nothing on it */
export const lookAtPicture = ({ page }: RoomPage, testId: string): Promise<ShownPicture | null> =>
  page.evaluate((part) => {
    const canvas = document.querySelector<HTMLCanvasElement>(`[data-testid="${part}"] canvas`);
    if (canvas === null) return null;
    const context = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
    if (context === null) return null;
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let [sum, squares, print] = [0, 0, 0];
    for (let at = 1; at < data.length; at += 4) {
      const green = data[at] ?? 0;
      sum += green;
      squares += green * green;
      print = (print * 31 + green) % 1_000_003;
    }
    const pixels = data.length / 4;
    const style = getComputedStyle(canvas);
    const variance = squares / pixels - (sum / pixels) ** 2;
    return { width: canvas.width, variance, print, transform: style.transform, visibility: style.visibility };
  }, testId);
