// Why a problem can wait: one of the usual reasons at a touch, or another one in words.
import { useState } from 'react';
import { useTexts } from '../shared/use-texts.ts';
import { ListRow } from './parts/list-row.tsx';
import { Sheet } from './parts/sheet.tsx';
import { CommandError } from './screen.tsx';
import { TextSheet } from './text-sheet.tsx';
import { TouchButton } from './touch-button.tsx';

const REASONS = ['known', 'notNeeded', 'later'] as const;
const MOST_CHARACTERS = 200;

type SilenceSheetProps = {
  /** In words. */
  readonly problem: string;
  readonly pending: boolean;
  readonly error: string | null;
  readonly onReason: (reason: string) => void;
  readonly onClose: () => void;
};

export function SilenceSheet({ problem, pending, error, onReason, onClose }: SilenceSheetProps) {
  const t = useTexts();
  const [writing, setWriting] = useState(false);
  if (writing)
    return (
      <TextSheet
        testId="sheet-silence-words"
        title={t('silence.title')}
        label={t('silence.label')}
        done={t('health.silence')}
        most={MOST_CHARACTERS}
        pending={pending}
        error={error}
        onDone={(text) => onReason(text.trim())}
        onClose={onClose}
      />
    );
  return (
    <Sheet
      testId="sheet-silence"
      title={t('silence.title')}
      onClose={onClose}
      buttons={<TouchButton testId="button-silence-no" label={t('action.cancel')} onTouch={onClose} />}
    >
      <div>{problem}</div>
      <div>{t('silence.hint')}</div>
      <CommandError error={error} />
      {REASONS.map((reason) => (
        <ListRow key={reason} testId={`reason-${reason}`} title={t(`silence.${reason}`)} disabled={pending} onTouch={() => onReason(t(`silence.${reason}`))} />
      ))}
      <ListRow testId="reason-other" title={t('silence.other')} disabled={pending} onTouch={() => setWriting(true)} />
    </Sheet>
  );
}
