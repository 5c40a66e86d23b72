import assert from 'node:assert/strict';
import { openMatroska } from '../../../../src/media/recording/matroska.ts';

const SPS = Buffer.from('Z0LAHtoCgL/lhAAAAwAEAAADAPI8WLqA', 'base64');
const PPS = Buffer.from('aM48gA==', 'base64');
const SLICE = Buffer.concat([Buffer.from([0x65, 0x88]), Buffer.alloc(200, 7)]);
const START = Buffer.from([0, 0, 0, 1]);
const annexB = (...nals: readonly Buffer[]): Buffer => Buffer.concat(nals.flatMap((nal) => [START, nal]));

describe('a Matroska stream', () => {
  /** What the other side sends as its keyframe, and after it. */
  const HOSTILE: Readonly<Record<string, readonly [Buffer, Buffer]>> = {
    'no parameter sets': [annexB(SLICE), annexB(SLICE)],
    'nothing at all': [Buffer.alloc(0), Buffer.alloc(0)],
    'no start codes': [Buffer.alloc(50, 9), Buffer.alloc(50, 9)],
    'start codes alone': [Buffer.concat([START, START]), Buffer.concat([START, START])],
    'sets of one byte': [annexB(Buffer.from([0x67]), Buffer.from([0x68]), SLICE), annexB(SLICE)],
    'sets that are longer than their record holds': [annexB(Buffer.concat([SPS, Buffer.alloc(70_000, 1)]), PPS, SLICE), annexB(SLICE)]
  };
  for (const [what, [keyframe, delta]] of Object.entries(HOSTILE)) {
    it(`goes on whatever the other side sends as H.264: ${what}`, async () => {
      const taken: Uint8Array[] = [];
      const writer = await openMatroska(
        [
          { kind: 'picture', title: 'Theirs', codec: 'H264', width: 640, height: 360, keyframe },
          { kind: 'sound', title: 'Ours' }
        ],
        (bytes) => void taken.push(bytes)
      );
      for (let at = 0; at < 2_000; at += 40) {
        await writer.write({ track: 0, timeMs: at, keyframe: at === 0, data: at === 0 ? keyframe : delta });
        await writer.write({ track: 1, timeMs: at, keyframe: true, data: Buffer.from('our sound') });
      }
      await writer.close();
      const bytes = Buffer.concat(taken);
      assert.equal(bytes.readUInt32BE(0), 0x1a45dfa3, 'EBML');
      assert.equal(bytes.toString('latin1').split('our sound').length - 1, 50);
    });
  }
});
