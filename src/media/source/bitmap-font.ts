// A bitmap font of our own, 5 by 7 dots, for the test picture: no font file is needed and drawing costs next to nothing.
// A glyph is seven rows from the top, each one digit in base 32; its bit 4 is the leftmost dot.

export const GLYPH_COLUMNS = 5;
export const GLYPH_ROWS = 7;

const BOX = 'vhhhhhv';

const GLYPHS: Readonly<Record<string, string>> = {
  ' ': '0000000',
  '!': '4444404',
  '"': 'aaa0000',
  '#': 'aavavaa',
  $: '4fke5u4',
  '%': 'op248j3',
  '&': 'cik8lid',
  "'": '4480000',
  '(': '2488842',
  ')': '8422248',
  '*': '04lel40',
  '+': '044v440',
  ',': '0000c48',
  '-': '000v000',
  '.': '00000cc',
  '/': '01248g0',
  '0': 'ehjlphe',
  '1': '4c4444e',
  '2': 'eh1248v',
  '3': 'v2421he',
  '4': '26aiv22',
  '5': 'vgu11he',
  '6': '68guhhe',
  '7': 'v124888',
  '8': 'ehhehhe',
  '9': 'ehhf12c',
  ':': '0cc0cc0',
  ';': '0cc0c48',
  '<': '248g842',
  '=': '00v0v00',
  '>': '8421248',
  '?': 'eh12404',
  '@': 'eh1dlle',
  A: 'ehhvhhh',
  B: 'uhhuhhu',
  C: 'ehggghe',
  D: 'uhhhhhu',
  E: 'vgguggv',
  F: 'vgguggg',
  G: 'ehgnhhf',
  H: 'hhhvhhh',
  I: 'e44444e',
  J: '72222ic',
  K: 'hikokih',
  L: 'ggggggv',
  M: 'hrllhhh',
  N: 'hhpljhh',
  O: 'ehhhhhe',
  P: 'uhhuggg',
  Q: 'ehhhlid',
  R: 'uhhukih',
  S: 'fgge11u',
  T: 'v444444',
  U: 'hhhhhhe',
  V: 'hhhhha4',
  W: 'hhhllla',
  X: 'hha4ahh',
  Y: 'hhha444',
  Z: 'v1248gv',
  '[': 'e88888e',
  '\\': '0g84210',
  ']': 'e22222e',
  '^': '4ah0000',
  _: '000000v',
  '`': '8420000',
  '{': '6448446',
  '|': '4444444',
  '}': 'c44244c',
  '~': '008l200'
};

/**
 * The glyphs of a text, one per character: seven rows of five bits each. Letters are drawn as capitals without accents; what the font
 * does not have is a box.
 */
export function glyphs(text: string): readonly (readonly number[])[] {
  const plain = text.normalize('NFD').replace(/\p{Mn}/gu, '');
  return Array.from(plain.toUpperCase(), (character) => Array.from(GLYPHS[character] ?? BOX, (row) => Number.parseInt(row, 32)));
}
