// Moving a camera: aim, zoom, positions that are kept. Of a running call, and of the room outside of one. What the camera can is what it says itself.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { AddFilled } from '@fluentui/react-icons/svg/add';
import { ArrowDownFilled } from '@fluentui/react-icons/svg/arrow-down';
import { ArrowLeftFilled } from '@fluentui/react-icons/svg/arrow-left';
import { ArrowRightFilled } from '@fluentui/react-icons/svg/arrow-right';
import { ArrowUpFilled } from '@fluentui/react-icons/svg/arrow-up';
import { BookmarkRegular } from '@fluentui/react-icons/svg/bookmark';
import { DeleteRegular } from '@fluentui/react-icons/svg/delete';
import { HomeRegular } from '@fluentui/react-icons/svg/home';
import { SubtractFilled } from '@fluentui/react-icons/svg/subtract';
import { WarningFilled } from '@fluentui/react-icons/svg/warning';
import { type KeyboardEvent, type ReactElement, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { CallView, DeviceView, RoomState } from '../../../room/state.ts';
import type { CameraCommand } from '../../../ui-server/port.ts';
import { OwnPicture } from '../../shared/own-picture.tsx';
import { useCommand } from '../../shared/room-context.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { RecordingNotice } from '../call-notices.tsx';
import { createCameraMotion, type Direction } from '../camera-motion.ts';
import { Choice } from '../parts/choice.tsx';
import { ListRow } from '../parts/list-row.tsx';
import { Sheet } from '../parts/sheet.tsx';
import { SavePositionSheet } from '../save-position-sheet.tsx';
import { CommandError, Screen } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';
import { useHold } from '../use-hold.ts';

const useStyles = makeStyles({
  columns: { flexGrow: 1, display: 'grid', gridTemplateColumns: 'auto minmax(0, 1fr)', gap: '1rem 2.5rem', alignItems: 'start' },
  moving: { display: 'flex', flexDirection: 'column', alignItems: 'center', gap: '0.75rem' },
  pad: {
    display: 'grid',
    gridTemplateColumns: 'repeat(3, max(72px, 6rem))',
    gridTemplateRows: 'repeat(3, max(72px, 6rem))',
    gap: panelSizes.gap,
    padding: '0.5rem',
    borderRadius: '1.5rem',
    backgroundColor: colours.card,
    border: `2px solid ${colours.edge}`
  },
  key: {
    display: 'grid',
    placeItems: 'center',
    minWidth: panelSizes.target,
    minHeight: panelSizes.target,
    padding: 0,
    border: `2px solid ${colours.edge}`,
    borderRadius: '1.25rem',
    backgroundColor: colours.raised,
    color: colours.text,
    fontFamily: 'inherit',
    fontSize: 'max(32px, 2.25rem)',
    lineHeight: 0,
    cursor: 'pointer',
    // The finger holds: nothing scrolls or opens a menu under it.
    touchAction: 'none',
    userSelect: 'none',
    ':active': { backgroundColor: colours.brand, color: colours.onFill },
    ':disabled': { color: colours.quiet, cursor: 'default' },
    ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' }
  },
  zoom: { display: 'grid', gridTemplateColumns: '1fr 1fr', gap: panelSizes.gap, width: '100%' },
  hint: { margin: 0, color: colours.quiet, textAlign: 'center' },
  quiet: { margin: 0, color: colours.quiet },
  picture: { width: 'min(100%, 30rem)', flexShrink: 0 },
  side: { display: 'flex', flexDirection: 'column', gap: '0.75rem', minWidth: 0 },
  heading: { margin: 0, fontSize: panelSizes.large, fontWeight: 600 },
  presets: { display: 'grid', gridTemplateColumns: 'repeat(auto-fill, minmax(min(17rem, 100%), 1fr))', gap: panelSizes.gap },
  warning: { display: 'flex', alignItems: 'center', gap: '0.75rem', color: colours.warning, fontSize: panelSizes.large },
  warningIcon: { fontSize: '1.4em', lineHeight: 0 },
  none: { flexGrow: 1, display: 'grid', placeItems: 'center', color: colours.quiet, fontSize: panelSizes.large, textAlign: 'center' }
});

export const isMovable = ({ kind, can }: DeviceView): boolean => kind === 'camera' && (['pan', 'tilt', 'zoom'] as const).some((axis) => can.includes(axis));

type CameraScreenProps = {
  /** null outside of a call. */
  readonly call: CallView | null;
  readonly devices: RoomState['devices'];
  readonly onBack: () => void;
};

export function CameraScreen({ call, devices, onBack }: CameraScreenProps) {
  const styles = useStyles();
  const t = useTexts();
  const cameras = devices.media.filter(isMovable);
  const [wanted, setWanted] = useState<string | null>(null);
  const camera =
    cameras.find(({ id }) => id === wanted) ??
    cameras.find(({ name }) => name === devices.camera.name) ??
    cameras.find(({ present }) => present) ??
    cameras[0] ??
    null;
  return (
    <Screen testId="screen-camera" name={t('camera.title')} header={{ title: t('camera.title'), onBack }} scrolls>
      {call === null ? null : <RecordingNotice call={call} />}
      {cameras.length > 1 && camera !== null ? (
        <Choice
          testId="choice-camera"
          label={t('camera.which')}
          options={cameras.map(({ id, name }) => ({ value: id, label: name }))}
          value={camera.id}
          onChange={setWanted}
        />
      ) : null}
      {camera === null ? (
        <div className={styles.none} data-testid="camera-none">
          {t('camera.none')}
        </div>
      ) : (
        // Another camera starts anew: its motion ends, its positions are asked for.
        <Camera key={camera.id} camera={camera} call={call} />
      )}
    </Screen>
  );
}

function Camera({ camera, call }: { readonly camera: DeviceView; readonly call: CallView | null }) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const path = `/api/v1/devices/${encodeURIComponent(camera.id)}`;
  const can = (axis: 'pan' | 'tilt' | 'zoom'): boolean => camera.present && camera.can.includes(axis);
  const { run } = command;
  const send = useCallback(({ type, ...body }: CameraCommand) => run(type, `${path}/${type}`, body), [run, path]);
  const latest = useRef(send);
  latest.current = send;
  const motion = useMemo(
    () =>
      createCameraMotion({
        send: (moved) => latest.current(moved),
        clock: {
          schedule: (delayMs, again) => {
            const handle = window.setTimeout(again, delayMs);
            return { cancel: () => window.clearTimeout(handle) };
          }
        }
      }),
    []
  );
  useEffect(() => () => motion.stop(), [motion]);
  const shown = { motion, can };
  return (
    <div className={styles.columns}>
      <div className={styles.moving}>
        <AimPad {...shown}>
          <button
            type="button"
            data-testid="camera-home"
            className={styles.key}
            aria-label={t('camera.home')}
            disabled={!can('pan') && !can('tilt')}
            onClick={() => void send({ type: 'home' })}
          >
            <HomeRegular />
          </button>
        </AimPad>
        <div className={styles.zoom}>
          <HoldKey testId="camera-out" label={t('camera.out')} icon={<SubtractFilled />} direction={{ pan: 0, tilt: 0, zoom: -0.5 }} axis="zoom" {...shown} />
          <HoldKey testId="camera-in" label={t('camera.in')} icon={<AddFilled />} direction={{ pan: 0, tilt: 0, zoom: 0.5 }} axis="zoom" {...shown} />
        </div>
        <p className={styles.hint}>{t('camera.hold')}</p>
      </div>
      <div className={styles.side}>
        {camera.present ? null : <Warning words={t('camera.away')} />}
        {camera.shutter === 'closed' ? <Warning words={t('camera.shuttered')} /> : null}
        {command.error === null ? null : <CommandError error={command.error} />}
        {call === null ? <p className={styles.quiet}>{t('camera.pictureInCall')}</p> : <PictureInCall call={call} />}
        <Presets camera={camera} path={path} />
      </div>
    </div>
  );
}

