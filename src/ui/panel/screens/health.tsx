// Health: what ails the room, since when and what to do; what was noticed of attacks; what was looked at. All of it is the room's word.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { AlertRegular } from '@fluentui/react-icons/svg/alert';
import { AlertOffRegular } from '@fluentui/react-icons/svg/alert-off';
import { BugRegular } from '@fluentui/react-icons/svg/bug';
import { CheckmarkCircleFilled } from '@fluentui/react-icons/svg/checkmark-circle';
import { ErrorCircleFilled } from '@fluentui/react-icons/svg/error-circle';
import { ShieldErrorFilled } from '@fluentui/react-icons/svg/shield-error';
import { WarningFilled } from '@fluentui/react-icons/svg/warning';
import { type ReactElement, useState } from 'react';
import type { Problem, RoomState, SecurityEvent } from '../../../room/state.ts';
import { hintOf } from '../../shared/problem-hints.ts';
import { useCommand, useNow } from '../../shared/room-context.tsx';
import { roomStatusOf } from '../../shared/room-status.ts';
import { TechnicalDetail } from '../../shared/technical-detail.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { agoText } from '../../shared/time-ago.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { ReportSheet } from '../report-sheet.tsx';
import { CommandError, Screen } from '../screen.tsx';
import { SilenceSheet } from '../silence-sheet.tsx';
import { TouchButton } from '../touch-button.tsx';
import { checksOf } from './health-checks.ts';

const useStyles = makeStyles({
  state: {
    display: 'flex',
    alignItems: 'center',
    gap: '1.25rem',
    flexShrink: 0,
    padding: '1.25rem 1.5rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '1.25rem',
    backgroundColor: colours.card
  },
  stateIcon: { fontSize: '3rem', lineHeight: 0, flexShrink: 0 },
  stateTitle: { margin: 0, fontSize: panelSizes.title, fontWeight: 600, lineHeight: 1.2 },
  goodState: { backgroundColor: colours.goodGround, border: `2px solid ${colours.edgeAnswer}` },
  warningState: { backgroundColor: colours.warningGround, border: `2px solid ${colours.edgeWarning}` },
  badState: { backgroundColor: colours.badGround, border: `2px solid ${colours.edgeBad}` },
  good: { color: colours.good },
  warning: { color: colours.warning },
  bad: { color: colours.bad },
  quiet: { color: colours.quiet },
  part: { display: 'flex', flexDirection: 'column', gap: '0.75rem', flexShrink: 0 },
  heading: { margin: '0.5rem 0 0', fontSize: panelSizes.large, fontWeight: 600, lineHeight: 1.3 },
  list: { display: 'flex', flexDirection: 'column', gap: '0.75rem', margin: 0, padding: 0, listStyleType: 'none' },
  card: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'flex-start',
    gap: '1rem',
    padding: '1rem 1.25rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '1rem',
    backgroundColor: colours.card
  },
  icon: { fontSize: '1.75rem', lineHeight: 0, flexShrink: 0, paddingTop: '0.1rem' },
  words: { flexGrow: 1, flexBasis: '18rem', minWidth: 0, display: 'flex', flexDirection: 'column', gap: '0.35rem', overflowWrap: 'anywhere' },
  title: { fontWeight: 600 },
  checks: {
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(max(260px, 18rem), 1fr))',
    gap: '0.75rem',
    margin: 0,
    padding: 0,
    listStyleType: 'none'
  },
  check: { display: 'flex', alignItems: 'center', gap: '0.75rem', minWidth: 0, overflowWrap: 'anywhere' }
});

const SEVERITIES = { good: 0, warning: 1, error: 2 } as const;

/** The worst first; what somebody silenced comes last. */
const inOrder = (problems: readonly Problem[]): readonly Problem[] =>
  problems.toSorted((a, b) => Number(a.silenced !== null) - Number(b.silenced !== null) || SEVERITIES[b.severity] - SEVERITIES[a.severity]);

