import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readTransportSequence } from '../../../../src/media/rtp/header-extension.ts';

const packet = (extension: string, flags = '90') => Buffer.from(`${flags}600001${'00'.repeat(8)}${extension}`, 'hex');

describe('transport-wide sequence number in the header', () => {
  it('is found among other elements and padding, and behind contributing sources', () => {
    assert.equal(readTransportSequence(packet('bede000131abcd00'), 3), 0xabcd);
    assert.equal(readTransportSequence(packet('bede0002 10ff 00 31abcd 00 00'.replaceAll(' ', '')), 3), 0xabcd);
    assert.equal(readTransportSequence(packet('00000001bede000131abcd00', '91'), 3), 0xabcd);
  });

  it('is not there under another id or length, in another form, behind the end, or cut off', () => {
    for (const extension of [
      'bede000141abcd00',
      'bede000130abcd00',
      '1000000131abcd00',
      'bede0002f000000031abcd00',
      'bede000031abcd00',
      'bede00ff31ab',
      'bede',
      ''
    ]) {
      assert.equal(readTransportSequence(packet(extension), 3), null, extension);
    }
    assert.equal(readTransportSequence(packet('bede000131abcd00', '80'), 3), null);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 60 }), fc.boolean(), (bytes, profile) => {
        const data = Buffer.from(bytes);
        data[0] = 0x90;
        if (profile && data.length >= 14) data.writeUInt16BE(0xbede, 12);
        const read = readTransportSequence(data, 3);
        assert.ok(read === null || (read >= 0 && read <= 0xffff));
      })
    );
  });
});
