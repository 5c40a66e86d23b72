// The security code in groups, as large as its place allows. Its text is exactly the code as the room gives it.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { Fragment } from 'react';
import { colours } from './theme.ts';

const useStyles = makeStyles({
  code: {
    display: 'flex',
    justifyContent: 'center',
    gap: '0.45em',
    fontWeight: 600,
    lineHeight: 1.1,
    letterSpacing: '0.02em',
    fontVariantNumeric: 'tabular-nums',
    color: colours.text,
    whiteSpace: 'pre',
    unicodeBidi: 'isolate',
    userSelect: 'none'
  },
  marked: { color: colours.brandText, textDecorationLine: 'underline', textDecorationThickness: '0.08em', textUnderlineOffset: '0.18em' }
});

type SecurityCodeProps = {
  readonly code: string;
  readonly className: string;
  /** The group that is being read out. */
  readonly marked?: number | null;
};

export function SecurityCode({ code, className, marked = null }: SecurityCodeProps) {
  const styles = useStyles();
  return (
    <div data-testid="security-code" dir="ltr" className={mergeClasses(styles.code, className)}>
      {code.split(' ').map((group, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: groups never move, and two may be equal.
        <Fragment key={index}>
          {index > 0 ? ' ' : null}
          <span className={index === marked ? styles.marked : ''}>{group}</span>
        </Fragment>
      ))}
    </div>
  );
}
