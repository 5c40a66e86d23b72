// What lies over the remote picture: the shield, who it is, what is switched off here, who records, and the code: in a corner while it waits to be
// compared, over everything when somebody asked for it. Over a shared screen lies nothing else: these go above, below and beside it.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { MicOffFilled } from '@fluentui/react-icons/svg/mic-off';
import { PauseFilled } from '@fluentui/react-icons/svg/pause';
import { RecordFilled } from '@fluentui/react-icons/svg/record';
import { ShareScreenStartFilled } from '@fluentui/react-icons/svg/share-screen-start';
import { VideoOffFilled } from '@fluentui/react-icons/svg/video-off';
import type { ReactElement } from 'react';
import type { CallView, RoomState } from '../../../room/state.ts';
import { currentCodeOf } from '../../shared/current-code.ts';
import { initialsOf } from '../../shared/initials.ts';
import { SecurityCode } from '../../shared/security-code.tsx';
import { ShieldIcon, shieldStateOf } from '../../shared/shield.tsx';
import { colours } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import type { Arrangement } from '../content-layout.ts';

const useStyles = makeStyles({
  corner: {
    position: 'absolute',
    display: 'flex',
    alignItems: 'center',
    gap: '1.25rem',
    padding: '1rem 2rem',
    borderRadius: '1.25rem',
    border: `2px solid ${colours.edge}`,
    backgroundColor: colours.overPicture,
    color: colours.text
  },
  topStart: { top: '2.5rem', insetInlineStart: '2.5rem' },
  topEnd: {
    position: 'absolute',
    top: '2.5rem',
    insetInlineEnd: '2.5rem',
    maxWidth: '75rem',
    display: 'flex',
    flexWrap: 'wrap',
    justifyContent: 'flex-end',
    gap: '1.25rem'
  },
  pill: { position: 'static' },
  recording: { backgroundColor: colours.end, color: colours.onFill },
  strip: { top: '1.875rem' },
  bottomStart: { bottom: '2.5rem', insetInlineStart: '2.5rem', maxWidth: '45%', fontWeight: 600 },
  name: { overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' },
  lines: { display: '-webkit-box', WebkitLineClamp: 3, WebkitBoxOrient: 'vertical', overflow: 'hidden', overflowWrap: 'anywhere', textAlign: 'center' },
  bottomEnd: { bottom: '2.5rem', insetInlineEnd: '2.5rem', flexDirection: 'column', alignItems: 'flex-end', gap: '0.25rem' },
  beside: { maxWidth: 'none', padding: '1rem 1.5rem', justifyContent: 'center' },
  below: {
    bottom: '1rem',
    insetInlineStart: '2.5rem',
    insetInlineEnd: 'auto',
    flexDirection: 'row',
    alignItems: 'baseline',
    gap: '2rem',
    padding: '0.5rem 2rem'
  },
  noCamera: {
    display: 'grid',
    placeItems: 'center',
    borderRadius: '0.75rem',
    backgroundColor: colours.card,
    color: colours.quiet,
    fontSize: '5rem',
    lineHeight: 0
  },
  codeHint: { color: colours.quiet },
  code: { fontSize: '3.75rem' },
  codeScene: {
    position: 'absolute',
    inset: 0,
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    justifyContent: 'center',
    gap: '3rem',
    padding: '0 6rem',
    textAlign: 'center',
    backgroundColor: colours.overPicture,
    color: colours.text
  },
  codeTitle: { margin: 0, fontSize: '4rem', fontWeight: 600 },
  codeLarge: { fontSize: '13rem', flexWrap: 'wrap', maxWidth: '100rem', rowGap: '1rem' },
  icon: { fontSize: '3.25rem', lineHeight: 0 },
  centre: {
    position: 'absolute',
    inset: 0,
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    justifyContent: 'center',
    gap: '1.5rem',
    padding: '0 12rem',
    textAlign: 'center',
    backgroundColor: colours.ground,
    color: colours.text
  },
  initials: {
    display: 'grid',
    placeItems: 'center',
    flexShrink: 0,
    width: '13rem',
    height: '13rem',
    borderRadius: '50%',
    border: `2px solid ${colours.edge}`,
    backgroundColor: colours.avatar,
    color: colours.onAvatar,
    fontSize: '5rem',
    fontWeight: 600
  },
  title: { margin: '1rem 0 0', fontSize: '4rem', fontWeight: 600 },
  hint: { margin: 0, color: colours.quiet }
});

type InCallSceneProps = {
  readonly state: RoomState;
  readonly call: CallView;
  /** The canvas shows a picture of now. */
  readonly live: boolean;
  /** The room answers, so that what is said of the call is so. */
  readonly online: boolean;
  /** Where things are while the shared screen of the other room is on the display; null while it is not. */
  readonly arrangement: Arrangement | null;
};

export function InCallScene({ state, call, live, online, arrangement }: InCallSceneProps) {
  const styles = useStyles();
  const t = useTexts();
  const code = online && state.display.showsCode ? currentCodeOf(call.encryption) : null;
  return (
    <>
      {live ? null : arrangement === null ? <NoPicture call={call} /> : <NoCamera arrangement={arrangement} />}
      {code === null ? null : <CodeScene call={call} code={code} />}
      {online ? (
        <Facts call={call} arrangement={arrangement} codeInTheCorner={code === null} />
      ) : (
        <div className={mergeClasses(styles.corner, styles.topStart)}>{t('reconnecting.title')}</div>
      )}
    </>
  );
}

type FactsProps = { readonly call: CallView; readonly arrangement: Arrangement | null; readonly codeInTheCorner: boolean };

function Facts({ call, arrangement, codeInTheCorner }: FactsProps) {
  const styles = useStyles();
  const t = useTexts();
  const { encryption, media, phase, recording, peer } = call;
  const shared = arrangement !== null;
  const recorded = recording.here ? (recording.there ? 'display.recordingBoth' : 'display.recordingHere') : 'display.recordingThere';
  return (
    <>
      <div className={mergeClasses(styles.corner, styles.topStart, shared && styles.strip)} data-testid="shield-state" data-state={shieldStateOf(encryption)}>
        <ShieldIcon encryption={encryption} />
        {t.shield(encryption)}
      </div>
      <div className={mergeClasses(styles.topEnd, shared && styles.strip)}>
        {recording.here || recording.there ? <Pill testId="recording" icon={<RecordFilled />} words={t(recorded)} className={styles.recording} /> : null}
        {call.heldThere ? <Pill testId="held-there" icon={<PauseFilled />} words={t('display.heldThere')} /> : null}
        {media.screen.sending ? <Pill testId="sharing-here" icon={<ShareScreenStartFilled />} words={t('display.sharingHere')} /> : null}
        {phase === 'connected' && !media.audio.sending ? <Pill testId="microphone-off" icon={<MicOffFilled />} words={t('call.muted')} /> : null}
      </div>
      <div className={mergeClasses(styles.corner, !shared && styles.bottomStart, shared && styles.beside)} style={arrangement?.name} data-testid="peer-name">
        <span className={shared ? styles.lines : styles.name} dir="auto">
          {peer.displayName}
        </span>
      </div>
      {codeInTheCorner ? <CodeBand call={call} shared={shared} /> : null}
    </>
  );
}

type PillProps = { readonly testId: string; readonly icon: ReactElement; readonly words: string; readonly className?: string };

function Pill({ testId, icon, words, className }: PillProps) {
  const styles = useStyles();
  return (
    <div className={mergeClasses(styles.corner, styles.pill, className)} data-testid={testId}>
      <span className={styles.icon} aria-hidden="true">
        {icon}
      </span>
      {words}
    </div>
  );
}

/** Somebody asked for it at the panel: to be read out loud from the last row. */
function CodeScene({ call, code }: { readonly call: CallView; readonly code: string }) {
  const styles = useStyles();
  const t = useTexts();
  return (
    <div className={styles.codeScene} data-testid="code-scene">
      <h1 className={styles.codeTitle}>{t('display.codeWith', { name: call.peer.displayName })}</h1>
      <SecurityCode code={code} className={styles.codeLarge} />
    </div>
  );
}

/** Only until it has been compared: after that it is of no use and takes picture away. */
function CodeBand({ call, shared }: { readonly call: CallView; readonly shared: boolean }) {
  const styles = useStyles();
  const t = useTexts();
  const { encryption } = call;
  if (!encryption.securingAgain && encryption.state !== 'end-to-end') return null;
  const code = currentCodeOf(encryption);
  return (
    <div className={mergeClasses(styles.corner, styles.bottomEnd, shared && styles.below)} data-testid="code-band">
      {code === null ? (
        <span>{t('display.codeBlank')}</span>
      ) : (
        <>
          <span className={styles.codeHint}>{t('display.code')}</span>
          <SecurityCode code={code} className={styles.code} />
        </>
      )}
    </div>
  );
}

function NoCamera({ arrangement }: { readonly arrangement: Arrangement }) {
  const styles = useStyles();
  const t = useTexts();
  return (
    <div className={styles.noCamera} style={arrangement.camera} data-testid="no-camera" aria-label={t('display.noCamera')} role="img">
      <VideoOffFilled />
    </div>
  );
}

function NoPicture({ call }: { readonly call: CallView }) {
  const styles = useStyles();
  const t = useTexts();
  const name = call.peer.displayName;
  if (call.phase !== 'connected')
    return (
      <div className={styles.centre}>
        <div className={styles.initials} aria-hidden="true">
          {initialsOf(name)}
        </div>
        <h1 className={styles.title}>{t(call.phase === 'on-hold' ? 'display.onHold' : 'display.connecting')}</h1>
      </div>
    );
  return (
    <div className={styles.centre} data-testid="no-picture">
      <div className={styles.initials} aria-hidden="true">
        <VideoOffFilled />
      </div>
      <h1 className={styles.title}>{t('display.noPicture', { name })}</h1>
      <p className={styles.hint}>{t(call.media.audio.receiving ? 'display.soundOnly' : 'display.noMedia')}</p>
    </div>
  );
}
