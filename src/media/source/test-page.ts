// Draws the test page that can be shared: black text on white as small as people still read on a shared screen, and one line that changes
// every second. Pure drawing into planes of YUV 4:2:0. The same page at the same second is the same picture, so that readability can be measured.
import { GLYPH_COLUMNS, GLYPH_ROWS } from './bitmap-font.ts';
import { drawText, fillLuma, type Planes, type TestPicture } from './test-picture.ts';

const PAPER = 235;
const INK = 16;
const NEUTRAL = 128;
const TITLE = 'TEST PAGE';
const WORDS =
  'The quick brown fox jumps over the lazy dog while 12 wizards mix 34 jugs of liquid; total = 5678.90 (see page 42). Pack my box with five dozen jars!'.split(
    ' '
  );
/** A page is turned this often: everything on it changes at once, as when slides are shown. */
const PAGE_MS = 20_000;

/** Lines of text that fill `columns`, another text for each page. */
function linesOf(page: number, columns: number, count: number): string[] {
  const lines: string[] = [];
  let word = page * 7;
  while (lines.length < count) {
    let line = '';
    for (;;) {
      const next = WORDS[word % WORDS.length] ?? '';
      if (line.length + 1 + next.length > columns) break;
      line += `${line === '' ? '' : ' '}${next}`;
      word += 1;
    }
    lines.push(line);
  }
  return lines;
}

/** @param width even, at least 160; @param height even, at least 90 */
export function createTestPage(width: number, height: number): TestPicture {
  // Two pixels at 1080p: letters of 10 by 14 pixels.
  const dot = Math.max(1, Math.round(height / 540));
  const lineHeight = dot * (GLYPH_ROWS + 3);
  const margin = dot * 12;
  const columns = Math.max(1, Math.floor((width - 2 * margin) / (dot * (GLYPH_COLUMNS + 1))));
  const rows = Math.max(3, Math.floor((height - 2 * margin) / lineHeight));
  // What was drawn into which buffer last.
  const drawn = new WeakMap<Uint8Array, { page: number; second: number }>();
  const line = (planes: Planes, text: string, row: number): void => drawText(planes, text.slice(0, columns), margin, margin + row * lineHeight, dot, INK);

  function drawPage(planes: Planes, page: number): void {
    fillLuma(planes, { x: 0, y: 0, width, height }, PAPER);
    for (const [index, text] of linesOf(page, columns, rows - 3).entries()) line(planes, text, index + 3);
  }

  return {
    drawBackground(planes) {
      planes.data[1].fill(NEUTRAL);
      planes.data[2].fill(NEUTRAL);
      drawn.delete(planes.data[0]);
    },
    drawChanges(planes, elapsedMs) {
      const before = drawn.get(planes.data[0]);
      const page = Math.floor(elapsedMs / PAGE_MS);
      const second = Math.floor(elapsedMs / 1000);
      if (page !== before?.page) drawPage(planes, page);
      else if (second === before.second) return;
      fillLuma(planes, { x: margin, y: margin, width: width - 2 * margin, height: lineHeight }, PAPER);
      line(planes, `${TITLE} ${page + 1}, second ${second}`, 0);
      drawn.set(planes.data[0], { page, second });
    }
  };
}
