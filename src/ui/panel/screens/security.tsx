// The security page behind the shield: the code and the question whether it is the same there; for other calls what they are.
// The code is shown only while it is the state's current one; the moment it is not, it is gone.
import { makeStyles } from '@fluentui/react-components';
import { CallEndFilled } from '@fluentui/react-icons/svg/call-end';
import { CheckmarkFilled } from '@fluentui/react-icons/svg/checkmark';
import { DismissFilled } from '@fluentui/react-icons/svg/dismiss';
import { useState } from 'react';
import type { CallView } from '../../../room/state.ts';
import { currentCodeOf } from '../../shared/current-code.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { SecurityCode } from '../../shared/security-code.tsx';
import { ShieldIcon, shieldStateOf } from '../../shared/shield.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { CommandError, Screen } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';

const useStyles = makeStyles({
  state: { display: 'flex', alignItems: 'center', gap: '0.75rem', fontSize: panelSizes.large },
  body: {
    flexGrow: 1,
    minHeight: 0,
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    justifyContent: 'center',
    gap: '1.5rem',
    textAlign: 'center'
  },
  task: { margin: 0, maxWidth: '50rem', fontSize: panelSizes.large, lineHeight: 1.4 },
  quiet: { margin: 0, maxWidth: '50rem', color: colours.quiet, fontSize: panelSizes.text },
  code: { fontSize: 'max(64px, 5.4rem)' },
  blank: { fontSize: panelSizes.title, fontWeight: 600 },
  big: { fontSize: '4rem', lineHeight: 0 },
  question: { margin: 0, fontSize: panelSizes.title, fontWeight: 600, color: colours.bad },
  buttons: { display: 'flex', gap: '1.25rem', justifyContent: 'center', flexWrap: 'wrap' },
  button: { minWidth: 'max(240px, 20rem)', minHeight: 'max(76px, 5.25rem)' }
});

export function SecurityScreen({ call, onBack }: { readonly call: CallView; readonly onBack: () => void }) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const { encryption } = call;
  const state = shieldStateOf(encryption);
  const code = currentCodeOf(encryption);
  const codeIsCurrent = code !== null;
  // The question belongs to the code it was asked about: a new code starts anew.
  const [askedAbout, setAskedAbout] = useState<string | null>(null);
  const asking = codeIsCurrent && askedAbout === code;
  const endToEnd = state === 'end-to-end' || state === 'end-to-end-verified' || encryption.securingAgain;
  return (
    <Screen
      testId="screen-code"
      name={t('code.title')}
      header={{
        title: endToEnd ? t('code.title') : t.shield(encryption),
        onBack,
        right: endToEnd ? (
          <div className={styles.state} data-testid="shield-state" data-state={state}>
            <ShieldIcon encryption={encryption} />
            {t.shield(encryption)}
          </div>
        ) : null
      }}
    >
      <div className={styles.body}>
        {!endToEnd ? <WithoutCode call={call} /> : asking ? null : <Code call={call} />}
        {endToEnd && asking ? (
          <>
            <h2 className={styles.question}>{t('code.confirmTitle')}</h2>
            <p className={styles.task}>{t('code.confirmText')}</p>
            <div className={styles.buttons}>
              <TouchButton testId="button-confirm-cancel" label={t('code.confirmNo')} className={styles.button} onTouch={() => setAskedAbout(null)} />
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
          </>
        ) : null}
        {endToEnd && codeIsCurrent && !asking ? (
          <div className={styles.buttons}>
            <TouchButton
              testId="button-codes-differ"
              label={t('code.differ')}
              icon={<DismissFilled />}
              className={styles.button}
              disabled={command.pending !== null}
              onTouch={() => setAskedAbout(code)}
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
        ) : null}
        <CommandError error={command.error} />
      </div>
    </Screen>
  );
}

function Code({ call }: { readonly call: CallView }) {
  const styles = useStyles();
  const t = useTexts();
  const { encryption } = call;
  const code = currentCodeOf(encryption);
  if (code === null)
    return (
      <>
        <div className={styles.blank} data-testid="code-blank">
          {t('code.blank')}
        </div>
        <p className={styles.quiet}>{t('code.blankHint')}</p>
      </>
    );
  const notes = [
    encryption.codesMatchHere === true ? t('code.matchedHere') : null,
    encryption.codesMatchThere === true ? t('code.matchedThere') : null,
    encryption.confirmedBy === 'certificates' ? t('code.byCertificates') : null,
    encryption.confirmedBy === 'people' ? t('code.byPeople') : null
  ].filter((note) => note !== null);
  return (
    <>
      <p className={styles.task}>{t('code.task')}</p>
      <SecurityCode code={code} className={styles.code} />
      <p className={styles.quiet} data-testid="code-notes">
        {notes.join(' ')}
      </p>
    </>
  );
}

function WithoutCode({ call }: { readonly call: CallView }) {
  const styles = useStyles();
  const t = useTexts();
  const state = shieldStateOf(call.encryption);
  const standard = state === 'standard';
  const failed = state === 'failed';
  return (
    <>
      <div className={styles.big} data-testid="shield-state" data-state={state}>
        <ShieldIcon encryption={call.encryption} />
      </div>
      <p className={styles.task}>{t(standard ? 'security.standardText' : failed ? 'security.failedText' : 'security.noneText')}</p>
      {standard ? (
        <p className={styles.task} data-testid="standard-reason">
          {t.standardReason(call.encryption.reason)}
        </p>
      ) : null}
    </>
  );
}
