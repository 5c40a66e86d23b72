// Colours and sizes of both pages. Each theme is Fluent's Teams theme of its kind with the system's own fonts and our palette as further
// tokens, so that a component names a colour once and follows the theme. Sizes are those of touch-panel.md "Sizes".
import { type Theme, teamsDarkTheme, teamsHighContrastTheme, teamsLightTheme } from '@fluentui/react-components';
import type { ThemeName } from '../../kernel/panel-choices.ts';

const fontFamilyBase = '"Segoe UI Variable", "Segoe UI", "Noto Sans", Roboto, "Liberation Sans", sans-serif';

const dark = {
  ground: '#121216',
  card: '#1d1d23',
  raised: '#2a2a32',
  /** While a finger is on what is raised: text must be readable on it in every theme. */
  raisedPressed: '#3a3a45',
  line: '#3a3a45',
  /** Of a field in which something is typed: 3:1 against the ground (WCAG 2.2, 1.4.11). */
  field: '#7d7d8c',
  text: '#ffffff',
  quiet: '#b9b9c6',
  placeholder: '#9595a3',
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
  endPressed: '#992338',
  /** On brand, answer and end. */
  onFill: '#ffffff',
  /** What is switched off stands out by being the other way round. */
  inverse: '#ffffff',
  inversePressed: '#b9b9c6',
  onInverse: '#16161a',
  avatar: '#35376b',
  onAvatar: '#dfe0ff',
  /** Where the ground begins behind a call that rings, and behind one whose security check failed. */
  glow: '#2b2d5c',
  glowFailed: '#5c1c23',
  shadow: 'rgba(91, 95, 199, 0.35)',
  overPicture: 'rgba(18, 18, 22, 0.86)',
  /** Edges that only high contrast shows, where a fill would carry the meaning. */
  edge: 'transparent',
  edgeBrand: 'transparent',
  edgeAnswer: 'transparent',
  edgeEnd: 'transparent',
  edgeWarning: 'transparent',
  edgeBad: 'transparent'
} as const;

type Palette = Readonly<Record<keyof typeof dark, string>>;

const light: Palette = {
  ground: '#f5f5fa',
  card: '#ffffff',
  raised: '#e3e3ed',
  raisedPressed: '#c3c3d0',
  line: '#c3c3d0',
  field: '#75758a',
  text: '#17171c',
  quiet: '#4c4c5a',
  placeholder: '#666675',
  brand: '#4f52b2',
  brandPressed: '#3d3e8f',
  brandText: '#3f4299',
  good: '#0b6a2b',
  goodGround: '#dcf3e2',
  answer: '#0e7038',
  answerPressed: '#0a5429',
  warning: '#7a4d00',
  warningGround: '#fff0cf',
  bad: '#a4262c',
  badGround: '#fde3e5',
  end: '#b52a3f',
  endPressed: '#8f1f31',
  onFill: '#ffffff',
  inverse: '#17171c',
  inversePressed: '#4c4c5a',
  onInverse: '#ffffff',
  avatar: '#d5d7fb',
  onAvatar: '#2c2f7a',
  glow: '#d9daf7',
  glowFailed: '#f9d3d6',
  shadow: 'rgba(79, 82, 178, 0.25)',
  overPicture: 'rgba(255, 255, 255, 0.92)',
  edge: 'transparent',
  edgeBrand: 'transparent',
  edgeAnswer: 'transparent',
  edgeEnd: 'transparent',
  edgeWarning: 'transparent',
  edgeBad: 'transparent'
};

const highContrast: Palette = {
  ground: '#000000',
  card: '#000000',
  raised: '#000000',
  raisedPressed: '#3a3a3a',
  line: '#ffffff',
  field: '#ffffff',
  text: '#ffffff',
  quiet: '#ffffff',
  placeholder: '#d0d0d0',
  brand: '#000000',
  brandPressed: '#3a3a3a',
  brandText: '#1aebff',
  good: '#3ff23f',
  goodGround: '#000000',
  answer: '#000000',
  answerPressed: '#3a3a3a',
  warning: '#ffff00',
  warningGround: '#000000',
  bad: '#ff9c9f',
  badGround: '#000000',
  end: '#000000',
  endPressed: '#3a3a3a',
  onFill: '#ffffff',
  inverse: '#ffffff',
  inversePressed: '#d0d0d0',
  onInverse: '#000000',
  avatar: '#000000',
  onAvatar: '#ffffff',
  glow: '#000000',
  glowFailed: '#000000',
  shadow: 'transparent',
  overPicture: '#000000',
  edge: '#ffffff',
  edgeBrand: '#1aebff',
  edgeAnswer: '#3ff23f',
  edgeEnd: '#ff9c9f',
  edgeWarning: '#ffff00',
  edgeBad: '#ff9c9f'
};

export const palettes: Readonly<Record<ThemeName, Palette>> = { dark, light, 'high-contrast': highContrast };

type ColourName = keyof Palette;
const colourNames = Object.keys(dark) as ColourName[];
const tokenOf = (name: ColourName): string => `room-${name}`;

/** For makeStyles: each is the theme's own. */
export const colours = Object.fromEntries(colourNames.map((name) => [name, `var(--${tokenOf(name)})`])) as Readonly<Record<ColourName, string>>;

const fluentThemes: Readonly<Record<ThemeName, Theme>> = { dark: teamsDarkTheme, light: teamsLightTheme, 'high-contrast': teamsHighContrastTheme };

function themeOf(name: ThemeName): Theme {
  const palette = palettes[name];
  const tokens = Object.fromEntries(colourNames.map((colour) => [tokenOf(colour), palette[colour]]));
  return { ...fluentThemes[name], fontFamilyBase, colorNeutralBackground1: palette.ground, colorNeutralForeground1: palette.text, ...tokens };
}

export const roomThemes: Readonly<Record<ThemeName, Theme>> = { dark: themeOf('dark'), light: themeOf('light'), 'high-contrast': themeOf('high-contrast') };

/** Text on ground, each at least 4.5:1 in every theme (WCAG 2.2, 1.4.3). The test of the themes computes them. */
export const textPairs: readonly (readonly [text: ColourName, ground: ColourName])[] = [
  ...(['ground', 'card', 'raised', 'glow', 'glowFailed', 'goodGround', 'warningGround', 'badGround', 'overPicture'] as const).map(
    (ground) => ['text', ground] as const
  ),
  ...(['ground', 'card', 'raised', 'warningGround', 'badGround'] as const).map((ground) => ['quiet', ground] as const),
  ...(['ground', 'card', 'raised', 'glow'] as const).map((ground) => ['brandText', ground] as const),
  ...(['brand', 'brandPressed', 'answer', 'answerPressed', 'end', 'endPressed'] as const).map((ground) => ['onFill', ground] as const),
  ['good', 'ground'],
  ['good', 'card'],
  ['good', 'goodGround'],
  ['warning', 'ground'],
  ['warning', 'card'],
  ['warning', 'warningGround'],
  ['bad', 'ground'],
  ['bad', 'card'],
  ['bad', 'badGround'],
  ['bad', 'glowFailed'],
  ['placeholder', 'card'],
  ['onInverse', 'inverse'],
  ['onInverse', 'inversePressed'],
  ['onAvatar', 'avatar']
];

/** Of the panel: text is never below 18 px, a target never below 64 px. */
export const panelSizes = {
  text: 'max(18px, 1.125rem)',
  large: 'max(20px, 1.375rem)',
  title: 'max(26px, 1.875rem)',
  target: 'max(64px, 4rem)',
  gap: 'max(8px, 0.75rem)'
} as const;
