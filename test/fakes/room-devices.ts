// The devices of a room without any: says what the room showed them, and presses what a test presses.
import type { CallCommand, DeviceTrouble, RoomDevices, RoomDevicesEvents } from '../../agent/room-devices.ts';
import type { CallOnDevices } from '../../src/devices/port.ts';
import { createEvents } from '../../src/kernel/events.ts';
import type { MediaDevices } from '../../src/media/port.ts';
import type { RoomFacts } from '../../src/room/project.ts';

export type FakeRoomDevices = RoomDevices & {
  readonly shown: CallOnDevices[];
  press(command: CallCommand): void;
  change(facts: Partial<RoomFacts['devices']>, troubles?: readonly DeviceTrouble[]): void;
  plug(order: MediaDevices): void;
};

export const NO_DEVICES: MediaDevices = { camera: [], content: [], microphone: [], speaker: [] };

export function createFakeRoomDevices(): FakeRoomDevices {
  const events = createEvents<RoomDevicesEvents>((error) => {
    throw error;
  });
  let facts: RoomFacts['devices'] = {
    media: [],
    hid: { devices: [], presence: null, console: 'none' },
    test: null,
    volumePercent: 60,
    speakerMuted: false,
    liftedAtMs: null
  };
  let troubles: readonly DeviceTrouble[] = [];
  let order = NO_DEVICES;
  const shown: CallOnDevices[] = [];
  return {
    on: events.on,
    shown,
    press: (command) => events.emit('command', command),
    change(changed, found = troubles) {
      facts = { ...facts, ...changed };
      troubles = found;
      events.emit('changed');
    },
    plug(present) {
      order = present;
      events.emit('order', present);
    },
    start: async () => {},
    show: (call) => void shown.push(call),
    facts: () => facts,
    troubles: () => troubles,
    order: () => order,
    playedPercent: () => (facts.speakerMuted ? 0 : facts.volumePercent),
    choose: async () => {},
    async setVolume(percent) {
      facts = { ...facts, volumePercent: percent };
      events.emit('volume', percent);
    },
    camera: async () => {},
    presets: async () => [],
    startTest: async () => {},
    stopTest: async () => {},
    previewTicket: async () => ({ url: '' }),
    [Symbol.asyncDispose]: async () => {}
  };
}
