// What lies over the remote picture: the shield, who it is, what is switched off here, and the code while it waits to be compared.
// Over a shared screen lies nothing: there these go above, below and beside it (content-layout.ts).
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { MicOffFilled } from '@fluentui/react-icons/svg/mic-off';
import { ShareScreenStartFilled } from '@fluentui/react-icons/svg/share-screen-start';
import { VideoOffFilled } from '@fluentui/react-icons/svg/video-off';
import type { CallView } from '../../../room/state.ts';
import { currentCodeOf } from '../../shared/current-code.ts';
import { initialsOf } from '../../shared/initials.ts';
import { SecurityCode } from '../../shared/security-code.tsx';
import { ShieldIcon, shieldStateOf } from '../../shared/shield.tsx';
import { colours } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { contentLayout } from '../content-layout.ts';

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
  topLeft: { top: '2.5rem', left: '2.5rem' },
  topRight: { position: 'absolute', top: '2.5rem', right: '2.5rem', display: 'flex', gap: '1.25rem' },
  pill: { position: 'static' },
  strip: { top: '1.875rem' },
  bottomLeft: { bottom: '2.5rem', left: '2.5rem', maxWidth: '45%', fontWeight: 600 },
  name: { overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' },
  bottomRight: { bottom: '2.5rem', right: '2.5rem', flexDirection: 'column', alignItems: 'flex-end', gap: '0.25rem' },
  beside: contentLayout.name,
  below: { bottom: '1rem', left: '2.5rem', right: 'auto', flexDirection: 'row', alignItems: 'baseline', gap: '2rem', padding: '0.5rem 2rem' },
  noCamera: {
    ...contentLayout.camera,
    display: 'grid',
    placeItems: 'center',
    backgroundColor: colours.card,
    color: colours.quiet,
    fontSize: '5rem',
    lineHeight: 0
  },
  codeHint: { color: colours.quiet },
  code: { fontSize: '3.75rem' },
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
  readonly call: CallView;
  /** The canvas shows a picture of now. */
  readonly live: boolean;
  /** The room answers, so that what is said of the call is so. */
  readonly online: boolean;
  /** The shared screen of the other room is on the display. */
  readonly shared: boolean;
};

export function InCallScene({ call, live, online, shared }: InCallSceneProps) {
  const styles = useStyles();
  const t = useTexts();
  return (
    <>
      {live ? null : shared ? <NoCamera /> : <NoPicture call={call} />}
      {online ? <Facts call={call} shared={shared} /> : <div className={mergeClasses(styles.corner, styles.topLeft)}>{t('reconnecting.title')}</div>}
    </>
  );
}

function Facts({ call, shared }: { readonly call: CallView; readonly shared: boolean }) {
  const styles = useStyles();
  const t = useTexts();
  const { encryption, media, phase } = call;
  return (
    <>
      <div className={mergeClasses(styles.corner, styles.topLeft, shared && styles.strip)} data-testid="shield-state" data-state={shieldStateOf(encryption)}>
        <ShieldIcon encryption={encryption} />
        {t.shield(encryption)}
      </div>
      <div className={mergeClasses(styles.topRight, shared && styles.strip)}>
        {media.screen.sending ? (
          <div className={mergeClasses(styles.corner, styles.pill)} data-testid="sharing-here">
            <span className={styles.icon} aria-hidden="true">
              <ShareScreenStartFilled />
            </span>
            {t('display.sharingHere')}
          </div>
        ) : null}
        {phase === 'connected' && !media.audio.sending ? (
          <div className={mergeClasses(styles.corner, styles.pill)} data-testid="microphone-off">
            <span className={styles.icon} aria-hidden="true">
              <MicOffFilled />
            </span>
            {t('call.muted')}
          </div>
        ) : null}
      </div>
      <div className={mergeClasses(styles.corner, styles.bottomLeft, shared && styles.beside)} data-testid="peer-name">
        <span className={styles.name}>{call.peer.displayName}</span>
      </div>
      <CodeBand call={call} shared={shared} />
    </>
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
    <div className={mergeClasses(styles.corner, styles.bottomRight, shared && styles.below)} data-testid="code-band">
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

function NoCamera() {
  const styles = useStyles();
  const t = useTexts();
  return (
    <div className={styles.noCamera} data-testid="no-camera" aria-label={t('display.noCamera')} role="img">
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
