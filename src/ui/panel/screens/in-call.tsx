// The running call: the peer, the shield, and the controls. Microphone and camera are shown as the packets are, not as they were asked for.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { CallEndFilled } from '@fluentui/react-icons/svg/call-end';
import { MicFilled } from '@fluentui/react-icons/svg/mic';
import { MicOffFilled } from '@fluentui/react-icons/svg/mic-off';
import { PauseFilled } from '@fluentui/react-icons/svg/pause';
import { PlayFilled } from '@fluentui/react-icons/svg/play';
import { ShareScreenStartFilled } from '@fluentui/react-icons/svg/share-screen-start';
import { ShareScreenStopFilled } from '@fluentui/react-icons/svg/share-screen-stop';
import { VideoFilled } from '@fluentui/react-icons/svg/video';
import { VideoOffFilled } from '@fluentui/react-icons/svg/video-off';
import { WarningFilled } from '@fluentui/react-icons/svg/warning';
import type { ReactElement } from 'react';
import type { CallView, RoomState } from '../../../room/state.ts';
import { useCommand, useNow } from '../../shared/room-context.tsx';
import { ShieldIcon, shieldStateOf } from '../../shared/shield.tsx';
import { TechnicalDetail } from '../../shared/technical-detail.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { NetworkFigures } from '../network-figures.tsx';
import { PeerHeading } from '../peer-heading.tsx';
import { CommandError, Screen } from '../screen.tsx';
import type { PageName } from '../screen-choice.ts';
import { isShuttered, type SourceControl, sourceControl } from '../source-control.ts';
import { TouchButton } from '../touch-button.tsx';
import { VolumeControl } from '../volume-control.tsx';

