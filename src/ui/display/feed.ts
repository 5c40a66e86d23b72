// The display's feed of one call: ticket → WebSocket → pictures and sound, again and again while the call has a media process.
// `follow(mediaEpoch)` is all that the page says; 0 ends it. Each connection has its own decoders, so nothing of one is left in the next.
import { backoffMs } from '../../kernel/backoff.ts';
import { type DisplayMessage, decodeFeedFrame, type FeedMessage, type Picture as PictureName, pictureOf } from '../../media/display-feed/protocol.ts';
import type { SoundName } from '../../room/state.ts';
import { blank, Picture, type PictureStatistics } from './picture.ts';
import { extraSoundDelay } from './playout.ts';
import { Sound, SoundOutput } from './sound.ts';
import { TonePlayer } from './tones.ts';

const RETRY = { firstMs: 100, maxMs: 2000 } as const;
const REPORT_PERIOD_MS = 1000;
/** A picture that is older than this is not shown as if it were live. */
const PICTURE_STALE_MS = 1500;

/** What the display has done since it connected; for tests, benches and the report. Times are milliseconds since 1970. */
export type DisplayStatistics = {
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

type FeedOptions = {
  /** Asks for a ticket; null where there is none now. */
  readonly ticket: () => Promise<string | null>;
  readonly canvas: (of: PictureName) => HTMLCanvasElement | null;
  /** The page may play sound, from now on. */
  readonly onSoundAllowed: () => void;
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
const nothingYet: DisplayStatistics = { connected: false, connections: 0, ...noPicture, audioPlayedMs: 0, gaps: 0, bufferMs: 0, screen: noPicture };

type Connection = {
  readonly socket: WebSocket;
  readonly pictures: Readonly<Record<PictureName, Picture>>;
  readonly sound: Sound;
  /** The shared screen comes, as the media process says. */
  sharing: boolean;
};

export class DisplayFeed {
  readonly #options: FeedOptions;
  readonly #listeners = new Set<() => void>();
  #output: SoundOutput | null = null;
  #tones: TonePlayer | null = null;
  #letOutputRest: (() => void) | null = null;
  #epoch = 0;
  #attempt = 0;
  #connections = 0;
  #retry: number | null = null;
  #connection: Connection | null = null;
  #last = nothingYet;
  #live = false;
  #screenLive = false;
  #extraDelayMs = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Starts the audio thread and the once-a-second report; for the page's whole life. */
  start(): void {
    this.#output = new SoundOutput(this.#options.onSoundAllowed);
    this.#tones = new TonePlayer(this.#output);
    this.#output.resume(); // to learn whether it may
    window.setInterval(() => this.#report(), REPORT_PERIOD_MS);
    window.setInterval(() => this.#watch(), PICTURE_STALE_MS / 5);
  }

  /** Follows the media process of this epoch; 0: there is none. The same epoch again changes nothing. */
  follow(epoch: number): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#attempt = 0;
    this.#disconnect();
    this.#letOutputRest?.();
    this.#letOutputRest = epoch > 0 ? (this.#output?.hold() ?? null) : null;
    if (epoch > 0) void this.#connect(epoch);
    else {
      for (const of of ['video', 'screen'] as const) blank(this.#options.canvas(of));
    }
  }

  /** @param percent 0 to 100 */
  setVolume(percent: number): void {
    this.#output?.setVolume(percent);
  }

  /** What rings or beeps besides the call; null: nothing. @param percent 0 to 100 */
  playTone(name: SoundName | null, percent: number): void {
    this.#tones?.play(name, percent);
  }

  /** True while the picture on the canvas is a live one. */
  readonly live = (): boolean => this.#live;

  /** True while the shared screen is on its canvas. */
  readonly screenLive = (): boolean => this.#screenLive;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  statistics(): DisplayStatistics {
    if (this.#connection === null) return { ...this.#last, connections: this.#connections };
    const { socket, pictures, sound } = this.#connection;
    const heard = sound.report;
    return {
      connected: socket.readyState === WebSocket.OPEN,
      connections: this.#connections,
      ...pictures.video.statistics(),
      screen: pictures.screen.statistics(),
      audioPlayedMs: Math.round(heard?.playedMs ?? 0),
      gaps: Math.round(heard?.gapMs ?? 0),
      bufferMs: Math.round(heard?.delayMs ?? 0)
    };
  }

  async #connect(epoch: number): Promise<void> {
    this.#output?.resume();
    const url = await this.#options.ticket();
    if (epoch !== this.#epoch || this.#output === null) return;
    if (url === null) return this.#connectLater(epoch);
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    const sound = new Sound(this.#output);
    const picture = (of: PictureName): Picture =>
      new Picture({
        canvas: () => this.#options.canvas(of),
        heardCaptureMs: () => sound.heardCaptureMs(),
        needKeyframe: () => send(socket, { type: 'need-keyframe', of }),
        presented: () => {
          if (!(of === 'video' ? this.#live : this.#screenLive)) this.#watch();
        }
      });
    const connection: Connection = { socket, pictures: { video: picture('video'), screen: picture('screen') }, sound, sharing: false };
    this.#connection = connection;
    this.#extraDelayMs = 0;
    void sound.start();
    socket.addEventListener('open', () => {
      this.#connections += 1;
    });
    socket.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (this.#connection !== connection) return;
      this.#attempt = 0;
      receive(event.data, connection, this.#tones);
      if (!connection.sharing && this.#screenLive) this.#watch();
    });
    socket.addEventListener('close', () => {
      if (this.#connection !== connection) return;
      this.#disconnect();
      this.#connectLater(epoch);
    });
  }

  #connectLater(epoch: number): void {
    const delayMs = backoffMs(this.#attempt, RETRY, Math.random());
    this.#attempt += 1;
    this.#retry = window.setTimeout(() => void this.#connect(epoch), delayMs);
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
    this.#watch();
  }

  /** Tells the page when the picture becomes live or stops being so. */
  #watch(): void {
    const connection = this.#connection;
    const shownAt = connection?.pictures.video.statistics().lastFrameAt ?? null;
    const live = shownAt !== null && performance.timeOrigin + performance.now() - shownAt < PICTURE_STALE_MS;
    // A page that stands still is still shared: here the media process's word counts, not the time of the last frame.
    const screenLive = connection?.sharing === true && connection.pictures.screen.statistics().lastFrameAt !== null;
    if (live === this.#live && screenLive === this.#screenLive) return;
    this.#live = live;
    this.#screenLive = screenLive;
    for (const listener of [...this.#listeners]) listener();
  }

  #report(): void {
    if (this.#connection === null) return;
    this.#output?.resume(); // a browser that waits for a gesture may have had one
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

function receive(data: unknown, connection: Connection, tones: TonePlayer | null): void {
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
  else if (message?.type === 'key') tones?.key(message.key);
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
