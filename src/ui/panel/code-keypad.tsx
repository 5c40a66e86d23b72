// Keys in the digits that the other room reads out; the room compares them. The own code is not shown beside it: who sees it would copy it.
// What was keyed in belongs to one code and goes with it: the page mounts this for one code only. It is in no attribute and no address.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { BackspaceRegular } from '@fluentui/react-icons/svg/backspace';
import { CheckmarkCircleFilled } from '@fluentui/react-icons/svg/checkmark-circle';
import { DismissFilled } from '@fluentui/react-icons/svg/dismiss';
import { useEffect, useRef, useState } from 'react';
import type { CallView } from '../../room/state.ts';
import { useCommand } from '../shared/room-context.tsx';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { CommandError } from './screen.tsx';
import { TouchButton } from './touch-button.tsx';

const DIGITS = 20;
const GROUP = 5;
const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9'] as const;

const useStyles = makeStyles({
  keypad: { flexGrow: 1, display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) minmax(0, 26rem)', gap: '1rem 3rem', alignItems: 'center' },
  said: { display: 'flex', flexDirection: 'column', alignItems: 'center', gap: '1.25rem', textAlign: 'center', minWidth: 0 },
  task: { margin: 0, maxWidth: '34rem', fontSize: panelSizes.large, lineHeight: 1.35 },
  groups: {
    display: 'grid',
    gridTemplateColumns: 'auto auto',
    gap: '0.75rem 1.5rem',
    fontSize: 'min(max(40px, 3.25rem), 4vw)',
    fontWeight: 600,
    lineHeight: 1.1
  },
  group: { display: 'flex', gap: '0.18em' },
  digit: {
    display: 'inline-block',
    width: '0.7em',
    textAlign: 'center',
    borderBottom: `3px solid ${colours.field}`,
    fontVariantNumeric: 'tabular-nums',
    userSelect: 'none'
  },
  next: { borderBottom: `3px solid ${colours.brandText}` },
  progress: { color: colours.quiet, fontVariantNumeric: 'tabular-nums' },
  keys: { display: 'grid', gridTemplateColumns: 'repeat(3, minmax(64px, 1fr))', gridAutoRows: 'max(68px, 5.5rem)', gap: panelSizes.gap },
  key: {
    padding: 0,
    border: `2px solid ${colours.edge}`,
    borderRadius: '1rem',
    backgroundColor: colours.raised,
    color: colours.text,
    fontFamily: 'inherit',
    fontSize: 'max(30px, 2.25rem)',
    fontWeight: 600,
    cursor: 'pointer',
    ':active': { backgroundColor: colours.brand, color: colours.onFill },
    ':disabled': { color: colours.quiet, cursor: 'default' },
    ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' }
  },
  small: { backgroundColor: colours.card, fontSize: panelSizes.text, overflowWrap: 'anywhere' },
  icon: { fontSize: '1.8rem', lineHeight: 0 },
  result: { flexGrow: 1, display: 'flex', flexDirection: 'column', alignItems: 'center', justifyContent: 'center', gap: '1.25rem', textAlign: 'center' },
  tick: { fontSize: 'max(96px, 8rem)', lineHeight: 0, color: colours.good },
  title: { margin: 0, fontSize: panelSizes.title, fontWeight: 600, lineHeight: 1.2 },
  text: { margin: 0, maxWidth: '46rem', fontSize: panelSizes.large, lineHeight: 1.4 },
  buttons: { display: 'flex', flexWrap: 'wrap', justifyContent: 'center', gap: '1rem' },
  button: { minWidth: '15rem', minHeight: 'max(72px, 5rem)' }
});

type CodeKeypadProps = {
  readonly call: CallView;
  /** Back to the code itself. */
  readonly onLook: () => void;
  /** They differ: asks once more. */
  readonly onDiffer: () => void;
};

