// Encoded pictures and sounds as a Matroska stream (RFC 9559), by FFmpeg's muxer, written front to back: nothing is ever changed behind it.
// Frames come in any order of tracks, but in the order of time within each.
import {
  AV_CHANNEL_LAYOUT_MONO,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_OPUS,
  AV_CODEC_ID_VP8,
  AV_CODEC_ID_VP9,
  AV_PKT_FLAG_KEY,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  Dictionary,
  FFmpegError,
  FormatContext,
  IOContext,
  Packet,
  Rational
} from 'node-av';
import { splitAnnexB } from '../rtp/h264.ts';
import { parameterSets } from '../rtp/picture-config.ts';
import type { VideoCodec } from '../streams.ts';

export type MatroskaTrack =
  | { readonly kind: 'sound'; readonly title: string }
  /** `keyframe`: the first one; null where none came yet. */
  | {
      readonly kind: 'picture';
      readonly title: string;
      readonly codec: VideoCodec;
      readonly width: number;
      readonly height: number;
      readonly keyframe: Uint8Array | null;
    };

export type MatroskaFrame = { readonly track: number; readonly timeMs: number; readonly keyframe: boolean; readonly data: Uint8Array };

export type MatroskaWriter = {
  write(frame: MatroskaFrame): Promise<void>;
  /** Writes what is left; the writer is freed. */
  close(): Promise<void>;
};

const CODEC_IDS = { H264: AV_CODEC_ID_H264, VP8: AV_CODEC_ID_VP8, VP9: AV_CODEC_ID_VP9 } as const;
/** So much is lost at most when the process dies. */
const CLUSTER_MS = 1_000;
const BUFFER_BYTES = 64 * 1024;
const OPUS_HZ = 48_000;
const MAX_SET_BYTES = 0xffff;

/** RFC 7845 section 5.1, as Matroska's codec private data. */
function opusHead(): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 'latin1');
  head.writeUInt8(1, 8);
  head.writeUInt8(1, 9);
  head.writeUInt32LE(OPUS_HZ, 12);
  return head;
}

/** Of a picture that has not come yet (640×360, baseline): what comes brings its own. */
const UNSEEN = { sps: Buffer.from('Z0LAHtoCgL/lhAAAAwAEAAADAPI8WLqA', 'base64'), pps: Buffer.from('aM48gA==', 'base64') };

/** AVCDecoderConfigurationRecord, ISO/IEC 14496-15 section 5.3.3.1, with lengths of four bytes. */
function avcConfiguration(keyframe: Uint8Array | null): Buffer {
  const own = keyframe && parameterSets(keyframe);
  // What the other side sends must not end a recording: a set that is too long for this record is in the stream all the same.
  const { sps, pps } = own != null && Math.max(own.sps.length, own.pps.length) <= MAX_SET_BYTES ? own : UNSEEN;
  const sized = (nal: Uint8Array): Buffer => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(nal.length);
    return Buffer.concat([length, nal]);
  };
  return Buffer.concat([Buffer.from([1, sps[1] ?? 0, sps[2] ?? 0, sps[3] ?? 0, 0xff, 0xe1]), sized(sps), Buffer.from([1]), sized(pps)]);
}

/** Length-prefixed NAL units, as Matroska has them, of an Annex B stream. */
function lengthPrefixed(picture: Uint8Array): Buffer {
  return Buffer.concat(
    splitAnnexB(picture).flatMap((nal) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(nal.length);
      return [length, nal];
    })
  );
}

/**
 * @param take gets the bytes in their order; they are its own
 * @throws FFmpegError
 */
export async function openMatroska(tracks: readonly MatroskaTrack[], take: (bytes: Uint8Array) => void): Promise<MatroskaWriter> {
  const format = new FormatContext();
  FFmpegError.throwIfError(format.allocOutputContext2(null, 'matroska', null), 'matroska');
  const io = new IOContext();
  io.allocContextWithCallbacks(
    BUFFER_BYTES,
    1,
    null,
    (bytes) => {
      take(Uint8Array.from(bytes)); // FFmpeg uses its buffer again
      return bytes.length;
    },
    null
  );
  format.pb = io;
  const timeBase = new Rational(1, 1000);
  for (const track of tracks) {
    const stream = format.newStream(null);
    const parameters = stream.codecpar;
    if (track.kind === 'sound') {
      parameters.codecType = AVMEDIA_TYPE_AUDIO;
      parameters.codecId = AV_CODEC_ID_OPUS;
      parameters.sampleRate = OPUS_HZ;
      parameters.channelLayout = AV_CHANNEL_LAYOUT_MONO;
      parameters.extradata = opusHead();
    } else {
      parameters.codecType = AVMEDIA_TYPE_VIDEO;
      parameters.codecId = CODEC_IDS[track.codec];
      parameters.width = track.width;
      parameters.height = track.height;
      if (track.codec === 'H264') parameters.extradata = avcConfiguration(track.keyframe);
    }
    stream.timeBase = timeBase;
    stream.metadata = Dictionary.fromObject({ title: track.title });
  }
  FFmpegError.throwIfError(await format.writeHeader(Dictionary.fromObject({ cluster_time_limit: String(CLUSTER_MS), flush_packets: '1' })), 'matroska header');
  const packet = new Packet();
  packet.alloc();
  return {
    async write({ track, timeMs, keyframe, data }) {
      const kind = tracks[track];
      packet.data = kind?.kind === 'picture' && kind.codec === 'H264' ? lengthPrefixed(data) : Buffer.from(data);
      packet.streamIndex = track;
      packet.pts = BigInt(timeMs);
      packet.dts = BigInt(timeMs);
      packet.timeBase = timeBase;
      if (keyframe) packet.flags = AV_PKT_FLAG_KEY;
      FFmpegError.throwIfError(await format.writeFrame(packet), 'matroska frame');
      packet.unref();
    },
    async close() {
      await format.writeTrailer();
      await io.flush();
      packet.free();
      format.pb = null;
      format.freeContext();
      io.freeContext();
    }
  };
}