/** What the other side is sent. Not mirrored: left is where the camera goes when it is moved to the left. */
function PictureInCall({ call }: { readonly call: CallView }) {
  const styles = useStyles();
  const t = useTexts();
  if (!call.media.video.sending) return <p className={styles.quiet}>{t('camera.pictureOff')}</p>;
  return (
    <div className={styles.picture}>
      <OwnPicture ticketPath="/api/v1/self-view/ticket" of={call.mediaEpoch} mirrored={false} />
    </div>
  );
}

type MotionProps = { readonly motion: ReturnType<typeof createCameraMotion>; readonly can: (axis: 'pan' | 'tilt' | 'zoom') => boolean };

const ARROWS: Readonly<Record<string, Direction & { readonly axis: 'pan' | 'tilt' }>> = {
  ArrowUp: { pan: 0, tilt: 0.5, zoom: 0, axis: 'tilt' },
  ArrowDown: { pan: 0, tilt: -0.5, zoom: 0, axis: 'tilt' },
  ArrowLeft: { pan: -0.5, tilt: 0, zoom: 0, axis: 'pan' },
  ArrowRight: { pan: 0.5, tilt: 0, zoom: 0, axis: 'pan' }
};

/** As the picture is seen, so never mirrored. Arrow keys move from anywhere in it. */
function AimPad({ motion, can, children }: MotionProps & { readonly children: ReactElement }) {
  const styles = useStyles();
  const t = useTexts();
  const byKey = (event: KeyboardEvent): void => {
    const arrow = ARROWS[event.key];
    if (arrow === undefined) return;
    event.preventDefault();
    if (!event.repeat && can(arrow.axis)) motion.start(arrow);
  };
  const shown = { motion, can };
  const { ArrowUp: up, ArrowDown: down, ArrowLeft: left, ArrowRight: right } = ARROWS;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would be announced as a form's group; this is a group of keys.
    <div
      role="group"
      dir="ltr"
      className={styles.pad}
      aria-label={t('camera.pad')}
      onKeyDown={byKey}
      onKeyUp={(event) => ARROWS[event.key] !== undefined && motion.stop()}
      onBlur={() => motion.stop()}
    >
      <span />
      {up === undefined ? null : <HoldKey testId="camera-up" label={t('camera.up')} icon={<ArrowUpFilled />} direction={up} axis="tilt" {...shown} />}
      <span />
      {left === undefined ? null : <HoldKey testId="camera-left" label={t('camera.left')} icon={<ArrowLeftFilled />} direction={left} axis="pan" {...shown} />}
      {children}
      {right === undefined ? null : (
        <HoldKey testId="camera-right" label={t('camera.right')} icon={<ArrowRightFilled />} direction={right} axis="pan" {...shown} />
      )}
      <span />
      {down === undefined ? null : <HoldKey testId="camera-down" label={t('camera.down')} icon={<ArrowDownFilled />} direction={down} axis="tilt" {...shown} />}
      <span />
    </div>
  );
}

