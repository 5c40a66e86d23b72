import assert from 'node:assert/strict';
import fc from 'fast-check';
import { printableText } from '../../../src/devices/device-text.ts';
import {
  applianceOf,
  type DeviceIdentity,
  deviceId,
  findKnown,
  isTellingSerial,
  known,
  lookalikes,
  modelOf,
  type UsbDevice
} from '../../../src/devices/identity.ts';

const camera = (facts: Partial<DeviceIdentity> = {}): DeviceIdentity => ({
  model: '046d:0893',
  serial: null,
  name: 'Cam',
  port: '0000:00:14.0-usb2-1',
  part: '1.0-0',
  appliance: '',
  ...facts
});
const at = (port: number, facts: Partial<DeviceIdentity> = {}): DeviceIdentity => camera({ port: `0000:00:14.0-usb2-${port}`, ...facts });

describe('which device is which', () => {
  const S = 'A1B2C3D4';
  const cases: readonly {
    readonly it: string;
    readonly chosen: DeviceIdentity;
    readonly beside?: readonly DeviceIdentity[];
    readonly there: readonly DeviceIdentity[];
    readonly is: number | null;
  }[] = [
    { it: 'knows it by its serial number at another port', chosen: at(1, { serial: S }), there: [at(3, { serial: S })], is: 0 },
    {
      it: 'knows it by its serial number beside another one at its old port',
      chosen: at(1, { serial: S }),
      there: [at(1, { serial: 'FFEE9911' }), at(3, { serial: S })],
      is: 1
    },
    { it: 'does not take one with another serial number for it', chosen: at(1, { serial: S }), there: [at(1, { serial: 'FFEE9911' })], is: null },
    { it: 'does not take one without a serial number for it', chosen: at(1, { serial: S }), there: [at(1)], is: null },
    { it: 'knows one without a serial number by its port', chosen: at(1), there: [at(2), at(1)], is: 1 },
    { it: 'knows the only one of its model at another port', chosen: at(1), there: [at(4)], is: 0 },
    { it: 'does not guess between two at other ports', chosen: at(1), there: [at(4), at(5)], is: null },
    { it: 'does not take what stays for what was pulled out', chosen: at(1), beside: [at(2)], there: [at(2)], is: null },
    {
      it: 'goes by the port where two have one serial number',
      chosen: at(1, { serial: S }),
      beside: [at(2, { serial: S })],
      there: [at(2, { serial: S }), at(1, { serial: S })],
      is: 1
    },
    {
      it: 'does not take the twin with the same serial number',
      chosen: at(1, { serial: S }),
      beside: [at(2, { serial: S })],
      there: [at(2, { serial: S })],
      is: null
    },
    {
      it: 'goes by the port for a serial number that tells nothing',
      chosen: at(1, { serial: '00000000' }),
      there: [at(2, { serial: '00000000' }), at(1, { serial: '00000000' })],
      is: 1
    },
    { it: 'tells models apart at one port', chosen: at(1), there: [at(1, { model: '046d:082d' })], is: null },
    {
      it: 'tells the two pictures of one camera apart',
      chosen: at(1, { serial: S, part: '1.2-0' }),
      there: [at(1, { serial: S }), at(1, { serial: S, part: '1.2-0' })],
      is: 1
    },
    { it: 'finds nothing among nothing', chosen: at(1), there: [], is: null }
  ];
  for (const { it: name, chosen, beside = [], there, is } of cases)
    it(name, () => {
      const alike = new Set([...lookalikes('camera', [chosen, ...beside]), ...lookalikes('camera', there)]);
      const found = findKnown('camera', known('camera', chosen, new Set(lookalikes('camera', [chosen, ...beside]))), there, alike);
      assert.equal(found, is === null ? null : there[is]);
    });

  it('remembers over a restart that the port decides', () => {
    const alike = new Set(lookalikes('camera', [at(1), at(2)]));
    assert.equal(findKnown('camera', known('camera', at(1), alike), [at(2)], new Set()), null);
    assert.notEqual(findKnown('camera', known('camera', at(1), new Set()), [at(2)], new Set()), null);
  });

  it('believes serial numbers that somebody wrote', () => {
    for (const serial of ['A1B2C3D4', 'LABSERIAL01', '5C6F4BDF', '74e543a1b2c3', '2143LZ51XRB8']) assert.equal(isTellingSerial(serial), true, serial);
    for (const serial of [
      null,
      '',
      '1',
      '0000',
      '00000000',
      'FFFFFFFF',
      '123456',
      '0123456789',
      '123456789ABCDEF',
      'SN0001',
      '000001',
      '01.00.00',
      '20200101',
      '202001010001',
      'none',
      'Unknown'
    ])
      assert.equal(isTellingSerial(serial), false, String(serial));
  });

  it('gives an id that has no path, stays over ports with a serial number, and tells kinds apart', () => {
    const one = camera({ serial: S });
    assert.match(deviceId('camera', one), /^camera-046d-0893-[0-9a-f]{8}$/);
    assert.equal(deviceId('camera', one), deviceId('camera', { ...one, port: 'elsewhere', name: 'other' }));
    assert.notEqual(deviceId('camera', one), deviceId('content', one));
    assert.notEqual(deviceId('camera', at(1)), deviceId('camera', at(2)));
    assert.notEqual(deviceId('camera', one), deviceId('camera', one, new Set(lookalikes('camera', [one, { ...one, port: 'elsewhere' }]))));
    assert.match(deviceId('speaker', camera({ model: 'Ünsäfe/../name\n' })), /^speaker-[a-z0-9-]+-[0-9a-f]{8}$/);
  });
});

