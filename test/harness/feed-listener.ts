// A display that decodes nothing: connects to a room's feed as the page does, and keeps when each frame came. Cheap enough to watch two rooms on two cores.
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { decodeFeedFrame } from '../../src/media/display-feed/protocol.ts';
import type { TestRoom } from './two-rooms.ts';

const PACKET_US = 20_000;

export type FeedListener = Disposable & {
  /** Arrivals of pictures that can be shown, performance.now(). */
  readonly picturesAtMs: readonly number[];
  /** Sound that came, and sound that is missing between what came; milliseconds. */
  readonly sound: { readonly heardMs: number; readonly missingMs: number };
  readonly bytes: number;
  /** Forgets what came so far. */
  reset(): void;
};

export async function listenToFeed(room: TestRoom): Promise<FeedListener> {
  const { url } = (await room.http.post('/api/v1/display/ticket', {})) as { url: string };
  const socket = new WebSocket(url, { origin: room.url });
  socket.binaryType = 'arraybuffer';
  let picturesAtMs: number[] = [];
  let sound = { heardMs: 0, missingMs: 0 };
  let bytes = 0;
  let lastSoundUs: number | null = null;
  socket.on('message', (message, isBinary) => {
    const frame = isBinary ? decodeFeedFrame(message as ArrayBuffer) : null;
    if (frame === null) return;
    bytes += frame.data.byteLength;
    if (frame.kind !== 'audio') {
      picturesAtMs.push(performance.now());
      return;
    }
    const missingUs = lastSoundUs === null ? 0 : Math.max(0, frame.timestampUs - lastSoundUs - PACKET_US);
    lastSoundUs = frame.timestampUs;
    sound = { heardMs: sound.heardMs + PACKET_US / 1000, missingMs: sound.missingMs + missingUs / 1000 };
  });
  await once(socket, 'open');
  return {
    get picturesAtMs() {
      return picturesAtMs;
    },
    get sound() {
      return sound;
    },
    get bytes() {
      return bytes;
    },
    reset() {
      picturesAtMs = [];
      sound = { heardMs: 0, missingMs: 0 };
      bytes = 0;
    },
    [Symbol.dispose]: () => socket.terminate()
  };
}
