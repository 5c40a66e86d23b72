// The directory's answer to what is typed. An answer to something else than what stands there now is dropped; presence is asked anew while one looks.
import { useEffect, useState } from 'react';
import type { PersonView } from '../../../room/state.ts';
import { useCommand } from '../../shared/room-context.tsx';

const SEARCH_AFTER_MS = 150;
const ASK_AGAIN_MS = 10_000;
/** A room that has just started hears of thousands of others one after the other. */
const NOBODY_YET_MS = 1_500;
const MAX_QUERY = 128; // of the room

type Found = { readonly query: string; readonly people: readonly PersonView[] };

/**
 * @param query null: nothing is asked; empty: whoever is known
 * @returns `people`: null until the first answer for this query; `error`: why the room did not answer
 */
export function useDirectory(query: string | null): { readonly people: readonly PersonView[] | null; readonly error: string | null } {
  const { get, error } = useCommand();
  const [found, setFound] = useState<Found | null>(null);
  useEffect(() => {
    if (query === null) return;
    const wanted = query;
    let current = true;
    let timer = window.setTimeout(ask, query === '' ? 0 : SEARCH_AFTER_MS);
    async function ask(): Promise<void> {
      const answer = await get<{ readonly people: readonly PersonView[] }>(`/api/v1/directory?query=${encodeURIComponent(wanted.slice(0, MAX_QUERY))}`);
      if (!current) return;
      setFound({ query: wanted, people: answer?.people ?? [] });
      timer = window.setTimeout(ask, answer?.people.length === 0 ? NOBODY_YET_MS : ASK_AGAIN_MS);
    }
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [query, get]);
  return { people: found?.query === query ? found.people : null, error };
}
