// A report that is kept: its words where they are shown, its number, when it was made and how big it is.
import { DocumentTextRegular } from '@fluentui/react-icons/svg/document-text';
import type { ReactNode } from 'react';
import type { ReportView } from '../../../../ui-server/port.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { ListRow } from '../../parts/list-row.tsx';
import { reportNumberIn } from '../../report-sheet.tsx';

type ReportRowProps = {
  /** What people wrote is the administrator's to read: others are given none of it. */
  readonly report: Omit<ReportView, 'text'> & Partial<Pick<ReportView, 'text'>>;
  readonly control?: ReactNode;
  readonly onTouch?: () => void;
};

export function ReportRow({ report: { id, at, text, bytes }, control, onTouch }: ReportRowProps) {
  const t = useTexts();
  const when = Date.parse(at);
  const size = `${t.number(Math.max(1, Math.round(bytes / 1000)))} kB`;
  const number = reportNumberIn(id);
  const words = text !== undefined;
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
