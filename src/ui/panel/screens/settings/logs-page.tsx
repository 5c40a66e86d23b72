// The latest lines of the log, the newest in view. Read when somebody asks: a page that asks by itself would keep the session open for ever.
import { makeStyles } from '@fluentui/react-components';
import { ArrowClockwiseRegular } from '@fluentui/react-icons/svg/arrow-clockwise';
import { useEffect, useRef } from 'react';
import { colours } from '../../../shared/theme.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { useProtectedAnswer } from '../../administrator.tsx';
import { CommandError } from '../../screen.tsx';
import { TouchButton } from '../../touch-button.tsx';
import { Page } from './page.tsx';

const useStyles = makeStyles({
  lines: {
    flexGrow: 1,
    minHeight: '12rem',
    padding: '1rem',
    overflowX: 'hidden',
    overflowY: 'auto',
    overscrollBehavior: 'contain',
    touchAction: 'pan-y',
    border: `2px solid ${colours.edge}`,
    borderRadius: '0.75rem',
    backgroundColor: colours.card,
    ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' }
  },
  text: {
    margin: 0,
    fontFamily: 'ui-monospace, "DejaVu Sans Mono", "Liberation Mono", monospace',
    fontSize: '18px',
    lineHeight: 1.4,
    whiteSpace: 'pre-wrap',
    overflowWrap: 'anywhere',
    textAlign: 'start',
    userSelect: 'text'
  }
});

export function LogsPage() {
  const styles = useStyles();
  const t = useTexts();
  const { answer, error, loading, load } = useProtectedAnswer<{ readonly lines: readonly string[] }>('/api/v1/logs');
  const shown = useRef<HTMLElement>(null);
  useEffect(() => {
    if (answer !== null) shown.current?.scrollTo({ top: shown.current.scrollHeight });
  }, [answer]);
  return (
    <Page
      testId="settings-logs"
      title={t('settings.page.logs')}
      actions={
        <TouchButton
          testId="button-logs-again"
          label={t(loading ? 'logs.loading' : 'logs.again')}
          icon={<ArrowClockwiseRegular />}
          disabled={loading}
          onTouch={() => void load()}
        />
      }
    >
      {error === null ? null : <CommandError error={error} />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has only keys scrolls it. */}
      <section ref={shown} className={styles.lines} tabIndex={0} aria-label={t('settings.page.logs')} data-testid="log-lines">
        <pre className={styles.text} dir="ltr" lang="en">
          {answer?.lines.join('\n')}
        </pre>
        {answer?.lines.length === 0 ? t('logs.none') : null}
      </section>
    </Page>
  );
}
