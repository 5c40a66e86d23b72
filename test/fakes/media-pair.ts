// Two ends of a call's media in fake time, joined by a path with a rate, a queue, a delay and loss; what they say is not encrypted, so that a test can read it.
// Invariant: what is lost follows from the seed and the order of the datagrams alone.
import type { Clock } from '../../src/kernel/clock.ts';
import { createPeerMedia, type PeerMedia } from '../../src/media/peer-media.ts';
import { type MediaSection, negotiatedFeatures, negotiatedOf, offeredSections } from '../../src/media/sdp.ts';
import { type MediaKind, ofEachKind, type PictureKind, type ReceivedRtp } from '../../src/media/streams.ts';
import { createFates } from '../harness/impaired-network.ts';

/** Of one direction; may be changed while it runs. */
export type Path = { kbps: number; readonly queueMs: number; readonly delayMs: number; lossRate: number };

export type MediaEnd = {
  readonly media: PeerMedia;
  readonly received: Record<MediaKind, ReceivedRtp[]>;
  readonly keyframeRequests: PictureKind[];
  /** Every datagram that it sent, as it was. */
  readonly sent: { readonly atMs: number; readonly datagram: Buffer; readonly lost: boolean }[];
  readonly path: Path;
};

/** UDP and IP, which a path carries too. */
const HEADER_BYTES = 28;
const OPEN_PATH: Path = { kbps: 100_000, queueMs: 300, delayMs: 20, lossRate: 0 };
export const isRtcpDatagram = (datagram: Buffer): boolean => (datagram[1] ?? 0) >= 192 && (datagram[1] ?? 0) <= 223;

export function createMediaPair(
  clock: Clock,
  options: { readonly path?: Partial<Path>; readonly seed?: number; readonly sections?: (offered: MediaSection[]) => MediaSection[] } = {}
): { readonly left: MediaEnd; readonly right: MediaEnd; close(): void } {
  const offered = offeredSections(['VP8']);
  const sections = options.sections?.(offered) ?? offered;
  const fates = { seed: options.seed ?? 1, from: { offerer: { lossRate: 0.5, delayMs: 0 }, answerer: { lossRate: 0.5, delayMs: 0 } } };
  let over = false;
  const make = (base: number, other: () => MediaEnd, side: 'offerer' | 'answerer'): MediaEnd => {
    const path: Path = { ...OPEN_PATH, ...options.path };
    const sent: { atMs: number; datagram: Buffer; lost: boolean }[] = [];
    const received = ofEachKind((): ReceivedRtp[] => []);
    const keyframeRequests: PictureKind[] = [];
    const random = createRandomOf(createFates(fates, side));
    let freeAtMs = 0;
    const media = createPeerMedia({
      transport: {
        protectRtp: (packet) => packet,
        protectRtcp: (packet) => packet,
        unprotectRtp: (packet) => packet,
        unprotectRtcp: (packet) => packet,
        roundTripMs: () => 2 * path.delayMs,
        send(datagram) {
          const nowMs = clock.monotonicMs();
          const startMs = Math.max(nowMs, freeAtMs);
          const lost = random() < path.lossRate || startMs - nowMs > path.queueMs;
          sent.push({ atMs: nowMs, datagram, lost });
          if (lost) return;
          freeAtMs = startMs + ((datagram.length + HEADER_BYTES) * 8) / path.kbps;
          clock.schedule(freeAtMs - nowMs + path.delayMs, () => {
            if (isRtcpDatagram(datagram)) other().media.takeRtcp(datagram);
            else other().media.takeRtp(datagram);
          });
        }
      },
      negotiated: negotiatedOf(sections),
      features: negotiatedFeatures(sections),
      sendable: new Set(sections.map(({ kind }) => kind)),
      ssrc: { audio: base + 1, video: base + 2, screen: base + 3 },
      repairSsrc: { video: base + 4, screen: base + 5 },
      cname: 'room',
      clock,
      emit(event, ...values) {
        const [kind, packet] = values as [PictureKind, ReceivedRtp];
        if (event === 'rtp') received[kind].push(packet);
        if (event === 'keyframeRequest') keyframeRequests.push(kind);
      },
      isOver: () => over
    });
    const tick = () => {
      media.tick();
      if (!over) clock.schedule(20, tick);
    };
    clock.schedule(20, tick);
    return { media, received, keyframeRequests, sent, path };
  };
  const left: MediaEnd = make(100, () => right, 'offerer');
  const right: MediaEnd = make(200, () => left, 'answerer');
  return {
    left,
    right,
    close() {
      over = true;
      left.media.close();
      right.media.close();
    }
  };
}

/** Numbers below 1 of 16 bits each, from what a seeded network loses at one half. */
function createRandomOf(next: () => readonly number[]): () => number {
  return () => {
    let value = 0;
    for (let bit = 0; bit < 16; bit += 1) value = 2 * value + (next().length === 0 ? 1 : 0);
    return value / 2 ** 16;
  };
}

/** An encoder's model: frames of the size that the target asks for, with larger keyframes when it begins and when asked. */
export function createModelPicture(
  clock: Clock,
  media: PeerMedia,
  kind: PictureKind,
  profile: { readonly width: number; readonly height: number; readonly fps: number; readonly maxKbps: number }
) {
  type Target = { readonly width: number; readonly height: number; readonly fps: number; readonly kbps: number };
  let target: Target | null = { ...profile, kbps: profile.maxKbps };
  let timestamp = 0;
  let stopped = false;
  let sinceKeyframe = Number.POSITIVE_INFINITY;
  const frame = () => {
    if (stopped) return;
    const fps = target?.fps ?? 5;
    clock.schedule(1000 / fps, frame);
    timestamp += Math.round(90_000 / fps);
    if (target === null) return;
    sinceKeyframe += 1;
    const bytes = Math.round(((target.kbps * 1000) / 8 / fps) * (sinceKeyframe > 300 ? 4 : 1));
    if (sinceKeyframe > 300) sinceKeyframe = 0;
    for (let left = bytes; left > 0; left -= 1_150)
      media.send(kind, { timestamp, marker: left <= 1_150, payload: Buffer.alloc(Math.max(1, Math.min(1_150, Math.round(left))), 1) });
  };
  frame();
  return {
    profile,
    setTarget(next: Target | null) {
      target = next;
    },
    target: () => target,
    stop() {
      stopped = true;
    }
  };
}

/** 20 ms of sound after another, numbered. */
export function createModelSound(clock: Clock, media: PeerMedia) {
  let number = 0;
  let stopped = false;
  let kbps = 32;
  const block = () => {
    if (stopped) return;
    clock.schedule(20, block);
    const payload = Buffer.alloc(Math.round((kbps * 20) / 8), 2);
    payload.writeUInt32BE(number, 0);
    media.send('audio', { timestamp: number * 960, marker: number === 0, payload });
    number += 1;
  };
  block();
  return {
    setTarget(target: { readonly kbps: number }) {
      kbps = target.kbps;
    },
    sent: () => number,
    stop() {
      stopped = true;
    }
  };
}

export const soundNumbers = (packets: readonly ReceivedRtp[]): number[] => packets.map(({ payload }) => Buffer.from(payload).readUInt32BE(0));
