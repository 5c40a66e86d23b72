// The security page behind the shield: the code and the question whether it is the same there; for other calls what they are.
// The code is shown only while it is the state's current one; the moment it is not, it is gone, and with it what was read, keyed in or asked about it.
import { makeStyles } from '@fluentui/react-components';
import { CallEndFilled } from '@fluentui/react-icons/svg/call-end';
import { CheckmarkFilled } from '@fluentui/react-icons/svg/checkmark';
import { DialpadRegular } from '@fluentui/react-icons/svg/dialpad';
import { DismissFilled } from '@fluentui/react-icons/svg/dismiss';
import { Speaker2Regular } from '@fluentui/react-icons/svg/speaker';
import { SpeakerOffRegular } from '@fluentui/react-icons/svg/speaker-off';
import { TvRegular } from '@fluentui/react-icons/svg/tv';
import { useState } from 'react';
import type { CallView, RoomState } from '../../../room/state.ts';
import { encryptionOf, type Remotes, remotesOf } from '../../shared/conference.ts';
import { currentCodeOf } from '../../shared/current-code.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { SecurityCode } from '../../shared/security-code.tsx';
import { ShieldIcon, shieldStateOf } from '../../shared/shield.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { RecordingNotice } from '../call-notices.tsx';
import { CodeKeypad } from '../code-keypad.tsx';
import { CommandError, Screen } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';
import { useSpokenCode } from '../use-spoken-code.ts';

const useStyles = makeStyles({
  state: { display: 'flex', alignItems: 'center', gap: '0.75rem', fontSize: panelSizes.large },
  body: {
    flexGrow: 1,
    flexShrink: 0,
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    justifyContent: 'center',
    gap: '1rem',
    textAlign: 'center'
  },
  task: { margin: 0, maxWidth: '50rem', fontSize: panelSizes.large, lineHeight: 1.4 },
  reasons: { display: 'flex', flexDirection: 'column', gap: '1rem', margin: 0, maxWidth: '50rem', fontSize: panelSizes.large, lineHeight: 1.4 },
  of: { fontWeight: 600, overflowWrap: 'anywhere' },
  reason: { margin: 0 },
  quiet: { margin: 0, maxWidth: '50rem', color: colours.quiet, fontSize: panelSizes.text },
  // As large as the four groups fit beside each other.
  code: { fontSize: 'min(max(64px, 5.4rem), 6.9vw)' },
  ways: { display: 'flex', gap: panelSizes.gap, justifyContent: 'center', flexWrap: 'wrap' },
  way: { minHeight: 'max(68px, 4.25rem)', fontSize: panelSizes.text, whiteSpace: 'normal', padding: '0.25rem 1.25rem' },
  blank: { fontSize: panelSizes.title, fontWeight: 600 },
  big: { fontSize: '4rem', lineHeight: 0 },
  question: { margin: 0, fontSize: panelSizes.title, fontWeight: 600, color: colours.bad },
  buttons: { display: 'flex', gap: '1.25rem', justifyContent: 'center', flexWrap: 'wrap' },
  button: { minWidth: 'max(240px, 20rem)', minHeight: 'max(76px, 5.25rem)' }
});

type SecurityScreenProps = { readonly call: CallView; readonly state: RoomState; readonly onBack: () => void };

/** What a finger has opened beside the code. It belongs to the code about which it was opened: a new code starts anew. */
type Opened = { readonly what: 'question' | 'keypad'; readonly about: string };

export function SecurityScreen({ call, state: room, onBack }: SecurityScreenProps) {
  const styles = useStyles();
  const t = useTexts();
  const remotes = remotesOf(call, room);
  const encryption = encryptionOf(remotes);
  const state = shieldStateOf(encryption);
  const code = currentCodeOf(encryption);
  const [opened, setOpened] = useState<Opened | null>(null);
  const open = code !== null && opened?.about === code ? opened.what : null;
  const openAbout = (what: Opened['what']) => (): void => setOpened(code === null ? null : { what, about: code });
  const close = (): void => setOpened(null);
  const endToEnd = state === 'end-to-end' || state === 'end-to-end-verified' || encryption.securingAgain;
  const title = open === 'keypad' ? t('keypad.title') : endToEnd ? t('code.title') : t.shield(encryption);
  return (
    <Screen
      testId="screen-code"
      name={title}
      header={{
        title,
        onBack: open === null ? onBack : close,
        right: endToEnd ? (
          <div className={styles.state} data-testid="shield-state" data-state={state}>
            <ShieldIcon encryption={encryption} />
            {t.shield(encryption)}
          </div>
        ) : null
      }}
      scrolls
    >
      <RecordingNotice call={call} />
      <div className={styles.body}>
        {!endToEnd ? (
          <WithoutCode remotes={remotes} />
        ) : code === null ? (
          <Blank />
        ) : open === 'question' ? (
          <Question call={call} onBack={close} />
        ) : open === 'keypad' ? (
          <CodeKeypad key={code} call={call} onLook={close} onDiffer={openAbout('question')} />
        ) : (
          <Code key={code} call={call} code={code} display={room.display} onDiffer={openAbout('question')} onKeypad={openAbout('keypad')} />
        )}
      </div>
    </Screen>
  );
}

