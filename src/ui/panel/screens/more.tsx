// The features of R6: what this call can do besides, and what it cannot, with the reason on touch. Which ones is the state's word alone.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { AppsRegular } from '@fluentui/react-icons/svg/apps';
import { CallForwardRegular } from '@fluentui/react-icons/svg/call-forward';
import { CallParkRegular } from '@fluentui/react-icons/svg/call-park';
import { CallTransferRegular } from '@fluentui/react-icons/svg/call-transfer';
import { ClosedCaptionRegular } from '@fluentui/react-icons/svg/closed-caption';
import { LockClosedRegular } from '@fluentui/react-icons/svg/lock-closed';
import { MergeRegular } from '@fluentui/react-icons/svg/merge';
import { PeopleAddRegular } from '@fluentui/react-icons/svg/people-add';
import { PhoneDesktopRegular } from '@fluentui/react-icons/svg/phone-desktop';
import { RecordRegular } from '@fluentui/react-icons/svg/record';
import { RecordStopRegular } from '@fluentui/react-icons/svg/record-stop';
import { TextDescriptionRegular } from '@fluentui/react-icons/svg/text-description';
import { type ReactElement, useState } from 'react';
import type { CallView, RoomState, Unavailable } from '../../../room/state.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import type { TextKey } from '../../texts/texts.ts';
import { RecordingNotice } from '../call-notices.tsx';
import { Sheet } from '../parts/sheet.tsx';
import { PersonPicker } from '../person-picker.tsx';
import { CommandError, Screen } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';

const useStyles = makeStyles({
  hint: { margin: 0, color: colours.quiet, fontSize: panelSizes.large },
  features: { display: 'grid', gridTemplateColumns: 'repeat(auto-fill, minmax(min(22rem, 100%), 1fr))', gap: panelSizes.gap },
  feature: {
    display: 'flex',
    alignItems: 'center',
    gap: '1.25rem',
    minHeight: 'max(80px, 5.5rem)',
    padding: '0.75rem 1.25rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '1rem',
    backgroundColor: colours.card,
    color: colours.text,
    fontFamily: 'inherit',
    fontSize: panelSizes.text,
    lineHeight: 1.3,
    textAlign: 'start',
    cursor: 'pointer',
    ':active': { backgroundColor: colours.raised },
    ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' }
  },
  // Still to be touched: the touch tells why.
  away: { backgroundColor: 'transparent', border: `2px dashed ${colours.line}`, color: colours.quiet },
  icon: { fontSize: '2rem', lineHeight: 0, flexShrink: 0 },
  words: { flexGrow: 1, minWidth: 0, overflowWrap: 'anywhere' },
  title: { display: 'block', fontSize: panelSizes.large, fontWeight: 600 },
  about: { display: 'block', color: colours.quiet },
  reason: { display: 'block', color: colours.warning },
  lock: { fontSize: '1.4rem', lineHeight: 0, flexShrink: 0 }
});

/** In the order in which they are wanted. */
const FEATURES = {
  transfer: <CallForwardRegular />,
  'consult-then-transfer': <CallTransferRegular />,
  park: <CallParkRegular />,
  recording: <RecordRegular />,
  'add-participant': <PeopleAddRegular />,
  merge: <MergeRegular />,
  captions: <ClosedCaptionRegular />,
  transcription: <TextDescriptionRegular />,
  'move-to-another-device': <PhoneDesktopRegular />,
  apps: <AppsRegular />
} as const satisfies Record<string, ReactElement>;
type Feature = keyof typeof FEATURES;
const features = Object.keys(FEATURES) as Feature[];

/** Features that need somebody. */
const WITH_PERSON = ['transfer', 'consult-then-transfer', 'add-participant'] as const;
type WithPerson = (typeof WITH_PERSON)[number];
const needsPerson = (feature: Feature): feature is WithPerson => (WITH_PERSON as readonly string[]).includes(feature);

type Reason = Unavailable['reason'] | 'connecting' | 'no-other-call' | 'other-encrypted';

/** Why it cannot be done now; null where it can. What the state does not name is offered, but only in a call that is connected. */
function reasonAgainst(feature: Feature, call: CallView, others: readonly CallView[]): Reason | null {
  const taken = call.unavailable.find((each) => each.feature === feature);
  if (taken !== undefined) return taken.reason;
  // Nothing is known before the call is settled.
  if (call.encryption.state !== 'standard') return 'connecting';
  if (call.phase !== 'connected') return 'connecting';
  if (feature === 'merge') {
    // Who is parked was not promised that somebody comes back.
    const held = others.filter(({ phase, parkCode }) => phase === 'on-hold' && parkCode === null);
    if (held.length === 0) return 'no-other-call';
    return held.some(({ encryption }) => encryption.state === 'standard') ? null : 'other-encrypted';
  }
  // The room has no command for them, whatever the state says.
  if (feature === 'captions' || feature === 'transcription' || feature === 'move-to-another-device' || feature === 'apps') return 'not-offered-here';
  return null;
}

