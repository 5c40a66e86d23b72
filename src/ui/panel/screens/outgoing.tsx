// The call that this room is placing, until it is answered.
import { makeStyles } from '@fluentui/react-components';
import { CallEndFilled } from '@fluentui/react-icons/svg/call-end';
import type { CallView } from '../../../room/state.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { PeerHeading } from '../peer-heading.tsx';
import { CommandError, Screen } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';

const useStyles = makeStyles({
  phase: { color: colours.brandText, fontSize: panelSizes.large, fontWeight: 600 },
  cancel: { marginTop: '1.5rem', minWidth: '16rem', minHeight: 'max(72px, 5rem)' }
});

export function OutgoingScreen({ call }: { readonly call: CallView }) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const phase = t(call.phase === 'ringing' ? 'outgoing.ringing' : 'outgoing.inviting');
  return (
    <Screen testId="screen-outgoing" name={phase} centred>
      <div className={styles.phase} data-testid="outgoing-phase">
        {phase}
      </div>
      <PeerHeading peer={call.peer} />
      <TouchButton
        testId="button-cancel"
        label={t('action.cancel')}
        icon={<CallEndFilled />}
        tone="end"
        className={styles.cancel}
        disabled={command.pending !== null}
        onTouch={() => void command.act(call, 'end')}
      />
      <CommandError error={command.error} />
    </Screen>
  );
}