type HoldKeyProps = MotionProps & {
  readonly testId: string;
  readonly label: string;
  readonly icon: ReactElement;
  readonly direction: Direction;
  readonly axis: 'pan' | 'tilt' | 'zoom';
};

function HoldKey({ testId, label, icon, direction, axis, motion, can }: HoldKeyProps) {
  const styles = useStyles();
  const hold = useHold({ start: () => motion.start(direction), stop: () => motion.stop() });
  return (
    <button type="button" data-testid={testId} className={styles.key} aria-label={label} disabled={!can(axis)} {...hold}>
      {icon}
    </button>
  );
}

function Warning({ words }: { readonly words: string }) {
  const styles = useStyles();
  return (
    <div className={styles.warning} role="status" data-testid="camera-warning">
      <span className={styles.warningIcon} aria-hidden="true">
        <WarningFilled />
      </span>
      {words}
    </div>
  );
}

/** Positions that are kept: touched, the camera goes there. */
function Presets({ camera, path }: { readonly camera: DeviceView; readonly path: string }) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const { get } = command;
  const [presets, setPresets] = useState<readonly string[] | null>(null);
  const [sheet, setSheet] = useState<{ readonly deletes: string } | 'save' | null>(null);
  const look = useCallback(async () => {
    const answer = await get<{ readonly presets: readonly string[] }>(`${path}/presets`);
    setPresets(answer?.presets ?? []);
  }, [get, path]);
  useEffect(() => void look(), [look]);
  const act = async (type: 'preset-save' | 'preset-recall' | 'preset-delete', name: string): Promise<void> => {
    if ((await command.run(type, `${path}/${type}`, { name })) && type !== 'preset-recall') await look();
    setSheet(null);
  };
  if (!camera.can.includes('presets') && presets?.length === 0 && !camera.present) return null;
  return (
    <>
      <h2 className={styles.heading}>{t('camera.presets')}</h2>
      {presets?.length === 0 ? <p className={mergeClasses(styles.hint)}>{t('camera.noPresets')}</p> : null}
      <div className={styles.presets}>
        {presets?.map((name) => (
          <ListRow
            key={name}
            testId={`preset-${name}`}
            title={name}
            name={t('camera.recall', { name })}
            icon={<BookmarkRegular />}
            disabled={!camera.present || command.pending !== null}
            onTouch={() => void act('preset-recall', name)}
            control={
              <TouchButton
                testId={`button-delete-${name}`}
                label=""
                name={t('camera.delete', { name })}
                icon={<DeleteRegular />}
                tone="quiet"
                onTouch={() => setSheet({ deletes: name })}
              />
            }
          />
        ))}
      </div>
      <TouchButton
        testId="button-save-preset"
        label={t('camera.save')}
        icon={<AddFilled />}
        disabled={!camera.present || presets === null}
        onTouch={() => setSheet('save')}
      />
      {sheet === null && command.error !== null ? <CommandError error={command.error} /> : null}
      {sheet === 'save' && presets !== null ? (
        <SavePositionSheet
          presets={presets}
          pending={command.pending !== null}
          onSave={(name) => void act('preset-save', name)}
          onClose={() => setSheet(null)}
        />
      ) : null}
      {sheet === null || sheet === 'save' ? null : (
        <Sheet
          testId="sheet-delete-preset"
          title={t('camera.deleteAsk', { name: sheet.deletes })}
          onClose={() => setSheet(null)}
          buttons={
            <>
              <TouchButton testId="button-delete-cancel" label={t('action.cancel')} onTouch={() => setSheet(null)} />
              <TouchButton
                testId="button-delete-confirm"
                label={t('camera.deleteYes')}
                icon={<DeleteRegular />}
                tone="end"
                disabled={command.pending !== null}
                onTouch={() => void act('preset-delete', sheet.deletes)}
              />
            </>
          }
        >
          {null}
        </Sheet>
      )}
    </>
  );
}
