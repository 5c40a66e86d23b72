// Dial tones in a call, for machines that ask for digits. Each touch is sent at once; what was keyed in is kept no longer than this page is open.
import { makeStyles } from '@fluentui/react-components';
import { useEffect, useRef, useState } from 'react';
import type { CallView } from '../../../room/state.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { RecordingNotice } from '../call-notices.tsx';
import { CommandError, Screen } from '../screen.tsx';

/** The letters of ITU-T E.161. */
const KEYS = [
  ['1', ''],
  ['2', 'ABC'],
  ['3', 'DEF'],
  ['4', 'GHI'],
  ['5', 'JKL'],
  ['6', 'MNO'],
  ['7', 'PQRS'],
  ['8', 'TUV'],
  ['9', 'WXYZ'],
  ['*', ''],
  ['0', '+'],
  ['#', '']
] as const;
/** More of them is on the screen than anybody keeps in mind. */
const SHOWN = 24;

const useStyles = makeStyles({
  body: { flexGrow: 1, display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) minmax(0, 28rem)', gap: '1rem 3rem', alignItems: 'center' },
  said: { display: 'flex', flexDirection: 'column', alignItems: 'center', gap: '1rem', minWidth: 0, textAlign: 'center' },
  hint: { margin: 0, maxWidth: '30rem', color: colours.quiet, fontSize: panelSizes.large },
  keyed: {
    minHeight: '1.3em',
    maxWidth: '100%',
    overflowWrap: 'anywhere',
    fontSize: 'max(32px, 2.5rem)',
    fontWeight: 600,
    lineHeight: 1.2,
    letterSpacing: '0.08em',
    fontVariantNumeric: 'tabular-nums'
  },
  keys: {
    display: 'grid',
    gridTemplateColumns: 'repeat(3, minmax(64px, 1fr))',
    gridAutoRows: 'max(72px, 6rem)',
    gap: panelSizes.gap
  },
  key: {
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    justifyContent: 'center',
    padding: 0,
    border: `2px solid ${colours.edge}`,
    borderRadius: '1rem',
    backgroundColor: colours.raised,
    color: colours.text,
    fontFamily: 'inherit',
    fontSize: 'max(28px, 2rem)',
    fontWeight: 600,
    lineHeight: 1.1,
    cursor: 'pointer',
    ':active': { backgroundColor: colours.brand, color: colours.onFill },
    ':disabled': { color: colours.quiet, cursor: 'default' },
    ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' }
  },
  letters: { fontSize: '18px', fontWeight: 400, letterSpacing: '0.12em' }
});

export function DialTonesScreen({ call, onBack }: { readonly call: CallView; readonly onBack: () => void }) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const [keyed, setKeyed] = useState('');
  const connected = call.phase === 'connected';
  // One after the other, so that they arrive as they were touched.
  const sending = useRef<Promise<unknown>>(Promise.resolve());
  const press = (key: string): void => {
    sending.current = sending.current.then(async () => {
      if (await command.act(call, 'dtmf', { digits: key })) setKeyed((before) => before + key);
    });
  };
  // Keys of a keyboard do the same as a touch.
  const latest = useRef(press);
  latest.current = press;
  useEffect(() => {
    const typed = (event: KeyboardEvent): void => {
      if (!event.ctrlKey && !event.altKey && !event.metaKey && KEYS.some(([key]) => key === event.key)) latest.current(event.key);
    };
    window.addEventListener('keydown', typed);
    return () => window.removeEventListener('keydown', typed);
  }, []);
  const nameOf = (key: string): string => (key === '*' ? t('inCall.tones.star') : key === '#' ? t('inCall.tones.hash') : key);
  return (
    <Screen testId="screen-dial-tones" name={t('inCall.tones')} header={{ title: t('inCall.tones'), onBack }} scrolls>
      <RecordingNotice call={call} />
      <div className={styles.body}>
        <div className={styles.said}>
          <p className={styles.hint}>{t(connected ? 'inCall.tones.hint' : 'inCall.tones.held')}</p>
          <output className={styles.keyed} data-testid="keyed" aria-label={t('inCall.tones.keyed')} dir="ltr">
            {keyed.length > SHOWN ? `…${keyed.slice(-SHOWN)}` : keyed}
          </output>
          <CommandError error={command.error} />
        </div>
        <div className={styles.keys} dir="ltr">
          {KEYS.map(([key, letters]) => (
            <button
              key={key}
              type="button"
              data-testid={`tone-${key}`}
              className={styles.key}
              {...(letters === '' ? { 'aria-label': nameOf(key) } : {})}
              disabled={!connected}
              onClick={() => press(key)}
            >
              {key}
              {letters === '' ? null : <span className={styles.letters}>{letters}</span>}
            </button>
          ))}
        </div>
      </div>
    </Screen>
  );
}
