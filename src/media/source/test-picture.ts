// Draws the test picture: it says that it is one, names the room, shows a running clock and a moving bar, and has a colour of the room's
// name. Pure drawing into planes of YUV 4:2:0; the background is drawn once, each frame redraws only what changed.
import { GLYPH_COLUMNS, GLYPH_ROWS, glyphs } from './bitmap-font.ts';

/** The three planes of one frame with their strides in bytes; sides are even. */
export type Planes = {
  readonly width: number;
  readonly height: number;
  readonly data: readonly [Uint8Array, Uint8Array, Uint8Array];
  readonly strides: readonly [number, number, number];
};

export type TestPicture = {
  /** Once per buffer. */
  drawBackground(planes: Planes): void;
  /**
   * Draws what moves, over what this picture drew before into the same buffer.
   * @param elapsedMs since the picture began
   * @param wall what the clock shows
   */
  drawChanges(planes: Planes, elapsedMs: number, wall: Date): void;
};

const TITLE = 'TEST PICTURE';
const DARK = 52;
const LIGHT = 235;
const BAR_PERIOD_MS = 4000;
const MAX_NAME = 32;

export type Rectangle = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };

const even = (value: number): number => Math.floor(value / 2) * 2;

/** Base hue of a room's name, degrees (FNV-1a). */
export function hueOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % 360;
}

export function fillLuma(planes: Planes, area: Rectangle, value: number): void {
  const [luma] = planes.data;
  const [stride] = planes.strides;
  for (let y = area.y; y < area.y + area.height; y++) luma.fill(value, y * stride + area.x, y * stride + area.x + area.width);
}

/** @param dot size of a dot of the font in pixels */
export function drawText(planes: Planes, text: string, x: number, y: number, dot: number, luma = LIGHT): void {
  glyphs(text).forEach((rows, index) => {
    rows.forEach((bits, row) => {
      for (let column = 0; column < GLYPH_COLUMNS; column++) {
        if ((bits >> (GLYPH_COLUMNS - 1 - column)) & 1) {
          fillLuma(planes, { x: x + (index * (GLYPH_COLUMNS + 1) + column) * dot, y: y + row * dot, width: dot, height: dot }, luma);
        }
      }
    });
  });
}

/** A line of text in the middle of the picture, as large as `maxDot` and the width allow. */
export function layLine(text: string, width: number, y: number, maxDot: number): { readonly area: Rectangle; readonly dot: number } {
  const columns = Math.max(1, Array.from(text).length * (GLYPH_COLUMNS + 1) - 1);
  const dot = Math.max(1, Math.min(maxDot, Math.floor((width * 0.92) / columns)));
  const lineWidth = Math.min(width, columns * dot);
  return { area: { x: Math.floor((width - lineWidth) / 2), y, width: lineWidth, height: GLYPH_ROWS * dot }, dot };
}

/** A name as it is drawn: no more of it than a picture of this width has room for. */
export const plainName = (name: string, width: number): string =>
  Array.from(name.normalize('NFC'))
    .slice(0, Math.min(MAX_NAME, Math.floor((width * 0.92) / (GLYPH_COLUMNS + 1))))
    .join('');

const two = (value: number): string => String(value).padStart(2, '0');
const clockText = (wall: Date): string =>
  `${two(wall.getHours())}:${two(wall.getMinutes())}:${two(wall.getSeconds())}.${Math.floor(wall.getMilliseconds() / 100)}`;

/** @param width even, at least 160; @param height even, at least 90 */
export function createTestPicture(roomName: string, width: number, height: number): TestPicture {
  const maxDot = Math.max(1, Math.floor(height / 60));
  const name = plainName(roomName, width);
  const title = layLine(TITLE, width, Math.floor(height * 0.14), maxDot);
  const room = layLine(name, width, Math.floor(height * 0.36), maxDot);
  const clock = layLine('00:00:00.0', width, Math.floor(height * 0.58), maxDot);
  const track: Rectangle = { x: 0, y: even(height * 0.84), width, height: even(height * 0.06) };
  const barWidth = even(width / 10);
  // What was drawn into which buffer last, so that only the difference is drawn.
  const drawn = new WeakMap<Uint8Array, { clock: string; bar: number }>();

  function drawBackground(planes: Planes): void {
    const hue = (hueOf(roomName) * Math.PI) / 180;
    fillLuma(planes, { x: 0, y: 0, width, height }, DARK);
    planes.data[1].fill(Math.round(128 + 56 * Math.cos(hue)));
    planes.data[2].fill(Math.round(128 + 56 * Math.sin(hue)));
    fillLuma(planes, track, DARK - 24);
    drawText(planes, TITLE, title.area.x, title.area.y, title.dot);
    drawText(planes, name, room.area.x, room.area.y, room.dot);
    drawn.delete(planes.data[0]);
  }

  function drawChanges(planes: Planes, elapsedMs: number, wall: Date): void {
    const before = drawn.get(planes.data[0]);
    const text = clockText(wall);
    if (text !== before?.clock) {
      fillLuma(planes, clock.area, DARK);
      drawText(planes, text, clock.area.x, clock.area.y, clock.dot);
    }
    const phase = (elapsedMs % BAR_PERIOD_MS) / BAR_PERIOD_MS; // to the right and back
    const bar = Math.round((phase < 0.5 ? phase * 2 : 2 - phase * 2) * (width - barWidth));
    if (bar !== before?.bar) {
      if (before !== undefined) fillLuma(planes, { ...track, x: before.bar, width: barWidth }, DARK - 24);
      fillLuma(planes, { ...track, x: bar, width: barWidth }, LIGHT);
    }
    drawn.set(planes.data[0], { clock: text, bar });
  }

  return { drawBackground, drawChanges };
}
