// The running call: what people have to know of it, the peer or both others, the shield, and the controls in two rows: what is needed at once, and the rest.
// Microphone and camera are shown as the packets are, not as they were asked for.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { CallEndFilled } from '@fluentui/react-icons/svg/call-end';
import { DialpadRegular } from '@fluentui/react-icons/svg/dialpad';
import { LayoutColumnTwoRegular } from '@fluentui/react-icons/svg/layout-column-two';
import { MicFilled } from '@fluentui/react-icons/svg/mic';
import { MicOffFilled } from '@fluentui/react-icons/svg/mic-off';
import { MoreHorizontalRegular } from '@fluentui/react-icons/svg/more-horizontal';
import { PauseFilled } from '@fluentui/react-icons/svg/pause';
import { PlayFilled } from '@fluentui/react-icons/svg/play';
import { ShareScreenStartFilled } from '@fluentui/react-icons/svg/share-screen-start';
import { ShareScreenStopFilled } from '@fluentui/react-icons/svg/share-screen-stop';
import { VideoFilled } from '@fluentui/react-icons/svg/video';
import { VideoOffFilled } from '@fluentui/react-icons/svg/video-off';
import { VideoPersonRegular } from '@fluentui/react-icons/svg/video-person';
import { WarningFilled } from '@fluentui/react-icons/svg/warning';
import { type ReactElement, useState } from 'react';
import type { CallView, RoomState } from '../../../room/state.ts';
import type { ShareSource } from '../../../ui-server/port.ts';
import { callsBeside, encryptionOf, type Remotes, remotesOf, sendingOf, thirdNameOf } from '../../shared/conference.ts';
import { useCommand, useNow } from '../../shared/room-context.tsx';
import { ShieldIcon, shieldStateOf } from '../../shared/shield.tsx';
import { TechnicalDetail } from '../../shared/technical-detail.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { CallNotices } from '../call-notices.tsx';
import { LayoutSheet } from '../layout-sheet.tsx';
import { NetworkQuality } from '../network-indicator.tsx';
import { OtherCalls } from '../other-calls.tsx';
import { Participants } from '../participants.tsx';
import { PeerHeading } from '../peer-heading.tsx';
import { CommandError, Screen } from '../screen.tsx';
import type { PageName } from '../screen-choice.ts';
import { isShuttered, type SourceControl, sourceControl } from '../source-control.ts';
import { TouchButton } from '../touch-button.tsx';
import { VolumeControl } from '../volume-control.tsx';

