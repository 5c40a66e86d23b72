// Cameras and content inputs of a Linux machine: V4L2 nodes that give pictures, what they offer, and the form in which they are best opened.
// A device is asked once, by v4l2-ctl: pulled out and plugged in again it is the same one. One that did not answer is asked again.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../kernel/errors.ts';
import { CAPTURE_INPUT_NAME } from '../media/port.ts';
import type { DeviceProblem } from '../room/state.ts';
import { bestFormat, type OfferedFormat, type WantedPicture } from './cameras/capture-format.ts';
import { createV4l2Ctl, type V4l2Ctl } from './cameras/v4l2-ctl.ts';
import { parseControls, parseCurrentInput, parseDriver, parseFormats, parseInputs, type V4l2Input } from './cameras/v4l2-text.ts';
import { printableText } from './device-text.ts';
import type { DeviceIdentity } from './identity.ts';
import { identifyNode, type LinuxMachine, smallFile } from './linux-identity.ts';
import { type LinuxPlaces, permissionProblem } from './linux-places.ts';
import type { FoundDevice } from './registry.ts';

export type LinuxCamerasOptions = {
  readonly clock: Clock;
  /** What a call sends of a camera, and of a content input. */
  readonly wanted: { readonly camera: WantedPicture; readonly content: WantedPicture };
  /** v4l2-ctl, but in tests. */
  readonly ctl?: (device: string) => V4l2Ctl;
};

export type LinuxCameras = (places: LinuxPlaces, machine: LinuxMachine) => Promise<readonly FoundDevice[]>;

/** Null: it gives no pictures. */
type Capture = { readonly input: V4l2Input | undefined; readonly formats: readonly OfferedFormat[]; readonly controls: readonly string[] } | null;

const MAX_NODES = 64;
const MAX_ASKED = 64;
/** So many forms are told, and so many sizes of each. */
const MAX_FORMS = 4;
const MAX_SIZES = 3;

/** What people move or set, by number (linux/v4l2-controls.h), as they call it. */
const CONTROLS: ReadonlyMap<number, string> = new Map([
  [0x009a0908, 'pan'],
  [0x009a0909, 'tilt'],
  [0x009a0920, 'pan'],
  [0x009a0921, 'tilt'],
  [0x009a090d, 'zoom'],
  [0x009a090f, 'zoom'],
  [0x009a090a, 'focus'],
  [0x009a0902, 'exposure'],
  [0x0098091a, 'white balance'],
  [0x0098091c, 'backlight'],
  [0x009a0910, 'shutter']
]);