export function HealthScreen({ state, onBack }: { readonly state: RoomState; readonly onBack: () => void }) {
  const styles = useStyles();
  const t = useTexts();
  const now = useNow();
  const [reporting, setReporting] = useState(false);
  const status = roomStatusOf(state, t);
  const { problems, securityEvents } = state.health;
  const good = status.severity === 'good';
  return (
    <Screen
      testId="screen-health"
      name={t('health.title')}
      scrolls
      header={{
        title: t('health.title'),
        onBack,
        right: <TouchButton testId="button-report" label={t('settings.page.report')} icon={<BugRegular />} onTouch={() => setReporting(true)} />
      }}
    >
      <section
        className={mergeClasses(styles.state, { good: styles.goodState, warning: styles.warningState, bad: styles.badState }[status.severity])}
        data-testid="health-state"
        data-severity={status.severity}
        role="status"
      >
        <span className={mergeClasses(styles.stateIcon, styles[status.severity])} aria-hidden="true">
          {good ? <CheckmarkCircleFilled /> : status.severity === 'bad' ? <ErrorCircleFilled /> : <WarningFilled />}
        </span>
        <div>
          <h2 className={styles.stateTitle}>{good ? t('health.well') : status.title}</h2>
          <div>{good ? t('health.wellHint') : status.detail}</div>
        </div>
      </section>

      {problems.length === 0 ? null : (
        <section className={styles.part} aria-label={t('health.problems')}>
          <h2 className={styles.heading}>{t('health.problems')}</h2>
          <ul className={styles.list}>
            {inOrder(problems).map((problem) => (
              <ProblemCard key={problem.code} problem={problem} now={now} />
            ))}
          </ul>
        </section>
      )}

      <section className={styles.part} aria-label={t('health.checked')}>
        <h2 className={styles.heading}>{t('health.checked')}</h2>
        <ul className={styles.checks} data-testid="health-checks">
          {checksOf(state, now).map(({ name, severity, values }) => (
            <li key={name} className={styles.check} data-severity={severity}>
              <span className={mergeClasses(styles.icon, styles[severity])} aria-hidden="true">
                {severity === 'good' ? <CheckmarkCircleFilled /> : <WarningFilled />}
              </span>
              <span>{t(`health.check.${name}.${severity === 'good' ? 'good' : 'bad'}`, values)}</span>
            </li>
          ))}
        </ul>
      </section>

      <section className={styles.part} aria-label={t('health.security')}>
        <h2 className={styles.heading}>{t('health.security')}</h2>
        {securityEvents.length === 0 ? (
          <div className={styles.quiet} data-testid="no-security-events">
            {t('health.securityNone')}
          </div>
        ) : (
          <ul className={styles.list}>
            {securityEvents
              .toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at))
              .map((event, place) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: two events can be the same in all they say.
                <SecurityCard key={`${event.at} ${place}`} event={event} />
              ))}
          </ul>
        )}
      </section>
      {reporting ? <ReportSheet onClose={() => setReporting(false)} /> : null}
    </Screen>
  );
}

function ProblemCard({ problem, now }: { readonly problem: Problem; readonly now: number }) {
  const styles = useStyles();
  const t = useTexts();
  const { run, error, pending } = useCommand();
  const [silencing, setSilencing] = useState(false);
  const { text, technical } = t.problem(problem);
  const since = Date.parse(problem.since);
  const { silenced } = problem;
  const tell = (reason: string | null): Promise<boolean> => run('silence', '/api/v1/health/silence', { code: problem.code, reason });
  const icon: ReactElement = problem.severity === 'error' ? <ErrorCircleFilled /> : <WarningFilled />;
  return (
    <li className={styles.card} data-testid={`problem-${problem.code}`} data-silenced={silenced !== null}>
      <span
        className={mergeClasses(styles.icon, silenced !== null ? styles.quiet : problem.severity === 'error' ? styles.bad : styles.warning)}
        aria-hidden="true"
      >
        {icon}
      </span>
      <div className={styles.words}>
        <span className={styles.title}>
          {t(`health.severity.${problem.severity}`)}: {text}
        </span>
        <TechnicalDetail words={technical} />
        <span>{t(`hint.${hintOf(problem.code)}`)}</span>
        <span className={styles.quiet} data-testid="problem-since">
          {t('health.since', { ago: agoText(now - since, t.language), date: t.date(since), time: t.clock(since) })}
        </span>
        {silenced === null ? null : (
          <span className={styles.quiet} data-testid="problem-silenced">
            {t('health.silenced', { reason: silenced.reason, date: t.date(Date.parse(silenced.at)), time: t.clock(Date.parse(silenced.at)) })}
          </span>
        )}
        {error === null || silencing ? null : <CommandError error={error} />}
      </div>
      {silenced === null ? (
        <TouchButton
          testId={`silence-${problem.code}`}
          label={t('health.silence')}
          name={`${t('health.silence')}: ${text}`}
          icon={<AlertOffRegular />}
          disabled={pending !== null}
          onTouch={() => setSilencing(true)}
        />
      ) : (
        <TouchButton
          testId={`bring-back-${problem.code}`}
          label={t('health.bringBack')}
          name={`${t('health.bringBack')}: ${text}`}
          icon={<AlertRegular />}
          disabled={pending !== null}
          onTouch={() => void tell(null)}
        />
      )}
      {silencing ? (
        <SilenceSheet
          problem={text}
          pending={pending !== null}
          error={error}
          onClose={() => setSilencing(false)}
          onReason={(reason) => void tell(reason).then((done) => (done ? setSilencing(false) : undefined))}
        />
      ) : null}
    </li>
  );
}

function SecurityCard({ event }: { readonly event: SecurityEvent }) {
  const styles = useStyles();
  const t = useTexts();
  const { text, technical } = t.problem(event);
  const at = Date.parse(event.at);
  return (
    <li className={styles.card} data-testid={`security-${event.code}`}>
      <span className={mergeClasses(styles.icon, styles.bad)} aria-hidden="true">
        <ShieldErrorFilled />
      </span>
      <div className={styles.words}>
        <span className={styles.title}>{text}</span>
        <TechnicalDetail words={technical} />
        <span className={styles.quiet}>{t('health.noticed', { who: t.detector(event.detectedBy), date: t.date(at), time: t.clock(at) })}</span>
      </div>
    </li>
  );
}
