// Why a problem can wait: one of the usual reasons at a touch, or another one in words.
import { makeStyles } from '@fluentui/react-components';
import { useState } from 'react';
import { panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { Sheet } from './parts/sheet.tsx';
import { CommandError } from './screen.tsx';
import { TextSheet } from './text-sheet.tsx';
import { TouchButton } from './touch-button.tsx';

const useStyles = makeStyles({
  reasons: { display: 'flex', flexDirection: 'column', gap: panelSizes.gap },
  reason: { justifyContent: 'flex-start', textAlign: 'start', whiteSpace: 'normal', fontSize: panelSizes.text }
});

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
  const styles = useStyles();
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
      {error === null ? null : <CommandError error={error} />}
      <div className={styles.reasons}>
        {REASONS.map((reason) => {
          const words = t(`silence.${reason}`);
          return (
            <TouchButton key={reason} testId={`reason-${reason}`} label={words} className={styles.reason} disabled={pending} onTouch={() => onReason(words)} />
          );
        })}
        <TouchButton testId="reason-other" label={t('silence.other')} className={styles.reason} disabled={pending} onTouch={() => setWriting(true)} />
      </div>
    </Sheet>
  );
}
