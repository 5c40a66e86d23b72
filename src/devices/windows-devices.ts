// The cameras, content inputs and microphones of a Windows machine, out of what src/media/list-devices.ts prints: DirectShow names, no registry, no COM.
// Nothing of it was run on Windows (docs/adr/0027-windows.md): it is text in, devices out. Loudspeakers are not among them: FFmpeg plays to none there.
import type { Clock } from '../kernel/clock.ts';
import { printableText } from './device-text.ts';
import type { DeviceIdentity } from './identity.ts';
import type { FoundDevice } from './registry.ts';

const MAX_DEVICES = 64;
const MAX_PATH = 512;
const KINDS = ['camera', 'content', 'microphone'] as const;

/**
 * DirectShow's name of a USB device with a Plug and Play path: `@device_pnp_\\?\usb#vid_046d&pid_085b&mi_00#INSTANCE#{class}\global`. FFmpeg writes `_` for
 * the colons (libavdevice, dshow).
 */
const USB_PATH = /^@device_pnp_\\\\\?\\usb#vid_([0-9a-f]{4})&pid_([0-9a-f]{4})(?:&mi_([0-9a-f]{2}))?#([^#\\]{1,200})#/i;

/** @param answer of list-devices.ts; what in it is no device is left out */
export function windowsDevices(answer: object): readonly FoundDevice[] {
  const { devices } = answer as { readonly devices?: unknown };
  if (!Array.isArray(devices)) return [];
  return devices.slice(0, MAX_DEVICES).flatMap((device: unknown) => {
    const { kind: told, path, name } = (typeof device === 'object' && device !== null ? device : {}) as Readonly<Record<string, unknown>>;
    const kind = KINDS.find((one) => one === told);
    if (kind === undefined || typeof path !== 'string' || path === '' || path.length > MAX_PATH || typeof name !== 'string') return [];
    const identity = identityOf(path, printableText(name) || kind);
    // Whether it takes the echo out cannot be told: to do it twice costs little, not to do it spoils the call.
    return [{ kind, identity, name: identity.name, media: { path, cancelsEcho: false }, can: [], problem: null }];
  });
}

export const createWindowsLister =
  (list: () => Promise<object>): (() => Promise<readonly FoundDevice[]>) =>
  async () =>
    windowsDevices(await list());

const CAPTURE_EVERY_MS = 30_000;

/**
 * What a device watch compares, every two seconds: HID rows each time, which cost little, and the captures, for which a process is started, ever so often. A camera
 * that is one in a speakerphone is seen with its HID part.
 */
export function createWindowsLook({
  hid,
  captures,
  clock
}: {
  readonly hid: () => Promise<object>;
  readonly captures: () => Promise<object>;
  readonly clock: Clock;
}) {
  let lookedMs = Number.NEGATIVE_INFINITY;
  let captured = '';
  return async (): Promise<string> => {
    if (clock.monotonicMs() - lookedMs >= CAPTURE_EVERY_MS) {
      lookedMs = clock.monotonicMs();
      captured = JSON.stringify(await captures());
    }
    return `${JSON.stringify(await hid())}${captured}`;
  };
}

function identityOf(path: string, name: string): DeviceIdentity {
  const [, vendor = '', product = '', part = '', instance = ''] = USB_PATH.exec(path) ?? [];
  // A sound device's name holds the id of its endpoint, which Windows keeps for as long as it is plugged in at the same place.
  if (vendor === '') return { model: 'dshow', serial: null, name, port: printableText(path, MAX_PATH), part: '', appliance: `dshow:${name}` };
  const model = `${vendor}:${product}`.toLowerCase();
  // Windows makes an instance of the place where a device has no serial number of its own, or where it is a part of one; it has an ampersand then
  // (Windows Driver Kit, "Instance IDs").
  const place = printableText(instance);
  const serial = place.includes('&') ? null : place;
  // The parts of one device have one place but for the last number.
  const appliance = `usb:${model}:${place.replace(/&[0-9a-f]{1,4}$/i, '')}`;
  return { model, serial, name, port: serial === null ? place : null, part, appliance };
}
