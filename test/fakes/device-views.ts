// Devices as the room lists them, for tests: what is not said is that of a thing that is there and works.
import type { DeviceKind, DeviceView, HidDeviceView } from '../../src/room/state.ts';

export const deviceView = (kind: DeviceKind, id: string, change: Partial<DeviceView> = {}): DeviceView => ({
  id,
  kind,
  name: `The ${id}`,
  model: '1234:0001',
  serial: null,
  port: 'pci-usb2-1',
  appliance: id,
  present: true,
  chosen: false,
  can: [],
  problem: null,
  ...change
});

export const hidView = (id: string, change: Partial<HidDeviceView> = {}): HidDeviceView => ({
  id,
  name: `The ${id}`,
  model: '1234:0002',
  serial: 'ABC',
  port: null,
  appliance: id,
  kinds: ['telephony'],
  can: ['hook', 'mute', 'lamp off-hook', 'lamp mute'],
  lamps: null,
  problem: null,
  ...change
});
