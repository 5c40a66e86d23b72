// What a centred screen says above its buttons: it scrolls where it is long, so that what can be done never scrolls away.
import { makeStyles } from '@fluentui/react-components';
import type { ReactNode } from 'react';
import { colours } from '../shared/theme.ts';

const useStyles = makeStyles({
  middle: {
    flexGrow: 1,
    minHeight: 0,
    width: '100%',
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    justifyContent: 'safe center',
    gap: '1rem',
    // Room for the focus outline.
    padding: '4px',
    overflowX: 'hidden',
    overflowY: 'auto',
    overscrollBehavior: 'contain',
    scrollbarColor: `${colours.quiet} transparent`
  }
});

export function ScrolledMiddle({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls has to be reached without a finger (WCAG 2.1.1).
    <section className={useStyles().middle} aria-label={name} tabIndex={0}>
      {children}
    </section>
  );
}
