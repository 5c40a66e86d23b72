// The room's devices as the agent last told them, for whoever has one of them open in this process.
import { createEvents, type EventSource } from '../kernel/events.ts';
import type { Log } from '../kernel/log.ts';
import type { MediaDevices } from './port.ts';

export type DeviceOrder = EventSource<{ readonly changed: readonly [] }> & {
  current(): MediaDevices | null;
  /** What is as it was is no news. */
  set(devices: MediaDevices | null): void;
};

export function createDeviceOrder(first: MediaDevices | null, log: Log): DeviceOrder {
  const events = createEvents<{ readonly changed: readonly [] }>((error) => log.error('a listener of the device order failed', { error: String(error) }));
  let current = first;
  return {
    on: events.on,
    current: () => current,
    set(devices) {
      if (JSON.stringify(devices) === JSON.stringify(current)) return;
      current = devices;
      events.emit('changed');
    }
  };
}
