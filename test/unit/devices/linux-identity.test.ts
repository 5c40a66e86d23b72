import assert from 'node:assert/strict';
import { identifyHidRows, identifyNode, readMachine } from '../../../src/devices/linux-identity.ts';
import { createFakeMachine, type FakeMachine } from '../../fakes/sysfs.ts';

describe('the identity of a node in /dev', () => {
  let machine: FakeMachine;
  beforeEach(async () => {
    machine = await createFakeMachine();
  });
  afterEach(() => machine[Symbol.asyncDispose]());

  const identify = async (subsystem: 'hidraw' | 'video4linux' | 'sound', name: string) => identifyNode(await readMachine(machine.sysfs), subsystem, name);

  it('is one for the HID, sound and camera parts of a USB device', async () => {
    await machine.usb({ at: '1-2', model: '05e3:0608', hub: true });
    await machine.usb({ at: '1-2.1', model: '0b0e:3011', serial: 'A00F123456', maker: 'Jabra', name: 'Jabra PanaCast' });
    await machine.hidraw('hidraw4', '1-2.1:1.5', { id: '0003:0B0E:3011', name: 'Jabra PanaCast', phys: 'usb-0000:00:14.0-2.1/input5' });
    await machine.video('video2', '1-2.1:1.0', { name: 'Jabra PanaCast: Jabra', index: 0 });
    await machine.video('video3', '1-2.1:1.0', { name: 'Jabra PanaCast: Jabra', index: 1 });
    await machine.card(1, '1-2.1:1.2', { id: 'PanaCast', pcms: [] });
    const [hid, picture, other, sound] = [
      await identify('hidraw', 'hidraw4'),
      await identify('video4linux', 'video2'),
      await identify('video4linux', 'video3'),
      await identify('sound', 'card1')
    ];
    assert.deepEqual(picture, {
      model: '0b0e:3011',
      serial: 'A00F123456',
      name: 'Jabra PanaCast',
      port: '0000:00:14.0-usb2-2.1',
      part: '1.0-0',
      appliance: 'usb:0000:00:14.0-usb2-2.1'
    });
    assert.deepEqual(hid, { ...picture, part: '1.5' });
    assert.deepEqual(sound, { ...picture, part: '1.2' });
    assert.deepEqual(other, { ...picture, part: '1.0-1' });
  });

  it('does not depend on a number of a bus, node or card', async () => {
    await machine.usb({ at: '2-1', model: '046d:0893', maker: 'Logitech', name: 'StreamCam' });
    await machine.video('video0', '2-1:1.0', { name: 'StreamCam' });
    const before = await identify('video4linux', 'video0');
    assert.equal(before?.name, 'Logitech StreamCam');
    assert.equal(before?.port, '0000:00:14.0-usb3-1');
    await machine.unplug('2-1');
    assert.equal(await identify('video4linux', 'video0'), null);
    await machine.usb({ at: '2-1', model: '046d:0893', maker: 'Logitech', name: 'StreamCam' });
    await machine.video('video9', '2-1:1.0', { name: 'StreamCam' });
    assert.deepEqual(await identify('video4linux', 'video9'), before);
  });

  it('is told by the driver where it is not USB, and by the name where a driver has several', async () => {
    await machine.video('video0', 'platform/vivid.0', { name: 'vivid-000-vid-cap', driver: 'vivid' });
    await machine.video('video1', 'platform/vivid.0', { name: 'vivid-001-vid-cap', driver: 'vivid' });
    await machine.card(0, 'pci0000:00/0000:00:1f.3', { id: 'PCH', driver: 'snd_hda_intel', pcms: [] });
    const [first, second, card] = [await identify('video4linux', 'video0'), await identify('video4linux', 'video1'), await identify('sound', 'card0')];
    assert.deepEqual([first?.model, first?.port, first?.part], ['vivid', 'platform:vivid.0', 'vivid-000-vid-cap-0']);
    assert.notEqual(first?.part, second?.part);
    assert.deepEqual(card, { model: 'snd_hda_intel', serial: null, name: 'PCH', port: 'pci:0000:00:1f.3', part: 'PCH', appliance: 'pci:0000:00:1f.3' });
  });

  it('is the HID bus’s own for what is not at USB, also where the radio is', async () => {
    await machine.hidraw('hidraw0', 'virtual/misc/uhid', { id: '0005:047F:C056', name: 'Poly Voyager', uniq: '48:c1:ac:00:00:01' });
    await machine.usb({ at: '1-5', model: '8087:0026', serial: 'RADIO123' });
    await machine.hidraw('hidraw1', '1-5:1.0', { id: '0005:0B0E:2464', name: 'Jabra', phys: 'a4:6b:b6:00:00:02', uniq: '70:bf:92:00:00:03' });
    const [uhid, bluetooth] = [await identify('hidraw', 'hidraw0'), await identify('hidraw', 'hidraw1')];
    assert.deepEqual(uhid, {
      model: '047f:c056',
      serial: '48:c1:ac:00:00:01',
      name: 'Poly Voyager',
      port: null,
      part: '',
      appliance: 'hid:047f:c056:48:c1:ac:00:00:01'
    });
    assert.deepEqual([bluetooth?.model, bluetooth?.port, bluetooth?.appliance], ['0b0e:2464', 'a4:6b:b6:00:00:02', 'hid:0b0e:2464:70:bf:92:00:00:03']);
  });

  it('of a virtual camera is its number, since nothing else tells it from the next', async () => {
    await machine.video('video7', null, { name: 'Dummy video device' });
    await machine.video('video8', null, { name: 'Dummy video device' });
    assert.notEqual((await identify('video4linux', 'video7'))?.part, (await identify('video4linux', 'video8'))?.part);
  });

  it('of a row of node-hid is its node’s, and the row’s where there is no node', async () => {
    await machine.usb({ at: '1-3', model: '0b0e:0412', serial: 'X1Y2Z3', name: 'Speak' });
    await machine.hidraw('hidraw2', '1-3:1.3', { id: '0003:0B0E:0412' });
    const row = { vendorId: 0x0b0e, productId: 0x0412, serialNumber: 'X1Y2Z3', manufacturer: 'Jabra\u0007', product: 'Speak', interface: 3 };
    const [atNode, byItself] = await identifyHidRows(
      [
        { ...row, path: '/dev/hidraw2' },
        { ...row, path: '\\\\?\\hid#vid_0b0e' }
      ],
      machine.sysfs
    );
    assert.equal(atNode?.port, '0000:00:14.0-usb2-3');
    assert.deepEqual(byItself, {
      id: byItself?.id,
      model: '0b0e:0412',
      serial: 'X1Y2Z3',
      name: 'Jabra Speak',
      port: null,
      part: '3',
      appliance: 'hid:0b0e:0412:X1Y2Z3'
    });
  });

  it('gives each row of node-hid an id of its own, the same while its device is at its place', async () => {
    for (const port of [1, 2]) {
      await machine.usb({ at: `1-${port}`, model: '0b0e:0412', serial: 'SAME4ALL' });
      await machine.hidraw(`hidraw${port}`, `1-${port}:1.3`, { id: '0003:0B0E:0412' });
    }
    await machine.hidraw('hidraw3', 'virtual/misc/uhid/a', { id: '0005:047F:C056' });
    await machine.hidraw('hidraw4', 'virtual/misc/uhid/b', { id: '0005:047F:C056' });
    const rows = [1, 2, 3, 4].map((node) => ({ vendorId: 1, productId: 1, path: `/dev/hidraw${node}` }));
    const ids = (await identifyHidRows(rows, machine.sysfs)).map(({ id }) => id);
    assert.equal(new Set(ids).size, 4);
    assert.deepEqual(
      (await identifyHidRows([...rows.slice(0, 2)].reverse(), machine.sysfs)).map(({ id }) => id),
      [ids[1], ids[0]]
    );
  });

  it('holds no more than a line of what a device says', async () => {
    await machine.usb({ at: '1-1', model: '1234:5678', serial: `\u001b[2J${'9'.repeat(9000)}`, maker: '\u202e', name: 'A\n\nB'.repeat(900) });
    await machine.video('video0', '1-1:1.0', { name: 'x', index: 0 });
    const found = await identify('video4linux', 'video0');
    for (const text of [found?.serial, found?.name]) assert.match(text ?? '', /^[^\p{C}]{1,64}$/u);
  });

  it('is none where there is no such node, and none for a name that leads elsewhere', async () => {
    assert.equal(await identify('video4linux', 'video0'), null);
    assert.equal(await identify('sound', '../../..'), null);
  });
});
