import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseCards, parsePcmName, parseStream } from '../../../src/devices/alsa-text.ts';
import { terminalTypes } from '../../../src/devices/usb-terminals.ts';

const CARDS = ` 0 [PCH            ]: HDA-Intel - HDA Intel PCH
                      HDA Intel PCH at 0x6003108000 irq 146
 1 [Speak          ]: USB-Audio - Lab Speak - 2
                      Lab Lab Speak at usb-0000:00:14.0-1, high speed
12 [X              ]: USB-Audio - 
`;

describe('what ALSA and USB tell of sound', () => {
  it('has the names of cards and devices', () => {
    assert.deepEqual(
      [...parseCards(CARDS)],
      [
        [0, 'HDA Intel PCH'],
        [1, 'Lab Speak - 2']
      ]
    );
    assert.deepEqual([...parseCards('--- no soundcards ---\n')], []);
    assert.equal(parsePcmName('card: 0\nid: ALC\nname: ALC257\u001b[2J Analog\nsubname: x\n'), 'ALC257 [2J Analog');
    assert.equal(parsePcmName(''), '');
  });

  it('has the terminals of the audio control interface alone, of USB Audio 1.0 and 2.0', () => {
    const control = [9, 4, 0, 0, 0, 1, 1, 0x20, 0];
    const other = [9, 4, 1, 0, 0, 1, 2, 0x20, 0];
    const into = [17, 0x24, 2, 1, 0x05, 0x04, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    const out = [12, 0x24, 3, 2, 0x02, 0x03, 0, 1, 1, 0, 0, 0];
    assert.deepEqual([...terminalTypes(Uint8Array.of(...control, ...into, ...out, ...other, ...into))], [0x0405, 0x0302]);
    assert.deepEqual([...terminalTypes(Uint8Array.of(...other, ...into))], []);
    // Cut short in the middle of one.
    assert.deepEqual([...terminalTypes(Uint8Array.of(...control, ...into.slice(0, 10)))], []);
  });

  it('is read to its end and bounded, whatever it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        terminalTypes(bytes);
        const text = Buffer.from(bytes).toString('latin1');
        parseCards(text);
        assert.ok(parsePcmName(`name: ${text}`).length <= 64);
      })
    );
    const line = 'Channels: 1\n    Rates: ';
    assert.ok(parseStream(`Capture:\n    ${Array.from({ length: 900 }, (_, rate) => `${line}${10_000 + rate}`).join('\n    ')}`, 'Capture').length <= 8);
    assert.deepEqual(parseStream(`Capture:\n    Rates: 48000\n    Channels: ${'9'.repeat(999)}\n    Rates: 48000`, 'Playback'), []);
  });
});
