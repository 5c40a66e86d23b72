// One of a few, all in sight: radio buttons drawn as a row of buttons. Arrow keys go from one to the next, as in any radio group.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { CheckmarkFilled } from '@fluentui/react-icons/svg/checkmark';
import { useId } from 'react';
import { colours, panelSizes } from '../../shared/theme.ts';

const useStyles = makeStyles({
  group: { display: 'flex', flexWrap: 'wrap', alignItems: 'stretch', gap: panelSizes.gap, flexShrink: 0, margin: 0, padding: 0, border: 'none', minWidth: 0 },
  legend: { padding: 0, marginBottom: '0.5rem', fontSize: panelSizes.text, fontWeight: 600 },
  option: {
    position: 'relative',
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'center',
    gap: '0.6rem',
    flexGrow: 1,
    minWidth: 'max(96px, 7rem)',
    minHeight: panelSizes.target,
    padding: '0.5rem 1.25rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '0.75rem',
    backgroundColor: colours.raised,
    color: colours.text,
    fontSize: panelSizes.text,
    fontWeight: 600,
    textAlign: 'center',
    cursor: 'pointer',
    ':active': { backgroundColor: colours.raisedPressed },
    ':focus-within': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' }
  },
  chosen: {
    border: `2px solid ${colours.edgeBrand}`,
    backgroundColor: colours.brand,
    color: colours.onFill,
    ':active': { backgroundColor: colours.brandPressed }
  },
  disabled: { color: colours.quiet, cursor: 'default' },
  // Over the whole option, unseen: the finger hits it and the keyboard finds it.
  radio: { position: 'absolute', inset: 0, width: '100%', height: '100%', margin: 0, opacity: 0, cursor: 'inherit' },
  icon: { fontSize: '1.3em', lineHeight: 0 }
});

type ChoiceProps<Value extends string> = {
  readonly testId: string;
  readonly label: string;
  readonly options: readonly { readonly value: Value; readonly label: string; readonly lang?: string }[];
  readonly value: Value;
  readonly disabled?: boolean;
  readonly onChange: (value: Value) => void;
};

export function Choice<Value extends string>({ testId, label, options, value, disabled, onChange }: ChoiceProps<Value>) {
  const styles = useStyles();
  const name = useId();
  return (
    <fieldset className={styles.group} data-testid={testId} disabled={disabled ?? false}>
      <legend className={styles.legend}>{label}</legend>
      {options.map((option) => (
        <label
          key={option.value}
          className={mergeClasses(styles.option, option.value === value && styles.chosen, disabled && styles.disabled)}
          {...(option.lang === undefined ? {} : { lang: option.lang })}
        >
          {option.value === value ? (
            <span className={styles.icon} aria-hidden="true">
              <CheckmarkFilled />
            </span>
          ) : null}
          {option.label}
          <input
            type="radio"
            data-testid={`${testId}-${option.value}`}
            className={styles.radio}
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
        </label>
      ))}
    </fieldset>
  );
}
