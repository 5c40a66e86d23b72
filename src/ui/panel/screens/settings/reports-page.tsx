// The reports that are kept, and how an administrator gets them off this device: a kiosk has nowhere to save a file to.
import { DocumentTextRegular } from '@fluentui/react-icons/svg/document-text';
import type { ReportView } from '../../../../ui-server/port.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { useProtectedAnswer } from '../../administrator.tsx';
import { ListRow } from '../../parts/list-row.tsx';
import { reportNumberOf } from '../../report-sheet.tsx';
import { CommandError } from '../../screen.tsx';
import { Intro, Page, Part } from './page.tsx';

export function ReportsPage() {
  const t = useTexts();
  const { answer, error } = useProtectedAnswer<{ readonly reports: readonly ReportView[] }>('/api/v1/reports');
  return (
    <Page testId="settings-reports" title={t('settings.page.reports')}>
      <Intro>{t('reports.hint')}</Intro>
      {error === null ? null : <CommandError error={error} />}
      <Part>
        {answer?.reports.length === 0 ? <p data-testid="reports-none">{t('reports.none')}</p> : null}
        {answer?.reports.map(({ id, at, text, bytes }) => {
          const when = Date.parse(at);
          const size = `${t.number(Math.max(1, Math.round(bytes / 1000)))} kB`;
          return (
            <ListRow
              key={id}
              testId={`report-${id}`}
              title={text === '' ? t('reports.withoutWords') : text}
              icon={<DocumentTextRegular />}
              detail={
                <>
                  {t.date(when)}, {t.clock(when)} · <bdi>{size}</bdi> · <bdi>{reportNumberOf(id)}</bdi>
                </>
              }
            />
          );
        })}
      </Part>
    </Page>
  );
}