type MoreScreenProps = { readonly call: CallView; readonly state: RoomState; readonly onBack: () => void };

export function MoreScreen({ call, state, onBack }: MoreScreenProps) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const [explained, setExplained] = useState<Feature | null>(null);
  const [asking, setAsking] = useState<WithPerson | 'recording' | null>(null);
  const reasonOf = (feature: Feature): Reason | null => reasonAgainst(feature, call, state.otherCalls);
  const picking = asking !== null && asking !== 'recording' && reasonOf(asking) === null ? asking : null;
  const done = async (worked: Promise<boolean>): Promise<void> => {
    if (await worked) onBack();
  };

  function touch(feature: Feature): void {
    if (reasonOf(feature) !== null) {
      setExplained(feature);
      return;
    }
    setExplained(null);
    command.clearError();
    if (needsPerson(feature)) setAsking(feature);
    else if (feature === 'recording') {
      if (call.recording.here) void command.act(call, 'recording', { on: false });
      else setAsking('recording');
    } else if (feature === 'park' || feature === 'merge') void done(command.act(call, feature));
  }

  if (picking !== null)
    return (
      <Screen testId="screen-person" name={t(`features.to.${picking}`)} header={{ title: t(`features.to.${picking}`), onBack: () => setAsking(null) }}>
        <PersonPicker
          room={state.room}
          favourites={state.people.favourites}
          without={[state.room.account, call.peer.account, ...state.otherCalls.filter(({ phase }) => phase !== 'ended').map(({ peer }) => peer.account)]}
          nameOf={(name) => t(`features.do.${picking}`, { name })}
          error={command.error}
          busy={command.pending !== null}
          onChoose={(to) => void done(command.act(call, picking, { to }))}
        />
      </Screen>
    );
  return (
    <Screen testId="screen-more" name={t('features.title')} header={{ title: t('features.title'), onBack }} scrolls>
      <RecordingNotice call={call} />
      {command.error === null ? null : <CommandError error={command.error} />}
      {call.unavailable.some(({ reason }) => reason === 'end-to-end-encryption') ? <p className={styles.hint}>{t('call.unavailable.reason')}</p> : null}
      <div className={styles.features}>
        {features.map((feature) => (
          <FeatureCard
            key={feature}
            feature={feature}
            recording={feature === 'recording' && call.recording.here}
            reason={reasonOf(feature)}
            explained={explained === feature}
            onTouch={() => touch(feature)}
          />
        ))}
      </div>
      {asking === 'recording' && reasonOf('recording') === null ? (
        <Sheet
          testId="sheet-recording"
          title={t('features.recording.ask')}
          onClose={() => setAsking(null)}
          buttons={
            <>
              <TouchButton testId="button-recording-cancel" label={t('action.cancel')} onTouch={() => setAsking(null)} />
              <TouchButton
                testId="button-recording-start"
                label={t('features.recording.start')}
                icon={<RecordRegular />}
                tone="end"
                disabled={command.pending !== null}
                onTouch={() => void done(command.act(call, 'recording', { on: true }))}
              />
            </>
          }
        >
          <p className={styles.hint}>{t('features.recording.askText')}</p>
          {command.error === null ? null : <CommandError error={command.error} />}
        </Sheet>
      ) : null}
    </Screen>
  );
}

type FeatureCardProps = {
  readonly feature: Feature;
  /** It runs here now, so a touch ends it. */
  readonly recording: boolean;
  readonly reason: Reason | null;
  readonly explained: boolean;
  readonly onTouch: () => void;
};

function FeatureCard({ feature, recording, reason, explained, onTouch }: FeatureCardProps) {
  const styles = useStyles();
  const t = useTexts();
  const aboutKey: TextKey = reason !== null && explained ? `features.reason.${reason}` : `features.about.${feature}`;
  return (
    <button
      type="button"
      data-testid={`feature-${feature}`}
      // Not `disabled`: it has to be found and touched for its reason.
      aria-disabled={reason !== null}
      className={mergeClasses(styles.feature, reason !== null && styles.away)}
      onClick={onTouch}
    >
      <span className={styles.icon} aria-hidden="true">
        {recording ? <RecordStopRegular /> : FEATURES[feature]}
      </span>
      <span className={styles.words}>
        <span className={styles.title}>{recording ? t('inCall.recording.stop') : t.feature(feature)}</span>
        <span
          className={reason !== null && explained ? styles.reason : styles.about}
          aria-live="polite"
          data-testid={explained ? `reason-${feature}` : undefined}
        >
          {t(aboutKey)}
        </span>
      </span>
      {reason === null ? null : (
        <span className={styles.lock} aria-hidden="true">
          <LockClosedRegular />
        </span>
      )}
    </button>
  );
}
