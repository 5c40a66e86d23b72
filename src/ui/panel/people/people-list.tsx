// The body of a list that scrolls with large momentum, and what stands there when nothing is in it.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import type { ReactElement, ReactNode } from 'react';
import { colours, panelSizes } from '../../shared/theme.ts';

const useStyles = makeStyles({
  list: {
    flexGrow: 1,
    flexBasis: 0,
    minHeight: '9rem',
    minWidth: 0,
    display: 'flex',
    flexDirection: 'column',
    gap: 'max(8px, 0.6rem)',
    // Room for the focus outline.
    padding: '4px',
    overflowX: 'hidden',
    overflowY: 'auto',
    overscrollBehavior: 'contain',
    touchAction: 'pan-y',
    scrollbarColor: `${colours.quiet} transparent`
  },
  columns: { display: 'grid', gridTemplateColumns: 'repeat(auto-fill, minmax(min(100%, 24rem), 1fr))', alignContent: 'start' },
  row: { display: 'flex', alignItems: 'stretch', gap: 'max(8px, 0.5rem)', flexShrink: 0, minWidth: 0 },
  empty: {
    flexGrow: 1,
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    justifyContent: 'center',
    gap: '0.5rem',
    padding: '2rem',
    textAlign: 'center'
  },
  emptyIcon: { fontSize: '3.5rem', lineHeight: 0, color: colours.quiet, marginBottom: '0.5rem' },
  emptyTitle: { fontSize: panelSizes.large, fontWeight: 600 },
  emptyHint: { maxWidth: '32rem', color: colours.quiet }
});

type PeopleListProps = {
  readonly testId: string;
  readonly name: string;
  /** As many beside each other as there is room for. */
  readonly columns?: boolean;
  readonly children: ReactNode;
};

export function PeopleList({ testId, name, columns, children }: PeopleListProps) {
  const styles = useStyles();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls has to be reached without a finger (WCAG 2.1.1).
    <section className={mergeClasses(styles.list, columns && styles.columns)} aria-label={name} tabIndex={0} data-testid={testId}>
      {children}
    </section>
  );
}

/** Somebody and what can be done with them. */
export function PersonRow({ children }: { readonly children: ReactNode }) {
  return <div className={useStyles().row}>{children}</div>;
}

export function NothingHere({ icon, title, hint }: { readonly icon: ReactElement; readonly title: string; readonly hint: string }) {
  const styles = useStyles();
  return (
    <div className={styles.empty}>
      <span className={styles.emptyIcon} aria-hidden="true">
        {icon}
      </span>
      <div className={styles.emptyTitle}>{title}</div>
      <div className={styles.emptyHint}>{hint}</div>
    </div>
  );
}
