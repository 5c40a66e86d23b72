// How loud the other side is heard here: two buttons and what it is now, which keys of a speakerphone change too.
import { makeStyles } from '@fluentui/react-components';
import { AddFilled } from '@fluentui/react-icons/svg/add';
import { SubtractFilled } from '@fluentui/react-icons/svg/subtract';
import type { RoomState } from '../../room/state.ts';
import { useCommand } from '../shared/room-context.tsx';
import { text } from '../shared/texts.ts';
import { colours, panelSizes } from '../shared/theme.ts';
import { TouchButton } from './touch-button.tsx';

const STEP_PERCENT = 10;

const useStyles = makeStyles({
  control: { display: 'flex', alignItems: 'center', gap: '0.75rem' },
  value: { minWidth: '4.5rem', textAlign: 'center', fontSize: panelSizes.text, fontVariantNumeric: 'tabular-nums', lineHeight: 1.25 },
  label: { color: colours.quiet }
});

export function VolumeControl({ devices }: { readonly devices: RoomState['devices'] }) {
  const styles = useStyles();
  const { setVolume } = useCommand();
  const { volumePercent, speakerMuted } = devices;
  const turn = (step: number): void => void setVolume(Math.min(100, Math.max(0, volumePercent + step)));
  return (
    <div className={styles.control} data-testid="volume">
      <TouchButton
        testId="button-volume-down"
        label=""
        name={text('volume.down')}
        icon={<SubtractFilled />}
        disabled={volumePercent === 0}
        onTouch={() => turn(-STEP_PERCENT)}
      />
      <div className={styles.value}>
        <div className={styles.label}>{text('volume.label')}</div>
        <output aria-label={text('volume.label')}>{speakerMuted ? text('volume.muted') : `${volumePercent} %`}</output>
      </div>
      <TouchButton
        testId="button-volume-up"
        label=""
        name={text('volume.up')}
        icon={<AddFilled />}
        disabled={volumePercent === 100 && !speakerMuted}
        onTouch={() => turn(STEP_PERCENT)}
      />
    </div>
  );
}
