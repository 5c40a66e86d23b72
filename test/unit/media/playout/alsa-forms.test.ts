import assert from 'node:assert/strict';
import fc from 'fast-check';
import { soundForms } from '../../../../src/media/playout/alsa-forms.ts';

const setting = (format: string, channels: number, rates: string): string =>
  `    Altset 1\n    Format: ${format}\n    Channels: ${channels}\n    Endpoint: 0x01 (1 OUT) (ADAPTIVE)\n    Rates: ${rates}\n    Bits: 16\n`;
const stream = (playback: string, capture = ''): string =>
  `Some Speakerphone at usb-0000:00:14.0-2, full speed : USB Audio\n\n${playback && `Playback:\n  Status: Stop\n  Interface 1\n${playback}`}\n${capture && `Capture:\n  Status: Stop\n  Interface 2\n${capture}`}`;

describe('the forms of a loudspeaker', () => {
  it('are tried from the best on, and one channel last, where nothing is known', () => {
    const forms = soundForms(null);
    assert.deepEqual(forms[0], { rate: 48_000, channels: 2 });
    assert(forms.slice(0, 4).every(({ channels }) => channels === 2));
  });

  it('are those that a USB device says', () => {
    assert.deepEqual(soundForms(stream(setting('S16_LE', 1, '16000'))), [{ rate: 16_000, channels: 1 }]);
    assert.deepEqual(soundForms(stream(setting('S16_LE', 2, '44100, 48000') + setting('S16_LE', 1, '48000'))), [
      { rate: 48_000, channels: 2 },
      { rate: 48_000, channels: 1 },
      { rate: 44_100, channels: 2 }
    ]);
    assert.deepEqual(soundForms(stream(setting('S16_LE', 1, '8000 - 32000 (continuous)'))), [
      { rate: 16_000, channels: 1 },
      { rate: 32_000, channels: 1 }
    ]);
  });

  it('are never those of its microphone, nor of another format', () => {
    assert.deepEqual(soundForms(stream('', setting('S16_LE', 2, '48000'))), []);
    assert.deepEqual(soundForms(stream(setting('S24_3LE', 2, '48000'), setting('S16_LE', 2, '48000'))), []);
    assert.deepEqual(soundForms(stream(setting('S16_LE', 6, '48000'))), []);
  });

  it('are none of what is no such text, and nothing throws', () => {
    for (const text of [
      '',
      'Playback:\n',
      'Playback:\n    Altset 1\n    Format: S16_LE\n',
      'Playback:\n    Altset 1\n    Rates: x\n    Channels: 99999999999999999999\n'
    ])
      assert.deepEqual(soundForms(text), []);
    fc.assert(fc.property(fc.string({ maxLength: 60 }), (text) => Array.isArray(soundForms(`Playback:\n    Altset 1\n${text}`))));
  });
});
