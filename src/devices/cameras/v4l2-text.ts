// Reads what v4l2-ctl (v4l-utils) prints about a device. Pure.
// Invariants: nothing that a driver or device says makes it throw, take long or grow without bound; what does not have the expected form is left out;
// names are bounded and printable. Numbers of controls and bits are those of linux/v4l2-controls.h and linux/videodev2.h.
import type { Extent, OfferedFormat } from './capture-format.ts';

/** As `--list-ctrls-menus` prints it; known by `id`, since kernels named some of them differently. `min` to `step` are null where it has none. */
export type V4l2Control = {
  readonly id: number;
  /** What v4l2-ctl calls it: of a-z, 0-9 and _. */
  readonly name: string;
  readonly type: 'int' | 'bool' | 'menu' | 'button' | 'other';
  readonly min: number | null;
  readonly max: number | null;
  readonly step: number | null;
  readonly default: number | null;
  readonly value: number | null;
  readonly flags: readonly string[];
  /** The values that a menu has. */
  readonly menu: readonly number[];
};

/** `number`: as `--get-input` counts. */
export type V4l2Input = { readonly number: number; readonly name: string; readonly status: number; readonly hasDvTimings: boolean };

export type V4l2Driver = { readonly driver: string; readonly card: string; readonly bus: string; readonly capabilities: readonly string[] };

export type V4l2DvTimings = { readonly width: number; readonly height: number; readonly interlaced: boolean; readonly fps: number };

const MAX_TEXT = 64;
const MAX_CONTROLS = 256;
const MAX_MENU = 256;
const MAX_FORMATS = 1_024;
const MAX_RATES = 64;
const MAX_INPUTS = 32;
const MAX_LINE = 512;

function linesOf(text: string): readonly string[] {
  return text.split('\n').map((line) => line.slice(0, MAX_LINE).trim());
}

/** A device chose it: bounded, and without what could steer a terminal. */
function printable(text: string): string {
  return text
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '')
    .trim()
    .slice(0, MAX_TEXT);
}

/** Of decimal or hex digits; null where that is not a number that can be kept exactly. */
function integer(text: string | undefined): number | null {
  if (text === undefined || !/^-?(?:\d{1,16}|0x[0-9a-f]{1,12})$/i.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

/** `name 0x009a0908 (int)    : min=-36000 max=36000 step=3600 default=0 value=0 flags=inactive`; a menu's items follow, a line each. */
export function parseControls(text: string): readonly V4l2Control[] {
  const controls: (V4l2Control & { readonly menu: number[] })[] = [];
  for (const line of linesOf(text)) {
    const item = /^(\d{1,6}): /.exec(line);
    const current = controls.at(-1);
    if (item !== null) {
      if (current !== undefined && current.menu.length < MAX_MENU) current.menu.push(Number(item[1]));
      continue;
    }
    const head = /^([a-z0-9_]{1,64}) 0x([0-9a-f]{8}) \(([a-z0-9]+)\) *:(.*)$/.exec(line);
    if (head === null || controls.length >= MAX_CONTROLS) continue;
    const [, name = '', id = '', type = '', rest = ''] = head;
    const of = (key: string): number | null => integer(new RegExp(` ${key}=(\\S+)`).exec(rest)?.[1]);
    controls.push({
      id: Number.parseInt(id, 16),
      name,
      type: typeOf(type),
      min: type === 'bool' ? 0 : of('min'),
      max: type === 'bool' ? 1 : of('max'),
      step: type === 'bool' ? 1 : of('step'),
      default: of('default'),
      value: of('value'),
      flags: (/ flags=(.*)$/.exec(rest)?.[1] ?? '')
        .split(',')
        .map((flag) => flag.trim())
        .filter((flag) => /^[a-z-]{1,32}$/.test(flag)),
      menu: []
    });
  }
  return controls;
}

function typeOf(type: string): V4l2Control['type'] {
  if (type === 'int' || type === 'bool' || type === 'menu' || type === 'button') return type;
  return type === 'int64' ? 'int' : type === 'intmenu' ? 'menu' : 'other';
}

/** What `-C a,b` prints: `a: 5`. */
export function parseValues(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of linesOf(text)) {
    const found = /^([a-z0-9_]{1,64}): (-?\d+)(?: |$)/.exec(line);
    const value = integer(found?.[2]);
    if (found?.[1] !== undefined && value !== null && values.size < MAX_CONTROLS) values.set(found[1], value);
  }
  return values;
}

/** `--list-formats-ext`. Each size is a row of its own. */
export function parseFormats(text: string): readonly OfferedFormat[] {
  const formats: (OfferedFormat & { readonly rates: number[] })[] = [];
  let fourcc: string | null = null;
  for (const line of linesOf(text)) {
    const format = /^\[\d{1,4}\]: '([^']*)'/.exec(line);
    if (format !== null) {
      fourcc = /^[\x20-\x7e]{4}$/.test(format[1] ?? '') ? (format[1] ?? null) : null;
      continue;
    }
    const size = readSize(line);
    if (size !== null) {
      if (fourcc === null) continue;
      if (formats.length >= MAX_FORMATS) break;
      formats.push({ fourcc, ...size, rates: [] });
      continue;
    }
    if (fourcc !== null) for (const rate of readRates(line)) if ((formats.at(-1)?.rates.length ?? MAX_RATES) < MAX_RATES) formats.at(-1)?.rates.push(rate);
  }
  return formats;
}

