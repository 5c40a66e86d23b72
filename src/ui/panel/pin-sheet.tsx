// The administrator's PIN: asked for, set at first use, or changed. Invariants: no digit is ever shown, in an attribute, in a log or in the state of
// another component; what was typed is gone as soon as it was sent, was wrong, or the sheet closes.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { BackspaceRegular } from '@fluentui/react-icons/svg/backspace';
import { CheckmarkFilled } from '@fluentui/react-icons/svg/checkmark';
import { LockClosedRegular } from '@fluentui/react-icons/svg/lock-closed';
import { type KeyboardEvent, useRef, useState } from 'react';
import type { RoomState } from '../../room/state.ts';
import { useCommand, useNow } from '../shared/room-context.tsx';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { Sheet } from './parts/sheet.tsx';
import { FEWEST_DIGITS, MOST_DIGITS, pinWeaknessOf } from './pin-weakness.ts';
import { CommandError } from './screen.tsx';
import { TouchButton } from './touch-button.tsx';

const useStyles = makeStyles({
  halves: { display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) auto', gridTemplateRows: '1fr auto', columnGap: '2rem', rowGap: '0.75rem' },
  words: { display: 'flex', flexDirection: 'column', gap: '0.75rem', minWidth: 0, overflowWrap: 'anywhere' },
  task: { margin: 0 },
  dots: { display: 'flex', flexWrap: 'wrap', gap: '0.6rem', minHeight: '1.25rem', margin: '0.5rem 0' },
  dot: { width: '1.1rem', height: '1.1rem', borderRadius: '50%', border: `2px solid ${colours.field}` },
  filled: { border: `2px solid ${colours.brandText}`, backgroundColor: colours.brandText },
  note: { minHeight: '2.7em', color: colours.quiet },
  good: { color: colours.good },
  // The dots say it to whoever sees them.
  unseen: { position: 'absolute', width: '1px', height: '1px', overflow: 'hidden', clipPath: 'inset(50%)', whiteSpace: 'nowrap' },
  locked: { display: 'flex', alignItems: 'center', gap: '0.75rem', color: colours.warning, fontWeight: 600 },
  icon: { fontSize: '1.6em', lineHeight: 0, flexShrink: 0 },
  pad: {
    gridRow: '1 / span 2',
    gridColumn: 2,
    display: 'grid',
    gridTemplateColumns: 'repeat(3, max(80px, 5.5rem))',
    gap: panelSizes.gap,
    alignContent: 'start'
  },
  key: {
    padding: 0,
    width: '100%',
    minWidth: 0,
    maxWidth: 'none',
    fontSize: panelSizes.title,
    fontVariantNumeric: 'tabular-nums',
    ':active': { transform: 'none' }
  },
  cancel: { alignSelf: 'end', justifySelf: 'start' }
});

const DIGITS = ['1', '2', '3', '4', '5', '6', '7', '8', '9'] as const;

/** What is typed one after the other: the PIN that holds, a new one, the new one once more. */
type Step = 'enter' | 'current' | 'new' | 'again';

type PinSheetProps = {
  readonly admin: RoomState['admin'];
  /** Change it rather than begin a session. */
  readonly change?: boolean;
  /** What it is for, where that is not plain. */
  readonly task?: string;
  /** A session holds, with the right PIN or the new one. */
  readonly onDone: () => void;
  readonly onClose: () => void;
};

