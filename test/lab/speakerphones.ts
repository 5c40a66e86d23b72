// Runs in the guest: speakerphones at /dev/uhid, each with a firmware that does what devices.md tells of real ones. Lines of JSON in and out.
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { createFirmware, type Firmware, type Key, type Lamp, type Traits } from '../fakes/speakerphone.ts';
import { wiringOf } from './hid-wiring.ts';
import { readKernelFields, reportLengths } from './kernel-reading.ts';
import { createUhidDevice, type UhidDevice } from './uhid.ts';

export type SpeakerphoneModel = {
  readonly name: string;
  readonly vendorId: number;
  readonly productId: number;
  readonly serial: string;
  readonly port: string;
  /** In hex. */
  readonly descriptor: string;
  readonly follows: Traits['follows'];
};

export type SpeakerphoneCommand =
  | { readonly plug: SpeakerphoneModel; readonly device: string }
  | { readonly press: Key; readonly device: string }
  | { readonly unplug: true; readonly device: string };

export type SpeakerphoneEvent = { readonly device: string } & (
  | { readonly ready: { readonly keys: readonly Key[]; readonly lamps: readonly Lamp[] } & Pick<Traits, 'hook' | 'mute'> }
  | { readonly lamps: Readonly<Record<Lamp, boolean>>; readonly output: string }
  | { readonly sent: string; readonly hook: boolean }
  | { readonly unplugged: true }
);

/** The processor here is emulated: what a firmware waits for takes as much longer. */
const SLOWER = 10;
const slowClock: Clock = { ...systemClock, schedule: (delayMs, run) => systemClock.schedule(delayMs * SLOWER, run) };
const DEBUG = '/sys/kernel/debug/hid';

type Plugged = { readonly uhid: UhidDevice; firmware: Firmware | null };
const plugged = new Map<string, Plugged>();
const say = (event: SpeakerphoneEvent): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function plug(device: string, model: SpeakerphoneModel): void {
  const descriptor = Buffer.from(model.descriptor, 'hex');
  let light: (report: Uint8Array) => void = () => {};
  const uhid = createUhidDevice(
    { ...model, descriptor },
    {
      onOutput: (report) => light(report),
      onStart() {
        const wiring = wiringOf(readKernelFields(readFileSync(`${DEBUG}/${kernelName(model)}/rdesc`, 'utf8')), reportLengths(descriptor));
        const firmware = createFirmware({ ...wiring.forms, follows: model.follows, latencyMs: 1 }, slowClock, (keys, changed) => {
          for (const report of wiring.reports(keys, changed)) {
            uhid.input(report);
            say({ device, sent: hex(report), hook: keys.hook });
          }
        });
        const shown: Record<Lamp, boolean> = { ...firmware.lamps };
        light = (report) => {
          const lamps = wiring.lampsIn(report);
          firmware.light(lamps);
          say({ device, lamps: Object.assign(shown, lamps), output: hex(report) });
        };
        plugged.set(device, { uhid, firmware });
        say({ device, ready: { keys: wiring.keys, lamps: wiring.lamps, ...wiring.forms } });
      }
    }
  );
  plugged.set(device, { uhid, firmware: null });
}

/** Such as 0003:1209:0001.0004; the newest where an older one is still going. */
function kernelName({ vendorId, productId }: SpeakerphoneModel): string {
  const four = (number: number): string => number.toString(16).toUpperCase().padStart(4, '0');
  const found = readdirSync(DEBUG).filter((name) => name.startsWith(`0003:${four(vendorId)}:${four(productId)}.`));
  const newest = found.sort().at(-1);
  if (newest === undefined) throw new Error(`the kernel does not show ${four(vendorId)}:${four(productId)}`);
  return newest;
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line) as SpeakerphoneCommand;
    const there = plugged.get(command.device);
    if ('plug' in command) plug(command.device, command.plug);
    else if ('press' in command) there?.firmware?.press(command.press);
    else {
      there?.firmware?.unplug();
      there?.uhid.destroy();
      plugged.delete(command.device);
      say({ device: command.device, unplugged: true });
    }
  })
  .on('close', () => {
    for (const { uhid } of plugged.values()) uhid.destroy();
    process.exit();
  });