describe('one appliance', () => {
  const usb = (port: string, model: string, facts: Partial<UsbDevice> = {}): UsbDevice => {
    const [vendor = '', product = ''] = model.split(':');
    return { vendor, product, serial: null, port, hub: null, isHub: false, ...facts };
  };

  it('is a device by itself', () => {
    const [a, b] = [usb('p-1', '0b0e:0412'), usb('p-2', '0b0e:0412')];
    assert.notEqual(applianceOf(a, [a, b]), applianceOf(b, [a, b]));
  });
  it('is what its maker put behind a hub of its own, and not what people plugged in at another’s', () => {
    const hub = usb('p-1', '046d:0888', { isHub: true });
    const [picture, sound] = [usb('p-1.1', '046d:0866', { hub: 'p-1' }), usb('p-1.2', '046d:0867', { hub: 'p-1' })];
    assert.equal(applianceOf(picture, [hub, picture, sound]), 'usb:p-1');
    assert.equal(applianceOf(sound, [hub, picture, sound]), 'usb:p-1');
    const foreign = { ...hub, vendor: '05e3' };
    assert.notEqual(applianceOf(picture, [foreign, picture, sound]), applianceOf(sound, [foreign, picture, sound]));
  });
  it('is what has one serial number, on both buses of a USB 3 port', () => {
    const [picture, sound] = [usb('p-usb3-1', '095d:1001', { serial: '8G1234AB' }), usb('p-usb2-1', '095d:1002', { serial: '8G1234AB' })];
    assert.equal(applianceOf(picture, [picture, sound]), applianceOf(sound, [picture, sound]));
    const other = { ...sound, serial: '8G9999CD' };
    assert.notEqual(applianceOf(picture, [picture, other]), applianceOf(other, [picture, other]));
  });
  it('is two where two of a kind share a serial number, each with what is behind its hub', () => {
    const all = [1, 2].flatMap((hub) => [
      usb(`p-${hub}.1`, '1bcf:0001', { serial: 'CAFE0815', hub: `p-${hub}` }),
      usb(`p-${hub}.2`, '1bcf:0002', { serial: 'CAFE0815', hub: `p-${hub}` })
    ]);
    assert.deepEqual(
      all.map((device) => applianceOf(device, all)),
      ['usb:p-1.1', 'usb:p-1.1', 'usb:p-2.1', 'usb:p-2.1']
    );
  });
  it('ends where hubs are said to be plugged in at themselves', () => {
    const hub = usb('p-1', '046d:0888', { isHub: true, hub: 'p-1' });
    assert.equal(applianceOf(usb('p-1.1', '046d:0866', { hub: 'p-1' }), [hub]), 'usb:p-1');
  });
});

describe('a USB device’s model', () => {
  it('is its vendor and product in four digits each', () => {
    assert.deepEqual(
      [modelOf({ vendorId: 0x046d, productId: 2 }), modelOf({ vendorId: 0xffff, productId: 0x0ab0 }), modelOf({ vendorId: 0, productId: 0 })],
      ['046d:0002', 'ffff:0ab0', '0000:0000']
    );
  });
});

describe('a device’s text', () => {
  it('is one printable line of bounded length, whatever the device says', () => {
    assert.equal(printableText('  Jabra\u0000 SPEAK\n\u202e510\u001b[2J '), 'Jabra SPEAK 510 [2J');
    assert.equal([...printableText('😀'.repeat(1000))].length, 64);
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { maxLength: 200 }), (codes) => {
        const line = printableText(String.fromCharCode(...codes));
        assert.ok([...line].length <= 64 && !/[\p{C}\p{Zl}\p{Zp}]/u.test(line) && line === line.trim());
        assert.equal(printableText(line), line);
      })
    );
  });
});
