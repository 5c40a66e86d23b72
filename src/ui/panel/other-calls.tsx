// The calls that have nothing to do with the one in front: each with what it waits for, and ways back to it. Also shown where no call is in front, such as with a parked one.
import { makeStyles } from '@fluentui/react-components';
import { CallEndFilled } from '@fluentui/react-icons/svg/call-end';
import { CallPauseRegular } from '@fluentui/react-icons/svg/call-pause';
import { CallTransferFilled } from '@fluentui/react-icons/svg/call-transfer';
import { PlayFilled } from '@fluentui/react-icons/svg/play';
import type { CallView } from '../../room/state.ts';
import { useCommand } from '../shared/room-context.tsx';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import type { Texts } from '../texts/texts.ts';
import { CommandError } from './screen.tsx';
import { TouchButton } from './touch-button.tsx';

const useStyles = makeStyles({
  bar: { display: 'flex', flexDirection: 'column', gap: panelSizes.gap, flexShrink: 0 },
  call: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: panelSizes.gap,
    padding: '0.4rem 0.5rem',
    paddingInlineStart: '1.25rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '1rem',
    backgroundColor: colours.card
  },
  icon: { fontSize: '1.5rem', lineHeight: 0, color: colours.warning },
  words: { display: 'flex', flexWrap: 'wrap', alignItems: 'baseline', columnGap: '1rem', flexGrow: 1, flexBasis: '14rem', minWidth: 0 },
  name: { fontSize: panelSizes.large, fontWeight: 600, overflowWrap: 'anywhere' },
  state: { color: colours.quiet }
});

type OtherCallsProps = { readonly calls: readonly CallView[]; readonly front: CallView | null };

export function OtherCalls({ calls, front }: OtherCallsProps) {
  const styles = useStyles();
  const t = useTexts();
  const shown = calls.filter((call) => call.phase !== 'ended');
  if (shown.length === 0) return null;
  return (
    <section className={styles.bar} aria-label={t('inCall.others')} data-testid="other-calls">
      {shown.map((call) => (
        <OtherCall key={call.id} call={call} front={front} />
      ))}
    </section>
  );
}

function OtherCall({ call, front }: { readonly call: CallView; readonly front: CallView | null }) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const name = call.peer.displayName;
  const consulted = front !== null && front.phase === 'connected' && call.transfer?.phase === 'consulting' ? front : null;
  return (
    <div className={styles.call} data-testid={`other-call-${call.id}`}>
      <span className={styles.icon} aria-hidden="true">
        <CallPauseRegular />
      </span>
      <div className={styles.words} role="status">
        <span className={styles.name}>{name}</span>
        <span className={styles.state}>{stateOf(call, front, t)}</span>
      </div>
      {consulted === null ? null : (
        <TouchButton
          testId="button-complete-transfer"
          label={t('inCall.other.handOver')}
          name={t('inCall.other.handOverName', { waiting: name, name: consulted.peer.displayName })}
          icon={<CallTransferFilled />}
          tone="brand"
          disabled={command.pending !== null}
          onTouch={() => void command.act(call, 'complete-transfer')}
        />
      )}
      {call.phase === 'on-hold' ? (
        <TouchButton
          testId={`button-take-back-${call.id}`}
          label={t('inCall.other.takeBack')}
          name={t('inCall.other.takeBackName', { name })}
          icon={<PlayFilled />}
          disabled={command.pending !== null}
          onTouch={() => void command.act(call, 'resume')}
        />
      ) : null}
      <TouchButton
        testId={`button-end-other-${call.id}`}
        label={t('inCall.other.end')}
        name={t('inCall.other.endName', { name })}
        icon={<CallEndFilled />}
        disabled={command.pending !== null}
        onTouch={() => void command.act(call, 'end')}
      />
      {command.error === null ? null : <CommandError error={command.error} />}
    </div>
  );
}

/** What it waits for, in words. The consulted person is named as the room shows them in front. */
function stateOf(call: CallView, front: CallView | null, t: Texts): string {
  const { transfer, parkCode } = call;
  if (transfer?.phase === 'consulting')
    return t('inCall.other.consulting', { name: front?.peer.account === transfer.to ? front.peer.displayName : transfer.to });
  if (transfer?.phase === 'asked') return t('inCall.other.asked', { name: transfer.to });
  if (parkCode !== null) return t('inCall.other.parked', { code: parkCode });
  if (call.phase === 'on-hold') return t('inCall.other.held');
  return t(call.phase === 'connected' ? 'inCall.other.connected' : call.phase === 'connecting' ? 'call.connecting' : 'inCall.other.calling');
}
