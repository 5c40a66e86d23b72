// The frame of every panel screen: one landmark with a name, one padding, a header with the way back, a body that scrolls where it is long,
// and the place for a command's error.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { ArrowLeftRegular } from '@fluentui/react-icons/svg/arrow-left';
import { ArrowRightRegular } from '@fluentui/react-icons/svg/arrow-right';
import { ErrorCircleRegular } from '@fluentui/react-icons/svg/error-circle';
import type { ReactNode } from 'react';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { TouchButton } from './touch-button.tsx';

const useStyles = makeStyles({
  screen: {
    position: 'absolute',
    inset: 0,
    display: 'flex',
    flexDirection: 'column',
    padding: '2rem 2.5rem',
    gap: '1.5rem',
    // Larger text scrolls rather than being cut off.
    overflowX: 'hidden',
    overflowY: 'auto',
    backgroundColor: colours.ground,
    color: colours.text,
    fontSize: panelSizes.text,
    lineHeight: 1.35
  },
  centred: { alignItems: 'center', justifyContent: 'safe center', textAlign: 'center' },
  withHeader: { padding: '1.25rem 2rem', gap: '1rem' },
  header: { display: 'flex', alignItems: 'center', gap: '1rem', flexShrink: 0, minHeight: panelSizes.target },
  title: { margin: 0, flexGrow: 1, minWidth: 0, overflowWrap: 'anywhere', fontSize: panelSizes.title, fontWeight: 600, lineHeight: 1.2 },
  right: { display: 'flex', alignItems: 'center', gap: panelSizes.gap, fontSize: panelSizes.large },
  body: { flexGrow: 1, minHeight: 0, display: 'flex', flexDirection: 'column', gap: '1rem' },
  scroll: {
    overflowY: 'auto',
    overscrollBehavior: 'contain',
    touchAction: 'pan-y',
    // Room for a finger beside the rows, and for their focus outline.
    padding: '4px 1.25rem 4px 4px',
    scrollbarWidth: 'auto',
    scrollbarColor: `${colours.quiet} transparent`
  },
  error: { display: 'flex', alignItems: 'center', gap: '0.6em', color: colours.bad, fontSize: panelSizes.text, minHeight: '1.6em' },
  errorIcon: { fontSize: '1.4em', lineHeight: 0, flexShrink: 0 }
});

type HeaderProps = {
  readonly title: string;
  readonly onBack?: () => void;
  /** At the end of the line, such as a button or a sign. */
  readonly right?: ReactNode;
};

type ScreenProps = {
  readonly testId: string;
  readonly name: string;
  readonly centred?: boolean;
  readonly header?: HeaderProps;
  /** The body scrolls, the header stays. Only with a header. */
  readonly scrolls?: boolean;
  readonly className?: string;
  readonly children: ReactNode;
};

export function Screen({ testId, name, centred, header, scrolls, className, children }: ScreenProps) {
  const styles = useStyles();
  const classes = mergeClasses(styles.screen, header !== undefined && styles.withHeader, centred && styles.centred, className);
  return (
    <main data-testid={testId} aria-label={name} className={classes}>
      {header === undefined ? (
        children
      ) : (
        <>
          <Header {...header} />
          {/* Focusable, so that it scrolls by the keyboard too. */}
          {scrolls ? (
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls has to be reached without a finger (WCAG 2.1.1).
            <section aria-label={name} tabIndex={0} className={mergeClasses(styles.body, styles.scroll)} data-testid={`${testId}-body`}>
              {children}
            </section>
          ) : (
            <div className={styles.body}>{children}</div>
          )}
        </>
      )}
    </main>
  );
}

function Header({ title, onBack, right }: HeaderProps) {
  const styles = useStyles();
  const t = useTexts();
  const icon = t.direction === 'rtl' ? <ArrowRightRegular /> : <ArrowLeftRegular />;
  return (
    <header className={styles.header}>
      {onBack === undefined ? null : <TouchButton testId="button-back" label="" name={t('action.back')} icon={icon} tone="quiet" onTouch={onBack} />}
      <h1 className={styles.title}>{title}</h1>
      {right === undefined ? null : <div className={styles.right}>{right}</div>}
    </header>
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
