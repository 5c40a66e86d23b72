// What runs here, and under which licences.
import type { RoomState } from '../../../../room/state.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { Facts } from './facts.tsx';
import { Intro, Page, Part } from './page.tsx';

export function AboutPage({ state: { version } }: { readonly state: RoomState }) {
  const t = useTexts();
  return (
    <Page testId="settings-about" title={t('settings.page.about')}>
      <Facts
        testId="facts-about"
        facts={[
          { name: t('about.software'), value: `Cloister ${version.agent}`, code: true },
          { name: t('about.protocol'), value: String(version.protocol), code: true }
        ]}
      />
      <Part title={t('about.licences')}>
        <Intro>{t('about.licencesHint')}</Intro>
      </Part>
    </Page>
  );
}
