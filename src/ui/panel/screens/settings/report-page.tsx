// Report a problem: what a report holds is said before anything is written; and which reports there are, so that a number can be found again.
import { BugRegular } from '@fluentui/react-icons/svg/bug';
import { useEffect, useState } from 'react';
import type { ReportView } from '../../../../ui-server/port.ts';
import { useCommand } from '../../../shared/room-context.tsx';
import { useTexts } from '../../../shared/use-texts.ts';
import { ReportSheet } from '../../report-sheet.tsx';
import { CommandError } from '../../screen.tsx';
import { TouchButton } from '../../touch-button.tsx';
import { Intro, Page, Part } from './page.tsx';
import { ReportRow } from './report-row.tsx';

type ReportNumber = Omit<ReportView, 'text'>;

export function ReportPage() {
  const t = useTexts();
  const { get, error } = useCommand();
  const [writing, setWriting] = useState(false);
  const [reports, setReports] = useState<readonly ReportNumber[]>([]);
  // Asked again when one was written.
  useEffect(() => {
    if (writing) return;
    let current = true;
    void get<{ readonly reports: readonly ReportNumber[] }>('/api/v1/reports/numbers').then((answer) => {
      if (current && answer !== null) setReports(answer.reports);
    });
    return () => {
      current = false;
    };
  }, [get, writing]);
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
      {error === null ? null : <CommandError error={error} />}
      {reports.length === 0 ? null : (
        <Part title={t('reports.kept')}>
          {reports.map((report) => (
            <ReportRow key={report.id} report={report} />
          ))}
          <Intro>{t('reports.keptHint', { reports: t('settings.page.reports') })}</Intro>
        </Part>
      )}
      {writing ? <ReportSheet onClose={() => setWriting(false)} /> : null}
    </Page>
  );
}