export function createLinuxCameras({ clock, wanted, ctl = (device) => createV4l2Ctl({ device, clock }) }: LinuxCamerasOptions): LinuxCameras {
  /** By identity: a camera that comes back is used at once. */
  const asked = new Map<string, Capture>();
  // One for each node for good: it knows whether a run before it still hangs in the driver.
  const programs = new Map<string, V4l2Ctl>();

  /** @throws CloisterError as V4l2Ctl does */
  async function ask(node: string, device: string, found: DeviceIdentity): Promise<Capture> {
    const identity = JSON.stringify(found);
    const before = asked.get(identity);
    if (before !== undefined) return before;
    const program = programs.get(node) ?? ctl(device);
    programs.set(node, program);
    const capture = await readCapture(program);
    // A virtual camera offers what it is given at the time, and nothing tells it from the next.
    if (found.port === null) return capture;
    for (const oldest of asked.keys()) if (asked.size >= MAX_ASKED) asked.delete(oldest);
    asked.set(identity, capture);
    return capture;
  }

  async function find(places: LinuxPlaces, machine: LinuxMachine, node: string): Promise<FoundDevice | null> {
    const identity = await identifyNode(machine, 'video4linux', node);
    if (identity === null) return null;
    const device = join(places.dev, node);
    const denied = await permissionProblem(places, device);
    try {
      if (denied !== null && !asked.has(JSON.stringify(identity))) throw new CloisterError(denied.code, denied.text);
      const capture = await ask(node, device, identity);
      return capture === null ? null : captureDevice(identity, device, capture, denied);
    } catch (error) {
      // Nobody can tell what it is: the first node of a device is its picture, the others are metadata most of the time.
      if (((await smallFile(join(machine.sysfs, 'class/video4linux', node, 'index'))) ?? '0') !== '0') return null;
      return captureDevice(identity, device, { input: undefined, formats: [], controls: [] }, problemOf(error));
    }
  }

  function captureDevice(
    identity: DeviceIdentity,
    device: string,
    { input, formats, controls }: NonNullable<Capture>,
    problem: DeviceProblem | null
  ): FoundDevice {
    const hasTimings = input?.hasDvTimings === true;
    const kind = hasTimings || CAPTURE_INPUT_NAME.test(`${identity.name} ${input?.name ?? ''}`) ? 'content' : 'camera';
    // What a content input offers is what its cable brings, and that may be another thing by the time that it is opened.
    const format = hasTimings ? null : bestFormat(formats, wanted[kind]);
    return {
      kind,
      identity,
      name: printableText(hasTimings ? `${identity.name}: ${input.name}` : identity.name),
      media: { path: device, cancelsEcho: false, ...(format === null ? {} : { format }) },
      can: [...describe(formats), ...controls],
      problem
    };
  }

  return async (places, machine) => {
    const names = await readdir(join(machine.sysfs, 'class/video4linux')).catch(() => []);
    const nodes = names.filter((name) => /^video\d{1,3}$/.test(name)).slice(0, MAX_NODES);
    for (const node of programs.keys()) if (!nodes.includes(node)) programs.delete(node);
    // One after the other: each is a program to start, and the machine may be in a call.
    const found: FoundDevice[] = [];
    for (const node of nodes.sort()) {
      const device = await find(places, machine, node);
      if (device !== null) found.push(device);
    }
    return found;
  };
}

function problemOf(error: unknown): DeviceProblem {
  const { code, message } = asCloisterError(error, 'CL_DEVICE_OPEN');
  return { code, text: printableText(message, 200) };
}

/** One run for all. @throws CloisterError as V4l2Ctl does */
async function readCapture(ctl: V4l2Ctl): Promise<Capture> {
  const { stdout } = await ctl(['-D', '--list-formats-ext', '--list-inputs', '--get-input', '--list-ctrls-menus']);
  const can = new Set(parseDriver(stdout)?.capabilities);
  const formats = parseFormats(stdout);
  if (!(can.has('Video Capture') || can.has('Video Capture Multiplanar'))) return null;
  // Not yet, perhaps: it is asked again, and not remembered as something without pictures.
  if (formats.length === 0) throw new CloisterError('CL_DEVICE_OPEN', 'It offers no form of picture.');
  const current = parseCurrentInput(stdout);
  const controls = parseControls(stdout).flatMap(({ id, flags }) => (flags.includes('disabled') ? [] : (CONTROLS.get(id) ?? [])));
  return { input: parseInputs(stdout).find(({ number }) => number === current), formats, controls: [...new Set(controls)] };
}

/** `1920×1080 at 30 (MJPG)`: the largest sizes of each form, each at its best rate. */
function describe(formats: readonly OfferedFormat[]): readonly string[] {
  const byForm = Map.groupBy(formats, ({ fourcc }) => fourcc);
  return [...byForm].slice(0, MAX_FORMS).flatMap(([fourcc, rows]) =>
    [...rows]
      .sort((a, b) => b.width.max * b.height.max - a.width.max * a.height.max)
      .slice(0, MAX_SIZES)
      .map(
        ({ width, height, rates }) =>
          `${width.max}×${height.max}${rates.length === 0 ? '' : ` at ${Math.round(Math.max(...rates))}`} (${printableText(fourcc)})`
      )
  );
}
