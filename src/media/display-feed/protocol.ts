// What runs over the loopback WebSocket between a media process and a display page. Used by both, so: no Node and no DOM in here.
// Encoded frames go out as binary messages; JSON text messages go both ways for everything else.

/** The camera's picture, or the screen that is shared. */
export type Picture = 'video' | 'screen';

/** A few bytes say that a picture is as large as a codec can tell, and a display would make room for twenty of it. Screens of 5120 by 2880 fit. */
const MAX_PIXELS = 4096 * 4096;
/** Neither is such a picture fed nor is it shown. */
export const isTooLarge = (width: number, height: number): boolean => width * height > MAX_PIXELS;

/** Media process → display, as JSON text. A new `config` comes before the first frame it describes. */
export type FeedMessage =
  | { readonly type: 'picture-config'; readonly of: Picture; readonly codec: string; readonly width: number; readonly height: number } // WebCodecs codec string: 'vp8', 'avc1.42e01f' (Annex B)
  | { readonly type: 'audio-config'; readonly codec: 'opus'; readonly sampleRate: 48000; readonly channels: 1 | 2 }
  | { readonly type: 'key'; readonly key: string } // pressed here or there: its tone is heard once
  | { readonly type: 'state'; readonly receiving: { readonly audio: boolean; readonly video: boolean; readonly screen: boolean } };

/** Display → media process, as JSON text. */
export type DisplayMessage =
  | { readonly type: 'need-keyframe'; readonly of: Picture } // its decoder cannot go on
  | {
      readonly type: 'report'; // once a second
      readonly framesDecoded: number; // since the page connected
      readonly framesDropped: number;
      readonly audioPlayedMs: number;
      readonly audioGapsMs: number; // time in which there was nothing to play although packets were expected
      readonly bufferMs: number; // current playout delay
      readonly avOffsetMs: number; // positive: picture is later than sound
    };

export type FrameKind = 'video-key' | 'video-delta' | 'audio' | 'screen-key' | 'screen-delta';

export type FeedFrame = {
  readonly kind: FrameKind;
  /** RTP time of the stream, unwrapped and in microseconds; consecutive frames of one stream differ by their true distance. */
  readonly timestampUs: number;
  /** When the frame was captured, in milliseconds on the sender's clock, the same clock for sound and picture; null until the sender told it (RTCP sender report, RFC 3550 section 6.4.1). */
  readonly captureMs: number | null;
  readonly data: Uint8Array;
};

/** Of which picture a frame is, and null for sound. */
export const pictureOf = (kind: FrameKind): Picture | null => (kind === 'audio' ? null : kind.startsWith('screen') ? 'screen' : 'video');

const KINDS: readonly FrameKind[] = ['video-key', 'video-delta', 'audio', 'screen-key', 'screen-delta'];
/** Layout, big endian: u8 kind, u8 flags (1: captureMs is there), u16 zero, f64 timestampUs, f64 captureMs, then the encoded frame. */
const FRAME_HEADER_BYTES = 20;

/** Encodes a frame into one message. */
export function encodeFeedFrame(frame: FeedFrame): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(FRAME_HEADER_BYTES + frame.data.byteLength);
  const view = new DataView(message.buffer);
  view.setUint8(0, KINDS.indexOf(frame.kind));
  view.setUint8(1, frame.captureMs === null ? 0 : 1);
  view.setFloat64(4, frame.timestampUs);
  view.setFloat64(12, frame.captureMs ?? 0);
  message.set(frame.data, FRAME_HEADER_BYTES);
  return message;
}

/** Decodes a message; null where it is not a frame. `data` is a view into the message, not a copy. */
export function decodeFeedFrame(message: ArrayBuffer): FeedFrame | null {
  if (message.byteLength < FRAME_HEADER_BYTES) return null;
  const view = new DataView(message);
  const kind = KINDS[view.getUint8(0)];
  if (kind === undefined) return null;
  return {
    kind,
    timestampUs: view.getFloat64(4),
    captureMs: view.getUint8(1) === 1 ? view.getFloat64(12) : null,
    data: new Uint8Array(message, FRAME_HEADER_BYTES)
  };
}
