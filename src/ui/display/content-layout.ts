// Where the pictures of a call are. Alone, the other room's camera has the whole display; with a shared screen the layout that people chose
// says which of the two is large. What is written about the call then goes above, below and beside them. One rem is a 120th of the display's width
// (display.css); a shared screen is taken to be sixteen to nine, like what is shared most.
import type { Layout } from '../../kernel/panel-choices.ts';

/** `start` and `end` are the reading direction's. */
type Box = {
  readonly position: 'absolute';
  readonly top: string;
  readonly bottom: 'auto';
  readonly insetInlineStart: string;
  readonly insetInlineEnd: string;
  readonly width: string;
  readonly height: string;
};

export type Arrangement = {
  readonly camera: Box;
  readonly screen: Box;
  /** Whose camera it is. */
  readonly name: Box;
  /** This room's own camera. */
  readonly own: Box;
};

const EDGE = '2.5rem';
const box = (top: string, side: 'start' | 'end', width: string, height: string): Box => ({
  position: 'absolute',
  top,
  bottom: 'auto',
  insetInlineStart: side === 'start' ? EDGE : 'auto',
  insetInlineEnd: side === 'end' ? EDGE : 'auto',
  width,
  height
});

const LARGE = box('8.75rem', 'start', '90rem', '50.625rem');
const SMALL = box('8.75rem', 'end', '22.5rem', '12.65625rem');
const OWN = box('46.71875rem', 'end', '22.5rem', '12.65625rem');
const COLUMN = { name: box('22.5rem', 'end', '22.5rem', 'auto'), own: OWN } as const;

/** With a shared screen. */
export const ARRANGEMENTS: Readonly<Record<Layout, Arrangement>> = {
  content: { screen: LARGE, camera: SMALL, ...COLUMN },
  speaker: { screen: SMALL, camera: LARGE, ...COLUMN },
  'side-by-side': {
    screen: box('12rem', 'start', '56.75rem', '31.921875rem'),
    camera: box('12rem', 'end', '56.75rem', '31.921875rem'),
    name: box('45.25rem', 'end', '56.75rem', 'auto'),
    own: box('46.71875rem', 'start', '22.5rem', '12.65625rem')
  }
};

/** Over a camera that has the whole display, above the line of the code. */
export const OWN_IN_THE_CORNER = OWN;
