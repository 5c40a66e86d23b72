// How a key of the panel's own keyboards looks, whichever keyboard it is on.
import { colours } from '../shared/theme.ts';

export const keyStyle = {
  border: `2px solid ${colours.edge}`,
  borderRadius: '0.6rem',
  backgroundColor: colours.raised,
  color: colours.text,
  fontFamily: 'inherit',
  fontSize: 'max(22px, 1.625rem)',
  padding: 0,
  cursor: 'pointer',
  ':active': { backgroundColor: colours.brand, color: colours.onFill },
  ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' }
} as const;
