// Tries one device: a meter for a microphone, a tone for a loudspeaker, the picture for a camera. What is shown is what the room measures
// (devices.test); the test ends when this goes away.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { useEffect, useRef, useState } from 'react';
import type { DeviceTestView, DeviceView, RoomState, SoundLevel } from '../../../../room/state.ts';
import { OwnPicture } from '../../../shared/own-picture.tsx';
import { useCommand } from '../../../shared/room-context.tsx';
import { colours, panelSizes } from '../../../shared/theme.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { CommandError } from '../../screen.tsx';
import { TouchButton } from '../../touch-button.tsx';
import { VolumeControl } from '../../volume-control.tsx';
import { levelPartOf } from './level-part.ts';
import { Card } from './page.tsx';

const useStyles = makeStyles({
  meter: {
    position: 'relative',
    height: '28px',
    borderRadius: '14px',
    border: `1px solid ${colours.field}`,
    backgroundColor: colours.raised,
    overflow: 'hidden'
  },
  level: { position: 'absolute', insetBlock: 0, insetInlineStart: 0, backgroundColor: colours.good, transitionProperty: 'width', transitionDuration: '90ms' },
  clipping: { backgroundColor: colours.bad },
  peak: { position: 'absolute', insetBlock: 0, width: '4px', backgroundColor: colours.text },
  figures: { display: 'flex', flexWrap: 'wrap', justifyContent: 'space-between', columnGap: '2rem', fontVariantNumeric: 'tabular-nums' },
  words: { minHeight: '1.5em', color: colours.quiet },
  question: { fontSize: panelSizes.large, fontWeight: 600 },
  buttons: { display: 'flex', flexWrap: 'wrap', gap: panelSizes.gap },
  good: { color: colours.good, fontWeight: 600 },
  bad: { color: colours.bad },
  picture: { width: 'min(100%, 67vh)' }
});

export function DeviceTest({ device, state }: { readonly device: DeviceView; readonly state: RoomState }) {
  const styles = useStyles();
  const t = useTexts();
  const { run, error, pending } = useCommand();
  // What was tried since this opened, and what the ear heard; whether a test is going on is the room's to say.
  const [tried, setTried] = useState(false);
  const [heard, setHeard] = useState<boolean | null>(null);
  const begun = useRef(false);
  const test = state.devices.test?.id === device.id ? state.devices.test : null;

  const start = async (): Promise<void> => {
    setHeard(null);
    setTried(false);
    begun.current = true;
    await run('test-start', `/api/v1/devices/${encodeURIComponent(device.id)}/test-start`);
  };
  const going = test !== null;
  useEffect(() => {
    if (going) setTried(true);
  }, [going]);
  const stop = (): void => {
    begun.current = false;
    void run('test-stop', '/api/v1/devices/test-stop');
  };
  useEffect(
    () => () => {
      if (begun.current) void run('test-stop', '/api/v1/devices/test-stop');
    },
    [run]
  );

  const speaker = device.kind === 'speaker';
  const problem = test?.problem == null ? null : t.problem(test.problem);
  return (
    <Card>
      <div className={styles.buttons}>
        {test === null ? (
          <TouchButton
            testId="button-test"
            label={t(pending === 'test-start' ? 'test.starting' : heard === null && !tried ? `test.start.${device.kind}` : 'test.again')}
            tone={tried && heard === null && speaker ? 'neutral' : 'brand'}
            disabled={pending !== null}
            onTouch={() => void start()}
          />
        ) : (
          <TouchButton testId="button-test-stop" label={t('test.stop')} disabled={pending !== null} onTouch={stop} />
        )}
      </div>
      {test === null ? null : <Tried test={test} />}
      {problem === null ? null : (
        <div role="alert" className={styles.bad} data-testid="test-problem">
          {problem.text}
        </div>
      )}
      {speaker && tried && heard === null ? (
        <>
          <div className={styles.question} role="status">
            {t('test.heard')}
          </div>
          <div className={styles.buttons}>
            <TouchButton testId="button-heard" label={t('test.yes')} tone="answer" onTouch={() => setHeard(true)} />
            <TouchButton testId="button-not-heard" label={t('test.no')} onTouch={() => setHeard(false)} />
          </div>
        </>
      ) : null}
      {heard === null ? null : (
        <div role="status" data-testid="test-outcome" className={mergeClasses(heard && styles.good)}>
          {t(heard ? 'test.well' : 'test.notHeard')}
        </div>
      )}
      {speaker ? <VolumeControl devices={state.devices} /> : null}
      {error === null ? null : <CommandError error={error} />}
    </Card>
  );
}

function Tried({ test }: { readonly test: DeviceTestView }) {
  const styles = useStyles();
  const t = useTexts();
  if (test.kind === 'microphone') return <Meter level={test.level} />;
  if (test.kind === 'speaker')
    return (
      <div role="status" className={styles.question}>
        {t('test.playing')}
      </div>
    );
  return (
    <div className={styles.picture}>
      <OwnPicture ticketPath="/api/v1/devices/preview-ticket" of={test.id} mirrored={false} testId="test-picture" />
    </div>
  );
}

function Meter({ level }: { readonly level: SoundLevel | null }) {
  const styles = useStyles();
  const t = useTexts();
  const part = level === null ? 0 : levelPartOf(level.rmsDbfs);
  const decibels = level === null || level.silent ? '–' : `${t.number(Math.round(level.rmsDbfs))} dBFS`;
  const words = level === null ? 'waiting' : level.clipping ? 'clipping' : level.silent ? 'silent' : 'speak';
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: the browser's own meter cannot be drawn with a peak, nor in the theme's colours. */}
      <div
        className={styles.meter}
        role="meter"
        aria-label={t('test.level')}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * part)}
        aria-valuetext={decibels}
        data-testid="test-level"
      >
        <div className={mergeClasses(styles.level, level?.clipping === true && styles.clipping)} style={{ width: `${100 * part}%` }} />
        {level === null || level.silent ? null : (
          <div className={styles.peak} style={{ insetInlineStart: `calc(${100 * levelPartOf(level.peakDbfs)}% - 4px)` }} />
        )}
      </div>
      <div className={styles.figures}>
        <span className={styles.words} role="status" data-testid="test-words">
          {t(`test.${words}`)}
        </span>
        <bdi>{decibels}</bdi>
      </div>
    </>
  );
}