/** `Size: Discrete 640x480`, `Size: Stepwise 16x16 - 1920x1080 with step 2/2`, `Size: Continuous 16x16 - 1920x1080` */
function readSize(line: string): { readonly width: Extent; readonly height: Extent } | null {
  const found = /^Size: \w+ (\d{1,5})x(\d{1,5})(?: - (\d{1,5})x(\d{1,5})(?: with step (\d{1,5})\/(\d{1,5}))?)?$/.exec(line);
  if (found === null) return null;
  const number = (index: number, otherwise: number): number => Number(found[index] ?? otherwise);
  const [width, height] = [number(1, 0), number(2, 0)];
  const extent = (min: number, max: number, step: number): Extent => ({ min, max: Math.max(min, max), step: Math.max(1, step) });
  if (width === 0 || height === 0) return null;
  return { width: extent(width, number(3, width), number(5, 1)), height: extent(height, number(4, height), number(6, 1)) };
}

/** `Interval: Discrete 0.033s (30.000 fps)`; of a stepwise one, `Interval: Stepwise 0.033s - 1.000s with step 0.033s (1.000-30.000 fps)`, both ends. */
function readRates(line: string): readonly number[] {
  const found = /^Interval: .*\((\d{1,4}(?:\.\d{1,6})?)(?:-(\d{1,4}(?:\.\d{1,6})?))? fps\)$/.exec(line);
  return [found?.[1], found?.[2]].map(Number).filter((rate) => rate > 0);
}

/** `--list-inputs`. */
export function parseInputs(text: string): readonly V4l2Input[] {
  const inputs: { number: number; name: string; status: number; hasDvTimings: boolean }[] = [];
  for (const line of linesOf(text)) {
    const [, key = '', value = ''] = /^(Input|Name|Status|Capabilities) *: (.*)$/.exec(line) ?? [];
    const bits = /^0x([0-9a-f]{8})/i.exec(value)?.[1];
    if (key === 'Input') {
      const number = integer(value);
      if (inputs.length >= MAX_INPUTS || number === null) break;
      inputs.push({ number, name: '', status: 0, hasDvTimings: false });
    }
    const current = inputs.at(-1);
    if (current === undefined) continue;
    if (key === 'Name') current.name = printable(value);
    else if (key === 'Status' && bits !== undefined) current.status = Number.parseInt(bits, 16);
    // V4L2_IN_CAP_DV_TIMINGS
    else if (key === 'Capabilities' && bits !== undefined) current.hasDvTimings = (Number.parseInt(bits, 16) & 2) !== 0;
  }
  return inputs;
}

/** `--get-input`: `Video input : 1 (HDMI 0: ok)`. */
export function parseCurrentInput(text: string): number | null {
  for (const line of linesOf(text)) {
    const found = /^Video input *: (\d{1,4})\b/.exec(line);
    if (found !== null) return Number(found[1]);
  }
  return null;
}

/** `-D`: what the node itself can do, such as `Video Capture`, where the driver tells that apart from what its card can (V4L2_CAP_DEVICE_CAPS). */
export function parseDriver(text: string): V4l2Driver | null {
  const facts = new Map<string, string>();
  const lists = new Map<string, string[]>();
  let list: string[] | null = null;
  for (const line of linesOf(text)) {
    if (line === 'Media Driver Info:') break;
    const [, key, value = ''] = /^([A-Z][A-Za-z ]*?) *: *(.*)$/.exec(line) ?? [];
    if (key === 'Capabilities' || key === 'Device Caps') {
      list = [];
      lists.set(key, list);
    } else if (key !== undefined) facts.set(key, printable(value));
    else if (list !== null && list.length < 64 && /^[A-Za-z0-9/ -]{1,64}$/.test(line)) list.push(line);
  }
  const driver = facts.get('Driver name');
  const capabilities = lists.get('Device Caps') ?? lists.get('Capabilities');
  if (driver === undefined || capabilities === undefined) return null;
  return { driver, card: facts.get('Card type') ?? '', bus: facts.get('Bus info') ?? '', capabilities };
}

/** `--query-dv-timings`: what comes in, or the system's reason why that cannot be told; null where the device was not asked. */
export function parseDvTimings(text: string): V4l2DvTimings | { readonly failed: string } | null {
  const failed = /^VIDIOC_QUERY_DV_TIMINGS: failed: ([\w ()/-]{1,80})$/m.exec(text)?.[1];
  if (failed !== undefined) return { failed };
  const facts = new Map<string, string>();
  for (const line of linesOf(text)) {
    const [, key, value = ''] = /^(Active width|Active height|Frame format|Pixelclock): (.*)$/.exec(line) ?? [];
    if (key !== undefined) facts.set(key, value);
  }
  const [width, height] = [integer(facts.get('Active width')), integer(facts.get('Active height'))];
  if (width === null || height === null) return null;
  const fps = Number(/\((\d{1,5}(?:\.\d{1,4})?) frames per second\)/.exec(facts.get('Pixelclock') ?? '')?.[1] ?? 0);
  return { width, height, interlaced: facts.get('Frame format') === 'interlaced', fps };
}
