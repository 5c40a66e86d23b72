// What the other side hears of itself: its words by Opus over a network that jitters, played by the room's loudspeaker or by a display, through the air of a room made of numbers into
// the microphone, and through the canceller. All parts of the media process that sound goes through are the real ones; time is made.
import assert from 'node:assert/strict';
import { silentLog } from '../../src/kernel/log.ts';
import { openEchoCanceller } from '../../src/media/audio/echo-canceller.ts';
import { createMicrophone } from '../../src/media/audio/microphone.ts';
import { createDeviceOrder } from '../../src/media/device-order.ts';
import { createAudioEncoder } from '../../src/media/encode/audio-encoder.ts';
import { openOpusDecoder } from '../../src/media/playout/opus-decoder.ts';
import { createPlayout } from '../../src/media/playout/playout.ts';
import { SoundBuffer } from '../../src/media/playout/sound-buffer.ts';
import type { Speaker } from '../../src/media/playout/speaker.ts';
import { AUDIO_BLOCK_MS, AUDIO_BLOCK_SAMPLES, AUDIO_SAMPLE_RATE, type AudioSink } from '../../src/media/source/source.ts';
import { createRandom, echoBetween, hiss, powerDb, reflectionsOf, speechLike, toInt16 } from '../fakes/acoustic-room.ts';
import { createFakeClock } from '../fakes/clock.ts';

const SECONDS = 12;
/** A second without a display, and three in which the canceller finds its way. */
const FROM_S = 5;
const SAMPLES_PER_MS = AUDIO_SAMPLE_RATE / 1_000;
/** What a display's browser asks for at once. */
const WEB_AUDIO_SAMPLES = 512;

type Packet = { readonly dueMs: number; readonly timestampUs: number; readonly data: Uint8Array };

async function farSide(jitterMs: number): Promise<Packet[]> {
  const samples = toInt16(speechLike(SECONDS, 1, 0.5));
  const random = createRandom(4);
  const encoder = createAudioEncoder();
  const packets: Packet[] = [];
  let dueMs = 0;
  for (let index = 0; (index + 1) * AUDIO_BLOCK_SAMPLES <= samples.length; index++) {
    const data = await encoder.encode(samples.slice(index * AUDIO_BLOCK_SAMPLES, (index + 1) * AUDIO_BLOCK_SAMPLES));
    dueMs = Math.max(dueMs, index * AUDIO_BLOCK_MS + jitterMs * random());
    if (data !== null) packets.push({ dueMs, timestampUs: index * AUDIO_BLOCK_MS * 1_000, data });
  }
  await encoder.close();
  return packets;
}

