// What lies over the remote picture: the shield, who it is, what is switched off here, who records, and the code: in a corner while it waits to be
// compared, over everything when somebody asked for it. Over a shared screen lies nothing else: these go above, below and beside it. Where two are
// seen, each has a name below, and what is to be said of them beside it.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { ArrowSyncFilled } from '@fluentui/react-icons/svg/arrow-sync';
import { MicOffFilled } from '@fluentui/react-icons/svg/mic-off';
import { PauseFilled } from '@fluentui/react-icons/svg/pause';
import { PeopleAddRegular } from '@fluentui/react-icons/svg/people-add';
import { RecordFilled } from '@fluentui/react-icons/svg/record';
import { ShareScreenStartFilled } from '@fluentui/react-icons/svg/share-screen-start';
import { SpeakerOffFilled } from '@fluentui/react-icons/svg/speaker-off';
import { VideoOffFilled } from '@fluentui/react-icons/svg/video-off';
import type { ReactElement } from 'react';
import type { CallView, RoomState } from '../../../room/state.ts';
import { addingText, encryptionOf, type ParticipantFact, participantFactsOf, type Remotes, sendingOf } from '../../shared/conference.ts';
import { currentCodeOf } from '../../shared/current-code.ts';
import { initialsOf } from '../../shared/initials.ts';
import { SecurityCode } from '../../shared/security-code.tsx';
import { ShieldIcon, shieldStateOf } from '../../shared/shield.tsx';
import { colours } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import type { Arrangement, Box } from '../content-layout.ts';

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
  two: { WebkitLineClamp: 2, lineHeight: 1.2 },
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
  card: {
    display: 'grid',
    placeItems: 'center',
    containerType: 'size',
    borderRadius: '0.75rem',
    border: `2px solid ${colours.edge}`,
    backgroundColor: colours.card
  },
  // As large as the card lets them be.
  cardInitials: {
    display: 'grid',
    placeItems: 'center',
    width: 'max(6rem, 48cqh)',
    height: 'max(6rem, 48cqh)',
    borderRadius: '50%',
    border: `2px solid ${colours.edge}`,
    backgroundColor: colours.avatar,
    color: colours.onAvatar,
    fontSize: 'max(2.5rem, 19cqh)',
    fontWeight: 600,
    lineHeight: 1
  },
  plate: { containerType: 'inline-size', justifyContent: 'center', gap: '2rem', padding: '0.75rem 1.25rem', fontWeight: 600 },
  fact: { display: 'flex', flexShrink: 0, alignItems: 'center', gap: '0.75rem', color: colours.quiet, fontWeight: 400 },
  // Below a small picture there is room for the icon alone.
  factWords: {
    '@container (max-width: 30rem)': { position: 'absolute', width: '1px', height: '1px', overflow: 'hidden', clipPath: 'inset(50%)', whiteSpace: 'nowrap' }
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
  readonly remotes: Remotes;
  /** The canvas of each shows a picture of now. */
  readonly live: readonly boolean[];
  /** The room answers, so that what is said of the call is so. */
  readonly online: boolean;
  readonly arrangement: Arrangement;
};

export function InCallScene({ state, remotes, live, online, arrangement }: InCallSceneProps) {
  const styles = useStyles();
  const t = useTexts();
  const [call] = remotes;
  const code = online && state.display.showsCode ? currentCodeOf(call.encryption) : null;
  const three = remotes.length === 2;
  return (
    <>
      {three && call.phase !== 'on-hold' ? (
        remotes.map((remote, index) => (
          <Participant key={remote.id} call={remote} live={live[index] === true} place={arrangement.people[index]} online={online} />
        ))
      ) : live[0] === true ? null : arrangement.screen === null || three ? (
        <NoPicture call={call} />
      ) : (
        <NoCamera place={arrangement.people[0]?.camera} />
      )}
      {code === null ? null : <CodeScene call={call} code={code} />}
      {online ? (
        <Facts state={state} remotes={remotes} arrangement={arrangement} codeInTheCorner={code === null} />
      ) : (
        <div className={mergeClasses(styles.corner, styles.topStart)}>{t('reconnecting.title')}</div>
      )}
    </>
  );
}

type FactsProps = { readonly state: RoomState; readonly remotes: Remotes; readonly arrangement: Arrangement; readonly codeInTheCorner: boolean };

