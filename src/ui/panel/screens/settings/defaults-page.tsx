// What the administrator decides for everybody who comes: the room's own language, auto-answer, and when it is cleared of what people left.
import { LANGUAGES } from '../../../../kernel/panel-choices.ts';
import type { RoomState } from '../../../../room/state.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { useProtectedCommand } from '../../administrator.tsx';
import { Choice } from '../../parts/choice.tsx';
import { Slider } from '../../parts/slider.tsx';
import { Toggle } from '../../parts/toggle.tsx';
import { CommandError } from '../../screen.tsx';
import { LANGUAGE_NAMES } from './language-names.ts';
import { Intro, Page, Part } from './page.tsx';

const FIRST_WIPE = '03:00';

/** The same minute some hours later or earlier. */
const hoursOn = (time: string, hours: number): string => `${String((Number(time.slice(0, 2)) + hours + 24) % 24).padStart(2, '0')}${time.slice(2)}`;

export function DefaultsPage({ state: { settings } }: { readonly state: RoomState }) {
  const t = useTexts();
  const { run, error } = useProtectedCommand();
  const change = (name: string, value: unknown): void => void run(name, '/api/v1/settings', { [name]: value }, 'PATCH');
  const { autoAnswer, wipeDailyAt, roomLanguage } = settings;
  return (
    <Page testId="settings-defaults" title={t('settings.page.defaults')}>
      <Part>
        <Choice
          testId="choice-room-language"
          label={t('defaults.language')}
          options={LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value], lang: value }))}
          value={roomLanguage}
          onChange={(language) => change('roomLanguage', language)}
        />
        <Intro>{t('defaults.languageHint')}</Intro>
      </Part>
      <Part>
        <Toggle
          testId="toggle-auto-answer"
          label={t('defaults.autoAnswer')}
          hint={t('defaults.autoAnswerHint')}
          on={autoAnswer.on}
          onChange={(on) => change('autoAnswer', { ...autoAnswer, on })}
        />
        {autoAnswer.on ? (
          <Slider
            testId="auto-answer-after"
            label={t('defaults.autoAnswerAfter')}
            value={autoAnswer.afterSeconds}
            most={60}
            step={5}
            words={t('defaults.seconds', { count: autoAnswer.afterSeconds })}
            lessName={t('defaults.sooner')}
            moreName={t('defaults.later')}
            onChange={(afterSeconds) => change('autoAnswer', { on: true, afterSeconds })}
          />
        ) : null}
      </Part>
      <Part>
        <Toggle
          testId="toggle-wipe"
          label={t('defaults.wipe')}
          hint={t('defaults.wipeHint')}
          on={wipeDailyAt !== null}
          onChange={(on) => change('wipeDailyAt', on ? FIRST_WIPE : null)}
        />
        {wipeDailyAt === null ? null : (
          <Slider
            testId="wipe-at"
            label={t('defaults.wipeAt')}
            value={0}
            least={-1}
            most={1}
            step={1}
            words={wipeDailyAt}
            lessName={t('defaults.sooner')}
            moreName={t('defaults.later')}
            onChange={(hours) => change('wipeDailyAt', hoursOn(wipeDailyAt, hours))}
          />
        )}
      </Part>
      <CommandError error={error} />
    </Page>
  );
}
