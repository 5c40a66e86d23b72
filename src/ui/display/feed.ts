// The display's feed of one call: ticket → WebSocket → pictures and sound, again and again while the call has a media process.
// `follow` is all that it is told. Each connection has its own decoders, so nothing of one is left in the next; another call's feed shares nothing
// with it but the audio output.
import { backoffMs } from '../../kernel/backoff.ts';
import { type DisplayMessage, decodeFeedFrame, type FeedMessage, type Picture as PictureName, pictureOf } from '../../media/display-feed/protocol.ts';
import { blank, Picture, type PictureStatistics } from './picture.ts';
import { extraSoundDelay } from './playout.ts';
import { Sound, type SoundOutput } from './sound.ts';

const RETRY = { firstMs: 100, maxMs: 2000 } as const;
/** A picture that is older than this is not shown as if it were live. */
export const PICTURE_STALE_MS = 1500;

/** What the display has done since it connected; for tests, benches and the report. Times are milliseconds since 1970. */
export type DisplayStatistics = {
  /** The call that it follows, or followed last. */
  readonly call: string | null;
  readonly connected: boolean;
  readonly connections: number;
  readonly framesDecoded: number;
  readonly framesPresented: number;
  readonly framesDropped: number;
  readonly firstFrameAt: number | null;
  readonly lastFrameAt: number | null;
  readonly lastCaptureMs: number | null;
  readonly audioPlayedMs: number;
  readonly gaps: number;
  readonly avOffsetMs: number | null;
  readonly bufferMs: number;
  readonly screen: PictureStatistics;
};

/** A call whose media process this is; another number is another process. */
export type Followed = { readonly call: string; readonly mediaEpoch: number };

/** The picture on the canvas is a live one; since when the shared screen is on its canvas, on the page's clock. */
export type Shown = { readonly live: boolean; readonly screenSince: number | null };

type FeedOptions = {
  readonly output: SoundOutput;
  /** Asks for a ticket of the call's media process; null where there is none now. */
  readonly ticket: (call: string) => Promise<string | null>;
  readonly canvas: (of: PictureName) => HTMLCanvasElement | null;
  /** Somebody pressed a key in the call. */
  readonly onKey: (key: string) => void;
  /** What `shown` says has changed. */
  readonly onChange: () => void;
};

const noPicture: PictureStatistics = {
  framesDecoded: 0,
  framesPresented: 0,
  framesDropped: 0,
  firstFrameAt: null,
  lastFrameAt: null,
  lastCaptureMs: null,
  avOffsetMs: null
};
const nothingYet: DisplayStatistics = { call: null, connected: false, connections: 0, ...noPicture, audioPlayedMs: 0, gaps: 0, bufferMs: 0, screen: noPicture };

type Connection = {
  readonly call: string;
  readonly socket: WebSocket;
  readonly pictures: Readonly<Record<PictureName, Picture>>;
  readonly sound: Sound;
  /** The shared screen comes, as the media process says. */
  sharing: boolean;
};

const nothingShown: Shown = { live: false, screenSince: null };

