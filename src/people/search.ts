// Finds people by the words that somebody typed, in any order and any part of a name or address. Pure.
import type { PersonView, Presence } from '../room/state.ts';

const MAX_FOUND = 50;

const RANK: Record<Presence, number> = { online: 0, offline: 1, unknown: 2 };

/** Those present first, then by name. Without a word everybody is found. */
export function searchPeople(people: Iterable<PersonView>, query: string): readonly PersonView[] {
  const words = wordsOf(query);
  const found: { readonly person: PersonView; readonly name: string }[] = [];
  for (const person of people) {
    const text = plain(`${person.displayName} ${person.account}`);
    if (words.every((word) => text.includes(word))) found.push({ person, name: plain(person.displayName) });
  }
  found.sort((a, b) => RANK[a.person.presence] - RANK[b.person.presence] || order(a.name, b.name) || order(a.person.account, b.person.account));
  return found.slice(0, MAX_FOUND).map(({ person }) => person);
}

/** Lower case, without accents. */
export const wordsOf = (query: string): readonly string[] => plain(query).split(/\s+/u).filter(Boolean);

/** Accents and capitals are forgiven: `Zurich` finds `Zürich`. */
const plain = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase();

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
