// The frame of every panel screen: one landmark with a name, one padding, and the place for a command's error.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { ErrorCircleRegular } from '@fluentui/react-icons/svg/error-circle';
import type { ReactNode } from 'react';
import { colours, panelSizes } from '../shared/theme.ts';

const useStyles = makeStyles({
  screen: {
    position: 'absolute',
    inset: 0,
    display: 'flex',
    flexDirection: 'column',
    padding: '2rem 2.5rem',
    gap: '1.5rem',
    overflow: 'hidden',
    backgroundColor: colours.ground,
    color: colours.text,
    fontSize: panelSizes.text,
    lineHeight: 1.35
  },
  centred: { alignItems: 'center', justifyContent: 'center', textAlign: 'center' },
  error: { display: 'flex', alignItems: 'center', gap: '0.6em', color: colours.bad, fontSize: panelSizes.text, minHeight: '1.6em' },
  errorIcon: { fontSize: '1.4em', lineHeight: 0, flexShrink: 0 }
});

type ScreenProps = {
  readonly testId: string;
  readonly name: string;
  readonly centred?: boolean;
  readonly className?: string;
  readonly children: ReactNode;
};

export function Screen({ testId, name, centred, className, children }: ScreenProps) {
  const styles = useStyles();
  return (
    <main data-testid={testId} aria-label={name} className={mergeClasses(styles.screen, centred && styles.centred, className)}>
      {children}
    </main>
  );
}

/** Keeps its line while there is no error, so that nothing moves under the finger. */
export function CommandError({ error }: { readonly error: string | null }) {
  const styles = useStyles();
  return (
    <div role="alert" data-testid="command-error" className={styles.error}>
      {error === null ? null : (
        <>
          <span className={styles.errorIcon} aria-hidden="true">
            <ErrorCircleRegular />
          </span>
          <span>{error}</span>
        </>
      )}
    </div>
  );
}
