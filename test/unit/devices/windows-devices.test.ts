import assert from 'node:assert/strict';
import fc from 'fast-check';
import { deviceId, findKnown, known } from '../../../src/devices/identity.ts';
import { createWindowsLook, windowsDevices } from '../../../src/devices/windows-devices.ts';
import { createFakeClock } from '../../fakes/clock.ts';

const CLASS = '{65e8773d-8f56-11d0-a3b9-00a0c9223196}\\global';
const usb = (device: string): string => `@device_pnp_\\\\?\\usb#${device}#${CLASS}`;
const CAMERA = { kind: 'camera', path: usb('vid_046D&pid_085B&mi_00#7&2f5b1d3c&0&0000'), name: 'Room Camera' };
const WITH_SERIAL = { kind: 'camera', path: usb('vid_1234&pid_0001#SN20240117'), name: 'Other' };
const INPUT = { kind: 'content', path: usb('vid_0fd9&pid_0066&mi_00#8&11aa22bb&0&0000'), name: 'HDMI' };
const MICROPHONE = {
  kind: 'microphone',
  path: '@device_cm_{33D9A762-90C8-11D0-BD43-00A0C911CE86}\\wave_{0A1B2C3D-0000-0000-0000-000000000001}',
  name: 'Microphone (Room Speakerphone)'
};
const list = (...devices: readonly unknown[]) => windowsDevices({ devices });

describe('devices of Windows', () => {
  it('are known by their Plug and Play path, and opened by the whole of it', () => {
    const [camera, other, input, microphone] = list(CAMERA, WITH_SERIAL, INPUT, MICROPHONE);
    assert.deepEqual(camera?.identity, {
      model: '046d:085b',
      serial: null,
      name: 'Room Camera',
      port: '7&2f5b1d3c&0&0000',
      part: '00',
      appliance: 'usb:046d:085b:7&2f5b1d3c&0'
    });
    assert.equal(camera?.media.path, CAMERA.path);
    assert.deepEqual([other?.identity.serial, other?.identity.port], ['SN20240117', null]);
    assert.equal(input?.kind, 'content');
    assert.deepEqual([microphone?.kind, microphone?.identity.model, microphone?.media.cancelsEcho], ['microphone', 'dshow', false]);
  });

  it('that come back are the same ones, and two that are alike are two', () => {
    const second = { ...CAMERA, path: CAMERA.path.replace('2f5b1d3c', '3a3a3a3a') };
    const [one, other] = list(CAMERA, second).map(({ identity }) => identity);
    assert.ok(one !== undefined && other !== undefined);
    assert.notEqual(deviceId('camera', one), deviceId('camera', other));
    assert.notEqual(one.appliance, other.appliance);
    const [again] = list(CAMERA).map(({ identity }) => identity);
    assert.ok(again !== undefined);
    assert.equal(deviceId('camera', again), deviceId('camera', one));
    assert.equal(findKnown('camera', known('camera', one, new Set()), [other, again], new Set()), again);
  });

  it('say nothing that is not printable and bounded, and nothing else is taken', () => {
    const [hostile] = list({ ...CAMERA, name: `\u001b[2J\u202e${'x'.repeat(10_000)}\n` });
    assert.match(hostile?.name ?? '', /^\[2J x{1,64}$/);
    for (const bad of [null, 7, 'x', {}, { ...CAMERA, kind: 'speaker' }, { ...CAMERA, path: '' }, { ...CAMERA, path: 'x'.repeat(513) }, { ...CAMERA, name: 1 }])
      assert.deepEqual(list(bad), []);
    for (const answer of [{}, [], { devices: 'x' }]) assert.deepEqual(windowsDevices(answer), []);
    assert.equal(list(...Array.from({ length: 1000 }, () => CAMERA)).length, 64);
  });

  it('are watched by what is cheap every time, and by what is not ever so often', async () => {
    const clock = createFakeClock();
    let [rows, listed, started] = [1, 1, 0];
    const look = createWindowsLook({
      hid: async () => [rows],
      captures: async () => {
        started++;
        return { listed };
      },
      clock
    });
    const first = await look();
    clock.advance(2_000);
    assert.equal(await look(), first);
    rows = 2;
    const second = await look();
    assert.notEqual(second, first);
    listed = 2;
    assert.equal(await look(), second);
    clock.advance(30_000);
    assert.notEqual(await look(), second);
    assert.equal(started, 2);
  });

  it('never throws, whatever is printed', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ kind: fc.constantFrom('camera', 'microphone'), path: fc.string(), name: fc.string() })), (devices) => {
        for (const { identity } of windowsDevices({ devices })) assert.doesNotMatch(identity.name, /\p{Cc}/u);
      })
    );
  });
});
