// From RTP packets in any order to complete frames in order: reorders, drops duplicates and what is incomplete, and says when only a
// keyframe helps. Holds at most MAX_PACKETS and MAX_BYTES, has no timer (the caller gives the time), and no packet makes it throw.
import { isTooLarge } from '../display-feed/protocol.ts';
import type { ReceivedRtp, VideoCodec } from '../streams.ts';
import type { Depacketizer, JoinedFrame } from './depacketizer.ts';
import { h264Depacketizer } from './h264.ts';
import { opusDepacketizer } from './opus.ts';
import { unwrapSequence } from './sequence.ts';
import { vp8Depacketizer } from './vp8.ts';
import { vp9Depacketizer } from './vp9.ts';

const MAX_PACKETS = 1024;
const MAX_BYTES = 2 * 1024 * 1024;
const KEYFRAME_REPEAT_MS = 500;
/** Where no repair is waited for. */
export const REORDER_MS = 60;
/** So many packets in a row from the past are no late ones: the sender began to count anew. */
const MAX_LATE_RUN = 64;

export type AssembledFrame = JoinedFrame & {
  /** RTP timestamp as received. */
  readonly timestamp: number;
};

export type Assembly = {
  readonly frames: readonly AssembledFrame[];
  /** Ask the sender for a keyframe now. Said once at a loss and every 500 ms until one came. */
  readonly needKeyframe: boolean;
};

export type FrameAssembler = {
  /** @param nowMs monotonic, the clock of packet.arrivedAtMs */
  push(packet: ReceivedRtp, nowMs: number): Assembly;
  /** Lets time pass where no packet comes; call it every 20 to 100 ms. */
  poll(nowMs: number): Assembly;
  /** From now on a missing packet is waited for so long: a repair takes a round trip. */
  setWindow(windowMs: number): void;
  statistics(): { readonly framesAssembled: number; readonly losses: number };
};

const depacketizers: Readonly<Record<VideoCodec | 'opus', Depacketizer>> = {
  H264: h264Depacketizer,
  VP8: vp8Depacketizer,
  VP9: vp9Depacketizer,
  opus: opusDepacketizer
};

