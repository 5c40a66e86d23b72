// An incoming call: who it is, how sure that is, and what the call will be, before anything is answered. It rings to the eye as well: the initials
// pulse, or stand in a ring where people want no motion.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { CallFilled } from '@fluentui/react-icons/svg/call';
import { CheckmarkCircleFilled } from '@fluentui/react-icons/svg/checkmark-circle';
import { DismissFilled } from '@fluentui/react-icons/svg/dismiss';
import { LockClosedRegular } from '@fluentui/react-icons/svg/lock-closed';
import { PeopleAddRegular } from '@fluentui/react-icons/svg/people-add';
import { ProhibitedRegular } from '@fluentui/react-icons/svg/prohibited';
import { ShieldLockFilled } from '@fluentui/react-icons/svg/shield-lock';
import { VideoFilled } from '@fluentui/react-icons/svg/video';
import { WarningFilled } from '@fluentui/react-icons/svg/warning';
import { useState } from 'react';
import type { CallView } from '../../../room/state.ts';
import { useCommand, useNow } from '../../shared/room-context.tsx';
import { secondsUntil } from '../../shared/seconds-until.ts';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { Sheet } from '../parts/sheet.tsx';
import { PeerHeading } from '../peer-heading.tsx';
import { CommandError, Screen } from '../screen.tsx';
import { ScrolledMiddle } from '../scrolled-middle.tsx';
import { TouchButton } from '../touch-button.tsx';

const useStyles = makeStyles({
  screen: { padding: '1.5rem 2rem', gap: '1rem', backgroundImage: `radial-gradient(80rem 40rem at 50% -10rem, ${colours.glow} 0%, ${colours.ground} 70%)` },
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
  three: { display: 'flex', alignItems: 'center', gap: '1rem', maxWidth: '60rem', fontSize: panelSizes.large, fontWeight: 600, overflowWrap: 'anywhere' },
  referred: { maxWidth: '60rem', color: colours.quiet, overflowWrap: 'anywhere' },
  countdown: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'baseline',
    justifyContent: 'center',
    columnGap: '0.5em',
    padding: '0.5rem 1.5rem',
    borderRadius: '2rem',
    border: `2px solid ${colours.edgeWarning}`,
    backgroundColor: colours.warningGround,
    fontSize: panelSizes.large,
    fontWeight: 600
  },
  seconds: { fontVariantNumeric: 'tabular-nums' },
  buttons: { display: 'grid', gridTemplateColumns: '1fr 1fr 1fr 1.2fr', flexShrink: 0, gap: panelSizes.gap, width: '100%', maxWidth: '76rem' },
  button: { minHeight: 'max(80px, 5.5rem)', padding: '0.25rem 0.75rem' },
  block: { color: colours.quiet, fontSize: panelSizes.text },
  ring: {
    '& > div > div:first-child': {
      width: 'max(76px, 6.25rem)',
      height: 'max(76px, 6.25rem)',
      outline: `3px solid ${colours.brandText}`,
      outlineOffset: '5px',
      animationName: { '0%, 100%': { outlineColor: colours.brandText }, '50%': { outlineColor: 'transparent' } },
      animationDuration: '1.6s',
      animationTimingFunction: 'ease-in-out',
      animationIterationCount: 'infinite',
      '@media (prefers-reduced-motion: reduce)': { animationName: 'none' }
    }
  },
  question: { margin: 0, overflowWrap: 'anywhere' }
});

export function IncomingScreen({ call }: { readonly call: CallView }) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const verified = call.peer.identity === 'verified';
  const endToEnd = call.encryption.expected === 'end-to-end';
  const busy = command.pending !== null;
  const [blocking, setBlocking] = useState(false);
  const { displayName, account } = call.peer;
  return (
    <Screen testId="screen-incoming" name={t('incoming.title')} centred className={styles.screen}>
      <ScrolledMiddle name={t('incoming.title')}>
        <div className={styles.title}>{t('incoming.title')}</div>
        <div className={styles.ring}>
          <PeerHeading peer={call.peer} />
        </div>
        {call.conference === null ? null : (
          <div className={styles.three} data-testid="incoming-conference">
            <span className={styles.icon} aria-hidden="true">
              <PeopleAddRegular />
            </span>
            {t('conference.incoming', { third: call.conference.third.displayName })}
          </div>
        )}
        {call.referredBy === null ? null : (
          <div className={styles.referred} data-testid="incoming-referred">
            {t('incoming.referred', { name: call.referredBy.displayName })}
          </div>
        )}
        {call.autoAnswerAt === null ? null : <Countdown at={call.autoAnswerAt} />}
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
      </ScrolledMiddle>
      <div className={styles.buttons}>
        <TouchButton
          testId="button-block"
          label={t('incoming.declineBlock')}
          icon={<ProhibitedRegular />}
          tone="quiet"
          className={mergeClasses(styles.button, styles.block)}
          disabled={busy}
          onTouch={() => setBlocking(true)}
        />
        <TouchButton
          testId="button-decline"
          label={t(call.autoAnswerAt === null ? 'incoming.decline' : 'incoming.notNow')}
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
      {blocking ? null : <CommandError error={command.error} />}
      {blocking ? (
        <Sheet
          testId="sheet-block"
          title={t('incoming.blockTitle', { name: displayName })}
          onClose={() => setBlocking(false)}
          buttons={
            <>
              <TouchButton testId="button-block-cancel" label={t('action.cancel')} onTouch={() => setBlocking(false)} />
              <TouchButton
                testId="button-block-confirm"
                label={t('incoming.blockDo')}
                icon={<ProhibitedRegular />}
                tone="end"
                disabled={busy}
                onTouch={() => void command.act(call, 'decline', { block: true })}
              />
            </>
          }
        >
          <p className={styles.question}>{t('incoming.blockText', { account })}</p>
          {command.error === null ? null : <CommandError error={command.error} />}
        </Sheet>
      ) : null}
    </Screen>
  );
}

/** Said once; the seconds run for the eye. */
function Countdown({ at }: { readonly at: string }) {
  const styles = useStyles();
  const t = useTexts();
  const seconds = secondsUntil(at, useNow());
  return (
    <div className={styles.countdown} data-testid="auto-answer">
      <span role="status">{t('incoming.autoAnswer')}</span>
      <span className={styles.seconds} role="timer">
        {t('incoming.autoAnswerIn', { seconds })}
      </span>
    </div>
  );
}
