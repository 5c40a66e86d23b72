// The room's devices in lines for people, 80 columns wide. Names come out of devices and are made printable; the order is that of the listing. Pure.
import type { DeviceKind, DeviceProblem, DeviceView, HidDeviceView, HidView } from '../src/room/state.ts';
import { printable } from './client-command.ts';
import type { TrialResult } from './device-trials.ts';

/** `volume` null: there is no room running that has one. */
export type DeviceListing = { readonly media: readonly DeviceView[]; readonly hid: HidView; readonly volume: number | null };

const COLUMNS = 80;

export const KIND_NAMES: Readonly<Record<DeviceKind, string>> = {
  camera: 'Cameras',
  content: 'Content inputs',
  microphone: 'Microphones',
  speaker: 'Loudspeakers'
};

export const isDeviceKind = (text: string): text is DeviceKind => Object.hasOwn(KIND_NAMES, text);

export function describeListing({ media, hid, volume }: DeviceListing): readonly string[] {
  const kinds = (Object.keys(KIND_NAMES) as DeviceKind[]).flatMap((kind) =>
    section(
      KIND_NAMES[kind],
      media.filter((device) => device.kind === kind).flatMap((device) => describeDevice(device, stateOf(device)))
    )
  );
  return [
    ...kinds,
    ...section(
      'Speakerphones, keys and sensors',
      hid.devices.flatMap((device) => describeDevice(device, device.kinds))
    ),
    `${'In the room'.padEnd(16)}${hid.presence === null ? 'no sensor tells whether somebody is there' : hid.presence ? 'somebody' : 'nobody'}`,
    `${'Touch console'.padEnd(16)}${{ present: 'there', away: 'away: see its cable and its power', none: 'none' }[hid.console]}`,
    ...(volume === null ? [] : [`${'Volume'.padEnd(16)}${volume} %`])
  ];
}

const stateOf = ({ chosen, present, shutter }: DeviceView): readonly string[] => [
  ...(chosen ? ['chosen'] : []),
  ...(present ? [] : ['away']),
  ...(shutter === 'closed' ? ['shutter closed'] : [])
];

const section = (title: string, lines: readonly string[]): readonly string[] => (lines.length === 0 ? [`${title}: none`, ''] : [title, ...lines, '']);

function describeDevice(device: DeviceView | HidDeviceView, words: readonly string[]): readonly string[] {
  const { id, name, model, serial, port, can, problem } = device;
  const where = [model, ...(serial === null ? [] : [`serial ${serial}`]), ...(port === null ? [] : [`at ${port}`])].join(', ');
  const lamps = 'lamps' in device && device.lamps !== null ? lit(device.lamps) : '';
  return [
    ...wrap(words.length === 0 ? name : `${name} (${words.join(', ')})`, '  '),
    ...wrap(id, '    '),
    ...wrap(where, '    '),
    ...(can.length === 0 ? [] : wrapList(can, '    ')),
    ...(lamps === '' ? [] : wrap(`lit now: ${lamps}`, '    ')),
    ...describeProblem(problem)
  ];
}

const lit = ({ offHook, mute, ring, hold }: NonNullable<HidDeviceView['lamps']>): string =>
  [offHook ? 'off-hook' : '', mute ? 'mute' : '', ring ? 'ring' : '', hold ? 'hold' : ''].filter((name) => name !== '').join(', ');

const describeProblem = (problem: DeviceProblem | null): readonly string[] =>
  problem === null ? [] : wrap(`${problem.text} (${problem.code})`, '    ! ', '      ');

export function describeTrials(results: readonly TrialResult[]): readonly string[] {
  if (results.length === 0) return ['There is nothing to test.'];
  const faults = results.filter(({ outcome }) => outcome === 'fault').length;
  const lines = results.flatMap(({ name, kind, outcome, text }) => [
    ...wrap(`${outcome.padEnd(8)}${name} (${kind === 'hid' ? 'speakerphone, keys or sensor' : kind})`, '', '        '),
    ...wrap(text, '        ')
  ]);
  return [...lines, '', faults === 0 ? 'No fault was found.' : `${faults} of ${results.length} have a fault.`];
}

/** Between the items, and within none that fits a line. */
const wrapList = (items: readonly string[], indent: string): readonly string[] =>
  wrap(items.map((item) => item.replaceAll(' ', '\u00a0')).join(', '), indent).map((line) => line.replaceAll('\u00a0', ' '));

/** Breaks at spaces, and within a word that is longer than a line. */
export function wrap(text: string, first: string, further = first): readonly string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of printable(text).split(' ')) {
    let rest = [...word];
    if (!empty && [...line].length + 1 + rest.length > COLUMNS) {
      lines.push(line);
      line = further;
      empty = true;
    }
    while ([...line].length + (empty ? 0 : 1) + rest.length > COLUMNS) {
      const room = COLUMNS - [...line].length;
      lines.push(line + rest.slice(0, room).join(''));
      rest = rest.slice(room);
      line = further;
    }
    line += (empty ? '' : ' ') + rest.join('');
    empty = false;
  }
  return [...lines, line];
}
