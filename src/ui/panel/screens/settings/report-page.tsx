// Report a problem: what a report holds is said before anything is written.
import { BugRegular } from '@fluentui/react-icons/svg/bug';
import { useState } from 'react';
import { useTexts } from '../../../shared/use-texts.ts';
import { ReportSheet } from '../../report-sheet.tsx';
import { TouchButton } from '../../touch-button.tsx';
import { Intro, Page, Part } from './page.tsx';

export function ReportPage() {
  const t = useTexts();
  const [writing, setWriting] = useState(false);
  return (
    <Page
      testId="settings-report"
      title={t('settings.page.report')}
      actions={<TouchButton testId="button-report" label={t('report.write')} icon={<BugRegular />} tone="brand" onTouch={() => setWriting(true)} />}
    >
      <Intro>{t('report.what')}</Intro>
      <Part title={t('report.insideTitle')}>
        <Intro>{t('report.inside')}</Intro>
      </Part>
      <Part title={t('report.notInsideTitle')}>
        <Intro>{t('report.notInside')}</Intro>
      </Part>
      {writing ? <ReportSheet onClose={() => setWriting(false)} /> : null}
    </Page>
  );
}
