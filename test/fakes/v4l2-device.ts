// A camera at V4L2 as v4l2-ctl shows it: prints what that program prints (in the form of version 1.22, seen on vivid), and takes values as a driver does:
// too large ones are cut without a word, read-only ones refused.

import type { V4l2Ctl } from '../../src/devices/cameras/v4l2-ctl.ts';
import type { CloisterError } from '../../src/kernel/errors.ts';

export type FakeControl = {
  readonly name: string;
  readonly id: number;
  readonly type: 'int' | 'bool' | 'menu';
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  readonly default: number;
  readonly menu?: Readonly<Record<number, string>>;
  readonly flags?: string;
};

/** A conference camera with a motor, as the kernel's driver for USB cameras names its controls. */
export const PTZ_CONTROLS: readonly FakeControl[] = [
  { name: 'white_balance_automatic', id: 0x0098090c, type: 'bool', min: 0, max: 1, default: 1 },
  { name: 'white_balance_temperature', id: 0x0098091a, type: 'int', min: 2800, max: 6500, step: 10, default: 4600, flags: 'inactive' },
  { name: 'backlight_compensation', id: 0x0098091c, type: 'int', min: 0, max: 2, default: 1 },
  { name: 'auto_exposure', id: 0x009a0901, type: 'menu', min: 0, max: 3, default: 3, menu: { 1: 'Manual Mode', 3: 'Aperture Priority Mode' } },
  { name: 'exposure_time_absolute', id: 0x009a0902, type: 'int', min: 3, max: 2047, default: 250, flags: 'inactive' },
  { name: 'pan_absolute', id: 0x009a0908, type: 'int', min: -468000, max: 468000, step: 3600, default: 0 },
  { name: 'tilt_absolute', id: 0x009a0909, type: 'int', min: -324000, max: 108000, step: 3600, default: 0 },
  { name: 'focus_absolute', id: 0x009a090a, type: 'int', min: 0, max: 255, step: 5, default: 0, flags: 'inactive' },
  { name: 'focus_automatic_continuous', id: 0x009a090c, type: 'bool', min: 0, max: 1, default: 1 },
  { name: 'zoom_absolute', id: 0x009a090d, type: 'int', min: 100, max: 1000, default: 100 },
  { name: 'privacy', id: 0x009a0910, type: 'bool', min: 0, max: 1, default: 0, flags: 'read-only' }
];

export const SPEED_CONTROLS: readonly FakeControl[] = [
  { name: 'zoom_continuous', id: 0x009a090f, type: 'int', min: -7, max: 7, default: 0 },
  { name: 'pan_speed', id: 0x009a0920, type: 'int', min: -24, max: 24, default: 0 },
  { name: 'tilt_speed', id: 0x009a0921, type: 'int', min: -20, max: 20, default: 0 }
];

export type FakeV4l2Device = {
  readonly ctl: V4l2Ctl;
  readonly values: Map<string, number>;
  /** Each run's arguments. */
  readonly runs: string[];
  /** What each run does instead; null: it is well. */
  fault: CloisterError | null;
};

export function createFakeV4l2Device(controls: readonly FakeControl[]): FakeV4l2Device {
  const values = new Map(controls.map((control) => [control.name, control.default]));
  const runs: string[] = [];
  const set = (assignment: string): string => {
    const [name = '', text = ''] = assignment.split('=');
    const control = controls.find((known) => known.name === name);
    if (control === undefined) return `unknown control '${name}'\n`;
    if (control.flags === 'read-only') return 'Error setting controls: Permission denied\nVIDIOC_S_EXT_CTRLS: failed: Permission denied\n';
    values.set(name, Math.min(control.max, Math.max(control.min, Number(text))));
    return '';
  };
  const get = (name: string): string => `${name}: ${values.get(name)}\n`;
  const device: FakeV4l2Device = {
    values,
    runs,
    fault: null,
    async ctl(args) {
      runs.push(args.join(' '));
      if (device.fault !== null) throw device.fault;
      const [command, list = ''] = args;
      if (command === '--list-ctrls-menus') return { stdout: printControls(controls, values), stderr: '', status: 0 };
      if (command === '-C') return { stdout: list.split(',').map(get).join(''), stderr: '', status: 0 };
      if (command !== '-c') throw new Error(`the fake device does not know ${command}`);
      const stderr = list.split(',').map(set).join('');
      return { stdout: '', stderr, status: stderr === '' ? 0 : 255 };
    }
  };
  return device;
}

export function printControls(controls: readonly FakeControl[], values: ReadonlyMap<string, number>): string {
  const lines = controls.flatMap(({ name, id, type, min, max, step = 1, default: usual, menu = {}, flags }) => {
    const range = type === 'bool' ? '' : `min=${min} max=${max} ${type === 'menu' ? '' : `step=${step} `}`;
    const value = values.get(name) ?? usual;
    const meaning = menu[value] === undefined ? '' : ` (${menu[value]})`;
    const head = `${name.padStart(31)} 0x${id.toString(16).padStart(8, '0')} ${`(${type})`.padEnd(8)} : ${range}default=${usual} value=${value}${meaning}`;
    return [`${head}${flags === undefined ? '' : ` flags=${flags}`}`, ...Object.entries(menu).map(([item, text]) => `\t\t\t\t${item}: ${text}`)];
  });
  return `\nCamera Controls\n\n${lines.join('\n')}\n`;
}
