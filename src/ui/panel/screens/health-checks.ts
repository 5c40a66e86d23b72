// What the room looks at, and how it is: each from the room's state, so that "all well" says what was looked at. Pure.
import type { RoomState } from '../../../room/state.ts';
import { validityOf } from './settings/validity.ts';

type Check = {
  readonly name: 'broker' | 'clock' | 'certificate' | 'devices' | 'display' | 'relay';
  readonly severity: 'good' | 'warning' | 'bad';
  readonly values: Readonly<Record<string, string | number>>;
};

export function checksOf(state: RoomState, now: number): readonly Check[] {
  const { network, health, devices, certificate } = state;
  const validity = validityOf(certificate, now);
  const ailing = devices.media.filter(({ present, problem }) => !present || problem !== null).length;
  const relay = health.problems.some(({ code }) => code.startsWith('CL_RELAY_'));
  return [
    { name: 'broker', severity: network.broker === 'connected' ? 'good' : network.broker === 'connecting' ? 'warning' : 'bad', values: {} },
    { name: 'clock', severity: network.clock === 'ok' ? 'good' : 'bad', values: {} },
    { name: 'certificate', severity: validity.severity, values: { days: Math.max(0, validity.daysLeft) } },
    { name: 'devices', severity: ailing === 0 ? 'good' : 'warning', values: { count: ailing === 0 ? devices.media.length : ailing } },
    { name: 'display', severity: devices.displays > 0 ? 'good' : 'warning', values: {} },
    { name: 'relay', severity: relay ? 'warning' : 'good', values: {} }
  ];
}
