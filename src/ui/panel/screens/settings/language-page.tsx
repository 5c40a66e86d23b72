// The language of the people who are here, each in its own name.
import { LANGUAGES } from '../../../../kernel/panel-choices.ts';
import type { RoomState } from '../../../../room/state.ts';
import { useCommand } from '../../../shared/room-context.tsx';
import { useTexts } from '../../../shared/use-texts.ts';
import { Choice } from '../../parts/choice.tsx';
import { CommandError } from '../../screen.tsx';
import { LANGUAGE_NAMES } from './language-names.ts';
import { Intro, Page } from './page.tsx';

export function LanguagePage({ state: { settings } }: { readonly state: RoomState }) {
  const t = useTexts();
  const { run, error } = useCommand();
  return (
    <Page testId="settings-language" title={t('settings.page.language')}>
      <Choice
        testId="choice-language"
        label={t('language.label')}
        options={LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value], lang: value }))}
        value={settings.language}
        onChange={(language) => void run('language', '/api/v1/settings', { language }, 'PATCH')}
      />
      <Intro>{t('language.hint', { language: LANGUAGE_NAMES[settings.roomLanguage] })}</Intro>
      <CommandError error={error} />
    </Page>
  );
}
