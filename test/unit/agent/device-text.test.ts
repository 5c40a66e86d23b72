import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type DeviceListing, describeListing, describeTrials, wrap } from '../../../agent/device-text.ts';
import { deviceView, hidView } from '../../fakes/device-views.ts';

const EMPTY: DeviceListing = { media: [], hid: { devices: [], presence: null, console: 'none' }, volume: null };

describe('devices in text', () => {
  it('says what each is, can and lacks, by kind', () => {
    const text = describeListing({
      media: [
        deviceView('speaker', 'speaker-a', { serial: 'S1', can: ['48 kHz stereo'] }),
        deviceView('camera', 'camera-b', {
          chosen: true,
          present: false,
          can: ['1920×1080 at 30 (MJPEG)', 'pan'],
          problem: { code: 'CL_DEVICE_CHOSEN_AWAY', text: 'It was chosen and is away.' }
        })
      ],
      hid: {
        devices: [hidView('hid-a', { lamps: { offHook: true, mute: true, ring: false, hold: false } })],
        presence: true,
        console: 'away'
      },
      volume: 60
    });
    assert.deepEqual(text, [
      'Cameras',
      '  The camera-b (chosen, away)',
      '    camera-b',
      '    1234:0001, at pci-usb2-1',
      '    1920×1080 at 30 (MJPEG), pan',
      '    ! It was chosen and is away. (CL_DEVICE_CHOSEN_AWAY)',
      '',
      'Content inputs: none',
      '',
      'Microphones: none',
      '',
      'Loudspeakers',
      '  The speaker-a',
      '    speaker-a',
      '    1234:0001, serial S1, at pci-usb2-1',
      '    48 kHz stereo',
      '',
      'Speakerphones, keys and sensors',
      '  The hid-a (telephony)',
      '    hid-a',
      '    1234:0002, serial ABC',
      '    hook, mute, lamp off-hook, lamp mute',
      '    lit now: off-hook, mute',
      '',
      'In the room     somebody',
      'Touch console   away: see its cable and its power',
      'Volume          60 %'
    ]);
    assert.ok(describeListing(EMPTY).every((line) => !line.startsWith('Volume')));
  });

  it('says that a shutter is closed', () => {
    const [, ...lines] = describeListing({
      ...EMPTY,
      media: [deviceView('camera', 'camera-a', { shutter: 'closed' }), deviceView('camera', 'camera-b', { shutter: 'open' })]
    });
    assert.deepEqual([lines[0], lines[3]], ['  The camera-a (shutter closed)', '  The camera-b']);
  });

  it('no line is longer than 80 columns, and nothing in it steers a terminal, whatever a device calls itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-composite', maxLength: 300 }), fc.string({ maxLength: 300 }), (name, other) => {
        const device = deviceView('camera', other, { name, serial: name, port: other, can: [name, other], problem: { code: 'CL_DEVICE_OPEN', text: name } });
        const results = [{ id: other, kind: 'camera' as const, name, outcome: 'fault' as const, text: `${name} ${other}` }];
        for (const line of [...describeListing({ ...EMPTY, media: [device] }), ...describeTrials(results)]) {
          assert.ok([...line].length <= 80, line);
          assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\u2028\u2029]/u);
        }
      })
    );
  });

  it('breaks at spaces, and within what has none', () => {
    assert.deepEqual(wrap('short', '> '), ['> short']);
    assert.deepEqual(wrap(`${'a'.repeat(50)} ${'b'.repeat(50)}`, '! ', '  '), [`! ${'a'.repeat(50)}`, `  ${'b'.repeat(50)}`]);
    assert.deepEqual(wrap('c'.repeat(100), '  '), [`  ${'c'.repeat(78)}`, `  ${'c'.repeat(22)}`]);
    assert.deepEqual(wrap('', '  '), ['  ']);
  });

  it('sums the trials up', () => {
    assert.deepEqual(describeTrials([]), ['There is nothing to test.']);
    const one = { id: 'a', kind: 'camera', name: 'Cam', text: 'It is so.' } as const;
    assert.deepEqual(describeTrials([{ ...one, outcome: 'ok' }]), ['ok      Cam (camera)', '        It is so.', '', 'No fault was found.']);
    assert.equal(
      describeTrials([
        { ...one, outcome: 'fault' },
        { ...one, outcome: 'skipped' }
      ]).at(-1),
      '1 of 2 have a fault.'
    );
  });
});
