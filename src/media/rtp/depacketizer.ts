// What a codec has to say about its RTP payloads so that frame-assembler.ts can put frames together. Pure; payloads come from the
// network, so each function is total: it answers for any bytes, in time linear in their length, and never throws.

/** What a decoder has to be told before the frame; a WebCodecs codec string. */
export type VideoConfig = { readonly codec: string; readonly width: number; readonly height: number };

export type JoinedFrame = { readonly data: Uint8Array; readonly keyframe: boolean; readonly config: VideoConfig | null };

export type Depacketizer = {
  /** Each packet is a frame that needs no other (Opus). */
  readonly independent: boolean;
  /** True where decoding can begin with this packet. */
  startsKeyframe(payload: Uint8Array): boolean;
  /** The payloads of one frame, in order, as one encoded frame; null where they do not make one. */
  join(payloads: readonly Uint8Array[]): JoinedFrame | null;
};

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.byteLength;
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}
