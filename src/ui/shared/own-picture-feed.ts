// The line to an own picture (self-view, or a camera that is tried): ticket → WebSocket → canvas, again and again until it is closed.
// Invariant: what is on the canvas is of now; as soon as the media process says that nothing is sent, or goes silent, the canvas is blank.
import { backoffMs } from '../../kernel/backoff.ts';
import { decodeFeedFrame, type FeedMessage } from '../../media/display-feed/protocol.ts';
import { blank, Picture } from '../display/picture.ts';

type OwnPictureFeedOptions = {
  /** Asks for a ticket; null where there is none now. */
  readonly ticket: () => Promise<string | null>;
  readonly canvas: () => HTMLCanvasElement | null;
  /** The picture on the canvas is of now, or it is none. */
  readonly onLive: (live: boolean) => void;
};

const RETRY = { firstMs: 200, maxMs: 2_000 } as const;
const STALE_MS = 1_500;

export function openOwnPictureFeed({ ticket, canvas, onLive }: OwnPictureFeedOptions): { close(): void } {
  let closed = false;
  let attempt = 0;
  let live = false;
  let socket: WebSocket | null = null;
  let picture: Picture | null = null;
  let retry = 0;

  const watch = (): void => {
    const shownAt = picture?.statistics().lastFrameAt ?? null;
    const now = shownAt !== null && performance.timeOrigin + performance.now() - shownAt < STALE_MS;
    if (!now && live) picture?.end();
    if (now !== live && !closed) onLive(now);
    live = now;
  };

  async function connect(): Promise<void> {
    const url = await ticket();
    if (closed) return;
    if (url === null) return later();
    const mine = new WebSocket(url);
    mine.binaryType = 'arraybuffer';
    const shown = new Picture({
      canvas,
      heardCaptureMs: () => null,
      needKeyframe: () => {
        if (mine.readyState === WebSocket.OPEN) mine.send(JSON.stringify({ type: 'need-keyframe', of: 'video' }));
      },
      presented: () => {
        if (!live) watch();
      }
    });
    socket = mine;
    picture = shown;
    mine.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (closed) return;
      attempt = 0;
      take(event.data, shown);
      if (live) watch();
    });
    mine.addEventListener('close', () => {
      shown.close();
      if (closed) return;
      picture = null;
      blank(canvas());
      watch();
      later();
    });
  }

  function later(): void {
    retry = window.setTimeout(() => void connect(), backoffMs(attempt, RETRY, Math.random()));
    attempt += 1;
  }

  const watching = window.setInterval(watch, STALE_MS / 5);
  void connect();
  return {
    close() {
      closed = true;
      window.clearInterval(watching);
      window.clearTimeout(retry);
      if (socket !== null) hangUp(socket);
      picture?.close();
      blank(canvas());
    }
  };
}

/** A browser calls it a failure where a socket is closed that is not open yet. */
function hangUp(socket: WebSocket): void {
  if (socket.readyState === WebSocket.CONNECTING) socket.addEventListener('open', () => socket.close());
  else socket.close();
}

function take(data: unknown, picture: Picture): void {
  if (data instanceof ArrayBuffer) {
    const frame = decodeFeedFrame(data);
    if (frame?.kind === 'video-key' || frame?.kind === 'video-delta') picture.push(frame);
    return;
  }
  const message = parse(data);
  if (message?.type === 'picture-config' && message.of === 'video') picture.configure(message.codec, message.width, message.height);
  else if (message?.type === 'state' && !message.receiving.video) picture.end();
}

function parse(data: unknown): FeedMessage | null {
  try {
    return JSON.parse(String(data)) as FeedMessage;
  } catch {
    return null;
  }
}
