import assert from 'node:assert/strict';
import { hidDevicesOf } from '../../../src/devices/hid/list.ts';
import type { HidRow } from '../../../src/devices/hid/transport.ts';

const speakerphone: HidRow = {
  vendorId: 0x1234,
  productId: 0xab,
  path: '/dev/hidraw0',
  serialNumber: 'S1',
  manufacturer: 'Contoso',
  product: 'Speak',
  usagePage: 0x0b
};

describe('HID devices', () => {
  it('joins the rows of one device, each kind once', () => {
    const rows = [speakerphone, { ...speakerphone, usagePage: 0x0c, path: 'other' }, { ...speakerphone, path: 'third' }];
    assert.deepEqual(hidDevicesOf(rows), [{ name: 'Contoso Speak', model: '1234:00ab', kinds: ['telephony', 'consumer'] }]);
  });

  it('tells devices of one model apart by their serial number', () => {
    assert.equal(hidDevicesOf([speakerphone, { ...speakerphone, serialNumber: 'S2' }]).length, 2);
  });

  it('leaves out keyboards, mice and rows without a usage page, and names a nameless device by its model', () => {
    const rows = [
      { ...speakerphone, usagePage: 0x01 },
      { ...speakerphone, usagePage: undefined },
      { vendorId: 1, productId: 2, usagePage: 0x20, manufacturer: '' }
    ];
    assert.deepEqual(hidDevicesOf(rows), [{ name: '0001:0002', model: '0001:0002', kinds: ['presence'] }]);
  });
});
