// The panel's one button: at least 64 px high, answers a touch with a pressed colour at once, says when its command is under way. The browser's own: a screen
// has a dozen, and Fluent's costs as much time at each change of the room as all else on the screen.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import type { ReactElement } from 'react';
import { colours, panelSizes } from '../shared/theme.ts';

type ButtonTone = 'brand' | 'neutral' | 'answer' | 'end' | 'quiet';

const useStyles = makeStyles({
  base: {
    display: 'inline-flex',
    alignItems: 'center',
    justifyContent: 'center',
    boxSizing: 'border-box',
    margin: 0,
    overflow: 'hidden',
    minHeight: panelSizes.target,
    minWidth: panelSizes.target,
    padding: '0.25rem 1.5rem',
    gap: '0.75rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '0.75rem',
    fontFamily: 'inherit',
    fontSize: panelSizes.large,
    fontWeight: 600,
    color: colours.text,
    lineHeight: 1.2,
    textAlign: 'center',
    whiteSpace: 'normal',
    cursor: 'pointer',
    transitionProperty: 'background-color, color',
    transitionDuration: '80ms',
    ':active': { transform: 'scale(0.98)' },
    ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' },
    ':disabled': { backgroundColor: colours.raised, color: colours.quiet, cursor: 'default', transform: 'none' },
    '& .touch-icon': { display: 'inline-flex', flexShrink: 0, fontSize: '1.6em', color: 'inherit' },
    '@media (prefers-reduced-motion: reduce)': { transitionDuration: '0.01ms' }
  },
  brand: {
    border: `2px solid ${colours.edgeBrand}`,
    backgroundColor: colours.brand,
    color: colours.onFill,
    ':active': { backgroundColor: colours.brandPressed }
  },
  neutral: { backgroundColor: colours.raised, ':active': { backgroundColor: colours.raisedPressed } },
  answer: {
    border: `2px solid ${colours.edgeAnswer}`,
    backgroundColor: colours.answer,
    color: colours.onFill,
    ':active': { backgroundColor: colours.answerPressed }
  },
  end: { border: `2px solid ${colours.edgeEnd}`, backgroundColor: colours.end, color: colours.onFill, ':active': { backgroundColor: colours.endPressed } },
  quiet: { border: '2px solid transparent', backgroundColor: 'transparent', ':active': { backgroundColor: colours.raisedPressed } },
  stacked: {
    flexDirection: 'column',
    gap: '0.5rem',
    padding: '1rem 1.25rem',
    fontSize: panelSizes.text,
    lineHeight: 1.2,
    whiteSpace: 'normal',
    overflowWrap: 'anywhere',
    '& .touch-icon': { fontSize: '2em' }
  }
});

type TouchButtonProps = {
  readonly testId: string;
  readonly label: string;
  /** The accessible name, where the label alone does not say it all. */
  readonly name?: string;
  readonly icon?: ReactElement;
  readonly tone?: ButtonTone;
  readonly stacked?: boolean;
  readonly pressed?: boolean;
  readonly disabled?: boolean;
  readonly submit?: boolean;
  readonly className?: string;
  readonly onTouch?: () => void;
};

export function TouchButton({ testId, label, name, icon, tone = 'neutral', stacked, pressed, disabled, submit, className, onTouch }: TouchButtonProps) {
  const styles = useStyles();
  return (
    <button
      data-testid={testId}
      type={submit ? 'submit' : 'button'}
      className={mergeClasses(styles.base, styles[tone], stacked && styles.stacked, className)}
      disabled={disabled ?? false}
      onClick={() => onTouch?.()}
      {...(name === undefined ? {} : { 'aria-label': name })}
      {...(pressed === undefined ? {} : { 'aria-pressed': pressed })}
    >
      {icon !== undefined && <span className="touch-icon">{icon}</span>}
      {label}
    </button>
  );
}
