// The two others of a conference, beside each other: who each is, what is to be said of them, and how well the network carries the call with them.
// While the third is being added, its card says how far that is, and at the host it can be taken back.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { ArrowSyncRegular } from '@fluentui/react-icons/svg/arrow-sync';
import { DismissRegular } from '@fluentui/react-icons/svg/dismiss';
import { PauseFilled } from '@fluentui/react-icons/svg/pause';
import { ShareScreenStartRegular } from '@fluentui/react-icons/svg/share-screen-start';
import { SpeakerOffRegular } from '@fluentui/react-icons/svg/speaker-off';
import { VideoOffRegular } from '@fluentui/react-icons/svg/video-off';
import type { ReactElement, ReactNode } from 'react';
import type { CallView, RoomState } from '../../room/state.ts';
import { addingText, type ParticipantFact, participantFactsOf, thirdCallOf, thirdNameOf } from '../shared/conference.ts';
import { initialsOf } from '../shared/initials.ts';
import { useCommand } from '../shared/room-context.tsx';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { NetworkQuality } from './network-indicator.tsx';
import { CommandError } from './screen.tsx';
import { TouchButton } from './touch-button.tsx';

const useStyles = makeStyles({
  participants: { display: 'grid', gridTemplateColumns: 'repeat(2, minmax(0, 1fr))', gap: '1rem', flexShrink: 0, width: '100%', maxWidth: '68rem' },
  heading: { position: 'absolute', width: '1px', height: '1px', margin: 0, overflow: 'hidden', clipPath: 'inset(50%)', whiteSpace: 'nowrap' },
  card: {
    display: 'flex',
    flexDirection: 'column',
    gap: '0.5rem',
    padding: '1.25rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '1.25rem',
    backgroundColor: colours.card,
    textAlign: 'start'
  },
  /** Not there yet. */
  awaited: { border: `2px dashed ${colours.line}`, backgroundColor: 'transparent' },
  who: { display: 'flex', alignItems: 'center', gap: '1.25rem', flexGrow: 1, minWidth: 0 },
  initials: {
    display: 'grid',
    placeItems: 'center',
    flexShrink: 0,
    width: 'max(60px, 5rem)',
    height: 'max(60px, 5rem)',
    borderRadius: '50%',
    border: `2px solid ${colours.edge}`,
    backgroundColor: colours.avatar,
    color: colours.onAvatar,
    fontSize: 'max(24px, 2rem)',
    fontWeight: 600
  },
  words: { minWidth: 0 },
  name: {
    display: '-webkit-box',
    WebkitLineClamp: 2,
    WebkitBoxOrient: 'vertical',
    overflow: 'hidden',
    margin: 0,
    fontSize: panelSizes.title,
    fontWeight: 600,
    lineHeight: 1.2,
    overflowWrap: 'anywhere'
  },
  // Beside the initials, although it is written from left to right in every language.
  address: {
    display: 'inline-block',
    maxWidth: '100%',
    overflow: 'hidden',
    textOverflow: 'ellipsis',
    whiteSpace: 'nowrap',
    verticalAlign: 'bottom',
    color: colours.quiet,
    fontSize: panelSizes.text
  },
  adding: { color: colours.brandText, fontSize: panelSizes.text, fontWeight: 600, overflowWrap: 'anywhere' },
  // As high as the button beside which it stands, so that a card without one is as high as the other.
  foot: { display: 'flex', flexWrap: 'wrap', alignItems: 'center', justifyContent: 'flex-end', gap: '0.25rem 1.25rem', minHeight: panelSizes.target },
  facts: { display: 'flex', flexWrap: 'wrap', gap: '0.25rem 1.25rem', flexGrow: 1 },
  fact: { display: 'flex', alignItems: 'center', gap: '0.5rem', color: colours.quiet, fontSize: panelSizes.text },
  held: { color: colours.warning, fontWeight: 600 },
  icon: { fontSize: '1.5rem', lineHeight: 0, flexShrink: 0 }
});

const ICONS: Readonly<Record<ParticipantFact, ReactElement>> = {
  held: <PauseFilled />,
  sharing: <ShareScreenStartRegular />,
  'no-sound': <SpeakerOffRegular />,
  'no-picture': <VideoOffRegular />,
  connecting: <ArrowSyncRegular />
};

type ParticipantsProps = { readonly call: CallView; readonly conference: NonNullable<CallView['conference']>; readonly state: RoomState };

export function Participants({ call, conference, state }: ParticipantsProps) {
  const styles = useStyles();
  const t = useTexts();
  const third = thirdCallOf({ ...state, call });
  const adding = addingText(call, state, t);
  const name = call.peer.displayName;
  const thirdName = thirdNameOf(call, state);
  return (
    <section className={styles.participants} data-testid="participants" data-phase={conference.phase}>
      <h1 className={styles.heading}>{adding === null ? t('conference.both', { name, third: thirdName }) : name}</h1>
      <Card name={name} account={call.peer.account} testId="participant-1">
        <Facts call={call} />
        <NetworkQuality media={call.media} to={name} />
      </Card>
      <Card name={thirdName} account={conference.third.account} testId="participant-2" adding={adding}>
        {adding === null && third !== null ? (
          <>
            <Facts call={third} />
            <NetworkQuality media={third.media} to={thirdName} testId="button-network-2" />
          </>
        ) : null}
        {adding !== null && conference.host && third !== null && third.phase !== 'on-hold' ? <TakeBack call={third} /> : null}
      </Card>
    </section>
  );
}

type CardProps = {
  readonly name: string;
  readonly account: string;
  readonly testId: string;
  /** How far the adding is; not there yet. */
  readonly adding?: string | null;
  readonly children: ReactNode;
};

function Card({ name, account, testId, adding = null, children }: CardProps) {
  const styles = useStyles();
  return (
    <div className={mergeClasses(styles.card, adding !== null && styles.awaited)} data-testid={testId}>
      <div className={styles.who}>
        <div className={styles.initials} aria-hidden="true">
          {initialsOf(name)}
        </div>
        <div className={styles.words}>
          <h2 className={styles.name} data-testid={`${testId}-name`}>
            <bdi>{name}</bdi>
          </h2>
          {adding === null ? (
            name === account ? null : (
              <bdi className={styles.address} dir="ltr">
                {account}
              </bdi>
            )
          ) : (
            <div className={styles.adding} data-testid="adding">
              {adding}
            </div>
          )}
        </div>
      </div>
      <div className={styles.foot}>{children}</div>
    </div>
  );
}

function Facts({ call }: { readonly call: CallView }) {
  const styles = useStyles();
  const t = useTexts();
  return (
    <div className={styles.facts}>
      {participantFactsOf(call).map((fact) => (
        <span key={fact} className={mergeClasses(styles.fact, fact === 'held' && styles.held)} data-testid={`participant-${fact}`}>
          <span className={styles.icon} aria-hidden="true">
            {ICONS[fact]}
          </span>
          {t(`conference.${fact}`)}
        </span>
      ))}
    </div>
  );
}

/** The call with the third ends; the other one goes on. */
function TakeBack({ call }: { readonly call: CallView }) {
  const t = useTexts();
  const command = useCommand();
  return (
    <>
      <TouchButton
        testId="button-cancel-adding"
        label={t('action.cancel')}
        name={`${t('action.cancel')}: ${call.peer.displayName}`}
        icon={<DismissRegular />}
        disabled={command.pending !== null}
        onTouch={() => void command.act(call, 'end')}
      />
      {command.error === null ? null : <CommandError error={command.error} />}
    </>
  );
}
