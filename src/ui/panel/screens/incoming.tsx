// An incoming call: who it is, how sure that is, and what the call will be, before anything is answered.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { CallFilled } from '@fluentui/react-icons/svg/call';
import { CheckmarkCircleFilled } from '@fluentui/react-icons/svg/checkmark-circle';
import { DismissFilled } from '@fluentui/react-icons/svg/dismiss';
import { LockClosedRegular } from '@fluentui/react-icons/svg/lock-closed';
import { ShieldLockFilled } from '@fluentui/react-icons/svg/shield-lock';
import { VideoFilled } from '@fluentui/react-icons/svg/video';
import { WarningFilled } from '@fluentui/react-icons/svg/warning';
import type { CallView } from '../../../room/state.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { PeerHeading } from '../peer-heading.tsx';
import { CommandError, Screen } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';

const useStyles = makeStyles({
  screen: { gap: '1.25rem', backgroundImage: `radial-gradient(80rem 40rem at 50% -10rem, ${colours.glow} 0%, ${colours.ground} 70%)` },
  title: { color: colours.brandText, fontSize: panelSizes.large, fontWeight: 600 },
  facts: { display: 'grid', gridTemplateColumns: '1fr 1fr', gap: '1rem', width: '100%', maxWidth: '60rem', textAlign: 'start' },
  fact: {
    display: 'flex',
    alignItems: 'center',
    gap: '1rem',
    padding: '1rem 1.5rem',
    borderRadius: '1rem',
    border: `2px solid ${colours.edge}`,
    backgroundColor: colours.card
  },
  icon: { fontSize: '2rem', lineHeight: 0, flexShrink: 0 },
  good: { color: colours.good },
  warning: { color: colours.warning },
  factTitle: { fontWeight: 600 },
  factHint: { color: colours.quiet },
  buttons: { display: 'flex', flexWrap: 'wrap', gap: '1rem', width: '100%', maxWidth: '60rem', marginTop: '0.5rem' },
  button: { flexGrow: 1, flexBasis: 0, minHeight: 'max(80px, 5.5rem)', padding: '0 0.75rem' }
});

export function IncomingScreen({ call }: { readonly call: CallView }) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const verified = call.peer.identity === 'verified';
  const endToEnd = call.encryption.expected === 'end-to-end';
  const busy = command.pending !== null;
  return (
    <Screen testId="screen-incoming" name={t('incoming.title')} centred className={styles.screen}>
      <div className={styles.title}>{t('incoming.title')}</div>
      <PeerHeading peer={call.peer} />
      <div className={styles.facts}>
        <div className={styles.fact} data-testid="incoming-identity" data-identity={call.peer.identity}>
          <span className={mergeClasses(styles.icon, verified ? styles.good : styles.warning)} aria-hidden="true">
            {verified ? <CheckmarkCircleFilled /> : <WarningFilled />}
          </span>
          <div>
            <div className={styles.factTitle}>{t(verified ? 'incoming.verified' : 'incoming.unverified')}</div>
            <div className={styles.factHint}>
              {verified ? t('incoming.verifiedHint', { organisation: call.peer.organisation }) : t('incoming.unverifiedHint')}
            </div>
          </div>
        </div>
        <div className={styles.fact} data-testid="incoming-encryption" data-expected={call.encryption.expected}>
          <span className={mergeClasses(styles.icon, endToEnd && styles.good)} aria-hidden="true">
            {endToEnd ? <ShieldLockFilled /> : <LockClosedRegular />}
          </span>
          <div>
            <div className={styles.factTitle}>{t(endToEnd ? 'incoming.endToEnd' : 'incoming.standard')}</div>
            <div className={styles.factHint}>{endToEnd ? t('incoming.endToEndHint') : t.standardReason(call.encryption.reason)}</div>
          </div>
        </div>
      </div>
      <div className={styles.buttons}>
        <TouchButton
          testId="button-decline"
          label={t('incoming.decline')}
          icon={<DismissFilled />}
          tone="end"
          className={styles.button}
          disabled={busy}
          onTouch={() => void command.act(call, 'decline')}
        />
        <TouchButton
          testId="button-answer-audio"
          label={t('incoming.answerAudio')}
          icon={<CallFilled />}
          className={styles.button}
          disabled={busy}
          onTouch={() => void command.act(call, 'answer', { video: false })}
        />
        <TouchButton
          testId="button-answer"
          label={t('incoming.answer')}
          icon={<VideoFilled />}
          tone="answer"
          className={styles.button}
          disabled={busy}
          onTouch={() => void command.act(call, 'answer', { video: true })}
        />
      </div>
      <CommandError error={command.error} />
    </Screen>
  );
}
