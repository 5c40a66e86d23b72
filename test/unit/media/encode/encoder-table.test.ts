import assert from 'node:assert/strict';
import { encodersFor, encodersToProbe, hardwareEncoder } from '../../../../src/media/encode/encoder-table.ts';
import { VIDEO_CODECS } from '../../../../src/media/streams.ts';

const names = (platform: NodeJS.Platform, devices: readonly string[], codecs = VIDEO_CODECS): string[] =>
  encodersToProbe(platform, devices, codecs).map(({ name }) => name);

describe('encoder table', () => {
  it('has software for each codec, last and always', () => {
    assert.deepEqual(
      VIDEO_CODECS.map((codec) => encodersFor(codec, []).map(({ name, hardware }) => [name, hardware])),
      [[['libx264', null]], [['libvpx', null]], [['libvpx-vp9', null]]]
    );
    assert.deepEqual(
      encodersFor('H264', ['h264_qsv', 'vp9_vaapi', 'h264_vaapi', 'unheard-of']).map(({ name }) => name),
      ['h264_vaapi', 'h264_qsv', 'libx264']
    );
  });

  it('tries on Linux what has its device, elsewhere what belongs to the platform, and of codecs that are used alone', () => {
    assert.deepEqual(names('linux', ['/dev/null', '/dev/dri/card0', '/dev/nvidiactl']), []);
    assert.deepEqual(names('linux', ['/dev/nvidia0']), ['h264_nvenc']);
    assert.deepEqual(names('linux', ['/dev/dri/renderD128']), ['h264_vaapi', 'h264_qsv', 'vp8_vaapi', 'vp9_vaapi', 'vp9_qsv']);
    assert.deepEqual(names('linux', ['/dev/dri/renderD128'], ['VP8']), ['vp8_vaapi']);
    assert.deepEqual(names('win32', []), ['h264_nvenc', 'h264_qsv', 'h264_mf', 'vp9_qsv']);
    assert.deepEqual(names('darwin', []), []);
  });

  it('finds hardware by its name, and no software', () => {
    assert.equal(hardwareEncoder('h264_mf')?.hardware, 'mf');
    assert.equal(hardwareEncoder('libx264'), null);
  });
});
