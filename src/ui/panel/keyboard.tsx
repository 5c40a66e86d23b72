// The panel's own keyboard, laid out for addresses: digits, letters, @ . - _ and one key for the own organisation.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { BackspaceRegular } from '@fluentui/react-icons/svg/backspace';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { keyStyle } from './key-style.ts';

const ROWS = ['1234567890', 'qwertyuiop', 'asdfghjkl@', 'zxcvbnm.-_'] as const;

const useStyles = makeStyles({
  keyboard: { display: 'grid', gridTemplateColumns: 'repeat(10, minmax(64px, 1fr))', gridAutoRows: 'minmax(64px, 1fr)', gap: '8px', flexGrow: 1, minHeight: 0 },
  key: keyStyle,
  special: { backgroundColor: colours.card, fontSize: panelSizes.text, overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap', padding: '0 1rem' },
  organisation: { gridColumn: 'span 6' },
  wide: { gridColumn: 'span 2' },
  icon: { fontSize: '1.8rem', lineHeight: 0 }
});

type KeyboardProps = { readonly organisation: string; readonly value: string; readonly onChange: (value: string) => void };

/** @param props.value what is typed so far; `onChange` gets what it becomes. */
export function Keyboard({ organisation, value, onChange }: KeyboardProps) {
  const styles = useStyles();
  const t = useTexts();
  const special = mergeClasses(styles.key, styles.special);
  // The organisation replaces whatever follows an @ that is there already.
  const withOrganisation = (): string => `${value.split('@')[0] ?? ''}@${organisation}`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would be announced as a form's group with a legend; this is a group of keys.
    <div role="group" aria-label={t('dial.label')} className={styles.keyboard} dir="ltr">
      {ROWS.flatMap((row) => [...row]).map((character) => (
        <button key={character} type="button" data-testid={`key-${character}`} className={styles.key} onClick={() => onChange(value + character)}>
          {character}
        </button>
      ))}
      <button type="button" data-testid="key-organisation" className={mergeClasses(special, styles.organisation)} onClick={() => onChange(withOrganisation())}>
        @{organisation}
      </button>
      <button type="button" data-testid="key-clear" className={mergeClasses(special, styles.wide)} onClick={() => onChange('')}>
        {t('dial.clear')}
      </button>
      <button
        type="button"
        data-testid="key-backspace"
        aria-label={t('dial.backspace')}
        className={mergeClasses(special, styles.wide)}
        onClick={() => onChange(value.slice(0, -1))}
      >
        <BackspaceRegular className={styles.icon} />
      </button>
    </div>
  );
}
