// A call that is parked here, after it was and until somebody takes it up: its code so large that it can be read across the room.
import { makeStyles } from '@fluentui/react-components';
import { CallEndFilled } from '@fluentui/react-icons/svg/call-end';
import { PlayFilled } from '@fluentui/react-icons/svg/play';
import type { CallView, RoomState } from '../../../room/state.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { CommandError, Screen } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';

const useStyles = makeStyles({
  screen: { gap: '0.75rem' },
  title: { margin: 0, fontSize: panelSizes.title, fontWeight: 600, lineHeight: 1.2, overflowWrap: 'anywhere' },
  label: { color: colours.quiet, fontSize: panelSizes.large },
  code: { fontSize: 'max(84px, 8rem)', fontWeight: 600, lineHeight: 1, letterSpacing: '0.12em', fontVariantNumeric: 'tabular-nums' },
  how: { margin: 0, maxWidth: '48rem', color: colours.quiet, fontSize: panelSizes.large },
  account: { fontSize: panelSizes.large, fontWeight: 600, overflowWrap: 'anywhere' },
  buttons: { display: 'flex', flexWrap: 'wrap', justifyContent: 'center', gap: '1rem', marginTop: '1rem' },
  button: { minWidth: '15rem', minHeight: 'max(72px, 5rem)' }
});

type ParkedScreenProps = { readonly call: CallView; readonly room: RoomState['room']; readonly onDone: () => void };

export function ParkedScreen({ call, room, onDone }: ParkedScreenProps) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const title = t('features.park.title', { name: call.peer.displayName });
  return (
    <Screen testId="screen-parked" name={title} centred className={styles.screen}>
      <h1 className={styles.title}>{title}</h1>
      <div>
        <div className={styles.label}>{t('features.park.code')}</div>
        <div className={styles.code} dir="ltr" data-testid="park-code">
          {call.parkCode}
        </div>
      </div>
      <p className={styles.how}>{t('features.park.how')}</p>
      <div className={styles.account} dir="ltr">
        {room.account}
      </div>
      <CommandError error={command.error} />
      <div className={styles.buttons}>
        <TouchButton
          testId="button-end-parked"
          label={t('call.end')}
          icon={<CallEndFilled />}
          className={styles.button}
          disabled={command.pending !== null}
          onTouch={() => void command.act(call, 'end')}
        />
        <TouchButton testId="button-parked-done" label={t('action.done')} className={styles.button} onTouch={onDone} />
        <TouchButton
          testId="button-take-back"
          label={t('features.park.here')}
          icon={<PlayFilled />}
          tone="brand"
          className={styles.button}
          disabled={command.pending !== null}
          onTouch={() => void command.act(call, 'resume')}
        />
      </div>
    </Screen>
  );
}
