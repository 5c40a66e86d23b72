// Facts by name: what the room is, large enough to be read off and copied by hand.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import type { ReactNode } from 'react';
import { colours, panelSizes } from '../../../shared/theme.ts';

const useStyles = makeStyles({
  facts: {
    display: 'flex',
    flexDirection: 'column',
    flexShrink: 0,
    margin: 0,
    padding: '0.25rem 1.25rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '1rem',
    backgroundColor: colours.card
  },
  fact: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'baseline',
    justifyContent: 'space-between',
    columnGap: '2rem',
    rowGap: '0.15rem',
    padding: '0.9rem 0',
    ':not(:last-child)': { borderBottom: `1px solid ${colours.line}` }
  },
  name: { color: colours.quiet },
  value: { margin: 0, minWidth: 0, fontWeight: 600, overflowWrap: 'anywhere', userSelect: 'text' },
  code: { fontSize: panelSizes.large, fontFamily: 'ui-monospace, "DejaVu Sans Mono", "Liberation Mono", monospace', fontWeight: 500 },
  good: { color: colours.good },
  warning: { color: colours.warning },
  bad: { color: colours.bad }
});

export type Fact = {
  readonly name: string;
  readonly value: ReactNode;
  /** An address, a number: left to right in every language, in letters that cannot be taken for each other. */
  readonly code?: boolean;
  readonly severity?: 'good' | 'warning' | 'bad';
};

export function Facts({ testId, facts }: { readonly testId: string; readonly facts: readonly Fact[] }) {
  const styles = useStyles();
  return (
    <dl className={styles.facts} data-testid={testId}>
      {facts.map(({ name, value, code, severity }) => (
        <div key={name} className={styles.fact}>
          <dt className={styles.name}>{name}</dt>
          <dd
            className={mergeClasses(styles.value, code === true && styles.code, severity !== undefined && styles[severity])}
            {...(code === true ? { dir: 'ltr' } : {})}
          >
            {value}
          </dd>
        </div>
      ))}
    </dl>
  );
}