export class CallFeed {
  readonly #options: FeedOptions;
  #letOutputRest: (() => void) | null = null;
  #followed: Followed | null = null;
  #attempt = 0;
  #connections = 0;
  #retry: number | null = null;
  #connection: Connection | null = null;
  #last = nothingYet;
  #shown = nothingShown;
  #extraDelayMs = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Follows this media process; null: there is none. The same again changes nothing. */
  follow(followed: Followed | null): void {
    const before = this.#followed;
    if (followed?.call === before?.call && followed?.mediaEpoch === before?.mediaEpoch) return;
    this.#followed = followed;
    this.#attempt = 0;
    this.#disconnect();
    this.#letOutputRest?.();
    this.#letOutputRest = followed === null ? null : this.#options.output.hold();
    // What is on the canvases is not to be taken for another call's.
    if (followed?.call !== before?.call) for (const of of ['video', 'screen'] as const) blank(this.#options.canvas(of));
    if (followed !== null) void this.#connect(followed);
  }

  get shown(): Shown {
    return this.#shown;
  }

  statistics(): DisplayStatistics {
    if (this.#connection === null) return { ...this.#last, connections: this.#connections };
    const { socket, pictures, sound, call } = this.#connection;
    const heard = sound.report;
    return {
      call,
      connected: socket.readyState === WebSocket.OPEN,
      connections: this.#connections,
      ...pictures.video.statistics(),
      screen: pictures.screen.statistics(),
      audioPlayedMs: Math.round(heard?.playedMs ?? 0),
      gaps: Math.round(heard?.gapMs ?? 0),
      bufferMs: Math.round(heard?.delayMs ?? 0)
    };
  }

  async #connect(followed: Followed): Promise<void> {
    const { output, ticket } = this.#options;
    output.resume();
    const url = await ticket(followed.call);
    if (followed !== this.#followed) return;
    if (url === null) return this.#connectLater(followed);
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    const sound = new Sound(output);
    const picture = (of: PictureName): Picture =>
      new Picture({
        canvas: () => this.#options.canvas(of),
        heardCaptureMs: () => sound.heardCaptureMs(),
        needKeyframe: () => send(socket, { type: 'need-keyframe', of }),
        presented: () => {
          if (!(of === 'video' ? this.#shown.live : this.#shown.screenSince !== null)) this.watch();
        }
      });
    const pictures = { video: picture('video'), screen: picture('screen') };
    const connection: Connection = { call: followed.call, socket, pictures, sound, sharing: false };
    this.#connection = connection;
    this.#extraDelayMs = 0;
    void sound.start();
    socket.addEventListener('open', () => {
      this.#connections += 1;
    });
    socket.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (this.#connection !== connection) return;
      this.#attempt = 0;
      receive(event.data, connection, this.#options.onKey);
      if (!connection.sharing && this.#shown.screenSince !== null) this.watch();
    });
    socket.addEventListener('close', () => {
      if (this.#connection !== connection) return;
      this.#disconnect();
      this.#connectLater(followed);
    });
  }

  #connectLater(followed: Followed): void {
    const delayMs = backoffMs(this.#attempt, RETRY, Math.random());
    this.#attempt += 1;
    this.#retry = window.setTimeout(() => void this.#connect(followed), delayMs);
  }

  #disconnect(): void {
    if (this.#retry !== null) window.clearTimeout(this.#retry);
    this.#retry = null;
    if (this.#connection === null) return;
    const { socket, pictures, sound } = this.#connection;
    this.#last = { ...this.statistics(), connected: false };
    this.#connection = null;
    socket.close();
    pictures.video.close();
    pictures.screen.close();
    sound.close();
    this.watch();
  }

  /** Tells the page when a picture becomes live or stops being so; asked for again and again, since a picture says nothing when it stands still. */
  watch(): void {
    const connection = this.#connection;
    const now = performance.timeOrigin + performance.now();
    const shownAt = connection?.pictures.video.statistics().lastFrameAt ?? null;
    const live = shownAt !== null && now - shownAt < PICTURE_STALE_MS;
    // A page that stands still is still shared: here the media process's word counts, not the time of the last frame.
    const screenLive = connection?.sharing === true && connection.pictures.screen.statistics().lastFrameAt !== null;
    const { live: wasLive, screenSince } = this.#shown;
    if (live === wasLive && screenLive === (screenSince !== null)) return;
    this.#shown = { live, screenSince: screenLive ? (screenSince ?? now) : null };
    this.#options.onChange();
  }

  /** Tells the media process what is seen and heard of it. */
  report(): void {
    if (this.#connection === null) return;
    this.#options.output.resume(); // a browser that waits for a gesture may have had one
    const statistics = this.statistics();
    this.#extraDelayMs = extraSoundDelay(statistics.avOffsetMs, this.#extraDelayMs);
    this.#connection.sound.setExtraDelay(this.#extraDelayMs);
    send(this.#connection.socket, {
      type: 'report',
      framesDecoded: statistics.framesDecoded,
      framesDropped: statistics.framesDropped,
      audioPlayedMs: statistics.audioPlayedMs,
      audioGapsMs: statistics.gaps,
      bufferMs: statistics.bufferMs,
      avOffsetMs: Math.round(statistics.avOffsetMs ?? 0)
    });
  }
}

function receive(data: unknown, connection: Connection, onKey: (key: string) => void): void {
  const { pictures, sound } = connection;
  if (data instanceof ArrayBuffer) {
    const frame = decodeFeedFrame(data);
    if (frame === null) return;
    const of = pictureOf(frame.kind);
    if (of === null) sound.push(frame);
    else pictures[of].push(frame);
    return;
  }
  const message = parseFeedMessage(data);
  if (message?.type === 'picture-config') pictures[message.of].configure(message.codec, message.width, message.height);
  else if (message?.type === 'audio-config') sound.configure(message.channels);
  else if (message?.type === 'key') onKey(message.key);
  else if (message?.type === 'state') {
    if (connection.sharing && !message.receiving.screen) pictures.screen.end();
    connection.sharing = message.receiving.screen;
  }
}

/** The media process is ours; a message that is none is left alone rather than taking the picture down. */
function parseFeedMessage(data: unknown): FeedMessage | null {
  try {
    return JSON.parse(String(data)) as FeedMessage;
  } catch {
    return null;
  }
}

function send(socket: WebSocket, message: DisplayMessage): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}
