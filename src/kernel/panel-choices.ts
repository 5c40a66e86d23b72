// What people can choose at the panel, as lists: the settings, the HTTP interface and the pages offer the same.

export const LANGUAGES = ['en', 'de', 'fr', 'es', 'ja', 'ar'] as const;
export type Language = (typeof LANGUAGES)[number];

export const THEMES = ['dark', 'light', 'high-contrast'] as const;
export type ThemeName = (typeof THEMES)[number];

export const TEXT_SIZES = ['normal', 'large', 'larger'] as const;
export type TextSize = (typeof TEXT_SIZES)[number];

/** How the display divides itself in a call: who speaks, what is shared, or both beside each other. */
export const LAYOUTS = ['speaker', 'content', 'side-by-side'] as const;
export type Layout = (typeof LAYOUTS)[number];
