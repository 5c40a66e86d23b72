import assert from 'node:assert/strict';
import { groupsOf, kindsOf } from '../../../../src/devices/hid/collections.ts';
import type { HidRow } from '../../../../src/devices/hid/transport.ts';

const row = (usagePage: number, usage: number, path: string): HidRow => ({
  vendorId: 1,
  productId: 2,
  serialNumber: 'S',
  interface: 3,
  path,
  usagePage,
  usage
});

describe('HID collections', () => {
  it('on Linux one path is one device, opened once', () => {
    const [group, ...more] = groupsOf([row(0x0c, 1, '/dev/hidraw1'), row(0x0b, 5, '/dev/hidraw1'), row(0xff00, 1, '/dev/hidraw1')]);
    assert.equal(more.length, 0);
    assert.deepEqual([group?.telephony, group?.consumer, group?.sensor, group?.touchScreen, group?.personal], [true, true, false, false, false]);
  });

  it('on Windows each collection has its path: that of telephony is opened', () => {
    const path = (collection: number): string => String.raw`\\?\HID#VID_0001&PID_0002&MI_03&Col0${collection}#7&1a2b`;
    const groups = groupsOf([row(0x0c, 1, path(1)), row(0x0b, 5, path(2)), row(0xff00, 1, path(3))]);
    assert.deepEqual(
      groups.map((group) => group.row.path),
      [path(2)]
    );
  });

  it('a row without a path is none', () => {
    assert.deepEqual(groupsOf([{ vendorId: 1, productId: 2, usagePage: 0x0b }]), []);
  });

  for (const { title, usages, neighbours = false, kinds } of [
    { title: 'a telephone', usages: [[0x0b, 1]], kinds: ['telephony'] },
    {
      title: 'a headset with volume keys',
      usages: [
        [0x0b, 5],
        [0x0c, 1]
      ],
      kinds: ['telephony', 'consumer']
    },
    { title: 'a keyboard', usages: [[1, 6]], neighbours: true, kinds: [] },
    {
      title: 'a keyboard’s media keys',
      usages: [
        [0x0c, 1],
        [1, 0x80]
      ],
      kinds: []
    },
    {
      title: 'a keyboard with media keys in one, of an appliance of the room',
      usages: [
        [1, 6],
        [0x0c, 1]
      ],
      neighbours: true,
      kinds: []
    },
    { title: 'the volume keys of a bar that is no telephone', usages: [[0x0c, 1]], neighbours: true, kinds: ['consumer'] },
    { title: 'its microphone key', usages: [[1, 0x80]], neighbours: true, kinds: ['consumer'] },
    {
      title: 'a mouse with a sensor page',
      usages: [
        [1, 2],
        [0x20, 1]
      ],
      kinds: []
    },
    { title: 'a sensor', usages: [[0x20, 0x11]], kinds: ['presence'] },
    {
      title: 'a touch screen',
      usages: [
        [0x0d, 4],
        [1, 2]
      ],
      kinds: ['console']
    },
    { title: 'a touch pad', usages: [[0x0d, 5]], kinds: [] },
    { title: 'a vendor’s own', usages: [[0xff99, 1]], neighbours: true, kinds: [] },
    { title: 'no page at all', usages: [[0, 0]], neighbours: true, kinds: [] }
  ])
    it(title, () => {
      const [group] = groupsOf(usages.map(([page = 0, usage = 0]) => row(page, usage, '/dev/hidraw0')));
      assert.ok(group);
      assert.deepEqual(kindsOf(group, neighbours), kinds);
    });
});