export function PinSheet({ admin, change = false, task, onDone, onClose }: PinSheetProps) {
  const styles = useStyles();
  const t = useTexts();
  const now = useNow();
  const command = useCommand();
  const first: Step = !admin.pinSet ? 'new' : change ? 'current' : 'enter';
  const [step, setStep] = useState<Step>(first);
  const [pin, setPin] = useState('');
  const [differs, setDiffers] = useState(false);
  const kept = useRef({ current: '', wanted: '' });
  const lockedMs = admin.lockedUntil === null ? 0 : Date.parse(admin.lockedUntil) - now;
  const locked = lockedMs > 0;
  const busy = command.pending !== null || locked;
  const weakness = step === 'new' ? pinWeaknessOf(pin) : null;
  const complete = pin.length >= FEWEST_DIGITS && weakness === null;

  const goTo = (next: Step): void => {
    setPin('');
    setStep(next);
  };
  const type = (digit: string): void => {
    if (busy) return;
    setDiffers(false);
    command.clearError();
    setPin((before) => (before.length < MOST_DIGITS ? before + digit : before));
  };
  const erase = (): void => setPin((before) => before.slice(0, -1));
  const signIn = (with_: string): Promise<boolean> => command.run('sign-in', '/api/v1/session', { pin: with_ });

  async function enter(): Promise<void> {
    if (step === 'current') {
      kept.current.current = pin;
      return goTo('new');
    }
    if (step === 'new') {
      kept.current.wanted = pin;
      return goTo('again');
    }
    const typed = pin;
    setPin('');
    if (step === 'enter') {
      if (await signIn(typed)) onDone();
      return;
    }
    if (typed !== kept.current.wanted) {
      setDiffers(true);
      kept.current.wanted = '';
      return goTo('new');
    }
    const { current } = kept.current;
    const set = await command.run('set-pin', '/api/v1/pin', change && admin.pinSet ? { pin: typed, current } : { pin: typed });
    kept.current = { current: '', wanted: '' };
    if (!set) return goTo(first);
    // A new PIN ends all sessions; whoever set it goes on with it.
    if (await signIn(typed)) onDone();
    else goTo('enter');
  }

  function pressed(event: KeyboardEvent): void {
    if (/^[0-9]$/.test(event.key)) type(event.key);
    else if (event.key === 'Backspace' && !busy) erase();
  }

  const setting = step === 'new' || step === 'again';
  return (
    <Sheet testId="sheet-pin" title={t(change && admin.pinSet ? 'pin.changeTitle' : setting ? 'pin.setTitle' : 'pin.title')} onClose={onClose}>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would be announced as a form's group with a legend; this is a pad of keys. */}
      <div role="group" aria-label={t('pin.pad')} className={styles.halves} onKeyDown={pressed}>
        <div className={styles.words}>
          <p className={styles.task} data-testid="pin-step">
            {task ?? t(`pin.${step}`)}
          </p>
          <div className={styles.dots} aria-hidden="true" data-testid="pin-dots">
            {Array.from({ length: Math.max(FEWEST_DIGITS, pin.length) }, (_, place) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a dot is its place.
              <span key={place} className={mergeClasses(styles.dot, place < pin.length && styles.filled)} />
            ))}
          </div>
          <div
            role="status"
            className={mergeClasses(styles.note, step === 'new' && complete && styles.good, step !== 'new' && !differs && styles.unseen)}
            data-testid="pin-note"
          >
            {differs
              ? t('pin.differs')
              : step === 'new'
                ? t(weakness === null ? 'pin.strong' : weakness === 'short' ? 'pin.short' : 'pin.pattern')
                : t('pin.count', { count: pin.length })}
          </div>
          {locked ? (
            <div className={styles.locked} data-testid="pin-locked">
              <span className={styles.icon} aria-hidden="true">
                <LockClosedRegular />
              </span>
              <span>{t('pin.locked', { time: t.duration(lockedMs + 999) })}</span>
            </div>
          ) : (
            <CommandError error={command.error} />
          )}
        </div>
        <div className={styles.pad} dir="ltr">
          {DIGITS.map((digit) => (
            <TouchButton key={digit} testId={`pin-key-${digit}`} label={digit} className={styles.key} disabled={busy} onTouch={() => type(digit)} />
          ))}
          <TouchButton
            testId="pin-erase"
            label=""
            name={t('pin.erase')}
            icon={<BackspaceRegular />}
            tone="quiet"
            className={styles.key}
            disabled={busy || pin === ''}
            onTouch={erase}
          />
          <TouchButton testId="pin-key-0" label="0" className={styles.key} disabled={busy} onTouch={() => type('0')} />
          <TouchButton
            testId="pin-enter"
            label=""
            name={t(step === 'enter' ? 'pin.unlock' : 'pin.next')}
            icon={<CheckmarkFilled />}
            tone="brand"
            className={styles.key}
            disabled={busy || !complete}
            onTouch={() => void enter()}
          />
        </div>
        <TouchButton testId="pin-cancel" label={t('action.cancel')} className={styles.cancel} onTouch={onClose} />
      </div>
    </Sheet>
  );
}
