// The keys for words in each language, and what a key makes of what was typed. Pure. Ten keys in a row fit the smallest panel with targets of 64 px.
import type { Language } from '../../kernel/panel-choices.ts';

/** Rows of characters, ten places each; a space is a place without a key. */
export type KeyLayout = readonly string[];

const QWERTY: KeyLayout = ['qwertyuiop', 'asdfghjkl’', 'zxcvbnm,.?'];

export const LETTERS: Readonly<Record<Language, KeyLayout>> = {
  en: QWERTY,
  de: ['qwertzuiop', 'asdfghjklß', 'yxcvbnmäöü'],
  fr: ['azertyuiop', 'qsdfghjklm', 'wxcvbnéèàç'],
  es: ['qwertyuiop', 'asdfghjklñ', 'zxcvbnmáéí'],
  // The table of sounds, column by column as it is learnt: あ to わ.
  ja: ['わらやまはなたさかあ', 'をり みひにちしきい', 'んるゆむふぬつすくう', 'ーれ めへねてせけえ', '゛ろよもほのとそこお'],
  ar: ['ضصثقفغعهخح', 'شسيبلاتنمك', 'ئءؤرىةوزظط', 'جدذأإآپ،.؟']
};

export const SIGNS: KeyLayout = ['1234567890', '-/:;()€&@"', ".,?!'#%+=*"];
export const ADDRESS: KeyLayout = ['1234567890', 'qwertyuiop', 'asdfghjkl@', 'zxcvbnm.-_'];

const HAS_CAPITALS: ReadonlySet<Language> = new Set(['en', 'de', 'fr', 'es']);
export const hasCapitals = (language: Language): boolean => HAS_CAPITALS.has(language);

/** The mark that changes the last sound: か, が; は, ば, ぱ; つ, づ, っ; や, ゃ. Each touch is one step further, then back to the beginning. */
export const SOUND_MARK = '゛';
const SOUNDS = [
  ...['かが', 'きぎ', 'くぐ', 'けげ', 'こご', 'さざ', 'しじ', 'すず', 'せぜ', 'そぞ', 'ただ', 'ちぢ', 'つづっ', 'てで', 'とど'],
  ...['はばぱ', 'ひびぴ', 'ふぶぷ', 'へべぺ', 'ほぼぽ', 'あぁ', 'いぃ', 'うぅ', 'えぇ', 'おぉ', 'やゃ', 'ゆゅ', 'よょ']
];

/** What is there after a key of a layout was touched. */
export function typed(text: string, key: string, capital: boolean): string {
  if (key !== SOUND_MARK) return text + (capital ? key.toLocaleUpperCase() : key);
  const last = [...text].at(-1) ?? '';
  const family = SOUNDS.find((sounds) => sounds.includes(last) && last !== '');
  if (family === undefined) return text;
  return text.slice(0, -last.length) + (family[(family.indexOf(last) + 1) % family.length] ?? last);
}

/** Without its last character as people count them. */
export function erased(text: string): string {
  const graphemes = [...new Intl.Segmenter().segment(text)];
  return graphemes
    .slice(0, -1)
    .map(({ segment }) => segment)
    .join('');
}
