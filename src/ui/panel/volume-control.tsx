// How loud the other side is heard here: two buttons and what it is now, which keys of a speakerphone change too.
import type { RoomState } from '../../room/state.ts';
import { useCommand } from '../shared/room-context.tsx';
import { useTexts } from '../shared/use-texts.ts';
import { Slider } from './parts/slider.tsx';

export function VolumeControl({ devices }: { readonly devices: RoomState['devices'] }) {
  const t = useTexts();
  const { setVolume } = useCommand();
  const { volumePercent, speakerMuted } = devices;
  return (
    <Slider
      testId="volume"
      label={t('volume.label')}
      value={volumePercent}
      words={speakerMuted ? t('volume.muted') : t.number(volumePercent / 100, { style: 'percent' })}
      lessName={t('volume.down')}
      moreName={t('volume.up')}
      moreDisabled={volumePercent === 100 && !speakerMuted}
      onChange={(percent) => void setVolume(percent)}
    />
  );
}
