// Cameras, capture inputs, microphones, loudspeakers and what else is plugged in: a list, and each device on a page of its own where it is tried and chosen.
import { makeStyles } from '@fluentui/react-components';
import { ArrowMoveRegular } from '@fluentui/react-icons/svg/arrow-move';
import { CameraRegular } from '@fluentui/react-icons/svg/camera';
import { LockClosedRegular } from '@fluentui/react-icons/svg/lock-closed';
import { MicRegular } from '@fluentui/react-icons/svg/mic';
import { PlugConnectedRegular } from '@fluentui/react-icons/svg/plug-connected';
import { Speaker2Regular } from '@fluentui/react-icons/svg/speaker';
import { UsbRegular } from '@fluentui/react-icons/svg/usb';
import { WarningFilled } from '@fluentui/react-icons/svg/warning';
import { type ReactElement, useState } from 'react';
import type { DeviceKind, DeviceView, HidDeviceView, RoomState } from '../../../../room/state.ts';
import { TechnicalDetail } from '../../../shared/technical-detail.tsx';
import { colours } from '../../../shared/theme.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { useAdministrator, useProtectedCommand } from '../../administrator.tsx';
import { ListRow } from '../../parts/list-row.tsx';
import { CommandError } from '../../screen.tsx';
import { TouchButton } from '../../touch-button.tsx';
import { isMovable } from '../camera.tsx';
import { DeviceTest } from './device-test.tsx';
import { Facts } from './facts.tsx';
import { Intro, Page, Part } from './page.tsx';

const useStyles = makeStyles({
  ailing: { display: 'flex', alignItems: 'center', gap: '0.5rem', color: colours.warning },
  icon: { fontSize: '1.2em', lineHeight: 0, flexShrink: 0 }
});

const KINDS: readonly DeviceKind[] = ['camera', 'microphone', 'speaker', 'content'];
const ICONS: Readonly<Record<DeviceKind, ReactElement>> = {
  camera: <CameraRegular />,
  microphone: <MicRegular />,
  speaker: <Speaker2Regular />,
  content: <PlugConnectedRegular />
};

export function DevicesPage({ state, onCamera }: { readonly state: RoomState; readonly onCamera: () => void }) {
  const t = useTexts();
  const [opened, setOpened] = useState<string | null>(null);
  const { media, hid } = state.devices;
  const device = media.find(({ id }) => id === opened);
  if (device !== undefined) return <DevicePage key={device.id} device={device} state={state} onUp={() => setOpened(null)} />;
  return (
    <Page testId="settings-devices" title={t('settings.page.devices')}>
      {media.length === 0 && hid.devices.length === 0 ? <Intro>{t('devices.none')}</Intro> : null}
      {KINDS.map((kind) => {
        const own = media.filter((each) => each.kind === kind);
        if (own.length === 0) return null;
        return (
          <Part key={kind} title={t(`devices.kind.${kind}`)}>
            {own.map((each) => (
              <ListRow
                key={each.id}
                testId={`device-${each.id}`}
                title={each.name}
                icon={ICONS[kind]}
                detail={<DeviceState device={each} />}
                onTouch={() => setOpened(each.id)}
              />
            ))}
            {kind === 'camera' && own.some(isMovable) ? (
              <ListRow testId="row-camera-control" title={t('inCall.camera')} icon={<ArrowMoveRegular />} onTouch={onCamera} />
            ) : null}
          </Part>
        );
      })}
      {hid.devices.length === 0 ? null : (
        <Part title={t('devices.kind.hid')}>
          {hid.devices.map((each) => (
            <ListRow key={each.id} testId={`device-${each.id}`} title={each.name} icon={<UsbRegular />} detail={<HidState device={each} />} />
          ))}
        </Part>
      )}
    </Page>
  );
}

function Ailing({ words }: { readonly words: string }) {
  const styles = useStyles();
  return (
    <span className={styles.ailing}>
      <span className={styles.icon} aria-hidden="true">
        <WarningFilled />
      </span>
      {words}
    </span>
  );
}

function DeviceState({ device }: { readonly device: DeviceView }) {
  const t = useTexts();
  if (!device.present) return <Ailing words={t('devices.away')} />;
  if (device.problem !== null) return <Ailing words={t.problem(device.problem).text} />;
  return t(device.chosen ? 'devices.chosen' : 'devices.present');
}

function HidState({ device }: { readonly device: HidDeviceView }) {
  const t = useTexts();
  if (device.problem !== null) return <Ailing words={t.problem(device.problem).text} />;
  return device.kinds.map((kind) => t(`devices.hid.${kind}`)).join(' · ');
}

function DevicePage({ device, state, onUp }: { readonly device: DeviceView; readonly state: RoomState; readonly onUp: () => void }) {
  const t = useTexts();
  const protectedly = useProtectedCommand();
  const { holds } = useAdministrator();
  const problem = device.problem === null ? null : t.problem(device.problem);
  const lock = state.admin.pinSet && holds !== true ? { icon: <LockClosedRegular /> } : {};
  // Only a device that somebody chose can be let go; without a PIN anybody may choose.
  const choose = async (id: string | null): Promise<void> => {
    const command = state.admin.pinSet ? protectedly.run : protectedly.runFreely;
    await command('choose', '/api/v1/devices/choose', { kind: device.kind, id });
  };
  return (
    <Page
      testId="settings-device"
      title={device.name}
      onUp={onUp}
      actions={
        <TouchButton
          testId={device.chosen ? 'button-choose-automatic' : 'button-choose'}
          label={t(protectedly.pending === 'choose' ? 'devices.choosing' : device.chosen ? 'devices.automatic' : 'devices.choose')}
          {...lock}
          disabled={protectedly.pending !== null || (!device.chosen && !device.present)}
          onTouch={() => void choose(device.chosen ? null : device.id)}
        />
      }
    >
      {protectedly.error === null ? null : <CommandError error={protectedly.error} />}
      {problem === null ? null : (
        <div role="status" data-testid="device-problem">
          <Ailing words={problem.text} />
          <TechnicalDetail words={problem.technical} />
        </div>
      )}
      {device.present ? <DeviceTest device={device} state={state} /> : <Intro>{t('devices.away')}</Intro>}
      <Facts
        testId="facts-device"
        facts={[
          { name: t('devices.state'), value: t(!device.present ? 'devices.away' : device.chosen ? 'devices.chosen' : 'devices.present') },
          { name: t('devices.model'), value: device.model, code: true },
          ...(device.serial === null ? [] : [{ name: t('devices.serial'), value: device.serial, code: true }]),
          ...(device.port === null ? [] : [{ name: t('devices.port'), value: device.port, code: true }]),
          ...(device.can.length === 0 ? [] : [{ name: t('devices.can'), value: device.can.join(', '), code: true }])
        ]}
      />
    </Page>
  );
}
