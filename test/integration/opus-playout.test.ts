// Sound through the real Opus encoder and the play-out's decoder: it is the same sound, what is lost is concealed, and what is no Opus does no harm.
import assert from 'node:assert/strict';
import { createAudioEncoder } from '../../src/media/encode/audio-encoder.ts';
import { type OpusDecoder, openOpusDecoder } from '../../src/media/playout/opus-decoder.ts';
import { AUDIO_BLOCK_SAMPLES, AUDIO_SAMPLE_RATE } from '../../src/media/source/source.ts';
import { createRandom } from '../fakes/acoustic-room.ts';

const TONE_HZ = 440;
const BLOCKS = 25;

async function encodedTone(): Promise<Uint8Array[]> {
  const encoder = createAudioEncoder();
  const packets: Uint8Array[] = [];
  for (let block = 0; block < BLOCKS; block++) {
    const samples = Int16Array.from({ length: AUDIO_BLOCK_SAMPLES }, (_, index) =>
      Math.round(8_000 * Math.sin((2 * Math.PI * TONE_HZ * (block * AUDIO_BLOCK_SAMPLES + index)) / AUDIO_SAMPLE_RATE))
    );
    packets.push((await encoder.encode(samples)) ?? assert.fail('a tone is no silence'));
  }
  await encoder.close();
  return packets;
}

const levelOf = (samples: Float32Array | null): number => (samples === null ? 0 : Math.hypot(...samples) / Math.sqrt(samples.length));

describe('the play-out’s Opus decoder', () => {
  let decoder: OpusDecoder;
  let packets: readonly Uint8Array[];
  before(async () => {
    packets = await encodedTone();
  });
  beforeEach(() => {
    decoder = openOpusDecoder();
  });
  afterEach(() => decoder.close());

  it('gives 20 ms for each packet, as loud as they were', () => {
    const levels = packets.map((packet) => {
      const samples = decoder.decode(packet);
      assert.equal(samples?.length, AUDIO_BLOCK_SAMPLES);
      return levelOf(samples);
    });
    const wanted = 8_000 / 32_768 / Math.SQRT2;
    for (const level of levels.slice(3)) assert(Math.abs(level - wanted) < 0.03, `${level} is not about ${wanted}`);
  });

  it('conceals with what was heard before, softer and softer, and with nothing before anything was', () => {
    assert.equal(decoder.conceal(), null);
    const last = packets.map((packet) => decoder.decode(packet)).at(-1) ?? null;
    const concealed = Array.from({ length: 8 }, () => decoder.conceal());
    assert(concealed.every((samples) => samples?.length === AUDIO_BLOCK_SAMPLES));
    assert(levelOf(concealed[0] ?? null) > levelOf(last) / 2, 'the first is no hole');
    assert(levelOf(concealed[7] ?? null) < levelOf(last) / 2, 'nobody hums for ever');
    assert.equal(decoder.decode(packets[0] ?? assert.fail())?.length, AUDIO_BLOCK_SAMPLES);
  });

  it('gives nothing for what is no Opus, and goes on', () => {
    const random = createRandom(11);
    assert.equal(decoder.decode(new Uint8Array(0)), null);
    for (let shot = 0; shot < 2_000; shot++) {
      const bytes = Uint8Array.from({ length: 1 + Math.floor(random() * 60) }, () => Math.floor(random() * 256));
      assert((decoder.decode(bytes)?.length ?? 0) <= 6 * AUDIO_BLOCK_SAMPLES);
      if (shot % 10 === 0) decoder.conceal();
    }
    assert.equal(decoder.decode(packets[0] ?? assert.fail())?.length, AUDIO_BLOCK_SAMPLES);
  });

  it('gives nothing after its end', () => {
    decoder.close();
    assert.deepEqual([decoder.decode(packets[0] ?? assert.fail()), decoder.conceal()], [null, null]);
  });
});
