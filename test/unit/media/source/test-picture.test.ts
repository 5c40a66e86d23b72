import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createAwayPicture } from '../../../../src/media/source/away-picture.ts';
import { glyphs } from '../../../../src/media/source/bitmap-font.ts';
import { createTestPicture, hueOf, type Planes } from '../../../../src/media/source/test-picture.ts';

function planesOf(width: number, height: number): Planes {
  const stride = width + 32; // wider than the picture, as FFmpeg aligns it
  return {
    width,
    height,
    data: [new Uint8Array(stride * height), new Uint8Array((stride / 2) * (height / 2)), new Uint8Array((stride / 2) * (height / 2))],
    strides: [stride, stride / 2, stride / 2]
  };
}

/** The lit dots of the luma between two heights, as parts of the height. */
function lit(planes: Planes, from: number, to: number): number {
  let count = 0;
  for (let y = Math.floor(planes.height * from); y < planes.height * to; y++) {
    for (let x = 0; x < planes.width; x++) if ((planes.data[0][y * planes.strides[0] + x] ?? 0) > 200) count++;
  }
  return count;
}

const at = (ms: number): Date => new Date(Date.UTC(2026, 0, 1, 12, 34, 56, ms));
const luma = (planes: Planes): Buffer => Buffer.from(planes.data[0]);

describe('bitmap font', () => {
  it('has a glyph of its own for each printable ASCII character, capitals for letters', () => {
    const box = JSON.stringify(glyphs('\u0001')[0]);
    const seen = new Map<string, string>();
    for (let code = 0x20; code < 0x7f; code++) {
      const character = String.fromCharCode(code).toUpperCase();
      const [rows = []] = glyphs(character);
      assert.equal(rows.length, 7, character);
      assert.ok(
        rows.every((row) => row >= 0 && row <= 31),
        character
      );
      const key = JSON.stringify(rows);
      assert.notEqual(key, box, character);
      assert.equal(seen.get(key) ?? character, character);
      seen.set(key, character);
    }
    assert.deepEqual(glyphs('é'), glyphs('E'));
    assert.deepEqual(glyphs('会'), glyphs('\u0001'));
    assert.deepEqual(glyphs('__proto__').length, 9);
  });
});

describe('test picture', () => {
  it('shows its title, the room and the clock as light dots on a dark ground', () => {
    const planes = planesOf(1280, 720);
    const picture = createTestPicture('Boardroom', 1280, 720);
    picture.drawBackground(planes);
    assert.ok(lit(planes, 0.14, 0.34) > 5000, 'title');
    assert.ok(lit(planes, 0.36, 0.56) > 5000, 'room');
    assert.equal(lit(planes, 0.58, 0.8), 0, 'clock');
    picture.drawChanges(planes, 0, at(0));
    assert.ok(lit(planes, 0.58, 0.8) > 3000, 'clock');
    assert.equal(lit(planes, 0, 0.13), 0);
  });

  it('changes its clock each tenth of a second and moves its bar each frame', () => {
    const planes = planesOf(640, 360);
    const picture = createTestPicture('Room', 640, 360);
    picture.drawBackground(planes);
    const shots = [0, 33, 66, 100].map((ms) => {
      picture.drawChanges(planes, ms, at(ms));
      return { clock: luma(planes).subarray(planes.strides[0] * 200, planes.strides[0] * 290), bar: luma(planes).subarray(planes.strides[0] * 300) };
    });
    const [first, second, , fourth] = shots;
    assert.ok(first && second && fourth);
    assert.deepEqual(first.clock, second.clock);
    assert.notDeepEqual(first.clock, fourth.clock);
    assert.notDeepEqual(first.bar, second.bar);
  });

  it('redraws what changed as if all had been drawn anew, within its planes, for any room name', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ maxLength: 60 })),
        fc.constantFrom([160, 90], [320, 180], [352, 288]),
        fc.array(fc.nat(9000), { minLength: 1, maxLength: 4 }),
        (name, [width = 0, height = 0], times) => {
          const picture = createTestPicture(name, width, height);
          const kept = planesOf(width, height);
          picture.drawBackground(kept);
          for (const ms of times) picture.drawChanges(kept, ms, at(ms));
          const fresh = planesOf(width, height);
          const last = times.at(-1) ?? 0;
          const other = createTestPicture(name, width, height);
          other.drawBackground(fresh);
          other.drawChanges(fresh, last, at(last));
          assert.ok(luma(kept).equals(luma(fresh)));
          // Nothing beside the picture: the lines' padding stays untouched.
          for (let y = 0; y < height; y++) assert.equal(kept.data[0].subarray(y * (width + 32) + width, (y + 1) * (width + 32)).some(Boolean), false);
        }
      ),
      { numRuns: 20 }
    );
  }).timeout(20_000);

  it('has a hue of the room’s name', () => {
    const hues = ['Boardroom', 'Lobby', 'Studio', 'Atrium'].map(hueOf);
    assert.equal(new Set(hues).size, 4);
    const [a, b] = ['Boardroom', 'Lobby'].map((name) => {
      const planes = planesOf(160, 90);
      createTestPicture(name, 160, 90).drawBackground(planes);
      return [planes.data[1][0], planes.data[2][0]];
    });
    assert.notDeepEqual(a, b);
  });
});

describe('away picture', () => {
  it('has its title and the room’s name as dots that are lighter than its even, grey ground, within its planes, for any room name', () => {
    for (const name of ['Boardroom', '', 'x'.repeat(500), '会議室 👋']) {
      for (const [width, height] of [
        [160, 90],
        [1280, 720]
      ] as const) {
        const planes = planesOf(width, height);
        const picture = createAwayPicture(name, width, height);
        picture.drawBackground(planes);
        const drawn = luma(planes);
        assert.ok(lit(planes, 0.38, 0.56) > 100, 'the title');
        assert.equal(lit(planes, 0, 0.38), 0);
        assert.equal(planes.data[0][0], 60);
        for (let y = 0; y < height; y++) assert.equal(planes.data[0][y * planes.strides[0] + width], 0, 'nothing beside the picture');
        picture.drawChanges(planes, 12_345, at(678));
        assert.ok(drawn.equals(luma(planes)), 'it stands still');
        assert.ok([...planes.data[1], ...planes.data[2]].every((value) => value === 128));
      }
    }
  });
});
