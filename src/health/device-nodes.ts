// The device nodes that a room wants to open, who may open them, and which programs and files the devices need. Linux; reads, never opens a
// device. The judgements are pure: facts in, an outcome out.
import { access, constants, readdir, readFile, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type CheckOutcome, ok, warn } from './diagnosis.ts';

export type NodeKind = 'camera' | 'sound' | 'hid';

export type DeviceNode = {
  readonly path: string;
  readonly kind: NodeKind;
  /** As the device calls itself. */
  readonly name: string;
  readonly owner: string;
  readonly group: string;
  /** Permission bits. */
  readonly mode: number;
  /** This user may read and write it now. */
  readonly opens: boolean;
};

/** Where the kernel's files are; another folder in tests. */
export type MachineRoot = { readonly root: string };

/** Longer is no name but an attack on whoever reads it. */
const NAME_LENGTH = 64;
/** HID 1.11 section 6.2.2: Usage Page (Telephony) in both lengths; Usage Page (Sensors) with Usage 11 or 12, human presence and proximity. */
const TELEPHONY = / 05 0b | 06 0b 00 /;
const PRESENCE = / 05 20 .*09 1[12] a1 /;
const KEYBOARD_OR_MOUSE = / 05 01 09 0[26] a1 /;

/** What config/udev/70-cloister.rules asks of a descriptor, so that doctor speaks of the nodes that the rule is about; but for those of keys alone, which it knows by the rest of their USB device. */
export function hidPurpose(descriptor: Uint8Array): 'telephony' | 'presence' | null {
  const text = ` ${Buffer.from(descriptor).toString('hex').replace(/../g, '$& ')}`;
  if (KEYBOARD_OR_MOUSE.test(text)) return null;
  if (TELEPHONY.test(text)) return 'telephony';
  return PRESENCE.test(text) ? 'presence' : null;
}

export async function readDeviceNodes({ root }: MachineRoot): Promise<readonly DeviceNode[]> {
  const [groups, users] = await Promise.all([readNames(join(root, 'etc/group')), readNames(join(root, 'etc/passwd'))]);
  const found = await Promise.all([
    ...(await namesIn(join(root, 'sys/class/video4linux'), /^video\d+$/)).map((name) => look(`/dev/${name}`, 'camera', `sys/class/video4linux/${name}/name`)),
    ...(await namesIn(join(root, 'dev/snd'), /^pcmC\d+D\d+[cp]$/)).map((name) => look(`/dev/snd/${name}`, 'sound', `proc/asound/card${cardOf(name)}/id`)),
    ...(await namesIn(join(root, 'sys/class/hidraw'), /^hidraw\d+$/)).map(async (name) => {
      const device = `sys/class/hidraw/${name}/device`;
      const descriptor = await readFile(join(root, device, 'report_descriptor')).catch(() => null);
      return descriptor === null || hidPurpose(descriptor) === null ? null : look(`/dev/${name}`, 'hid', `${device}/uevent`);
    })
  ]);
  return found.filter((node) => node !== null);

  async function look(path: string, kind: NodeKind, nameFile: string): Promise<DeviceNode | null> {
    const file = join(root, path);
    const facts = await stat(file).catch(() => null);
    if (facts === null) return null;
    const opens = await access(file, constants.R_OK | constants.W_OK).then(
      () => true,
      () => false
    );
    const text = await readFile(join(root, nameFile), 'utf8').catch(() => '');
    const name = (/^HID_NAME=(.*)$/m.exec(text)?.[1] ?? text).trim().slice(0, NAME_LENGTH) || kind;
    const owner = users.get(facts.uid) ?? String(facts.uid);
    return { path, kind, name, owner, group: groups.get(facts.gid) ?? String(facts.gid), mode: facts.mode & 0o777, opens };
  }
}

const cardOf = (name: string): string => /^pcmC(\d+)/.exec(name)?.[1] ?? '';

const namesIn = async (folder: string, pattern: RegExp): Promise<readonly string[]> =>
  (await readdir(folder).catch(() => [])).filter((name) => pattern.test(name)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));

/** /etc/passwd and /etc/group: `name:x:number:…`. */
async function readNames(file: string): Promise<ReadonlyMap<number, string>> {
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'));
  return new Map(lines.flatMap(([name, , number]) => (name !== undefined && /^\d+$/.test(number ?? '') ? [[Number(number), name]] : [])));
}

const octal = (mode: number): string => `0${mode.toString(8).padStart(3, '0')}`;

/** @param user whom the nodes were tried as */
export function judgeNodes(nodes: readonly DeviceNode[], user: string): CheckOutcome {
  if (nodes.length === 0) return ok('There is no camera, sound card or speakerphone to be opened.');
  const closed = nodes.filter(({ opens }) => !opens);
  if (closed.length === 0) return ok(`${user} may open ${nodes.length === 1 ? 'the one' : `all ${nodes.length}`} of cameras, sound and speakerphones.`);
  const whys = closed.map(
    ({ path, name, owner, group, mode }) =>
      `${path} (${name}) is ${owner}:${group} ${octal(mode)}${groupMayOpen(mode) ? `, and ${user} is not in ${group}` : ''}`
  );
  return warn(`${user} may not open ${closed.length} of ${nodes.length}: ${whys.join('; ')}.`, adviceFor(closed, user));
}

const groupMayOpen = (mode: number): boolean => (mode & 0o060) === 0o060;

function adviceFor(closed: readonly DeviceNode[], user: string): string {
  const groups = [...new Set(closed.filter(({ mode, group }) => groupMayOpen(mode) && group !== 'root').map(({ group }) => group))].sort();
  const advice = groups.length === 0 ? [] : [`Run usermod -aG ${groups.join(',')} ${user} as root and log in again, or restart the service.`];
  if (closed.some(({ kind, mode, group }) => kind === 'hid' && !(groupMayOpen(mode) && group !== 'root')))
    advice.push('Run cloister doctor --install-udev-rule as root, which gives speakerphones to the group audio.');
  return advice.length > 0 ? advice.join(' ') : 'See that a udev rule gives these nodes to a group that this user is in.';
}

export type DeviceTools = { readonly v4l2Ctl: boolean; readonly alsaConfiguration: boolean };

/** What cameras and sound need of the system beside the npm packages. @param path the environment's PATH */
export async function readDeviceTools({ root }: MachineRoot, path: string): Promise<DeviceTools> {
  const there = (file: string, mode: number): Promise<boolean> =>
    access(join(root, file), mode).then(
      () => true,
      () => false
    );
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  const v4l2Ctl = (await Promise.all(folders.map((folder) => there(join(folder, 'v4l2-ctl'), constants.X_OK)))).includes(true);
  return { v4l2Ctl, alsaConfiguration: await there('usr/share/alsa/alsa.conf', constants.R_OK) };
}

export function judgeTools({ v4l2Ctl, alsaConfiguration }: DeviceTools): CheckOutcome {
  const missing = [
    ...(v4l2Ctl ? [] : [{ what: 'v4l2-ctl is missing: cameras cannot be moved and their formats not read.', package: 'v4l-utils' }]),
    ...(alsaConfiguration ? [] : [{ what: 'ALSA’s configuration is missing: no microphone or loudspeaker can be opened.', package: 'libasound2-data' }])
  ];
  if (missing.length === 0) return ok('v4l2-ctl and ALSA’s configuration are there.');
  return warn(missing.map(({ what }) => what).join(' '), `Run apt-get install ${missing.map((tool) => tool.package).join(' ')} as root.`);
}
