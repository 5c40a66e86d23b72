// How the pictures of each codec are split into RTP payloads. Pure.
import type { VideoCodec } from '../streams.ts';
import { packetizeH264 } from './h264.ts';
import { packetizeVp8 } from './vp8.ts';
import { packetizeVp9 } from './vp9.ts';

/** @param pictureId counts pictures, for the codecs whose payloads are numbered */
export type Packetizer = (picture: Uint8Array, pictureId: number, maxPayloadBytes: number) => Uint8Array[];

export const PACKETIZERS: Readonly<Record<VideoCodec, Packetizer>> = {
  H264: (picture, _pictureId, maxPayloadBytes) => packetizeH264(picture, maxPayloadBytes),
  VP8: packetizeVp8,
  VP9: packetizeVp9
};
