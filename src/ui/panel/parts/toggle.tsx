// A switch with its words: the whole line is the target. It shows what the room says, not what was touched.
import { makeStyles, Switch } from '@fluentui/react-components';
import { colours, panelSizes } from '../../shared/theme.ts';

const useStyles = makeStyles({
  line: {
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'space-between',
    gap: '1.5rem',
    flexShrink: 0,
    minHeight: panelSizes.target,
    padding: '0.5rem 1.25rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '0.75rem',
    backgroundColor: colours.card,
    fontSize: panelSizes.text,
    lineHeight: 1.3,
    cursor: 'pointer',
    ':active': { backgroundColor: colours.raised }
  },
  words: { minWidth: 0, overflowWrap: 'anywhere' },
  title: { display: 'block', fontWeight: 600 },
  hint: { display: 'block', color: colours.quiet },
  // Fluent's switch is drawn in px for a mouse. It keeps its drawing and gets the size of a finger's target.
  control: {
    flexShrink: 0,
    minWidth: panelSizes.target,
    minHeight: '56px',
    alignItems: 'center',
    justifyContent: 'center',
    '& .fui-Switch__input': { width: '100%', height: '100%' },
    '& .fui-Switch__indicator': { fontSize: '28px', width: '60px', height: '30px', margin: 0 }
  }
});

type ToggleProps = {
  readonly testId: string;
  readonly label: string;
  readonly hint?: string;
  readonly on: boolean;
  readonly disabled?: boolean;
  readonly onChange: (on: boolean) => void;
};

export function Toggle({ testId, label, hint, on, disabled, onChange }: ToggleProps) {
  const styles = useStyles();
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the switch inside it is the control.
    <label className={styles.line}>
      <span className={styles.words}>
        <span className={styles.title}>{label}</span>
        {hint === undefined ? null : <span className={styles.hint}>{hint}</span>}
      </span>
      <Switch data-testid={testId} className={styles.control} checked={on} disabled={disabled ?? false} onChange={(_event, data) => onChange(data.checked)} />
    </label>
  );
}