const useStyles = makeStyles({
  screen: { gap: '0.5rem', padding: '1.25rem 2rem', overflowY: 'hidden' },
  // What does not fit in large type scrolls above the controls: ending the call is never out of sight.
  above: {
    flexGrow: 1,
    minHeight: 0,
    display: 'flex',
    flexDirection: 'column',
    gap: '0.75rem',
    // Room for the outline of what has the focus.
    margin: '-4px',
    padding: '4px',
    overflowY: 'auto',
    overscrollBehavior: 'contain',
    scrollbarColor: `${colours.quiet} transparent`
  },
  top: { display: 'flex', flexWrap: 'wrap', justifyContent: 'space-between', alignItems: 'center', gap: '0.75rem 1.5rem', flexShrink: 0 },
  shield: {
    display: 'flex',
    alignItems: 'center',
    gap: '1rem',
    minHeight: 'max(68px, 4.75rem)',
    flexGrow: 1,
    flexBasis: '18rem',
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
  topRight: { display: 'flex', flexWrap: 'wrap', alignItems: 'center', justifyContent: 'flex-end', gap: '0.5rem 1.25rem' },
  duration: { fontSize: 'max(28px, 2.25rem)', fontWeight: 300, fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' },
  waiting: { fontSize: panelSizes.large, color: colours.quiet },
  middle: {
    flexGrow: 1,
    minHeight: 0,
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    justifyContent: 'center',
    gap: '0.75rem',
    textAlign: 'center'
  },
  note: { color: colours.warning, fontSize: panelSizes.large, fontWeight: 600 },
  noteDetail: { color: colours.quiet, fontSize: panelSizes.text },
  // In the place of microphone, camera and screen, which on hold send nothing.
  resume: { flexGrow: 3, maxWidth: 'none', fontSize: panelSizes.large },
  problem: { display: 'flex', gap: '0.75rem', alignItems: 'center', justifyContent: 'center', color: colours.warning, fontSize: panelSizes.text },
  problemIcon: { fontSize: '1.5em', lineHeight: 0 },
  controls: { flexShrink: 0, display: 'flex', flexDirection: 'column', gap: panelSizes.gap },
  row: { display: 'flex', justifyContent: 'center', gap: panelSizes.gap },
  control: {
    flexGrow: 1,
    flexBasis: 0,
    maxWidth: '18rem',
    padding: '0.5rem',
    minHeight: 'max(92px, 6.75rem)',
    borderRadius: '1.25rem'
  },
  further: {
    flexGrow: 1,
    flexBasis: 0,
    maxWidth: '15rem',
    minWidth: panelSizes.target,
    padding: '0.25rem 0.5rem',
    gap: '0.6rem',
    fontSize: panelSizes.text,
    lineHeight: 1.15,
    whiteSpace: 'normal',
    overflowWrap: 'anywhere',
    backgroundColor: colours.card,
    ':disabled': { backgroundColor: colours.ground },
    ':disabled:hover': { backgroundColor: colours.ground },
    '& .touch-icon': { fontSize: '1.5em' }
  },
  off: {
    backgroundColor: colours.inverse,
    color: colours.onInverse,
    ':active': { backgroundColor: colours.inversePressed }
  },
  sharing: {
    border: `2px solid ${colours.edgeBrand}`,
    backgroundColor: colours.brand,
    color: colours.onFill,
    ':active': { backgroundColor: colours.brandPressed }
  }
});

type InCallScreenProps = {
  readonly call: CallView;
  readonly state: RoomState;
  readonly onOpen: (page: PageName) => void;
};

export function InCallScreen({ call, state, onOpen }: InCallScreenProps) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const [choosesLayout, setChoosesLayout] = useState(false);
  const { devices, settings } = state;
  const held = call.phase === 'on-hold';
  const { conference } = call;
  const remotes = remotesOf(call, state);
  const joined = conference?.phase === 'joined';
  const names = { name: call.peer.displayName, third: thirdNameOf(call, state) };
  return (
    <Screen testId="screen-in-call" name={joined ? t('conference.both', names) : names.name} className={styles.screen}>
      <div className={styles.above}>
        <CallNotices call={call} devices={devices} onShare={() => onOpen('share')} />
        <div className={styles.top}>
          <ShieldButton encryption={encryptionOf(remotes)} onShield={() => onOpen('security')} />
          <div className={styles.topRight}>
            {conference === null ? <NetworkQuality media={call.media} /> : null}
            <VolumeControl devices={devices} />
            <Duration call={call} />
          </div>
        </div>
        <OtherCalls calls={callsBeside(state)} front={call} />
        <div data-keeps-height className={styles.middle}>
          {conference === null ? (
            <PeerHeading peer={call.peer} compact={hasMoreToSay(call, state)} />
          ) : (
            <Participants call={call} conference={conference} state={state} />
          )}
          {held ? <Held remotes={remotes} /> : null}
          {call.heldThere && conference === null ? (
            <div className={styles.note} role="status" data-testid="held-there">
              {t('call.heldThere', { name: call.peer.displayName })}
            </div>
          ) : null}
          <MediaProblem remotes={remotes} />
        </div>
      </div>
      <div className={styles.controls}>
        <CommandError error={command.error} />
        <div className={styles.row}>
          {held ? (
            <TouchButton
              testId="button-hold"
              label={t('call.resume')}
              name={t('inCall.resume.name', { name: joined ? t('conference.both', names) : names.name })}
              icon={<PlayFilled />}
              tone="brand"
              stacked
              className={mergeClasses(styles.control, styles.resume)}
              disabled={command.pending !== null}
              onTouch={() => void command.act(call, 'resume')}
            />
          ) : (
            <Sources call={call} remotes={remotes} devices={devices} command={command} onShare={() => onOpen('share')} />
          )}
          <TouchButton
            testId="button-end"
            label={t(joined ? 'conference.leave' : 'call.end')}
            {...(joined ? { name: t('conference.leaveName', names) } : {})}
            icon={<CallEndFilled />}
            tone="end"
            stacked
            className={styles.control}
            disabled={command.pending === 'end'}
            onTouch={() => void command.act(call, 'end')}
          />
        </div>
        <div className={styles.row}>
          <TouchButton
            testId="button-layout"
            label={t('inCall.layout')}
            icon={<LayoutColumnTwoRegular />}
            className={styles.further}
            onTouch={() => setChoosesLayout(true)}
          />
          <TouchButton
            testId="button-camera-control"
            label={t('inCall.camera')}
            icon={<VideoPersonRegular />}
            className={styles.further}
            onTouch={() => onOpen('camera')}
          />
          <TouchButton
            testId="button-dial-tones"
            label={t('inCall.tones')}
            icon={<DialpadRegular />}
            className={styles.further}
            disabled={call.phase !== 'connected'}
            onTouch={() => onOpen('dial-tones')}
          />
          {held ? null : (
            <TouchButton
              testId="button-hold"
              label={t('call.hold')}
              icon={<PauseFilled />}
              className={styles.further}
              disabled={call.phase !== 'connected' || command.pending === 'hold'}
              onTouch={() => void command.act(call, 'hold')}
            />
          )}
          <TouchButton
            testId="button-more"
            label={t('inCall.more')}
            icon={<MoreHorizontalRegular />}
            className={styles.further}
            onTouch={() => onOpen('more')}
          />
        </div>
      </div>
      {choosesLayout ? <LayoutSheet settings={settings} three={remotes.length === 2} onClose={() => setChoosesLayout(false)} /> : null}
    </Screen>
  );
}

/** Then who it is takes one line, so that all of it fits. */
function hasMoreToSay(call: CallView, { otherCalls }: RoomState): boolean {
  const { recording, transfer, notAdded, media } = call;
  const noticed = recording.here || recording.there || transfer !== null || notAdded !== null || media.screen.sending;
  return noticed || call.phase === 'on-hold' || call.heldThere || media.problem !== null || otherCalls.some(({ phase }) => phase !== 'ended');
}

type SourcesProps = {
  readonly call: CallView;
  readonly remotes: Remotes;
  readonly devices: RoomState['devices'];
  readonly command: ReturnType<typeof useCommand>;
  readonly onShare: () => void;
};

/** Microphone, camera and shared screen; not on hold, when nothing of them leaves. */
function Sources({ call, remotes, devices, command, onShare }: SourcesProps) {
  const styles = useStyles();
  const t = useTexts();
  const sending = sendingOf(remotes);
  const microphone = sourceControl(sending.audio, call.media.wanted.microphone);
  const camera = sourceControl(sending.video, call.media.wanted.camera);
  const screen = sourceControl(sending.screen, call.media.wanted.screen);
  const shareable = devices.screen !== null;

  /** With one source there is nothing to choose. */
  async function share(): Promise<void> {
    if (screen.next === 'off') return void command.act(call, 'stop-sharing');
    const answer = await command.get<{ readonly sources: readonly ShareSource[] }>('/api/v1/share-sources');
    if (answer === null) return;
    const [only, ...others] = answer.sources;
    if (only === undefined || others.length > 0) onShare();
    else await command.act(call, 'share', { source: only.id });
  }

  return (
    <>
      <SourceButton
        testId="button-mute"
        control={microphone}
        label={t(microphoneLabel(microphone))}
        name={t(microphone.next === 'off' ? 'call.mute' : 'call.unmute')}
        icon={microphone.sending ? <MicFilled /> : <MicOffFilled />}
        onTouch={() => void command.act(call, microphone.next === 'off' ? 'mute' : 'unmute')}
      />
      <SourceButton
        testId="button-camera"
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
        onTouch={() => void share()}
      />
    </>
  );
}

/** Who holds, and what leaves the room meanwhile: as it is measured. */
function Held({ remotes }: { readonly remotes: Remotes }) {
  const styles = useStyles();
  const t = useTexts();
  const { audio, video, screen } = sendingOf(remotes);
  const leaves = audio || video || screen;
  return (
    <div role="status" data-testid="held-here">
      <div className={styles.note}>{t('inCall.hold.here')}</div>
      <div className={styles.noteDetail}>{t(leaves ? 'inCall.hold.stopping' : 'inCall.hold.nothing')}</div>
    </div>
  );
}

function MediaProblem({ remotes }: { readonly remotes: Remotes }) {
  const styles = useStyles();
  const t = useTexts();
  const problem = remotes.map(({ media }) => media.problem).find((each) => each !== null) ?? null;
  if (problem === null) return null;
  const { text, technical } = t.problem(problem);
  return (
    <div className={styles.problem} role="alert" data-testid="media-problem">
      <span className={styles.problemIcon} aria-hidden="true">
        <WarningFilled />
      </span>
      <div>
        {text}
        <TechnicalDetail words={technical} />
      </div>
    </div>
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
  readonly control: SourceControl;
  readonly label: string;
  readonly name: string;
  readonly icon: ReactElement;
  readonly onTouch: () => void;
};

/** The label says what is so, the accessible name also what a touch does. */
function SourceButton({ testId, control, label, name, icon, onTouch }: SourceButtonProps) {
  const styles = useStyles();
  return (
    <TouchButton
      testId={testId}
      label={label}
      name={`${label}. ${name}`}
      icon={icon}
      stacked
      pressed={!control.sending}
      className={mergeClasses(styles.control, !control.sending && styles.off)}
      onTouch={onTouch}
    />
  );
}

function ShieldButton({ encryption, onShield }: { readonly encryption: CallView['encryption']; readonly onShield: () => void }) {
  const styles = useStyles();
  const t = useTexts();
  const state = shieldStateOf(encryption);
  const title = t.shield(encryption);
  return (
    <button type="button" data-testid="button-shield" className={mergeClasses(styles.shield, state === 'failed' && styles.shieldFailed)} onClick={onShield}>
      <span data-testid="shield-state" data-state={state} className={styles.shieldIcon}>
        <ShieldIcon encryption={encryption} />
      </span>
      <span>
        <span className={styles.shieldTitle}>{title}</span>
        {state === 'standard' ? <span className={styles.shieldHint}>{t.standardReason(encryption.reason)}</span> : null}
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
  if (call.phase === 'connecting' || call.startedAt === null) return <div className={styles.waiting}>{t('call.connecting')}</div>;
  if (call.phase === 'on-hold') return <div className={styles.waiting}>{t('call.onHold')}</div>;
  return (
    <div className={styles.duration} role="timer" data-testid="call-duration">
      {t.duration(now - Date.parse(call.startedAt))}
    </div>
  );
}
