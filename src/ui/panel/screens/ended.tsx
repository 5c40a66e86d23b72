// The call that has just ended: why, how long, and whether it was verified. A failed security check is red, says who noticed, and what to do.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { BugRegular } from '@fluentui/react-icons/svg/bug';
import { CallFilled } from '@fluentui/react-icons/svg/call';
import { StarFilled, StarRegular } from '@fluentui/react-icons/svg/star';
import { useEffect, useState } from 'react';
import type { CallView, RoomState } from '../../../room/state.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { ShieldIcon, shieldStateOf } from '../../shared/shield.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { isFavourite, toggleFavourite } from '../people/favourite-star.tsx';
import { ReportSheet } from '../report-sheet.tsx';
import { CommandError, Screen } from '../screen.tsx';
import { ScrolledMiddle } from '../scrolled-middle.tsx';
import { TouchButton } from '../touch-button.tsx';

/** The panel goes home by itself, unless somebody has to read what happened. */
const GO_HOME_MS = 30_000;

const useStyles = makeStyles({
  screen: { padding: '1.5rem 2rem', gap: '1rem' },
  failed: { backgroundImage: `radial-gradient(80rem 40rem at 50% -10rem, ${colours.glowFailed} 0%, ${colours.ground} 70%)` },
  title: { margin: 0, fontSize: 'max(30px, 2.5rem)', fontWeight: 600 },
  titleFailed: { color: colours.bad },
  with: { color: colours.quiet, fontSize: panelSizes.large },
  reason: { margin: 0, maxWidth: '48rem', fontSize: panelSizes.large },
  detail: { margin: 0, maxWidth: '48rem', color: colours.quiet },
  facts: { display: 'flex', flexWrap: 'wrap', justifyContent: 'center', gap: '1rem', margin: '0.5rem 0' },
  fact: {
    minWidth: '14rem',
    maxWidth: '30rem',
    padding: '1rem 1.75rem',
    borderRadius: '1rem',
    border: `2px solid ${colours.edge}`,
    backgroundColor: colours.card
  },
  name: { color: colours.quiet },
  value: { display: 'flex', alignItems: 'center', justifyContent: 'center', gap: '0.6rem', margin: '0.25rem 0 0', fontSize: panelSizes.large, fontWeight: 600 },
  advice: {
    maxWidth: '56rem',
    padding: '1rem 1.75rem',
    borderRadius: '1rem',
    border: `2px solid ${colours.edgeBad}`,
    backgroundColor: colours.badGround,
    textAlign: 'start'
  },
  adviceTitle: { margin: 0, fontSize: panelSizes.large, fontWeight: 600 },
  adviceText: { margin: '0.25rem 0 0' },
  buttons: { display: 'grid', gridTemplateColumns: '1fr 1fr 1fr 1.2fr', flexShrink: 0, gap: panelSizes.gap, width: '100%', maxWidth: '76rem' },
  button: { minHeight: 'max(72px, 5rem)' },
  quiet: { fontSize: panelSizes.text, padding: '0.25rem 0.75rem' },
  star: {
    '& .touch-icon': { fontSize: '1.6em', color: colours.warning }
  }
});

type EndedScreenProps = { readonly call: CallView; readonly state: RoomState; readonly onDone: () => void };

export function EndedScreen({ call, state, onDone }: EndedScreenProps) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const failed = call.encryption.state === 'failed';
  const differed = failed && call.ended?.code === 'CL_SECURITY_CODES_DIFFER';
  const noticed = state.health.securityEvents.findLast((event) => event.call === call.id);
  const [reporting, setReporting] = useState(false);
  const { favourites } = state.people;
  const { account, displayName } = call.peer;
  const favourite = isFavourite(favourites, account);

  // biome-ignore lint/correctness/useExhaustiveDependencies: counted from when the screen appeared, or was used last, not from each new state
  useEffect(() => {
    if (failed || reporting) return;
    const timer = window.setTimeout(onDone, GO_HOME_MS);
    return () => window.clearTimeout(timer);
  }, [failed, reporting]);

  const words = call.ended === null ? null : t.ended(call.ended);
  const lasted = call.startedAt === null || call.endedAt === null ? t('ended.notConnected') : t.duration(Date.parse(call.endedAt) - Date.parse(call.startedAt));
  return (
    <Screen testId="screen-ended" name={t('ended.title')} centred className={mergeClasses(styles.screen, failed && styles.failed)}>
      <ScrolledMiddle name={t('ended.title')}>
        <h1 className={mergeClasses(styles.title, failed && styles.titleFailed)}>{t(failed ? 'ended.failedTitle' : 'ended.title')}</h1>
        <div className={styles.with}>{call.peer.displayName === call.peer.account ? call.peer.account : `${call.peer.displayName} · ${call.peer.account}`}</div>
        <p className={styles.reason} data-testid="ended-reason" data-reason={call.ended?.reason}>
          {words?.reason}
        </p>
        {words?.detail === null || words === null ? null : (
          <p className={styles.detail} data-testid="ended-detail">
            {words.detail} ({call.ended?.code})
          </p>
        )}
        {failed ? (
          <section className={styles.advice} data-testid="ended-advice">
            <h2 className={styles.adviceTitle}>{t('ended.differTitle')}</h2>
            <p className={styles.adviceText}>{t(differed ? 'ended.differText' : 'ended.failedText')}</p>
          </section>
        ) : null}
        <dl className={styles.facts}>
          <div className={styles.fact}>
            <dt className={styles.name}>{t('ended.duration')}</dt>
            <dd className={styles.value} data-testid="ended-duration">
              {lasted}
            </dd>
          </div>
          {call.encryption.state === null ? null : (
            <div className={styles.fact}>
              <dt className={styles.name}>{t('ended.security')}</dt>
              <dd className={styles.value} data-testid="shield-state" data-state={shieldStateOf(call.encryption)}>
                <ShieldIcon encryption={call.encryption} />
                {t.shield(call.encryption)}
              </dd>
            </div>
          )}
          {noticed === undefined ? null : (
            <div className={styles.fact}>
              <dt className={styles.name}>{t('ended.noticedBy')}</dt>
              <dd className={styles.value} data-testid="noticed-by">
                {t.detector(noticed.detectedBy)}
              </dd>
            </div>
          )}
        </dl>
      </ScrolledMiddle>
      <div className={styles.buttons}>
        <TouchButton
          testId="button-report"
          label={t('ended.report')}
          icon={<BugRegular />}
          tone="quiet"
          className={styles.quiet}
          onTouch={() => setReporting(true)}
        />
        <TouchButton
          testId="button-favourite"
          label={t(favourite ? 'ended.isFavourite' : 'ended.favourite')}
          icon={favourite ? <StarFilled /> : <StarRegular />}
          tone="quiet"
          pressed={favourite}
          className={mergeClasses(styles.quiet, favourite && styles.star)}
          disabled={command.pending !== null}
          onTouch={() => toggleFavourite({ person: { account, displayName }, favourites, command })}
        />
        <TouchButton
          testId="button-call-again"
          label={t('ended.again')}
          icon={<CallFilled />}
          className={styles.button}
          disabled={command.pending !== null}
          onTouch={() => void command.placeCall(account)}
        />
        <TouchButton testId="button-done" label={t('action.done')} tone="brand" className={styles.button} onTouch={onDone} />
      </div>
      <CommandError error={command.error} />
      {reporting ? <ReportSheet onClose={() => setReporting(false)} /> : null}
    </Screen>
  );
}