/** They said that the codes differ: asks once more, since it ends the call. */
function Question({ call, onBack }: { readonly call: CallView; readonly onBack: () => void }) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  return (
    <>
      <h2 className={styles.question}>{t('code.confirmTitle')}</h2>
      <p className={styles.task}>{t('code.confirmText')}</p>
      <div className={styles.buttons}>
        <TouchButton testId="button-confirm-cancel" label={t('code.confirmNo')} className={styles.button} onTouch={onBack} />
        <TouchButton
          testId="button-confirm-differ"
          label={t('code.confirmYes')}
          icon={<CallEndFilled />}
          tone="end"
          className={styles.button}
          disabled={command.pending !== null}
          onTouch={() => void command.act(call, 'codes-differ', { mediaEpoch: call.mediaEpoch })}
        />
      </div>
      <CommandError error={command.error} />
    </>
  );
}

function Blank() {
  const styles = useStyles();
  const t = useTexts();
  return (
    <>
      <div className={styles.blank} role="status" data-testid="code-blank">
        {t('code.blank')}
      </div>
      <p className={styles.quiet}>{t('code.blankHint')}</p>
    </>
  );
}

type CodeProps = {
  readonly call: CallView;
  readonly code: string;
  readonly display: RoomState['display'];
  readonly onDiffer: () => void;
  readonly onKeypad: () => void;
};

function Code({ call, code, display, onDiffer, onKeypad }: CodeProps) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const spoken = useSpokenCode(call, code);
  const { encryption } = call;
  const notes = [
    encryption.codesMatchHere === true ? t('code.matchedHere') : null,
    encryption.codesMatchThere === true ? t('code.matchedThere') : null,
    encryption.confirmedBy === 'certificates' ? t('code.byCertificates') : null,
    encryption.confirmedBy === 'people' ? t('code.byPeople') : null
  ].filter((note) => note !== null);
  return (
    <>
      <p className={styles.task}>{t('code.task')}</p>
      <SecurityCode code={code} className={styles.code} marked={spoken.group} />
      <p className={styles.quiet} data-testid="code-notes">
        {notes.join(' ')}
      </p>
      <div className={styles.ways}>
        <TouchButton
          testId="button-read-aloud"
          label={t(spoken.reading ? 'keypad.stopReading' : 'keypad.readAloud')}
          icon={spoken.reading ? <SpeakerOffRegular /> : <Speaker2Regular />}
          className={styles.way}
          onTouch={spoken.reading ? spoken.stop : spoken.start}
        />
        <TouchButton
          testId="button-code-display"
          label={t(display.showsCode ? 'keypad.offDisplay' : 'keypad.onDisplay')}
          icon={<TvRegular />}
          pressed={display.showsCode}
          className={styles.way}
          disabled={command.pending !== null}
          onTouch={() => void command.run('show-code', '/api/v1/display/code', { shown: !display.showsCode })}
        />
        <TouchButton testId="button-keypad" label={t('keypad.open')} icon={<DialpadRegular />} className={styles.way} onTouch={onKeypad} />
      </div>
      <div className={styles.buttons}>
        <TouchButton
          testId="button-codes-differ"
          label={t('code.differ')}
          icon={<DismissFilled />}
          className={styles.button}
          disabled={command.pending !== null}
          onTouch={onDiffer}
        />
        {encryption.codesMatchHere === true ? null : (
          <TouchButton
            testId="button-codes-match"
            label={t('code.match')}
            icon={<CheckmarkFilled />}
            tone="answer"
            className={styles.button}
            disabled={command.pending !== null}
            onTouch={() => void command.act(call, 'codes-match', { mediaEpoch: call.mediaEpoch })}
          />
        )}
      </div>
      <CommandError error={command.error ?? spoken.error} />
    </>
  );
}

function WithoutCode({ remotes }: { readonly remotes: Remotes }) {
  const styles = useStyles();
  const t = useTexts();
  const encryption = encryptionOf(remotes);
  const state = shieldStateOf(encryption);
  const standard = state === 'standard';
  const failed = state === 'failed';
  return (
    <>
      <div className={styles.big} data-testid="shield-state" data-state={state}>
        <ShieldIcon encryption={encryption} />
      </div>
      <p className={styles.task}>{t(standard ? 'security.standardText' : failed ? 'security.failedText' : 'security.noneText')}</p>
      {standard && remotes.length === 1 ? (
        <p className={styles.task} data-testid="standard-reason">
          {t.standardReason(encryption.reason)}
        </p>
      ) : null}
      {standard && remotes.length === 2 ? (
        <dl className={styles.reasons} data-testid="standard-reason">
          {remotes.map((call) => (
            <div key={call.id}>
              <dt className={styles.of}>{call.peer.displayName}</dt>
              <dd className={styles.reason}>{t.standardReason(call.encryption.reason)}</dd>
            </div>
          ))}
        </dl>
      ) : null}
    </>
  );
}
