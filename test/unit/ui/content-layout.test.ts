import assert from 'node:assert/strict';
import { LAYOUTS } from '../../../src/kernel/panel-choices.ts';
import { type Arrangement, type ArrangementOptions, arrangementOf, type Box } from '../../../src/ui/display/content-layout.ts';
import { latestScreen, noSlots, slotsOf } from '../../../src/ui/display/slots.ts';

/** Of the display, in rem. */
const WIDTH = 120;
const HEIGHT = 67.5;
/** A name has up to three lines, two where there are two. */
const NAME_HEIGHT = { 1: 13, 2: 8 } as const;

const rem = (length: string): number => Number(/^([0-9.]+)rem$/.exec(length)?.[1]);
const startOf = (inset: string): number => {
  const fromEnd = /^calc\(100% - ([0-9.]+)rem\)$/.exec(inset)?.[1];
  return fromEnd === undefined ? rem(inset) : WIDTH - Number(fromEnd);
};

function edges({ top, insetInlineStart, width, height }: Box, people: 1 | 2 = 2) {
  const start = startOf(insetInlineStart);
  return { start, end: start + rem(width), top: rem(top), bottom: rem(top) + (height === 'auto' ? NAME_HEIGHT[people] : rem(height)) };
}

/** What lies on the display; this room's own picture only where it is wanted. */
function boxesOf({ people, screen, own }: Arrangement, withOwn: boolean): readonly (readonly [string, Box])[] {
  return [
    ...people.map(({ camera }, index) => [`camera ${index}`, camera] as const),
    ...people.flatMap(({ name }, index) => (name === null ? [] : [[`name ${index}`, name] as const])),
    ...(screen === null ? [] : [['screen', screen] as const]),
    ...(withOwn ? [['own', own] as const] : [])
  ];
}
const area = ({ width, height }: Box): number => rem(width) * rem(height);

/** All in which the pictures share the display. */
const SHARING: readonly ArrangementOptions[] = LAYOUTS.flatMap((layout) =>
  [true, false].flatMap((own): ArrangementOptions[] => [
    { people: 1, shared: true, layout, own },
    { people: 2, shared: true, layout, own },
    { people: 2, shared: false, layout, own }
  ])
);

describe('the display’s layouts', () => {
  for (const options of SHARING) {
    const { people, shared, layout, own } = options;
    const words = `${layout}, ${people} ${shared ? 'and a shared screen' : 'alone'}${own ? ', own picture' : ''}`;

    it(`${words}: nothing lies over anything else, nor beyond the edges`, () => {
      const boxes = boxesOf(arrangementOf(options), own).map(([name, box]) => ({ name, ...edges(box, people) }));
      // Above are the shield and what is switched off, below the code of a call of two.
      const floor = HEIGHT - (people === 1 ? 5 : 2.5);
      for (const { name, start, end, top, bottom } of boxes)
        assert.ok(start >= 2.5 && end <= WIDTH - 2.5 && top >= 8 && bottom <= floor, `${name}: ${start}–${end}, ${top}–${bottom}`);
      for (const [index, one] of boxes.entries()) {
        for (const other of boxes.slice(index + 1)) {
          const apart = one.end <= other.start || other.end <= one.start || one.bottom <= other.top || other.bottom <= one.top;
          assert.ok(apart, `${one.name} and ${other.name}`);
        }
      }
    });

    it(`${words}: pictures are sixteen to nine`, () => {
      for (const [name, box] of boxesOf(arrangementOf(options), true))
        if (!name.startsWith('name')) assert.ok(Math.abs(rem(box.width) / rem(box.height) - 16 / 9) < 0.001, name);
    });

    if (people === 2)
      it(`${words}: both people are as large, each above the own name`, () => {
        const [one, other] = arrangementOf(options).people;
        assert.ok(one !== undefined && other !== undefined);
        assert.equal(area(one.camera), area(other.camera));
        for (const { camera, name } of [one, other]) {
          assert.ok(name !== null);
          assert.equal(edges(name).start, edges(camera).start);
          assert.ok(edges(name).top >= edges(camera).bottom && edges(name).top - edges(camera).bottom <= 1);
        }
      });
  }

  it('give one camera alone the whole display', () => {
    for (const layout of LAYOUTS) {
      const { people, screen } = arrangementOf({ people: 1, shared: false, layout, own: true });
      assert.deepEqual(
        people.map(({ camera: { width, height, top } }) => [width, height, top]),
        [['100%', '100%', '0rem']]
      );
      assert.equal(screen, null);
    }
  });

  it('differ in what is large', () => {
    for (const people of [1, 2] as const) {
      const of = (layout: ArrangementOptions['layout']) => {
        const { people: shown, screen } = arrangementOf({ people, shared: true, layout, own: false });
        return { cameras: shown.reduce((sum, { camera }) => sum + area(camera), 0), screen: screen === null ? 0 : area(screen) };
      };
      assert.ok(of('content').screen > 2 * of('content').cameras);
      assert.ok(of('speaker').cameras > 2 * of('speaker').screen);
      const ratio = of('side-by-side').cameras / of('side-by-side').screen;
      assert.ok(ratio >= 0.5 && ratio <= 2, String(ratio));
    }
  });

  it('move what is longer than it is told in no direction: each length can glide', () => {
    for (const options of [...SHARING, { people: 1, shared: false, layout: 'content', own: false } as const])
      for (const { camera } of arrangementOf(options).people)
        for (const length of [camera.top, camera.insetInlineStart, camera.width, camera.height]) assert.notEqual(length, 'auto');
  });
});

describe('ui/display/slots', () => {
  it('keep a call where it is, whichever is in front and whatever comes or goes', () => {
    const one = slotsOf(noSlots, ['a']);
    assert.deepEqual(one, ['a', null]);
    const two = slotsOf(one, ['a', 'b']);
    assert.deepEqual(two, ['a', 'b']);
    // The other one is in front now.
    assert.deepEqual(slotsOf(two, ['b', 'a']), ['a', 'b']);
    // The first left: the second goes on where it is, and a further one comes beside it.
    const left = slotsOf(two, ['b']);
    assert.deepEqual(left, [null, 'b']);
    assert.deepEqual(slotsOf(left, ['b', 'c']), ['c', 'b']);
    assert.deepEqual(slotsOf(two, []), [null, null]);
    assert.deepEqual(slotsOf(two, ['c', 'd', 'e']), ['c', 'd']);
  });

  it('show the shared screen that began last', () => {
    assert.equal(latestScreen([null, null]), null);
    assert.equal(latestScreen([5, null]), 0);
    assert.equal(latestScreen([5, 9]), 1);
    assert.equal(latestScreen([9, 5]), 0);
    assert.equal(latestScreen([null, 5]), 1);
  });
});