function Facts({ state, remotes, arrangement, codeInTheCorner }: FactsProps) {
  const styles = useStyles();
  const t = useTexts();
  const [call] = remotes;
  const { phase, recording, peer } = call;
  const encryption = encryptionOf(remotes);
  const sending = sendingOf(remotes);
  const three = remotes.length === 2;
  const shared = arrangement.screen !== null;
  const adding = addingText(call, state, t);
  const recorded = recording.here ? (recording.there ? 'display.recordingBoth' : 'display.recordingHere') : 'display.recordingThere';
  return (
    <>
      <div
        className={mergeClasses(styles.corner, styles.topStart, (shared || three) && styles.strip)}
        data-testid="shield-state"
        data-state={shieldStateOf(encryption)}
      >
        <ShieldIcon encryption={encryption} />
        {t.shield(encryption)}
      </div>
      <div className={mergeClasses(styles.topEnd, (shared || three) && styles.strip)}>
        {adding === null ? null : <Pill testId="adding" icon={<PeopleAddRegular />} words={adding} />}
        {recording.here || recording.there ? <Pill testId="recording" icon={<RecordFilled />} words={t(recorded)} className={styles.recording} /> : null}
        {call.heldThere && !three ? <Pill testId="held-there" icon={<PauseFilled />} words={t('display.heldThere')} /> : null}
        {sending.screen ? <Pill testId="sharing-here" icon={<ShareScreenStartFilled />} words={t('display.sharingHere')} /> : null}
        {phase === 'connected' && !sending.audio ? <Pill testId="microphone-off" icon={<MicOffFilled />} words={t('call.muted')} /> : null}
      </div>
      {three ? null : (
        <div
          className={mergeClasses(styles.corner, !shared && styles.bottomStart, shared && styles.beside)}
          style={arrangement.people[0]?.name ?? undefined}
          data-testid="peer-name"
        >
          <span className={shared ? styles.lines : styles.name} dir="auto">
            {peer.displayName}
          </span>
        </div>
      )}
      {codeInTheCorner && !three ? <CodeBand call={call} shared={shared} /> : null}
    </>
  );
}

const FACT_ICONS: Readonly<Record<ParticipantFact, ReactElement>> = {
  held: <PauseFilled />,
  sharing: <ShareScreenStartFilled />,
  'no-sound': <SpeakerOffFilled />,
  'no-picture': <VideoOffFilled />,
  connecting: <ArrowSyncFilled />
};

type ParticipantProps = {
  readonly call: CallView;
  readonly live: boolean;
  readonly place: Arrangement['people'][number] | undefined;
  /** What the state says of it is so. */
  readonly online: boolean;
};

/** One of two: a card with initials where there is no picture, and below who it is and what is to be said of it. */
function Participant({ call, live, place, online }: ParticipantProps) {
  const styles = useStyles();
  const t = useTexts();
  const name = call.peer.displayName;
  // That there is no picture is seen.
  const facts = online ? participantFactsOf(call).filter((fact) => fact !== 'no-picture') : [];
  return (
    <>
      {live ? null : (
        <div className={styles.card} style={place?.camera} data-testid="participant-card" role="img" aria-label={`${name}: ${t('conference.no-picture')}`}>
          <span className={styles.cardInitials}>{initialsOf(name)}</span>
        </div>
      )}
      <div className={mergeClasses(styles.corner, styles.plate)} style={place?.name ?? undefined} data-testid="peer-name">
        <span className={place?.name?.height === 'auto' ? mergeClasses(styles.lines, styles.two) : styles.name} dir="auto">
          {name}
        </span>
        {facts.map((fact) => (
          <span key={fact} className={styles.fact} data-testid={`participant-${fact}`}>
            <span className={styles.icon} aria-hidden="true">
              {FACT_ICONS[fact]}
            </span>
            <span className={styles.factWords}>{t(`conference.${fact}`)}</span>
          </span>
        ))}
      </div>
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

function NoCamera({ place }: { readonly place: Box | undefined }) {
  const styles = useStyles();
  const t = useTexts();
  return (
    <div className={styles.noCamera} style={place} data-testid="no-camera" aria-label={t('display.noCamera')} role="img">
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