/** @param displayMs by which a display's sound is later than its buffer says; null: no display, the room's loudspeaker plays */
async function callIn(
  displayMs: number | null,
  jitterMs: number,
  echoCancellation: 'auto' | 'off'
): Promise<{ readonly heard: number; readonly sent: number }> {
  const clock = createFakeClock();
  const air = new Float32Array((SECONDS + 2) * AUDIO_SAMPLE_RATE);
  const reflections = reflectionsOf({ gainDb: -8, reverberationMs: 300, seed: 2 });
  const noise = hiss(air.length, -70, 3);
  const given = new Int16Array(SECONDS * AUDIO_SAMPLE_RATE);
  const sent = new Int16Array(given.length);
  const atSample = (ms: number): number => Math.round(ms * SAMPLES_PER_MS);

  let sink: AudioSink | null = null;
  const microphone = createMicrophone({
    clock,
    echoCancellation,
    sends: () => true,
    player: () => null,
    openCanceller: () => openEchoCanceller(),
    onProblem: () => assert.fail('all is well')
  });
  const start = (wanted: AudioSink): void => {
    sink = wanted;
  };
  let sentSamples = 0;
  microphone.listen({ view: { kind: 'device', name: 'Table' }, start, close: async () => {} }).start({
    block(samples) {
      sent.set(samples.subarray(0, sent.length - sentSamples), sentSamples);
      sentSamples += samples.length;
    },
    lost: assert.fail
  });
  microphone.setDevice({ name: 'Table', path: 'hw:1,0', cancelsEcho: false });
  while (echoCancellation === 'auto' && !microphone.wantsReference()) await new Promise((resolve) => setImmediate(resolve));

  let emptyAtMs = 0;
  const speaker: Speaker = {
    path: 'hw:2,0',
    lost: new Promise(() => {}),
    write(samples) {
      emptyAtMs = Math.max(emptyAtMs, clock.monotonicMs());
      air.set(
        Float32Array.from(samples, (sample) => sample / 32_768),
        atSample(emptyAtMs)
      );
      emptyAtMs += samples.length / SAMPLES_PER_MS;
    },
    queuedMs: () => Math.max(0, emptyAtMs - clock.monotonicMs()),
    close: async () => {}
  };
  const playout = createPlayout({
    clock,
    choice: 'auto',
    devices: createDeviceOrder({ camera: [], content: [], microphone: [], speaker: [{ name: 'Ceiling', path: 'hw:2,0', cancelsEcho: false }] }, silentLog),
    displays: () => (displayMs === null ? 0 : 1),
    openSpeaker: async () => speaker,
    openDecoder: openOpusDecoder,
    wantsReference: microphone.wantsReference,
    onPlayed: microphone.played,
    onProblem: () => assert.fail('the loudspeaker is well')
  });
  playout.start();

  const display = new SoundBuffer(1, AUDIO_SAMPLE_RATE);
  const displayDecoder = openOpusDecoder();
  let displayed = 0;
  const packets = await farSide(jitterMs);
  for (let nowMs = 0; nowMs < SECONDS * 1_000; nowMs += AUDIO_BLOCK_MS / 4) {
    for (let [next] = packets; next !== undefined && next.dueMs <= nowMs; [next] = packets) {
      packets.shift();
      playout.push(next);
      const samples = displayDecoder.decode(next.data);
      if (samples !== null) display.push(next.timestampUs, [samples]);
    }
    for (; displayMs !== null && displayed <= atSample(nowMs); displayed += WEB_AUDIO_SAMPLES) {
      const plane = new Float32Array(WEB_AUDIO_SAMPLES);
      display.pull([plane]);
      air.set(plane, displayed + atSample(displayMs));
    }
    await clock.advanceAsync(AUDIO_BLOCK_MS / 4);
    const to = atSample(nowMs) + AUDIO_BLOCK_SAMPLES / 4;
    if (to % AUDIO_BLOCK_SAMPLES !== 0) continue;
    const from = to - AUDIO_BLOCK_SAMPLES;
    const block = toInt16(echoBetween(air, reflections, from, to).map((sample, index) => sample + (noise[from + index] ?? 0)));
    given.set(block, from);
    (sink as AudioSink | null)?.block(block, clock.monotonicMs());
  }
  displayDecoder.close();
  await playout[Symbol.asyncDispose]();
  microphone.close();
  assert.equal(microphone.echo(), echoCancellation === 'auto' ? 'software' : 'none');
  return { heard: powerDb(given, FROM_S, SECONDS), sent: powerDb(sent, FROM_S, SECONDS) };
}

describe('echo in the room', function () {
  this.timeout(60_000);

  for (const [name, displayMs, jitterMs, least] of [
    ['the room’s loudspeaker plays', null, 0, 30],
    ['the room’s loudspeaker plays, and the network jitters by 60 ms', null, 60, 25],
    ['a display plays', 40, 0, 30],
    ['a display plays, and the network jitters by 60 ms', 40, 60, 20],
    ['a display plays whose screen holds its sound for 200 ms', 200, 0, 30]
  ] as const) {
    it(`is ${least} dB less: ${name}`, async () => {
      const { heard, sent } = await callIn(displayMs, jitterMs, 'auto');
      assert(heard - sent >= least, `${(heard - sent).toFixed(1)} dB`);
    });
  }

  it('is all there where nobody takes it out', async () => {
    const { heard, sent } = await callIn(null, 0, 'off');
    assert(Math.abs(heard - sent) < 0.1 && heard > 50, `${heard.toFixed(1)} dB heard, ${sent.toFixed(1)} dB sent`);
  });
});
