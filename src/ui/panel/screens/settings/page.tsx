// The frame of one page of the settings: its heading takes the focus when it opens, its body scrolls, its actions stay in sight below it.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { ArrowLeftRegular } from '@fluentui/react-icons/svg/arrow-left';
import { ArrowRightRegular } from '@fluentui/react-icons/svg/arrow-right';
import { type ReactNode, useEffect, useId, useRef } from 'react';
import { colours, panelSizes } from '../../../shared/theme.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { TouchButton } from '../../touch-button.tsx';

const useStyles = makeStyles({
  page: { display: 'flex', flexDirection: 'column', minWidth: 0, minHeight: 0, height: '100%', gap: '0.75rem' },
  head: { display: 'flex', alignItems: 'center', gap: '0.75rem', flexShrink: 0, minHeight: panelSizes.target },
  title: { margin: 0, minWidth: 0, overflowWrap: 'anywhere', fontSize: panelSizes.title, fontWeight: 600, lineHeight: 1.2, outline: 'none' },
  scroll: {
    flexGrow: 1,
    minHeight: 0,
    display: 'flex',
    flexDirection: 'column',
    gap: '1.5rem',
    padding: '4px 1rem 1.5rem 4px',
    overflowX: 'hidden',
    overflowY: 'auto',
    overscrollBehavior: 'contain',
    touchAction: 'pan-y',
    scrollbarColor: `${colours.quiet} transparent`,
    // What goes on below fades at the edge.
    maskImage: 'linear-gradient(to bottom, #000000 calc(100% - 1.25rem), transparent)'
  },
  actions: { display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: panelSizes.gap, flexShrink: 0, paddingInlineEnd: '1rem' },
  intro: { margin: 0, maxWidth: '46rem', color: colours.quiet, lineHeight: 1.45 },
  part: { display: 'flex', flexDirection: 'column', gap: '0.75rem', flexShrink: 0 },
  heading: { margin: 0, fontSize: panelSizes.large, fontWeight: 600, lineHeight: 1.3 },
  card: {
    display: 'flex',
    flexDirection: 'column',
    gap: '1rem',
    flexShrink: 0,
    padding: '1rem 1.25rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '1rem',
    backgroundColor: colours.card
  }
});

type PageProps = {
  readonly testId: string;
  readonly title: string;
  /** To the list this page was opened from. */
  readonly onUp?: () => void;
  readonly actions?: ReactNode;
  /** The focus stays where it is: something else has it. */
  readonly keepsFocus?: boolean;
  readonly children: ReactNode;
};

export function Page({ testId, title, onUp, actions, keepsFocus = false, children }: PageProps) {
  const styles = useStyles();
  const t = useTexts();
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page opens.
  useEffect(() => {
    if (!keepsFocus) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <section data-testid={testId} aria-labelledby={id} className={styles.page}>
      <div className={styles.head}>
        {onUp === undefined ? null : (
          <TouchButton
            testId="button-up"
            label=""
            name={t('action.back')}
            icon={t.direction === 'rtl' ? <ArrowRightRegular /> : <ArrowLeftRegular />}
            tone="quiet"
            onTouch={onUp}
          />
        )}
        <h2 id={id} ref={heading} tabIndex={-1} className={styles.title}>
          {title}
        </h2>
      </div>
      <div className={styles.scroll} data-testid={`${testId}-body`}>
        {children}
      </div>
      {actions === undefined ? null : <div className={styles.actions}>{actions}</div>}
    </section>
  );
}

export function Intro({ children }: { readonly children: ReactNode }) {
  const styles = useStyles();
  return <p className={styles.intro}>{children}</p>;
}

/** What belongs together, under a heading of its own where it has one. */
export function Part({ title, children }: { readonly title?: string; readonly children: ReactNode }) {
  const styles = useStyles();
  return (
    <div className={styles.part}>
      {title === undefined ? null : <h3 className={styles.heading}>{title}</h3>}
      {children}
    </div>
  );
}

export function Card({ className, children }: { readonly className?: string; readonly children: ReactNode }) {
  const styles = useStyles();
  return <div className={mergeClasses(styles.card, className)}>{children}</div>;
}
