import assert from 'node:assert/strict';
import { SPEAKERPHONE } from '../../data/hid/devices.ts';
import type { Key } from '../../fakes/speakerphone.ts';
import { wiringOf } from '../../lab/hid-wiring.ts';
import { readKernelFields, reportLengths } from '../../lab/kernel-reading.ts';

/** As Linux 6.1 prints it of that descriptor, with what the firmware needs of it. */
const RDESC = `05 0b 09 05 a1 01

  INPUT(2)[INPUT]
    Field(0)
      Application(000b.0005)
      Usage(2)
        000b.0020
        000b.0097
      Logical Minimum(0)
      Logical Maximum(1)
      Report Size(1)
      Report Count(2)
      Report Offset(0)
      Flags( Variable Absolute NoPreferredState )
    Field(1)
      Application(000b.0005)
      Usage(4)
        000b.002f
        000b.0021
        000b.0024
        000b.0050
      Logical Minimum(0)
      Logical Maximum(1)
      Report Size(1)
      Report Count(4)
      Report Offset(2)
      Flags( Variable Relative )
  INPUT(4)[INPUT]
    Field(0)
      Application(ff00.0005)
      Usage(2)
        000b.0020
        000b.002f
      Report Size(1)
      Report Count(2)
      Report Offset(2)
      Flags( Variable Absolute NoPreferredState )
  INPUT(1)[INPUT]
    Field(0)
      Application(Consumer.0001)
      Usage(3)
        Consumer.00ea
        Consumer.00e9
        Consumer.00e2
      Report Size(1)
      Report Count(3)
      Report Offset(0)
      Flags( Variable Absolute )
  OUTPUT(2)[OUTPUT]
    Field(0)
      Application(000b.0005)
      Usage(5)
        LED.0017
        LED.0009
        LED.0018
        LED.0020
        LED.0021
      Report Size(1)
      Report Count(5)
      Report Offset(0)
      Flags( Variable Absolute NoPreferredState )

000b.0020 ---> Sync.Report
LED.0009 ---> LED.Mute
`;

const UP: Readonly<Record<Key, boolean>> = {
  hook: false,
  mute: false,
  flash: false,
  redial: false,
  drop: false,
  reject: false,
  'volume-up': false,
  'volume-down': false,
  'speaker-mute': false,
  'microphone-mute': false,
  'camera-off': false
};

describe('lab: the wiring of a speakerphone', () => {
  const wiring = wiringOf(readKernelFields(RDESC), reportLengths(SPEAKERPHONE));
  const hex = (reports: readonly Uint8Array[]): string[] => reports.map((report) => Buffer.from(report).toString('hex'));

  it('finds the keys and lamps that the kernel found', () => {
    assert.deepEqual(wiring.keys, ['hook', 'mute', 'flash', 'redial', 'volume-up', 'volume-down']);
    assert.deepEqual(wiring.lamps, ['offHook', 'mute', 'ring', 'hold']);
    assert.deepEqual(wiring.forms, { hook: 'switch', mute: 'one-shot' });
  });

  it('sends a key in the report that it is in, as long as the descriptor says, and then again on the vendor’s page', () => {
    assert.deepEqual(hex(wiring.reports({ ...UP, hook: true }, 'hook')), ['020100', '0404']);
    assert.deepEqual(hex(wiring.reports({ ...UP, hook: true, mute: true }, 'mute')), ['020500', '040c']);
    assert.deepEqual(hex(wiring.reports({ ...UP, 'volume-up': true }, 'volume-up')), ['010200']);
  });

  it('reads the lamps of a report, and none of another one', () => {
    assert.deepEqual(wiring.lampsIn(Uint8Array.of(2, 0b0101, 0)), { offHook: true, mute: false, ring: true, hold: false });
    assert.deepEqual(wiring.lampsIn(Uint8Array.of(4, 3)), {});
  });
});
