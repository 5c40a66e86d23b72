// Report a problem: the person's words, sent with what the room knows of itself; then the number by which it is found again.
import { makeStyles } from '@fluentui/react-components';
import { CheckmarkCircleFilled } from '@fluentui/react-icons/svg/checkmark-circle';
import { useState } from 'react';
import type { ReportView } from '../../ui-server/port.ts';
import { useCommand } from '../shared/room-context.tsx';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { Sheet } from './parts/sheet.tsx';
import { TextSheet } from './text-sheet.tsx';
import { TouchButton } from './touch-button.tsx';

const useStyles = makeStyles({
  done: { display: 'flex', alignItems: 'center', gap: '1rem', fontSize: panelSizes.large },
  icon: { fontSize: '2.5rem', lineHeight: 0, color: colours.good, flexShrink: 0 },
  number: {
    fontSize: panelSizes.title,
    fontFamily: 'ui-monospace, "DejaVu Sans Mono", "Liberation Mono", monospace',
    letterSpacing: '0.06em',
    overflowWrap: 'anywhere',
    userSelect: 'text'
  },
  quiet: { margin: 0, color: colours.quiet }
});

/** As it stands in the file's name, grouped for reading aloud. */
const reportNumberOf = (id: string): string => id.slice(-12).replace(/(.{4})(?=.)/g, '$1 ');

/** The same inside a sentence of any direction: its groups stay in their order. */
export const reportNumberIn = (id: string): string => `\u2066${reportNumberOf(id)}\u2069`;

const MOST_CHARACTERS = 2000;

export function ReportSheet({ onClose }: { readonly onClose: () => void }) {
  const styles = useStyles();
  const t = useTexts();
  const { ask, pending, error, clearError } = useCommand();
  const [report, setReport] = useState<ReportView | null>(null);
  if (report === null)
    return (
      <TextSheet
        testId="sheet-report"
        title={t('report.title')}
        label={t('report.label')}
        done={t(pending === null ? 'report.send' : 'report.sending')}
        mayBeEmpty
        most={MOST_CHARACTERS}
        pending={pending !== null}
        error={error}
        hint={<p className={styles.quiet}>{t('report.short')}</p>}
        onTyped={clearError}
        onClose={onClose}
        onDone={(text) => void ask<ReportView>('report', '/api/v1/reports', { text: text.trim() }).then(setReport)}
      />
    );
  return (
    <Sheet
      testId="sheet-report-done"
      title={t('report.doneTitle')}
      onClose={onClose}
      buttons={<TouchButton testId="button-report-done" label={t('action.done')} tone="brand" onTouch={onClose} />}
    >
      <div className={styles.done} role="status">
        <span className={styles.icon} aria-hidden="true">
          <CheckmarkCircleFilled />
        </span>
        <div>
          <div>{t('report.number')}</div>
          <div className={styles.number} dir="ltr" data-testid="report-number">
            {reportNumberOf(report.id)}
          </div>
        </div>
      </div>
      <p className={styles.quiet}>{t('report.doneHint')}</p>
    </Sheet>
  );
}
