// How loud it rings, how loud the others are, and whether it rings at all.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { AlertRegular } from '@fluentui/react-icons/svg/alert';
import { AlertSnoozeRegular } from '@fluentui/react-icons/svg/alert-snooze';
import type { RoomState } from '../../../../room/state.ts';
import { useCommand } from '../../../shared/room-context.tsx';
import { colours, panelSizes } from '../../../shared/theme.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { Slider } from '../../parts/slider.tsx';
import { CommandError } from '../../screen.tsx';
import { TouchButton } from '../../touch-button.tsx';
import { VolumeControl } from '../../volume-control.tsx';
import { Card, Intro, Page, Part } from './page.tsx';

const useStyles = makeStyles({
  choices: { display: 'flex', flexWrap: 'wrap', gap: panelSizes.gap, '& > *': { flexGrow: 1 } },
  trial: { display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: panelSizes.gap },
  by: { flexGrow: 1, flexBasis: '14rem', color: colours.quiet },
  nobody: { color: colours.warning },
  on: { display: 'flex', alignItems: 'center', gap: '0.75rem', fontSize: panelSizes.large, fontWeight: 600, color: colours.warning },
  icon: { fontSize: '1.4em', lineHeight: 0, flexShrink: 0 }
});

/** In minutes; null: until somebody turns it off. */
const SILENCES = [30, 60, 240, null] as const;

export function SoundPage({ state: { settings, devices, sound } }: { readonly state: RoomState }) {
  const styles = useStyles();
  const t = useTexts();
  const { run, error, pending } = useCommand();
  const { ringerPercent, doNotDisturb } = settings;
  const disturb = (change: { readonly minutes: number | null } | null): void =>
    void run('do-not-disturb', '/api/v1/settings', { doNotDisturb: change }, 'PATCH');
  return (
    <Page testId="settings-sound" title={t('settings.page.sound')}>
      <Card>
        <Slider
          testId="ringer"
          label={t('sound.ringer')}
          value={ringerPercent}
          words={ringerPercent === 0 ? t('sound.silent') : t.number(ringerPercent / 100, { style: 'percent' })}
          lessName={t('sound.ringerDown')}
          moreName={t('sound.ringerUp')}
          bar
          onChange={(percent) => void run('ringer', '/api/v1/settings', { ringerPercent: percent }, 'PATCH')}
        />
        <RingerTrial sound={sound} silent={ringerPercent === 0} />
        <VolumeControl devices={devices} />
      </Card>
      <Part title={t('sound.dnd')}>
        {doNotDisturb === null ? (
          <div className={styles.choices}>
            {SILENCES.map((minutes) => (
              <TouchButton
                key={minutes ?? 'always'}
                testId={`dnd-${minutes ?? 'always'}`}
                label={t(`sound.dnd.${minutes ?? 'always'}`)}
                disabled={pending === 'do-not-disturb'}
                onTouch={() => disturb({ minutes })}
              />
            ))}
          </div>
        ) : (
          <Card>
            <div className={styles.on} data-testid="dnd-on">
              <span className={styles.icon} aria-hidden="true">
                <AlertSnoozeRegular />
              </span>
              {doNotDisturb.until === null ? t('sound.dnd.onAlways') : t('sound.dnd.onUntil', { time: t.clock(Date.parse(doNotDisturb.until)) })}
            </div>
            <div className={styles.choices}>
              <TouchButton testId="dnd-off" label={t('sound.dnd.off')} disabled={pending === 'do-not-disturb'} onTouch={() => disturb(null)} />
            </div>
          </Card>
        )}
        <Intro>{t('sound.dnd.hint')}</Intro>
      </Part>
      {error === null ? null : <CommandError error={error} />}
    </Page>
  );
}

type RingerTrialProps = {
  readonly sound: RoomState['sound'];
  /** It is at 0: there is nothing to hear. */
  readonly silent: boolean;
};

/** How loud it rings, heard where it would ring. */
function RingerTrial({ sound, silent }: RingerTrialProps) {
  const styles = useStyles();
  const t = useTexts();
  const { run, error, pending } = useCommand();
  const rings = sound.playing === 'ringing' && sound.by !== null;
  return (
    <>
      <div className={styles.trial}>
        <TouchButton
          testId="button-ringer-try"
          label={t(rings ? 'sound.trying' : 'sound.try')}
          icon={<AlertRegular />}
          disabled={silent || rings || sound.by === null || pending !== null}
          onTouch={() => void run('ringer-try', '/api/v1/settings/ringer/try')}
        />
        <div role="status" data-testid="ringer-by" className={mergeClasses(styles.by, sound.by === null && styles.nobody)}>
          {t(`sound.by.${sound.by ?? 'nobody'}`)}
        </div>
      </div>
      {error === null ? null : <CommandError error={error} />}
    </>
  );
}
