// The texts of the page's language, for components. RoomPage sets them.
import { createContext, useContext } from 'react';
import { type Texts, textsOf } from '../texts/texts.ts';

export const TextsContext = createContext<Texts>(textsOf('en'));

export function useTexts(): Texts {
  return useContext(TextsContext);
}
