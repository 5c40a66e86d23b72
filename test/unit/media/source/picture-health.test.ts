import assert from 'node:assert/strict';
import { createPictureHealth, type PictureFault, sampleLuma } from '../../../../src/media/source/picture-health.ts';
import { createTestPicture, type Planes } from '../../../../src/media/source/test-picture.ts';

const [WIDTH, HEIGHT, STRIDE] = [320, 180, 352];

/** Same numbers each run. */
function createNoise(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
}

const plane = (value: (x: number, y: number) => number): Uint8Array => {
  const luma = new Uint8Array(STRIDE * HEIGHT).fill(255); // what is beside the picture is not looked at
  for (let y = 0; y < HEIGHT; y++) for (let x = 0; x < WIDTH; x++) luma[y * STRIDE + x] = value(x, y);
  return luma;
};

/** What is said at last of so many seconds of pictures, two looks a second. */
function judge(seconds: number, picture: (look: number) => Uint8Array, moves = true, everyMs = 500): PictureFault | null {
  const health = createPictureHealth(moves);
  let fault: PictureFault | null = null;
  for (let look = 0; look * everyMs <= seconds * 1000; look++) {
    assert.ok(health.due(look * everyMs));
    fault = health.look(sampleLuma(picture(look), WIDTH, HEIGHT, STRIDE), look * everyMs);
    assert.equal(health.due(look * everyMs + 499), false);
  }
  return fault;
}

describe('health of a picture', () => {
  it('is looked at in a thousand points of the picture alone', () => {
    const sample = sampleLuma(
      plane((x, y) => (x + y) % 200),
      WIDTH,
      HEIGHT,
      STRIDE
    );
    assert.equal(sample.length, 1000);
    assert.ok(sample.every((value) => value < 200));
    assert.ok(new Set(sample).size > 50);
  });

  it('black is one dark value for three seconds', () => {
    const black = plane(() => 16);
    assert.equal(
      judge(2.5, () => black),
      null
    );
    assert.equal(
      judge(3, () => black),
      'black'
    );
    const noise = createNoise();
    // The last bit of a covered sensor.
    assert.equal(
      judge(5, () => plane(() => 16 + Math.floor(noise() * 3))),
      'black'
    );
    assert.equal(
      judge(5, () => plane(() => 128)),
      null
    );
  });

  it('a dark room is not black: its picture has noise, or a lamp in it', () => {
    const noise = createNoise();
    assert.equal(
      judge(30, () => plane(() => 16 + Math.floor(noise() * 12))),
      null
    );
    assert.equal(
      judge(5, () => plane((x, y) => (Math.hypot(x - 200, y - 60) < 8 ? 200 : 17))),
      null
    );
  });

  it('black is over at the first picture that is not', () => {
    const health = createPictureHealth(true);
    const look = (value: number, atMs: number): PictureFault | null =>
      health.look(
        sampleLuma(
          plane((x) => value + (x % 50)),
          WIDTH,
          HEIGHT,
          STRIDE
        ),
        atMs
      );
    const black = sampleLuma(
      plane(() => 16),
      WIDTH,
      HEIGHT,
      STRIDE
    );
    for (let atMs = 0; atMs <= 4000; atMs += 500) health.look(black, atMs);
    assert.equal(health.look(black, 4500), 'black');
    assert.equal(look(80, 5000), null);
    assert.equal(health.look(black, 5500), null);
  });

  it('frozen is the very same picture for ten seconds, where it should move', () => {
    const still = plane((x, y) => 40 + ((x * 7 + y * 3) % 150));
    assert.equal(
      judge(9.5, () => still),
      null
    );
    assert.equal(
      judge(10, () => still),
      'frozen'
    );
    assert.equal(
      judge(60, () => still, false),
      null
    );
  });

  it('a still room is not frozen: one point of noise in a second is enough', () => {
    const noise = createNoise();
    const room = (x: number, y: number): number => 40 + ((x * 7 + y * 3) % 150);
    assert.equal(
      judge(60, () => plane((x, y) => room(x, y) + (noise() < 0.01 ? 1 : 0))),
      null
    );
  });

  it('frames that do not come are not judged: after a hole all begins anew', () => {
    const still = plane((x) => x % 200);
    assert.equal(
      judge(60, () => still, true, 2500),
      null
    );
    assert.equal(
      judge(60, () => plane(() => 16), true, 2500),
      null
    );
  });

  it('the test picture is well', () => {
    const chroma = new Uint8Array((WIDTH * HEIGHT) / 4);
    const picture = createTestPicture('Room', WIDTH, HEIGHT);
    const luma = new Uint8Array(STRIDE * HEIGHT);
    const planes: Planes = { width: WIDTH, height: HEIGHT, data: [luma, chroma, chroma.slice()], strides: [STRIDE, WIDTH / 2, WIDTH / 2] };
    picture.drawBackground(planes);
    assert.equal(
      judge(30, (look) => {
        picture.drawChanges(planes, look * 500, new Date(look * 500));
        return luma.slice();
      }),
      null
    );
  });
});
