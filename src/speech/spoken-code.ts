// How a security code is read out in each of the room's languages: which voice, which word for each digit, which pauses. Pure.
import type { Language } from '../kernel/panel-choices.ts';

export type Speech = { readonly voice: string; readonly text: string };

/** `digits`: the voice's own words for figures, unless it has some that are not said of a code. */
const VOICES: Readonly<Record<Language, { readonly voice: string; readonly digits?: readonly string[] }>> = {
  en: { voice: 'en-gb' },
  de: { voice: 'de' },
  fr: { voice: 'fr-fr' },
  es: { voice: 'es' },
  // Of two readings of 0, 4 and 7 those that are not taken for each other.
  ja: { voice: 'ja', digits: ['ゼロ', 'いち', 'に', 'さん', 'よん', 'ご', 'ろく', 'なな', 'はち', 'きゅう'] },
  ar: { voice: 'ar' }
};

/** In the place of the three quarters of a second after each digit: long enough to find the next group on the other panel. */
const GROUP_PAUSE = '<break time="1500ms"/>';

/** @param code digits in groups; null for what is none. The text is SSML, in which nothing of the code but its digits stands. */
export function speechOf(code: string, language: Language): Speech | null {
  if (!/^\d{1,10}(?: \d{1,10}){0,9}$/.test(code)) return null;
  const { voice, digits } = VOICES[language];
  // Each is a sentence of its own: none is drawn to the next, and all have one melody.
  const groups = code.split(' ').map((group) => [...group].map((digit) => `<s>${digits?.[Number(digit)] ?? digit}</s>`).join(''));
  return { voice, text: `<speak>${groups.join(GROUP_PAUSE)}</speak>` };
}
