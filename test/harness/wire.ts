// What packets are, and whether media is in them in the clear: for the tests that look at the wire.
import { setTimeout as pause } from 'node:timers/promises';
import WebSocket from 'ws';
import type { HttpClient } from '../../agent/http-client.ts';
import { decodeFeedFrame } from '../../src/media/display-feed/protocol.ts';

const WINDOW_BYTES = 16;
const FRAMES_LIMIT_MS = 30_000;

export type Kind = 'stun' | 'dtls' | 'rtp' | 'rtcp' | 'unknown';

/** RFC 7983 section 7, RFC 5761 section 4; a STUN message by its length and cookie as well (RFC 8489 section 5). */
export function kindOf({ payload }: { readonly payload: Buffer }): Kind {
  const [first = 255, second = 0] = payload;
  if (first < 4) return payload.length >= 20 && payload.readUInt32BE(4) === 0x2112a442 && payload.readUInt16BE(2) === payload.length - 20 ? 'stun' : 'unknown';
  if (first >= 20 && first <= 63) return 'dtls';
  if (first >= 128 && first <= 191) return second >= 192 && second <= 223 ? 'rtcp' : 'rtp';
  return 'unknown';
}

/** The frames that a display gets, as they were before they were encrypted on the other side. */
export async function displayed(http: HttpClient, origin: string, wanted: number): Promise<{ port: number; frames: Buffer[] }> {
  const { url } = (await http.post('/api/v1/display/ticket', {})) as { url: string };
  const socket = new WebSocket(url, { origin });
  socket.binaryType = 'arraybuffer';
  const frames: { video: Buffer[]; audio: Buffer[] } = { video: [], audio: [] };
  const limit = new AbortController();
  await Promise.race([
    new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (data, binary) => {
        const frame = binary ? decodeFeedFrame(data as ArrayBuffer) : null;
        if (frame === null) return;
        frames[frame.kind === 'audio' ? 'audio' : 'video'].push(Buffer.from(frame.data));
        if (frames.video.length >= wanted && frames.audio.length >= wanted) resolve();
      });
    }),
    pause(FRAMES_LIMIT_MS, undefined, { signal: limit.signal }).then(() => {
      throw new Error('the display gets no frames');
    })
  ]);
  limit.abort();
  socket.close();
  return { port: Number(new URL(url).port), frames: [...frames.video, ...frames.audio] };
}

/** Pieces of the frames from their middles, where no header of the packets is. */
export function windows(frames: readonly Buffer[]): Buffer[] {
  return frames
    .flatMap((frame) => [0.2, 0.5, 0.8].map((at) => frame.subarray(Math.floor(frame.length * at)).subarray(0, WINDOW_BYTES)))
    .filter((piece) => piece.length === WINDOW_BYTES && new Set(piece).size > 8);
}

export const joined = (packets: readonly { readonly payload: Buffer }[]): Buffer => Buffer.concat(packets.map(({ payload }) => payload));
export const findings = (bytes: Buffer, pieces: readonly Buffer[]): number => pieces.filter((piece) => bytes.includes(piece)).length;
