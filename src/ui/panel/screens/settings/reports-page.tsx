// The reports that are kept, and how an administrator gets one. A panel elsewhere saves it; the room's own is a kiosk with nowhere to save to, and says
// what can be done instead.
import { makeStyles } from '@fluentui/react-components';
import { ArrowDownloadRegular } from '@fluentui/react-icons/svg/arrow-download';
import { useState } from 'react';
import type { PanelView, ReportView } from '../../../../ui-server/port.ts';
import { colours, panelSizes } from '../../../shared/theme.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { useAdministrator, useProtectedAnswer } from '../../administrator.tsx';
import { isElsewhere } from '../../elsewhere.ts';
import { Sheet } from '../../parts/sheet.tsx';
import { reportNumberIn } from '../../report-sheet.tsx';
import { CommandError } from '../../screen.tsx';
import { TouchButton } from '../../touch-button.tsx';
import { Intro, Page, Part } from './page.tsx';
import { ReportRow } from './report-row.tsx';

const useStyles = makeStyles({
  way: { display: 'flex', flexDirection: 'column', gap: '0.5rem' },
  words: { margin: 0 },
  // To be read off this panel and typed elsewhere.
  exact: {
    margin: 0,
    padding: '0.75rem 1rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '0.75rem',
    backgroundColor: colours.raised,
    fontFamily: 'ui-monospace, "DejaVu Sans Mono", "Liberation Mono", monospace',
    fontSize: panelSizes.text,
    overflowWrap: 'anywhere',
    textAlign: 'start',
    userSelect: 'text'
  }
});

export function ReportsPage() {
  const t = useTexts();
  const { answer, error } = useProtectedAnswer<{ readonly reports: readonly ReportView[] }>('/api/v1/reports');
  const [getting, setGetting] = useState<ReportView | null>(null);
  const elsewhere = isElsewhere();
  return (
    <Page testId="settings-reports" title={t('settings.page.reports')}>
      <Intro>{t(elsewhere ? 'reports.hintThere' : 'reports.hint', { download: t('reports.download') })}</Intro>
      {error === null ? null : <CommandError error={error} />}
      <Part>
        {answer?.reports.length === 0 ? <p data-testid="reports-none">{t('reports.none')}</p> : null}
        {answer?.reports.map((report) =>
          elsewhere ? (
            <ReportRow key={report.id} report={report} control={<Download report={report} />} />
          ) : (
            <ReportRow key={report.id} report={report} onTouch={() => setGetting(report)} />
          )
        )}
      </Part>
      {getting === null ? null : <GetSheet report={getting} onClose={() => setGetting(null)} />}
    </Page>
  );
}

function Download({ report: { id } }: { readonly report: ReportView }) {
  const t = useTexts();
  const { refresh } = useAdministrator();
  const save = async (): Promise<void> => {
    // A session that has ended meanwhile locks this page; the browser would save the room's refusal.
    if (!(await refresh()).administrator) return;
    const link = document.createElement('a');
    link.href = `/api/v1/reports/${encodeURIComponent(id)}`;
    // As the room names it.
    link.download = '';
    link.click();
  };
  return (
    <TouchButton
      testId={`download-${id}`}
      label={t('reports.download')}
      name={`${t('reports.download')}: ${reportNumberIn(id)}`}
      icon={<ArrowDownloadRegular />}
      onTouch={() => void save()}
    />
  );
}

function GetSheet({ report: { id }, onClose }: { readonly report: ReportView; readonly onClose: () => void }) {
  const styles = useStyles();
  const t = useTexts();
  const { answer, error, code } = useProtectedAnswer<{ readonly addresses: readonly string[]; readonly panels: readonly PanelView[] }>('/api/v1/panels');
  // Without a listener for panels elsewhere there is no such address.
  const off = code === 'CL_NOT_FOUND' || answer?.addresses.length === 0;
  const places = { settings: t('settings.title'), reports: t('settings.page.reports'), download: t('reports.download') };
  return (
    <Sheet
      testId="sheet-get-report"
      title={t('reports.get', { number: reportNumberIn(id) })}
      onClose={onClose}
      buttons={<TouchButton testId="button-get-report-done" label={t('action.done')} tone="brand" onTouch={onClose} />}
    >
      <p className={styles.words}>{t('reports.nowhere')}</p>
      <div className={styles.way} data-testid="get-by-panel">
        {off ? <p className={styles.words}>{t('reports.noPanel')}</p> : null}
        {answer === null || off ? null : (
          <>
            <p className={styles.words}>{t('reports.byPanel', places)}</p>
            {answer.addresses.map((address) => (
              <p key={address} className={styles.exact} dir="ltr">
                {address}
              </p>
            ))}
          </>
        )}
        {error === null || off ? null : <CommandError error={error} />}
      </div>
      <div className={styles.way} data-testid="get-by-command">
        <p className={styles.words}>{t('reports.byCommand')}</p>
        <p className={styles.exact} dir="ltr" lang="en">
          cloister reports get {id.slice(-12)}
        </p>
      </div>
    </Sheet>
  );
}
