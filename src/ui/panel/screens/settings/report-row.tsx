// A report that is kept: its words where they are shown, its number, when it was made and how big it is.
import { DocumentTextRegular } from '@fluentui/react-icons/svg/document-text';
import type { ReactNode } from 'react';
import type { ReportView } from '../../../../ui-server/port.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { ListRow } from '../../parts/list-row.tsx';
import { reportNumberIn } from '../../report-sheet.tsx';

type ReportRowProps = {
  readonly report: ReportView;
  /** What people wrote is the administrator's to read. */
  readonly words: boolean;
  readonly control?: ReactNode;
  readonly onTouch?: () => void;
};

export function ReportRow({ report: { id, at, text, bytes }, words, control, onTouch }: ReportRowProps) {
  const t = useTexts();
  const when = Date.parse(at);
  const size = `${t.number(Math.max(1, Math.round(bytes / 1000)))} kB`;
  const number = reportNumberIn(id);
  return (
    <ListRow
      testId={`report-${id}`}
      title={words ? text || t('reports.withoutWords') : number}
      icon={<DocumentTextRegular />}
      detail={
        <>
          {t.date(when)}, {t.clock(when)} · <bdi>{size}</bdi>
          {words ? ` · ${number}` : ''}
        </>
      }
      {...(control === undefined ? {} : { control })}
      {...(onTouch === undefined ? {} : { onTouch })}
    />
  );
}
