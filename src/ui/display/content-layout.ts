// Where the pictures of a call are, a pure choice: one other room or two, with a shared screen or without, and the layout that people chose. One
// other room alone has the whole display, two are equal beside each other; with a shared screen the layout says what is large. What is written about
// the call goes above, below and beside. One rem is a 120th of the display's width (display.css); a shared screen is taken to be sixteen to nine, like
// what is shared most. Every length is told, so that a picture glides where it has to go and is never shown anew.
import type { Layout } from '../../kernel/panel-choices.ts';

/** Lengths count from the reading direction's start. */
export type Box = {
  readonly position: 'absolute';
  readonly top: string;
  readonly bottom: 'auto';
  readonly insetInlineStart: string;
  readonly insetInlineEnd: 'auto';
  readonly width: string;
  readonly height: string;
};

type Person = {
  readonly camera: Box;
  /** Who it is; null: over the picture, in the corner. */
  readonly name: Box | null;
};

export type Arrangement = {
  readonly people: readonly Person[];
  /** null: nothing is shared. */
  readonly screen: Box | null;
  /** This room's own camera. */
  readonly own: Box;
};

export type ArrangementOptions = {
  readonly people: 1 | 2;
  readonly shared: boolean;
  readonly layout: Layout;
  /** People want to see themselves. */
  readonly own: boolean;
};

const EDGE = 2.5;
const TOP = 8.75;
const NAME_GAP = 0.75;
const NAME_HEIGHT = 5.25;

const at = (top: number, insetInlineStart: string, width: number, height: number | 'auto'): Box => ({
  position: 'absolute',
  top: `${top}rem`,
  bottom: 'auto',
  insetInlineStart,
  insetInlineEnd: 'auto',
  width: `${width}rem`,
  height: height === 'auto' ? height : `${height}rem`
});
const wide = (width: number): number => (width * 9) / 16;
/** Sixteen to nine, at the display's edge or so far from it. */
const atStart = (top: number, width: number, inset = EDGE): Box => at(top, `${inset}rem`, width, wide(width));
const atEnd = (top: number, width: number): Box => at(top, `calc(100% - ${EDGE + width}rem)`, width, wide(width));
const below = ({ insetInlineStart }: Box, top: number, width: number, height: number | 'auto' = NAME_HEIGHT): Box => at(top, insetInlineStart, width, height);
/** A camera with its name below. */
const named = (camera: Box, top: number, width: number): Person => ({ camera, name: below(camera, top + wide(width) + NAME_GAP, width) });

const WHOLE: Box = { position: 'absolute', top: '0rem', bottom: 'auto', insetInlineStart: '0rem', insetInlineEnd: 'auto', width: '100%', height: '100%' };

const HALF = 56.75;
const LARGE = 90;
const SMALL = 22.5;
/** Above the line of the code. */
const OWN_TOP = 46.71875;
const ownAtEnd = atEnd(OWN_TOP, SMALL);

/** Of one other room: its name has several lines beside a small picture. */
const besideName = below(atEnd(0, SMALL), 22.5, SMALL, 'auto');
const ONE_WITH_SCREEN: Readonly<Record<Layout, Arrangement>> = {
  content: { people: [{ camera: atEnd(TOP, SMALL), name: besideName }], screen: atStart(TOP, LARGE), own: ownAtEnd },
  speaker: { people: [{ camera: atStart(TOP, LARGE), name: besideName }], screen: atEnd(TOP, SMALL), own: ownAtEnd },
  'side-by-side': {
    people: [{ camera: atEnd(12, HALF), name: below(atEnd(0, HALF), 45.25, HALF, 'auto') }],
    screen: atStart(12, HALF),
    own: atStart(OWN_TOP, SMALL)
  }
};

/** Two in the room that one has, as large as it is wide. */
const LARGE_HALF = 44.25;
const PAIR_TOP = 18;
/** What is shared, and two cameras above each other: together the whole width. */
const SCREEN_BESIDE = 72;
const STACKED = 38;

/** Two above each other. */
const stacked = (top: number, width: number): readonly Person[] => {
  const second = top + wide(width) + NAME_GAP + NAME_HEIGHT + 1;
  return [named(atEnd(top, width), top, width), named(atEnd(second, width), second, width)];
};

/** The same, and below a picture that is so small a name has two lines. */
const SECOND_SMALL = 30.25;
const stackedSmall: readonly Person[] = [TOP, SECOND_SMALL].map((top) => {
  const camera = atEnd(top, SMALL);
  return { camera, name: below(camera, top + wide(SMALL) + 0.5, SMALL, 'auto') };
});

const TWO_WITH_SCREEN: Readonly<Record<Layout, Arrangement>> = {
  content: { people: stackedSmall, screen: atStart(TOP, LARGE), own: atEnd(51.75, SMALL) },
  speaker: {
    people: [named(atStart(PAIR_TOP, LARGE_HALF), PAIR_TOP, LARGE_HALF), named(atStart(PAIR_TOP, LARGE_HALF, EDGE + LARGE - LARGE_HALF), PAIR_TOP, LARGE_HALF)],
    screen: atEnd(PAIR_TOP, SMALL),
    own: atEnd(PAIR_TOP + wide(LARGE_HALF) + NAME_GAP + NAME_HEIGHT - wide(SMALL), SMALL)
  },
  'side-by-side': { people: stacked(TOP, STACKED), screen: atStart(TOP, SCREEN_BESIDE), own: atStart(51, SMALL) }
};

/** Two equal pictures: in the middle, or higher where people see themselves below. */
function pair(own: boolean): Arrangement {
  const top = own ? TOP : 14.75;
  return { people: [named(atStart(top, HALF), top, HALF), named(atEnd(top, HALF), top, HALF)], screen: null, own: atEnd(50.5, SMALL) };
}

export function arrangementOf({ people, shared, layout, own }: ArrangementOptions): Arrangement {
  if (people === 2) return shared ? TWO_WITH_SCREEN[layout] : pair(own);
  return shared ? ONE_WITH_SCREEN[layout] : { people: [{ camera: WHOLE, name: null }], screen: null, own: ownAtEnd };
}