const useStyles = makeStyles({
  screen: { gap: '1rem' },
  top: { display: 'flex', flexWrap: 'wrap', justifyContent: 'space-between', alignItems: 'center', gap: '1.5rem' },
  shield: {
    display: 'flex',
    alignItems: 'center',
    gap: '1rem',
    minHeight: 'max(68px, 4.75rem)',
    maxWidth: '44rem',
    padding: '0.5rem 1.5rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '1rem',
    backgroundColor: colours.card,
    color: colours.text,
    fontFamily: 'inherit',
    fontSize: panelSizes.text,
    textAlign: 'start',
    cursor: 'pointer',
    ':active': { backgroundColor: colours.raised },
    ':focus-visible': { outline: `3px solid ${colours.brandText}` }
  },
  shieldFailed: { backgroundColor: colours.badGround, border: `2px solid ${colours.edgeBad}` },
  shieldIcon: { fontSize: 'max(24px, 1.75rem)' },
  shieldTitle: { display: 'block', fontWeight: 600, fontSize: panelSizes.large },
  shieldHint: { display: 'block', color: colours.quiet },
  shieldLink: { display: 'block', color: colours.brandText },
  topRight: { display: 'flex', alignItems: 'center', gap: '1.5rem' },
  duration: { fontSize: 'max(28px, 2.25rem)', fontWeight: 300, fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' },
  middle: {
    flexGrow: 1,
    minHeight: 0,
    display: 'grid',
    gridTemplateColumns: '1fr',
    alignItems: 'center',
    gap: '2rem'
  },
  middleWithSide: { gridTemplateColumns: 'minmax(0, 1fr) minmax(0, 30rem)' },
  side: { padding: '1.25rem 1.5rem', border: `2px solid ${colours.edge}`, borderRadius: '1rem', backgroundColor: colours.card },
  sideTitle: { margin: '0 0 0.25rem', fontSize: panelSizes.text, fontWeight: 600 },
  sideHint: { margin: '0 0 0.5rem', color: colours.quiet },
  features: { display: 'grid', gridTemplateColumns: '1fr 1fr', columnGap: '1rem', margin: 0, padding: 0, listStyle: 'none', lineHeight: 1.4 },
  problem: { display: 'flex', gap: '0.75rem', alignItems: 'center', justifyContent: 'center', color: colours.warning, fontSize: panelSizes.text },
  problemIcon: { fontSize: '1.5em', lineHeight: 0 },
  // What does not fit in large type scrolls beneath them.
  controls: {
    position: 'sticky',
    bottom: 0,
    zIndex: 1,
    backgroundColor: colours.ground,
    display: 'flex',
    flexShrink: 0,
    justifyContent: 'center',
    gap: '1.25rem'
  },
  // All of them in one row at any text size: ending the call is never out of sight.
  control: {
    flexGrow: 1,
    flexBasis: 0,
    maxWidth: 'max(184px, 12.5rem)',
    padding: '0.75rem 0.5rem',
    whiteSpace: 'normal',
    overflowWrap: 'anywhere',
    minHeight: 'max(92px, 7rem)',
    borderRadius: '1.25rem'
  },
  off: {
    backgroundColor: colours.inverse,
    color: colours.onInverse,
    ':hover': { backgroundColor: colours.inverse, color: colours.onInverse },
    ':hover:active': { backgroundColor: colours.inversePressed, color: colours.onInverse }
  },
  sharing: {
    border: `2px solid ${colours.edgeBrand}`,
    backgroundColor: colours.brand,
    color: colours.onFill,
    ':hover': { backgroundColor: colours.brand, color: colours.onFill },
    ':hover:active': { backgroundColor: colours.brandPressed, color: colours.onFill }
  },
  bottom: { display: 'flex', flexDirection: 'column', gap: '0.25rem', alignItems: 'center' }
});

type InCallScreenProps = {
  readonly call: CallView;
  readonly devices: RoomState['devices'];
  readonly onOpen: (page: PageName) => void;
};

export function InCallScreen({ call, devices, onOpen }: InCallScreenProps) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const shareable = devices.screen !== null;
  const held = call.phase === 'on-hold';
  // On hold nothing leaves, whatever is wanted again after it.
  const microphone = sourceControl(call.media.audio.sending, call.media.wanted.microphone && !held);
  const screen = sourceControl(call.media.screen.sending, call.media.wanted.screen);
  const camera = sourceControl(call.media.video.sending, call.media.wanted.camera && !held);
  return (
    <Screen testId="screen-in-call" name={call.peer.displayName} className={styles.screen}>
      <div className={styles.top}>
        <ShieldButton call={call} onShield={() => onOpen('security')} />
        <div className={styles.topRight}>
          <VolumeControl devices={devices} />
          <Duration call={call} />
        </div>
      </div>
      <div data-keeps-height className={mergeClasses(styles.middle, call.unavailable.length > 0 && styles.middleWithSide)}>
        <PeerHeading peer={call.peer} />
        {call.unavailable.length === 0 ? null : <Unavailable call={call} />}
      </div>
      {call.heldThere ? (
        <div className={styles.problem} role="status" data-testid="held-there">
          {t('call.heldThere', { name: call.peer.displayName })}
        </div>
      ) : null}
      {call.media.problem === null ? null : (
        <div className={styles.problem} role="alert" data-testid="media-problem">
          <span className={styles.problemIcon} aria-hidden="true">
            <WarningFilled />
          </span>
          <div>
            {t.problem(call.media.problem).text}
            <TechnicalDetail words={t.problem(call.media.problem).technical} />
          </div>
        </div>
      )}
      <div className={styles.controls}>
        <SourceButton
          testId="button-mute"
          disabled={held}
          control={microphone}
          label={t(microphoneLabel(microphone))}
          name={t(microphone.next === 'off' ? 'call.mute' : 'call.unmute')}
          icon={microphone.sending ? <MicFilled /> : <MicOffFilled />}
          onTouch={() => void command.act(call, microphone.next === 'off' ? 'mute' : 'unmute')}
        />
        <SourceButton
          testId="button-camera"
          disabled={held}
          control={camera}
          label={t(cameraLabel(camera, isShuttered(devices)))}
          name={t(camera.next === 'off' ? 'call.cameraOff' : 'call.cameraOn')}
          icon={camera.sending ? <VideoFilled /> : <VideoOffFilled />}
          onTouch={() => void command.act(call, camera.next === 'off' ? 'camera-off' : 'camera-on')}
        />
        <TouchButton
          testId="button-share"
          label={t(shareable ? shareLabel(screen) : 'call.nothingToShare')}
          {...(shareable ? { name: `${t(shareLabel(screen))}. ${t(screen.next === 'on' ? 'call.share' : 'call.stopSharing')}` } : {})}
          icon={screen.sending ? <ShareScreenStopFilled /> : <ShareScreenStartFilled />}
          stacked
          pressed={screen.sending}
          disabled={!shareable || call.phase !== 'connected' || call.encryption.securingAgain}
          className={mergeClasses(styles.control, screen.sending && styles.sharing)}
          onTouch={() => void command.act(call, screen.next === 'on' ? 'share' : 'stop-sharing')}
        />
        <TouchButton
          testId="button-hold"
          label={t(held ? 'call.resume' : 'call.hold')}
          icon={held ? <PlayFilled /> : <PauseFilled />}
          stacked
          pressed={held}
          disabled={call.phase !== 'connected' && !held}
          className={mergeClasses(styles.control, held && styles.off)}
          onTouch={() => void command.act(call, held ? 'resume' : 'hold')}
        />
        <TouchButton
          testId="button-end"
          label={t('call.end')}
          icon={<CallEndFilled />}
          tone="end"
          stacked
          className={styles.control}
          disabled={command.pending === 'end'}
          onTouch={() => void command.act(call, 'end')}
        />
      </div>
      <div className={styles.bottom}>{command.error === null ? <NetworkFigures media={call.media} /> : <CommandError error={command.error} />}</div>
    </Screen>
  );
}

