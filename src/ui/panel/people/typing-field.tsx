// A field that the panel's own keyboard writes into; a keyboard that is plugged in writes into it as well.
import { makeStyles } from '@fluentui/react-components';
import { colours, panelSizes } from '../../shared/theme.ts';

const useStyles = makeStyles({
  input: {
    flexGrow: 1,
    flexBasis: '12rem',
    minWidth: 0,
    minHeight: 'max(64px, 4.25rem)',
    padding: '0 1.25rem',
    border: `2px solid ${colours.field}`,
    borderRadius: '0.75rem',
    backgroundColor: colours.card,
    color: colours.text,
    caretColor: colours.brandText,
    fontFamily: 'inherit',
    fontSize: panelSizes.large,
    textOverflow: 'ellipsis',
    userSelect: 'text',
    '::placeholder': { color: colours.placeholder, opacity: 1 },
    ':focus': { outlineStyle: 'none', border: `2px solid ${colours.brandText}` },
    '&[aria-invalid="true"]': { border: `2px solid ${colours.bad}` }
  }
});

type TypingFieldProps = {
  readonly testId: string;
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly invalid?: boolean;
  readonly autoFocus?: boolean;
  readonly most?: number;
  readonly onChange: (value: string) => void;
  readonly onFocus?: () => void;
};

export function TypingField({ testId, label, placeholder, value, invalid = false, autoFocus = false, most = 254, onChange, onFocus }: TypingFieldProps) {
  const styles = useStyles();
  return (
    <input
      data-testid={testId}
      className={styles.input}
      aria-label={label}
      aria-invalid={invalid}
      placeholder={placeholder}
      dir={value === '' ? 'auto' : 'ltr'}
      value={value}
      maxLength={most}
      // The panel's own keyboard is there; the system's would cover it.
      inputMode="none"
      autoCapitalize="none"
      autoComplete="off"
      spellCheck={false}
      // biome-ignore lint/a11y/noAutofocus: who opens this part wants to type.
      autoFocus={autoFocus}
      onChange={(event) => onChange(event.target.value)}
      onFocus={() => onFocus?.()}
    />
  );
}
