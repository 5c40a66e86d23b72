// What both pages stand in: the room's state and commands, and its language, direction, theme and text size. While the room does not
// answer, the page keeps what it knew last, so that nothing jumps.
import { FluentProvider } from '@fluentui/react-components';
import { type ReactNode, useEffect, useLayoutEffect, useMemo, useState } from 'react';
import type { SettingsView } from '../../room/state.ts';
import { languageOf, textsOf } from '../texts/texts.ts';
import type { RoomClient } from './room-client.ts';
import { RoomProvider, useRoom } from './room-context.tsx';
import { roomThemes } from './theme.ts';
import { TextsContext, useTexts } from './use-texts.ts';

type Look = Pick<SettingsView, 'language' | 'theme' | 'textSize'>;

const sameLook = (one: Look, other: Look): boolean => one.language === other.language && one.theme === other.theme && one.textSize === other.textSize;

type RoomPageProps = { readonly client: RoomClient; readonly children: ReactNode };

export function RoomPage({ client, children }: RoomPageProps) {
  return (
    <RoomProvider client={client}>
      <Dressed>{children}</Dressed>
    </RoomProvider>
  );
}

function Dressed({ children }: { readonly children: ReactNode }) {
  const settings: Look | null = useRoom().state?.settings ?? null;
  const [last, setLast] = useState<Look | null>(null);
  useEffect(() => {
    if (settings !== null) setLast((before) => (before !== null && sameLook(before, settings) ? before : settings));
  }, [settings]);
  const look = settings ?? last;
  const language = languageOf(settings?.language ?? null, last?.language ?? null, navigator.languages);
  const texts = useMemo(() => textsOf(language), [language]);
  const theme = look?.theme ?? 'dark';
  const textSize = look?.textSize ?? 'normal';
  useLayoutEffect(() => {
    const page = document.documentElement;
    page.lang = language;
    page.dir = texts.direction;
    page.dataset['theme'] = theme;
    page.dataset['textSize'] = textSize;
  }, [language, texts, theme, textSize]);
  return (
    <FluentProvider theme={roomThemes[theme]} dir={texts.direction} style={{ height: '100%' }}>
      <TextsContext value={texts}>{children}</TextsContext>
    </FluentProvider>
  );
}

/** What lies over a picture is dark in every theme: light around a picture blinds whoever looks at it. */
export function OverPicture({ children }: { readonly children: ReactNode }) {
  const { direction } = useTexts();
  const theme = useRoom().state?.settings.theme === 'high-contrast' ? 'high-contrast' : 'dark';
  return (
    <FluentProvider theme={roomThemes[theme]} dir={direction} style={{ background: 'transparent', fontSize: 'inherit', lineHeight: 'inherit' }}>
      {children}
    </FluentProvider>
  );
}
