import assert from 'node:assert/strict';
import { LAYOUTS } from '../../../src/kernel/panel-choices.ts';
import { ARRANGEMENTS, OWN_IN_THE_CORNER } from '../../../src/ui/display/content-layout.ts';

/** Of the display, in rem. */
const WIDTH = 120;
const HEIGHT = 67.5;
/** A name has up to three lines. */
const NAME_HEIGHT = 13;

const rem = (length: string): number | null => (length === 'auto' ? null : Number(/^([0-9.]+)rem$/.exec(length)?.[1]));

type Box = (typeof ARRANGEMENTS)['content']['camera'];

function edges({ top, insetInlineStart, insetInlineEnd, width, height }: Box) {
  const wide = rem(width) ?? Number.NaN;
  const start = rem(insetInlineStart) ?? WIDTH - wide - (rem(insetInlineEnd) ?? Number.NaN);
  const above = rem(top) ?? Number.NaN;
  return { start, end: start + wide, top: above, bottom: above + (rem(height) ?? NAME_HEIGHT) };
}

describe('the display’s layouts', () => {
  for (const layout of LAYOUTS) {
    it(`${layout}: nothing lies over anything else, nor beyond the edges`, () => {
      const boxes = Object.entries(ARRANGEMENTS[layout]).map(([name, box]) => ({ name, ...edges(box) }));
      for (const { name, start, end, top, bottom } of boxes) {
        // Above are the shield and what is switched off, below is the code.
        assert.ok(start >= 2.5 && end <= WIDTH - 2.5 && top >= 8 && bottom <= HEIGHT - 5, `${name}: ${start}–${end}, ${top}–${bottom}`);
      }
      for (const [index, one] of boxes.entries()) {
        for (const other of boxes.slice(index + 1)) {
          const apart = one.end <= other.start || other.end <= one.start || one.bottom <= other.top || other.bottom <= one.top;
          assert.ok(apart, `${one.name} and ${other.name}`);
        }
      }
    });

    it(`${layout}: pictures are sixteen to nine`, () => {
      const { camera, screen, own } = ARRANGEMENTS[layout];
      for (const box of [camera, screen, own, OWN_IN_THE_CORNER]) assert.ok(Math.abs((rem(box.width) ?? 0) / (rem(box.height) ?? 1) - 16 / 9) < 0.001);
    });
  }

  it('differ in what is large', () => {
    const area = (box: Box): number => (rem(box.width) ?? 0) * (rem(box.height) ?? 0);
    const { content, speaker } = ARRANGEMENTS;
    assert.ok(area(content.screen) > area(content.camera));
    assert.ok(area(speaker.camera) > area(speaker.screen));
    assert.equal(area(ARRANGEMENTS['side-by-side'].camera), area(ARRANGEMENTS['side-by-side'].screen));
  });
});
