// What people in the room have to know of the call at any moment: that it is recorded and by whom, what this room shares, where it is handed to,
// and who could not be added.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { CallTransferRegular } from '@fluentui/react-icons/svg/call-transfer';
import { PersonDeleteRegular } from '@fluentui/react-icons/svg/person-delete';
import { ShareScreenStartRegular } from '@fluentui/react-icons/svg/share-screen-start';
import type { ReactElement, ReactNode } from 'react';
import type { CallView, RoomState } from '../../room/state.ts';
import { useCommand } from '../shared/room-context.tsx';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import type { Texts } from '../texts/texts.ts';
import { CommandError } from './screen.tsx';
import { TouchButton } from './touch-button.tsx';

const useStyles = makeStyles({
  notice: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: panelSizes.gap,
    flexShrink: 0,
    minHeight: '3rem',
    padding: '0.4rem 0.5rem',
    paddingInlineStart: '1.25rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '1rem',
    backgroundColor: colours.card
  },
  recording: { backgroundColor: colours.badGround, border: `2px solid ${colours.edgeBad}` },
  failed: { backgroundColor: colours.warningGround, border: `2px solid ${colours.edgeWarning}` },
  icon: { fontSize: '1.5rem', lineHeight: 0, flexShrink: 0 },
  red: { color: colours.bad },
  dot: { display: 'block', width: '0.7em', height: '0.7em', borderRadius: '50%', backgroundColor: 'currentColor' },
  calm: { color: colours.brandText },
  words: { flexGrow: 1, flexBasis: '14rem', minWidth: 0, fontSize: panelSizes.large, fontWeight: 600, overflowWrap: 'anywhere' }
});

type CallNoticesProps = { readonly call: CallView; readonly devices: RoomState['devices']; readonly onShare: () => void };

export function CallNotices({ call, devices, onShare }: CallNoticesProps) {
  const styles = useStyles();
  const t = useTexts();
  const { transfer, notAdded } = call;
  const sharing = call.media.screen.sending && devices.screen !== null;
  return (
    <>
      <RecordingNotice call={call} />
      {transfer === null || transfer.phase === 'consulting' ? null : (
        <Notice testId="notice-transfer" icon={<CallTransferRegular />} iconClass={styles.calm} className={transfer.phase === 'asked' ? '' : styles.failed}>
          {t(transfer.phase === 'asked' ? 'inCall.transfer.asked' : 'inCall.transfer.failed', { name: transfer.to })}
        </Notice>
      )}
      {notAdded === null ? null : (
        <Notice testId="notice-not-added" icon={<PersonDeleteRegular />} iconClass={styles.calm} className={styles.failed}>
          {t('conference.notAdded', { name: notAdded.displayName })}
        </Notice>
      )}
      {sharing ? (
        <Notice
          testId="notice-sharing"
          icon={<ShareScreenStartRegular />}
          iconClass={styles.calm}
          control={<TouchButton testId="button-share-other" label={t('inCall.share.change')} onTouch={onShare} />}
        >
          {t('inCall.share.sharing', { name: devices.screen?.name ?? '' })}
        </Notice>
      ) : null}
    </>
  );
}

/** Also over the pages of a call: nobody is recorded without seeing it. */
export function RecordingNotice({ call }: { readonly call: CallView }) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const words = recordingText(call, t);
  if (words === null) return null;
  return (
    <Notice
      testId="notice-recording"
      icon={<span className={styles.dot} />}
      iconClass={styles.red}
      className={styles.recording}
      control={
        call.recording.here ? (
          <TouchButton
            testId="button-stop-recording"
            label={t('inCall.recording.stop')}
            disabled={command.pending !== null}
            onTouch={() => void command.act(call, 'recording', { on: false })}
          />
        ) : null
      }
    >
      {words}
      {command.error === null ? null : <CommandError error={command.error} />}
    </Notice>
  );
}

function recordingText({ recording, peer }: CallView, t: Texts): string | null {
  if (recording.here) return t(recording.there ? 'inCall.recording.both' : 'inCall.recording.here');
  return recording.there ? t('inCall.recording.there', { name: peer.displayName }) : null;
}

type NoticeProps = {
  readonly testId: string;
  readonly icon: ReactElement;
  readonly iconClass: string;
  readonly className?: string;
  readonly control?: ReactNode;
  readonly children: ReactNode;
};

function Notice({ testId, icon, iconClass, className, control, children }: NoticeProps) {
  const styles = useStyles();
  return (
    <div className={mergeClasses(styles.notice, className)}>
      <span className={mergeClasses(styles.icon, iconClass)} aria-hidden="true">
        {icon}
      </span>
      <div className={styles.words} role="status" data-testid={testId}>
        {children}
      </div>
      {control}
    </div>
  );
}
