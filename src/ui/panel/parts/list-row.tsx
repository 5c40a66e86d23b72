// One row of a list: icon, two lines, and a control at its end. A row that can be touched is a button as a whole; its control is beside
// that button, never inside it, so that each has its own name and its own target.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import type { ReactElement, ReactNode } from 'react';
import { colours, panelSizes } from '../../shared/theme.ts';

const useStyles = makeStyles({
  row: { display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: panelSizes.gap, flexShrink: 0 },
  main: {
    display: 'flex',
    alignItems: 'center',
    gap: '1rem',
    flexGrow: 1,
    flexBasis: '16rem',
    minWidth: 0,
    minHeight: panelSizes.target,
    padding: '0.5rem 1.25rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '0.75rem',
    backgroundColor: colours.card,
    color: colours.text,
    fontFamily: 'inherit',
    fontSize: panelSizes.text,
    lineHeight: 1.3,
    textAlign: 'start'
  },
  touchable: {
    cursor: 'pointer',
    ':active': { backgroundColor: colours.raised },
    ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' },
    ':disabled': { color: colours.quiet, cursor: 'default' }
  },
  icon: { fontSize: '1.75rem', lineHeight: 0, flexShrink: 0 },
  words: { flexGrow: 1, minWidth: 0 },
  title: { display: 'block', fontWeight: 600, overflowWrap: 'anywhere' },
  detail: { display: 'block', color: colours.quiet, overflowWrap: 'anywhere' },
  control: { display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: panelSizes.gap }
});

type ListRowProps = {
  readonly testId: string;
  readonly title: string;
  readonly detail?: ReactNode;
  readonly icon?: ReactElement;
  /** The accessible name of the touchable row, where title and detail do not say what a touch does. */
  readonly name?: string;
  readonly disabled?: boolean;
  readonly onTouch?: () => void;
  /** At the end: a toggle, buttons, a figure. */
  readonly control?: ReactNode;
};

export function ListRow({ testId, title, detail, icon, name, disabled, onTouch, control }: ListRowProps) {
  const styles = useStyles();
  const content = (
    <>
      {icon === undefined ? null : (
        <span className={styles.icon} aria-hidden="true">
          {icon}
        </span>
      )}
      <span className={styles.words}>
        <span className={styles.title}>{title}</span>
        {detail === undefined || detail === null ? null : <span className={styles.detail}>{detail}</span>}
      </span>
    </>
  );
  return (
    <div className={styles.row}>
      {onTouch === undefined ? (
        <div data-testid={testId} className={styles.main}>
          {content}
        </div>
      ) : (
        <button
          type="button"
          data-testid={testId}
          className={mergeClasses(styles.main, styles.touchable)}
          disabled={disabled ?? false}
          onClick={onTouch}
          {...(name === undefined ? {} : { 'aria-label': name })}
        >
          {content}
        </button>
      )}
      {control === undefined ? null : <div className={styles.control}>{control}</div>}
    </div>
  );
}