/** @param windowMs how long a missing packet is waited for */
export function createFrameAssembler(codec: VideoCodec | 'opus', windowMs = REORDER_MS): FrameAssembler {
  let reorderWindowMs = windowMs;
  const depacketizer = depacketizers[codec];
  const packets = new Map<number, ReceivedRtp>(); // by unwrapped sequence number
  const keyframeStarts = new Set<number>(); // of those: each payload is looked into once, or a peer could make looking our only work
  let bytes = 0;
  let highest: number | null = null;
  let floor = 0; // what is older has been emitted or given up
  let start: number | null = null; // first packet of the frame being read; null while waiting for one that decoding can begin with
  let cursor = 0; // packets start..cursor-1 are there
  let keyframeMissing = !depacketizer.independent;
  let requestedAtMs: number | null = null;
  let wanted = false;
  let lateRun = 0;
  let framesAssembled = 0;
  let losses = 0;

  function remove(sequence: number): void {
    const packet = packets.get(sequence);
    if (packet === undefined) return;
    bytes -= packet.payload.byteLength;
    packets.delete(sequence);
    keyframeStarts.delete(sequence);
  }

  function raiseFloor(to: number): void {
    for (const sequence of packets.keys()) if (sequence < to) remove(sequence);
    floor = Math.max(floor, to);
  }

  /** Gives up everything before `from`; video can go on only with a keyframe. */
  function lose(from: number): void {
    losses++;
    raiseFloor(from);
    start = null;
    if (!depacketizer.independent) {
      keyframeMissing = true;
      wanted = true;
    }
  }

  function finish(first: number, end: number, frames: AssembledFrame[]): void {
    const parts: Uint8Array[] = [];
    for (let sequence = first; sequence < end; sequence++) parts.push(packets.get(sequence)?.payload ?? new Uint8Array());
    const timestamp = packets.get(first)?.timestamp ?? 0;
    const joined = depacketizer.join(parts.filter((part) => part.byteLength > 0)); // an empty payload is padding
    const { width = 0, height = 0 } = joined?.config ?? {};
    if (joined === null || isTooLarge(width, height) || (keyframeMissing && !joined.keyframe)) {
      lose(end);
      return;
    }
    raiseFloor(end);
    start = end;
    keyframeMissing = false;
    framesAssembled++;
    frames.push({ ...joined, timestamp });
  }

  /** Looks for a packet to begin with. What waited too long beside it is dropped. */
  function findStart(nowMs: number): boolean {
    let found: number | null = null;
    let expired = floor;
    for (const [sequence, packet] of packets) {
      if ((found === null || sequence < found) && keyframeStarts.has(sequence)) found = sequence;
      if (nowMs - packet.arrivedAtMs >= reorderWindowMs) expired = Math.max(expired, sequence + 1);
    }
    if (found === null) {
      if (expired > floor) {
        wanted ||= keyframeMissing;
        raiseFloor(expired);
      }
      return false;
    }
    raiseFloor(found);
    start = found;
    cursor = found;
    return true;
  }

  /** After a loss, when the keyframe that is being read has a gap: the newest one, where all of it is there, is worth more than what a repair may bring. */
  function skipToNewestKeyframe(): boolean {
    if (!wanted || !keyframeMissing || packets.has(cursor)) return false;
    const newest = Math.max(...keyframeStarts);
    if (newest <= cursor) return false;
    for (let sequence = newest; ; sequence++) {
      const packet = packets.get(sequence);
      if (packet === undefined) return false;
      if (packet.marker) break;
    }
    raiseFloor(newest);
    start = newest;
    cursor = newest;
    return true;
  }

  /** Reads on from the cursor as far as packets follow each other. Each step moves the cursor or the floor, so it ends. */
  function readOn(frames: AssembledFrame[]): void {
    while (start !== null) {
      const packet = packets.get(cursor);
      if (packet === undefined) return;
      const first = packets.get(start);
      if (first !== undefined && first.timestamp !== packet.timestamp) {
        finish(start, cursor, frames); // the sender set no marker
        continue;
      }
      cursor++;
      if (packet.payload.byteLength === 0 && start === cursor - 1) {
        start = cursor;
        raiseFloor(cursor);
      } else if (packet.marker || depacketizer.independent) finish(start, cursor, frames);
    }
  }

  /** When the first packet behind the gap came: since then the missing one is asked for. Gaps wait beside each other, not one after another. */
  function gapKnownMs(): number {
    let sinceMs = Number.POSITIVE_INFINITY;
    for (const [sequence, { arrivedAtMs }] of packets) if (sequence > cursor) sinceMs = Math.min(sinceMs, arrivedAtMs);
    return sinceMs;
  }

  function advance(nowMs: number): Assembly {
    const frames: AssembledFrame[] = [];
    for (;;) {
      if (start === null && !findStart(nowMs)) break;
      readOn(frames);
      if (start === null) continue;
      if (skipToNewestKeyframe()) continue;
      if (packets.size <= cursor - start) break; // nothing beyond the gap
      if (nowMs - gapKnownMs() < reorderWindowMs) break;
      lose(cursor);
    }
    if (packets.size > MAX_PACKETS || bytes > MAX_BYTES) lose((highest ?? 0) + 1);
    return { frames, needKeyframe: askKeyframe(nowMs) };
  }

  function askKeyframe(nowMs: number): boolean {
    if (!keyframeMissing) {
      wanted = false;
      requestedAtMs = null;
      return false;
    }
    if (!wanted || (requestedAtMs !== null && nowMs - requestedAtMs < KEYFRAME_REPEAT_MS)) return false;
    requestedAtMs = nowMs;
    return true;
  }

  function unwrap(sequenceNumber: number): number {
    if (highest === null) return 65_536 + sequenceNumber;
    return unwrapSequence(sequenceNumber, highest);
  }

  function restart(): void {
    lose((highest ?? 0) + 1);
    highest = null;
    floor = 0;
    lateRun = 0;
  }

  return {
    push(packet, nowMs) {
      if (lateRun >= MAX_LATE_RUN) restart();
      const sequence = unwrap(packet.sequenceNumber);
      if (highest !== null && sequence > highest + MAX_PACKETS) lose(sequence);
      highest = Math.max(highest ?? sequence, sequence);
      lateRun = sequence < floor ? lateRun + 1 : 0;
      if (sequence < floor || packets.has(sequence)) return { frames: [], needKeyframe: askKeyframe(nowMs) };
      packets.set(sequence, packet);
      if (depacketizer.startsKeyframe(packet.payload)) keyframeStarts.add(sequence);
      bytes += packet.payload.byteLength;
      return advance(nowMs);
    },
    poll: advance,
    setWindow(next) {
      reorderWindowMs = next;
    },
    statistics: () => ({ framesAssembled, losses })
  };
}
