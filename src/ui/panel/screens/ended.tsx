// The call that has just ended: why, how long, and whether it was verified. A failed security check is red and says who noticed.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { CallFilled } from '@fluentui/react-icons/svg/call';
import { useEffect } from 'react';
import type { CallView, SecurityEvent } from '../../../room/state.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { ShieldIcon, shieldStateOf } from '../../shared/shield.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { CommandError, Screen } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';

/** The panel goes home by itself, unless somebody has to read what happened. */
const GO_HOME_MS = 30_000;

const useStyles = makeStyles({
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
  buttons: { display: 'flex', flexWrap: 'wrap', justifyContent: 'center', gap: '1.25rem' },
  button: { minWidth: 'max(200px, 16rem)', minHeight: 'max(72px, 5rem)' }
});

type EndedScreenProps = { readonly call: CallView; readonly events: readonly SecurityEvent[]; readonly onDone: () => void };

export function EndedScreen({ call, events, onDone }: EndedScreenProps) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const failed = call.encryption.state === 'failed';
  const noticed = events.findLast((event) => event.call === call.id);

  // biome-ignore lint/correctness/useExhaustiveDependencies: counted from when the screen appeared, not from each new state
  useEffect(() => {
    if (failed) return;
    const timer = window.setTimeout(onDone, GO_HOME_MS);
    return () => window.clearTimeout(timer);
  }, [failed]);

  const words = call.ended === null ? null : t.ended(call.ended);
  const lasted = call.startedAt === null || call.endedAt === null ? t('ended.notConnected') : t.duration(Date.parse(call.endedAt) - Date.parse(call.startedAt));
  return (
    <Screen testId="screen-ended" name={t('ended.title')} centred {...(failed ? { className: styles.failed } : {})}>
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
      <div className={styles.buttons}>
        <TouchButton
          testId="button-call-again"
          label={t('ended.again')}
          icon={<CallFilled />}
          className={styles.button}
          disabled={command.pending !== null}
          onTouch={() => void command.placeCall(call.peer.account)}
        />
        <TouchButton testId="button-done" label={t('action.done')} tone="brand" className={styles.button} onTouch={onDone} />
      </div>
      <CommandError error={command.error} />
    </Screen>
  );
}
