// Colours and sizes of both pages. Fluent's dark Teams theme with the system's own fonts; sizes are those of touch-panel.md "Sizes".
import { type Theme, teamsDarkTheme } from '@fluentui/react-components';

const fontFamilyBase = '"Segoe UI Variable", "Segoe UI", "Noto Sans", Roboto, "Liberation Sans", sans-serif';

export const roomTheme: Theme = { ...teamsDarkTheme, fontFamilyBase, colorNeutralBackground1: '#121216' };

/** All pairs that are used as text on ground reach 4.5:1 (WCAG 2.2, 1.4.3). */
export const colours = {
  ground: '#121216',
  card: '#1d1d23',
  raised: '#2a2a32',
  line: '#3a3a45',
  text: '#ffffff',
  quiet: '#b9b9c6',
  brand: '#5b5fc7',
  brandPressed: '#4448a3',
  brandText: '#b4b8ff',
  good: '#7ad58c',
  goodGround: '#12321b',
  answer: '#107c41',
  answerPressed: '#0b5a2f',
  warning: '#ffcf5c',
  warningGround: '#3a2e0b',
  bad: '#ff9c9f',
  badGround: '#48161b',
  end: '#c4314b',
  endPressed: '#992338'
} as const;

/** Of the panel: text is never below 18 px, a target never below 64 px. */
export const panelSizes = {
  text: 'max(18px, 1.125rem)',
  large: 'max(20px, 1.375rem)',
  title: 'max(26px, 1.875rem)',
  target: 'max(64px, 4rem)',
  gap: 'max(8px, 0.75rem)'
} as const;
