// udev, its rule and a USB device, on a real kernel: who may open a speakerphone, whose lamps nobody else writes, and that its parts are known for one piece.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { HidDeviceView, HidView } from '../../src/room/state.ts';
import { FIVE_REPORTS, SPEAKERPHONE } from '../data/hid/devices.ts';
import { type Speakerphones, startSpeakerphones } from './devices-at-hand.ts';
import { type Guest, startGuest } from './guest.ts';
import { LIMIT_MS } from './room-in-guest.ts';
import { OWN_MODELS } from './speakerphone-models.ts';
import { GADGET_MODULES, makeUsbGadget } from './usb-gadget.ts';

type Listed = { readonly hid: HidView };

describe('lab: udev and USB', function () {
  this.timeout(LIMIT_MS * 2);
  const made: AsyncDisposable[] = [];
  let guest: Guest;
  let phones: Speakerphones;

  before(async () => {
    guest = await startGuest({ modules: ['uhid', 'input-leds', ...GADGET_MODULES], udev: true, limitMs: 900_000 });
    made.push(guest);
    phones = await startSpeakerphones(guest);
    made.push(phones);
  });
  after(async () => {
    for (const part of made.reverse()) await part[Symbol.asyncDispose]();
  });

  const cloister = async (...args: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await guest.run([process.execPath, 'agent/main.ts', ...args]);
    assert.equal(status, 0, `cloister ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
    return stdout;
  };
  /** The folder of the HID device in sysfs: with one hidraw and one input node of telephony. */
  const hidFolder = async (): Promise<string> => (await guest.shell(`udevadm settle; dirname /sys/bus/hid/devices/*:1209:*/hidraw`)).trim();
  const nodeOf = async (folder: string): Promise<string> => (await guest.shell(`stat -c '%U %G %a' /dev/$(ls ${folder}/hidraw)`)).trim();
  const inhibited = async (folder: string): Promise<string> => (await guest.shell(`cat ${folder}/input/input*/inhibited | sort -u`)).trim();
  const lightOffHook = (folder: string): Promise<string> => guest.shell(`printf '\\x02\\x01\\x00' >/dev/$(ls ${folder}/hidraw)`);
  /** As a desktop does that mutes its microphone. */
  const lightKernelsMute = (folder: string): Promise<string> => guest.shell(`for led in ${folder}/input/input*/input*::mute; do echo 1 >$led/brightness; done`);

  it('without the rule the kernel’s mute LED hangs up; with it the device is the room’s, and the LED has no effect', async () => {
    const phone = await phones.plug(OWN_MODELS.usual);
    const bare = await hidFolder();
    assert.equal(await nodeOf(bare), 'root root 600');
    assert.equal(await inhibited(bare), '0');
    await lightOffHook(bare);
    await phone.waitFor('off-hook is lit', () => phone.lamps().offHook);
    await lightKernelsMute(bare);
    await phone.waitFor('the kernel clears off-hook', () => !phone.lamps().offHook && phone.lamps().mute);
    await phone.unplug();

    assert.match(await cloister('doctor', '--install-udev-rule'), /70-cloister\.rules/);
    await phone.plugAgain();
    const ruled = await hidFolder();
    assert.equal(await nodeOf(ruled), 'root audio 660');
    assert.equal(await inhibited(ruled), '1');
    await lightOffHook(ruled);
    await phone.waitFor('off-hook is lit', () => phone.lamps().offHook);
    const told = phone.outputs().length;
    await lightKernelsMute(ruled);
    await pause(2_000);
    assert.deepEqual(phone.outputs().slice(told), [], 'the kernel wrote to the device');
    assert.equal(phone.lamps().offHook, true);

    await phone.unplug();
    await cloister('doctor', '--remove-udev-rule');
    await phone.plugAgain();
    assert.equal(await nodeOf(await hidFolder()), 'root root 600');
    await phone.unplug();
  });

  it('knows two HID interfaces of a USB device for one appliance, with its serial and port, and knows it again', async () => {
    const device = { name: 'Composite', vendorId: 0x1209, productId: 9, serial: 'CABLE-0042', descriptors: [SPEAKERPHONE, FIVE_REPORTS] };
    const gadget = await makeUsbGadget(guest, device);
    const plug = async (): Promise<void> => {
      await gadget.plug();
      await guest.shell(
        'for try in $(seq 300); do nodes=$(echo /sys/bus/hid/devices/*:1209:0009.*/hidraw/*); [ $(echo $nodes | wc -w) = 2 ] && break; sleep 0.2; done; udevadm settle -t 60; [ $(echo $nodes | wc -w) = 2 ] || { echo $nodes; dmesg | tail -n 20; exit 1; }'
      );
    };
    const parts = async (): Promise<readonly HidDeviceView[]> => {
      const { hid } = JSON.parse(await cloister('devices', '--json')) as Listed;
      return hid.devices.filter(({ serial }) => serial === device.serial);
    };
    const known = ({ id, name, model, appliance, port }: HidDeviceView) => ({ id, name, model, appliance, port });

    await plug();
    const there = await parts();
    assert.equal(there.length, 2, JSON.stringify(there));
    assert.equal(new Set(there.map(({ id }) => id)).size, 2);
    assert.equal(new Set(there.map(({ appliance }) => appliance)).size, 1);
    assert.deepEqual([...new Set(there.map(({ name, model }) => `${name} ${model}`))], ['Cloister Lab Composite 1209:0009']);
    assert.ok(there.every(({ port }) => port !== null));

    await gadget.unplug();
    await guest.shell('udevadm settle -t 60');
    assert.deepEqual(await parts(), []);

    await plug();
    assert.deepEqual((await parts()).map(known), there.map(known));
  });
});
