// What is shown of a name that others give to themselves, in a call or in their presence. Pure.
// Invariants: no mark in it turns, hides or covers the text around it; it can be seen; it is nobody's address, which is shown only where it is proven.
import { parseAddress } from './address.ts';

export const MAX_NAME = 128;

/** What takes no room of its own (Unicode UAX 44, Default_Ignorable_Code_Point: bidirectional marks, fillers, tags), but for what joins letters and emoji. */
const UNSEEN = /(?!\u200c|\u200d|\ufe0e|\ufe0f)\p{Default_Ignorable_Code_Point}|[\ufff9-\ufffb\p{Cs}]/gu;
/** Blanks by another name: BRAILLE PATTERN BLANK is a symbol, and empty. */
const BLANKS = /[\p{Cc}\s\u2800]+/gu;
/** More marks on one letter than any script has climb over the lines around it. */
const HEAPED = /(\p{M}{4})\p{M}+/gu;
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;

/** Empty where nothing is left that is a name. */
export function shownName(name: string): string {
  const plain = name.replace(UNSEEN, '').replace(BLANKS, ' ').replace(HEAPED, '$1').trim();
  // Cut between characters, not inside of one.
  const cut = [...plain].slice(0, MAX_NAME).join('').trim();
  return VISIBLE.test(cut) && !parseAddress(cut.normalize('NFKC')).ok ? cut : '';
}
