// Opus in RTP (RFC 7587): one packet of the codec is one payload, so there is nothing to split.
import { concatenate, type Depacketizer } from './depacketizer.ts';

export const opusDepacketizer: Depacketizer = {
  independent: true,
  startsKeyframe: (payload) => payload.byteLength > 0,
  join: (payloads) => ({ data: concatenate(payloads), keyframe: true, config: null })
};
