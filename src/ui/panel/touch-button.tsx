// The panel's one button: at least 64 px high, answers a touch with a pressed colour at once, says when its command is under way.
import { Button, makeStyles, mergeClasses } from '@fluentui/react-components';
import type { ReactElement } from 'react';
import { colours, panelSizes } from '../shared/theme.ts';

type ButtonTone = 'brand' | 'neutral' | 'answer' | 'end' | 'quiet';

const useStyles = makeStyles({
  base: {
    minHeight: panelSizes.target,
    minWidth: panelSizes.target,
    padding: '0.25rem 1.5rem',
    gap: '0.75rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '0.75rem',
    fontSize: panelSizes.large,
    fontWeight: 600,
    color: colours.text,
    lineHeight: 1.2,
    textAlign: 'center',
    whiteSpace: 'normal',
    transitionDuration: '80ms',
    // A finger leaves :hover behind: nothing of Fluent's may stay with it.
    ':hover': { color: colours.text, border: `2px solid ${colours.edge}` },
    ':hover:active': { color: colours.text, border: `2px solid ${colours.edge}`, transform: 'scale(0.98)' },
    ':disabled': { backgroundColor: colours.raised, color: colours.quiet },
    ':disabled:hover': { backgroundColor: colours.raised, color: colours.quiet },
    '& .fui-Button__icon': { fontSize: '1.6em', width: 'auto', height: 'auto', margin: 0, color: 'inherit' },
    ':hover .fui-Button__icon': { color: 'inherit' },
    ':hover:active .fui-Button__icon': { color: 'inherit' }
  },
  brand: {
    border: `2px solid ${colours.edgeBrand}`,
    backgroundColor: colours.brand,
    color: colours.onFill,
    ':hover': { border: `2px solid ${colours.edgeBrand}`, backgroundColor: colours.brand, color: colours.onFill },
    ':hover:active': { border: `2px solid ${colours.edgeBrand}`, backgroundColor: colours.brandPressed, color: colours.onFill }
  },
  neutral: { backgroundColor: colours.raised, ':hover': { backgroundColor: colours.raised }, ':hover:active': { backgroundColor: colours.raisedPressed } },
  answer: {
    border: `2px solid ${colours.edgeAnswer}`,
    backgroundColor: colours.answer,
    color: colours.onFill,
    ':hover': { border: `2px solid ${colours.edgeAnswer}`, backgroundColor: colours.answer, color: colours.onFill },
    ':hover:active': { border: `2px solid ${colours.edgeAnswer}`, backgroundColor: colours.answerPressed, color: colours.onFill }
  },
  end: {
    border: `2px solid ${colours.edgeEnd}`,
    backgroundColor: colours.end,
    color: colours.onFill,
    ':hover': { border: `2px solid ${colours.edgeEnd}`, backgroundColor: colours.end, color: colours.onFill },
    ':hover:active': { border: `2px solid ${colours.edgeEnd}`, backgroundColor: colours.endPressed, color: colours.onFill }
  },
  quiet: {
    border: '2px solid transparent',
    backgroundColor: 'transparent',
    ':hover': { border: '2px solid transparent', backgroundColor: 'transparent' },
    ':hover:active': { border: '2px solid transparent', backgroundColor: colours.raisedPressed }
  },
  stacked: {
    flexDirection: 'column',
    gap: '0.5rem',
    padding: '1rem 1.25rem',
    fontSize: panelSizes.text,
    lineHeight: 1.2,
    whiteSpace: 'normal',
    overflowWrap: 'anywhere',
    '& .fui-Button__icon': { fontSize: '2em' }
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
    <Button
      data-testid={testId}
      type={submit ? 'submit' : 'button'}
      className={mergeClasses(styles.base, styles[tone], stacked && styles.stacked, className)}
      disabled={disabled ?? false}
      onClick={() => onTouch?.()}
      {...(icon === undefined ? {} : { icon })}
      {...(name === undefined ? {} : { 'aria-label': name })}
      {...(pressed === undefined ? {} : { 'aria-pressed': pressed })}
    >
      {label}
    </Button>
  );
}
