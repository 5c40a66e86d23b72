import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { THEMES, type ThemeName } from '../../../src/kernel/panel-choices.ts';
import { palettes, roomThemes, textPairs } from '../../../src/ui/shared/theme.ts';

type Rgb = readonly [number, number, number];

/** A colour over a ground, as it is seen. */
function seenOver(colour: string, ground: Rgb): Rgb {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/.exec(colour);
  if (hex !== null) return [1, 2, 3].map((index) => Number.parseInt(hex[index] ?? '', 16)) as unknown as Rgb;
  const rgba = /^rgba\((\d+), (\d+), (\d+), ([\d.]+)\)$/.exec(colour);
  assert.ok(rgba, `not a colour: ${colour}`);
  const alpha = Number(rgba[4]);
  return [0, 1, 2].map((index) => Number(rgba[index + 1]) * alpha + (ground[index] ?? 0) * (1 - alpha)) as unknown as Rgb;
}

/** WCAG 2.2 "relative luminance" and "contrast ratio". */
function contrast(one: Rgb, other: Rgb): number {
  const luminance = (colour: Rgb): number => {
    const [red, green, blue] = colour.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4)) as unknown as Rgb;
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

/** Where the ground lets a picture shine through, the worst picture is white under a dark theme and black under a light one. */
const worstPicture = (theme: ThemeName): Rgb => (theme === 'light' ? [0, 0, 0] : [255, 255, 255]);

describe('ui/shared/theme', () => {
  it('computes contrasts as WCAG does', () => {
    assert.equal(contrast([0, 0, 0], [255, 255, 255]), 21);
    assert.ok(Math.abs(contrast([119, 119, 119], [255, 255, 255]) - 4.48) < 0.01);
  });

  for (const theme of THEMES) {
    it(`can be read in ${theme}: 4.5:1 for every text on its ground, 3:1 for the edge of a field`, () => {
      const palette = palettes[theme];
      const faults = textPairs.flatMap(([text, ground]) => {
        const seenGround = seenOver(palette[ground], worstPicture(theme));
        const ratio = contrast(seenOver(palette[text], seenGround), seenGround);
        return ratio >= 4.5 ? [] : [`${text} on ${ground}: ${ratio.toFixed(2)}`];
      });
      for (const ground of ['ground', 'card'] as const) {
        const seenGround = seenOver(palette[ground], [0, 0, 0]);
        const ratio = contrast(seenOver(palette.field, seenGround), seenGround);
        if (ratio < 3) faults.push(`field on ${ground}: ${ratio.toFixed(2)}`);
      }
      assert.equal(faults.join('\n'), '');
    });

    it(`hands every colour of ${theme} to the page, and its ground before React runs`, () => {
      for (const [name, colour] of Object.entries(palettes[theme]))
        assert.equal((roomThemes[theme] as unknown as Record<string, string>)[`room-${name}`], colour);
      const css = readFileSync(join(import.meta.dirname, '..', '..', '..', 'src', 'ui', 'shared', 'page.css'), 'utf8');
      assert.ok(css.includes(`background: ${palettes[theme].ground};`));
    });
  }

  it('has edges instead of fills in high contrast, on black', () => {
    const palette = palettes['high-contrast'];
    for (const ground of ['ground', 'card', 'raised', 'brand', 'answer', 'end', 'goodGround', 'warningGround', 'badGround'] as const)
      assert.equal(palette[ground], '#000000');
    for (const edge of ['edge', 'edgeBrand', 'edgeAnswer', 'edgeEnd', 'edgeWarning', 'edgeBad'] as const)
      assert.ok(contrast(seenOver(palette[edge], [0, 0, 0]), [0, 0, 0]) >= 4.5);
  });
});