export function CodeKeypad({ call, onLook, onDiffer }: CodeKeypadProps) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const [keyed, setKeyed] = useState('');
  const [matches, setMatches] = useState<boolean | null>(null);
  const comparing = command.pending !== null;

  const key = (digit: string): void => {
    if (comparing || keyed.length >= DIGITS) return;
    command.clearError();
    const next = keyed + digit;
    setKeyed(next);
    if (next.length === DIGITS) void compare(next);
  };
  async function compare(digits: string): Promise<void> {
    const body = { digits, mediaEpoch: call.mediaEpoch };
    const answer = await command.ask<{ readonly matches: boolean }>('compare-code', `/api/v1/calls/${encodeURIComponent(call.id)}/compare-code`, body);
    if (answer === null) return;
    setKeyed('');
    setMatches(answer.matches);
  }
  const shorten = (next: string): void => {
    if (comparing) return;
    command.clearError();
    setKeyed(next);
  };
  // Keys of a keyboard do the same as a touch.
  const typed = useRef((_key: string): void => {});
  typed.current = (name) => {
    if (matches !== null) return;
    if (/^\d$/.test(name)) key(name);
    else if (name === 'Backspace') shorten(keyed.slice(0, -1));
  };
  useEffect(() => {
    const press = (event: KeyboardEvent): void => typed.current(event.key);
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, []);

  if (matches === true) return <Matched />;
  if (matches === false) return <Misfit onLook={onLook} onDiffer={onDiffer} onAgain={() => setMatches(null)} />;
  return (
    <div className={styles.keypad} data-testid="code-keypad">
      <div className={styles.said}>
        <p className={styles.task}>{t('keypad.task')}</p>
        <Keyed keyed={keyed} />
        <div className={styles.progress} role="status" data-testid="keyed-progress">
          {comparing ? t('keypad.comparing') : t('keypad.progress', { count: keyed.length })}
        </div>
        <CommandError error={command.error} />
      </div>
      <div className={styles.keys} dir="ltr">
        {[...KEYS, 'clear' as const, '0' as const, 'backspace' as const].map((name) => (
          <button
            key={name}
            type="button"
            data-testid={`code-key-${name}`}
            className={mergeClasses(styles.key, name === 'clear' && styles.small, name === 'backspace' && styles.small)}
            disabled={comparing}
            {...(name === 'backspace' ? { 'aria-label': t('keypad.backspace') } : {})}
            onClick={() => (name === 'clear' ? shorten('') : name === 'backspace' ? shorten(keyed.slice(0, -1)) : key(name))}
          >
            {name === 'backspace' ? <BackspaceRegular className={styles.icon} /> : name === 'clear' ? t('keypad.clear') : name}
          </button>
        ))}
      </div>
    </div>
  );
}

function Keyed({ keyed }: { readonly keyed: string }) {
  const styles = useStyles();
  const places = Array.from({ length: DIGITS }, (_place, index) => index);
  return (
    <div className={styles.groups} dir="ltr" data-testid="keyed-digits">
      {Array.from({ length: DIGITS / GROUP }, (_group, group) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: groups never move.
        <span key={group} className={styles.group}>
          {places.slice(group * GROUP, (group + 1) * GROUP).map((place) => (
            <span key={place} className={mergeClasses(styles.digit, place === keyed.length && styles.next)}>
              {keyed[place] ?? '\u00a0'}
            </span>
          ))}
        </span>
      ))}
    </div>
  );
}

function Matched() {
  const styles = useStyles();
  const t = useTexts();
  return (
    <div className={styles.result} role="status" data-testid="keypad-match">
      <span className={styles.tick} aria-hidden="true">
        <CheckmarkCircleFilled />
      </span>
      <h2 className={styles.title}>{t('keypad.match')}</h2>
      <p className={styles.text}>{t('keypad.matchText')}</p>
    </div>
  );
}

type MisfitProps = { readonly onLook: () => void; readonly onAgain: () => void; readonly onDiffer: () => void };

function Misfit({ onLook, onAgain, onDiffer }: MisfitProps) {
  const styles = useStyles();
  const t = useTexts();
  return (
    <div className={styles.result} role="alert" data-testid="keypad-differ">
      <h2 className={styles.title}>{t('keypad.differ')}</h2>
      <p className={styles.text}>{t('keypad.differText')}</p>
      <div className={styles.buttons}>
        <TouchButton testId="button-keypad-look" label={t('keypad.look')} className={styles.button} onTouch={onLook} />
        <TouchButton testId="button-keypad-again" label={t('keypad.again')} tone="brand" className={styles.button} onTouch={onAgain} />
        <TouchButton testId="button-codes-differ" label={t('code.differ')} icon={<DismissFilled />} className={styles.button} onTouch={onDiffer} />
      </div>
    </div>
  );
}
