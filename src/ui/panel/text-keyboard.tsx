// The panel's keyboard for words: letters of the page's language, signs, capitals where the language has them. Addresses have keys of their own.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { BackspaceRegular } from '@fluentui/react-icons/svg/backspace';
import { KeyboardShiftFilled, KeyboardShiftRegular } from '@fluentui/react-icons/svg/keyboard-shift';
import { useState } from 'react';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { keyStyle } from './key-style.ts';
import { ADDRESS, erased, hasCapitals, LETTERS, SIGNS, SOUND_MARK, typed } from './text-keyboard-layouts.ts';

const useStyles = makeStyles({
  keyboard: { display: 'grid', gridTemplateColumns: 'repeat(10, minmax(64px, 1fr))', gridAutoRows: 'minmax(64px, 5.25rem)', gap: '8px', flexShrink: 0 },
  key: keyStyle,
  special: { gridColumnEnd: 'span 2', backgroundColor: colours.card, fontSize: panelSizes.text, lineHeight: 1.1, overflowWrap: 'anywhere' },
  space: { gridColumnEnd: 'span 4' },
  spaceWide: { gridColumnEnd: 'span 6' },
  last: { gridColumnStart: 9 },
  icon: { fontSize: '1.8rem', lineHeight: 0 }
});

type TextKeyboardProps = {
  readonly keys: 'words' | 'address';
  readonly value: string;
  readonly onChange: (value: string) => void;
};

export function TextKeyboard({ keys, value, onChange }: TextKeyboardProps) {
  const styles = useStyles();
  const t = useTexts();
  const [signs, setSigns] = useState(false);
  const [capital, setCapital] = useState(false);
  const words = keys === 'words';
  const layout = words ? (signs ? SIGNS : LETTERS[t.language]) : ADDRESS;
  const capitals = words && !signs && hasCapitals(t.language);
  const special = mergeClasses(styles.key, styles.special);
  const touch = (key: string): void => {
    onChange(typed(value, key, capital && capitals));
    setCapital(false);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would be announced as a form's group with a legend; this is a group of keys.
    <div role="group" aria-label={t('keyboard.label')} className={styles.keyboard} dir="ltr">
      {layout.flatMap((row, rowIndex) =>
        [...row].map((key, place) =>
          key === ' ' ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: a place without a key is its place.
            <span key={`${rowIndex}-${place}`} />
          ) : (
            <button
              key={key}
              type="button"
              data-testid={`key-${key}`}
              className={styles.key}
              {...(key === SOUND_MARK ? { 'aria-label': t('keyboard.soundMark') } : {})}
              onClick={() => touch(key)}
            >
              {key === SOUND_MARK ? '゛゜小' : capital && capitals ? key.toLocaleUpperCase() : key}
            </button>
          )
        )
      )}
      {words ? (
        <button type="button" data-testid="key-signs" className={special} onClick={() => setSigns(!signs)}>
          {signs ? t('keyboard.letters') : '123 ?!'}
        </button>
      ) : null}
      {capitals ? (
        <button
          type="button"
          data-testid="key-shift"
          aria-label={t('keyboard.capital')}
          aria-pressed={capital}
          className={special}
          onClick={() => setCapital(!capital)}
        >
          {capital ? <KeyboardShiftFilled className={styles.icon} /> : <KeyboardShiftRegular className={styles.icon} />}
        </button>
      ) : null}
      {words ? (
        <button
          type="button"
          data-testid="key-space"
          className={mergeClasses(special, capitals ? styles.space : styles.spaceWide)}
          onClick={() => onChange(`${value} `)}
        >
          {t('keyboard.space')}
        </button>
      ) : null}
      <button
        type="button"
        data-testid="key-backspace"
        aria-label={t('dial.backspace')}
        className={mergeClasses(special, styles.last)}
        onClick={() => onChange(erased(value))}
      >
        <BackspaceRegular className={styles.icon} />
      </button>
    </div>
  );
}
