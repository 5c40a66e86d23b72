// A display that decodes nothing: connects to a room's feed as the page does, and keeps when each frame came. Cheap enough to watch two rooms on two cores.
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { decodeFeedFrame } from '../../src/media/display-feed/protocol.ts';
import type { TestRoom } from './two-rooms.ts';

export type FeedListener = Disposable & {
  /** Arrivals of pictures that can be shown, performance.now(). */
  readonly picturesAtMs: readonly number[];
  readonly soundPackets: number;
  readonly bytes: number;
  /** Forgets what came so far. */
  reset(): void;
};

export async function listenToFeed(room: TestRoom): Promise<FeedListener> {
  const { url } = (await room.http.post('/api/v1/display/ticket', {})) as { url: string };
  const socket = new WebSocket(url, { origin: room.url });
  socket.binaryType = 'arraybuffer';
  let picturesAtMs: number[] = [];
  let soundPackets = 0;
  let bytes = 0;
  socket.on('message', (message, isBinary) => {
    const frame = isBinary ? decodeFeedFrame(message as ArrayBuffer) : null;
    if (frame === null) return;
    bytes += frame.data.byteLength;
    if (frame.kind === 'audio') soundPackets++;
    else picturesAtMs.push(performance.now());
  });
  await once(socket, 'open');
  return {
    get picturesAtMs() {
      return picturesAtMs;
    },
    get soundPackets() {
      return soundPackets;
    },
    get bytes() {
      return bytes;
    },
    reset() {
      picturesAtMs = [];
      soundPackets = 0;
      bytes = 0;
    },
    [Symbol.dispose]: () => socket.terminate()
  };
}
