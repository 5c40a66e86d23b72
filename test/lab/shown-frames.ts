// What a room's display is given, decoded: the luma of the last picture and the samples of the sound.
import { AV_CODEC_ID_OPUS } from 'node-av';
import { WebSocket } from 'ws';
import { decodeFeedFrame } from '../../src/media/display-feed/protocol.ts';
import { decodeAll, decodePictures, type Image } from '../harness/decode.ts';
import type { TestRoom } from '../harness/two-rooms.ts';

const LIMIT_MS = 120_000;
const SAMPLE_RATE = 48_000;

export type Shown = { readonly picture: Image; readonly sound: Float32Array };

/** Of so many pictures and packets of sound from now on; the first picture is a whole one. */
export async function shownBy(room: TestRoom, wanted: { readonly pictures: number; readonly packets: number }): Promise<Shown> {
  const { url } = (await room.http.post('/api/v1/display/ticket', {})) as { url: string };
  const socket = new WebSocket(url, { origin: room.url });
  socket.binaryType = 'arraybuffer';
  const pictures: { data: Uint8Array }[] = [];
  const packets: Uint8Array[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(
        () => reject(new Error(`the display of ${room.name} got ${pictures.length} pictures and ${packets.length} packets of sound`)),
        LIMIT_MS
      );
      socket.on('error', reject);
      socket.on('message', (message, isBinary) => {
        const frame = isBinary ? decodeFeedFrame(message as ArrayBuffer) : null;
        if (frame === null) return;
        if (frame.kind === 'audio') packets.push(frame.data);
        else if (frame.kind.startsWith('video')) pictures.push({ data: frame.data });
        if (pictures.length < wanted.pictures || packets.length < wanted.packets) return;
        clearTimeout(limit);
        resolve();
      });
    });
  } finally {
    socket.terminate();
  }
  const picture = (await decodePictures('VP8', pictures)).at(-1);
  if (picture === undefined) throw new Error('no picture was decoded');
  const sound: number[] = [];
  await decodeAll(AV_CODEC_ID_OPUS, packets, (frame) => {
    const [plane] = frame.data ?? [];
    if (plane !== undefined) sound.push(...new Float32Array(plane.buffer, plane.byteOffset, frame.nbSamples));
  });
  return { picture, sound: Float32Array.from(sound) };
}

/** The part of the points that are as bright as that, more or less. */
export function shareOfBrightness({ luma }: Image, brightness: number): number {
  return luma.reduce((count, point) => count + (Math.abs(point - brightness) <= 8 ? 1 : 0), 0) / luma.length;
}

/** The part of the power that is at a frequency: the Goertzel algorithm over tenths of a second, the loudest of them. */
export function shareOfTone(samples: Float32Array, hertz: number): number {
  const length = SAMPLE_RATE / 10;
  let best = 0;
  for (let at = 0; at + length <= samples.length; at += length) {
    const block = samples.subarray(at, at + length);
    const power = block.reduce((sum, sample) => sum + sample * sample, 0);
    if (power / length < 1e-6) continue;
    const turn = 2 * Math.cos((2 * Math.PI * hertz) / SAMPLE_RATE);
    let [last, before] = [0, 0];
    for (const sample of block) [last, before] = [sample + turn * last - before, last];
    best = Math.max(best, (last * last + before * before - turn * last * before) / (power * (length / 2)));
  }
  return best;
}