function microphoneLabel(control: SourceControl) {
  if (control.changing) return control.sending ? 'call.muting' : 'call.unmuting';
  return control.sending ? 'call.unmuted' : 'call.muted';
}

/** The label of a share that is off says what a touch does: nobody takes it for something that is switched off by mistake. */
function shareLabel(control: SourceControl) {
  if (control.changing) return control.sending ? 'call.sharingStops' : 'call.sharingStarts';
  return control.sending ? 'call.stopSharing' : 'call.share';
}

function cameraLabel(control: SourceControl, shuttered: boolean) {
  if (control.changing) return control.sending ? 'call.cameraTurningOff' : 'call.cameraTurningOn';
  if (control.sending && shuttered) return 'call.cameraIsShuttered';
  return control.sending ? 'call.cameraIsOn' : 'call.cameraIsOff';
}

type SourceButtonProps = {
  readonly testId: string;
  readonly disabled: boolean;
  readonly control: SourceControl;
  readonly label: string;
  readonly name: string;
  readonly icon: ReactElement;
  readonly onTouch: () => void;
};

/** The label says what is so, the accessible name also what a touch does. */
function SourceButton({ testId, disabled, control, label, name, icon, onTouch }: SourceButtonProps) {
  const styles = useStyles();
  return (
    <TouchButton
      testId={testId}
      label={label}
      name={`${label}. ${name}`}
      icon={icon}
      stacked
      disabled={disabled}
      pressed={!control.sending}
      className={mergeClasses(styles.control, !control.sending && styles.off)}
      onTouch={onTouch}
    />
  );
}

function ShieldButton({ call, onShield }: { readonly call: CallView; readonly onShield: () => void }) {
  const styles = useStyles();
  const t = useTexts();
  const state = shieldStateOf(call.encryption);
  const title = t.shield(call.encryption);
  return (
    <button
      type="button"
      data-testid="button-shield"
      className={mergeClasses(styles.shield, state === 'failed' && styles.shieldFailed)}
      aria-label={t('shield.open', { state: title })}
      onClick={onShield}
    >
      <span data-testid="shield-state" data-state={state} className={styles.shieldIcon}>
        <ShieldIcon encryption={call.encryption} />
      </span>
      <span>
        <span className={styles.shieldTitle}>{title}</span>
        {state === 'standard' ? <span className={styles.shieldHint}>{t.standardReason(call.encryption.reason)}</span> : null}
        {state === 'end-to-end' ? <span className={styles.shieldLink}>{t('call.compare')}</span> : null}
        {state === 'end-to-end-verified' ? <span className={styles.shieldLink}>{t('call.showCode')}</span> : null}
      </span>
    </button>
  );
}

function Duration({ call }: { readonly call: CallView }) {
  const styles = useStyles();
  const t = useTexts();
  const now = useNow();
  if (call.phase === 'connecting' || call.startedAt === null) return <div className={styles.duration}>{t('call.connecting')}</div>;
  if (call.phase === 'on-hold') return <div className={styles.duration}>{t('call.onHold')}</div>;
  return (
    <div className={styles.duration} role="timer" data-testid="call-duration">
      {t.duration(now - Date.parse(call.startedAt))}
    </div>
  );
}

function Unavailable({ call }: { readonly call: CallView }) {
  const styles = useStyles();
  const t = useTexts();
  return (
    <section className={styles.side} data-testid="unavailable" aria-label={t('call.unavailable')}>
      <h2 className={styles.sideTitle}>{t('call.unavailable')}</h2>
      <p className={styles.sideHint}>{t('call.unavailable.reason')}</p>
      <ul className={styles.features}>
        {call.unavailable.map((item) => (
          <li key={item.feature} data-testid={`unavailable-${item.feature}`}>
            {t.feature(item.feature)}
          </li>
        ))}
      </ul>
    </section>
  );
}
