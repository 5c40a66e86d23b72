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
  }
});

export function SecurityCode({ code, className }: { readonly code: string; readonly className: string }) {
  const styles = useStyles();
  return (
    <div data-testid="security-code" dir="ltr" className={mergeClasses(styles.code, className)}>
      {code.split(' ').map((group, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: groups never move, and two may be equal.
        <Fragment key={index}>
          {index > 0 ? ' ' : null}
          <span>{group}</span>
        </Fragment>
      ))}
    </div>
  );
}
