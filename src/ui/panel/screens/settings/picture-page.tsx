// How the front-of-room display divides itself in a call.
import { LAYOUTS } from '../../../../kernel/panel-choices.ts';
import type { RoomState } from '../../../../room/state.ts';
import { useCommand } from '../../../shared/room-context.tsx';
import { useTexts } from '../../../shared/use-texts.ts';
import { Choice } from '../../parts/choice.tsx';
import { Toggle } from '../../parts/toggle.tsx';
import { CommandError } from '../../screen.tsx';
import { Intro, Page, Part } from './page.tsx';

export function PicturePage({ state: { settings } }: { readonly state: RoomState }) {
  const t = useTexts();
  const { run, error } = useCommand();
  return (
    <Page testId="settings-picture" title={t('settings.page.picture')}>
      <Part>
        <Choice
          testId="choice-layout"
          label={t('picture.layout')}
          options={LAYOUTS.map((value) => ({ value, label: t(`picture.layout.${value}`) }))}
          value={settings.layout}
          onChange={(layout) => void run('layout', '/api/v1/settings', { layout }, 'PATCH')}
        />
        <Intro>{t(`picture.layoutHint.${settings.layout}`)}</Intro>
      </Part>
      <Toggle
        testId="toggle-self-view"
        label={t('picture.selfView')}
        hint={t('picture.selfViewHint')}
        on={settings.selfView}
        onChange={(selfView) => void run('self-view', '/api/v1/settings', { selfView }, 'PATCH')}
      />
      <CommandError error={error} />
    </Page>
  );
}
