// Two ends of a call's media in fake time with a bad network between; what they say is not encrypted, so that a test can read it.
import type { Clock } from '../../src/kernel/clock.ts';
import { negotiatedFeatures, negotiatedOf, offeredSections } from '../../src/media/peer/negotiation.ts';
import { createPeerMedia, type PeerMedia } from '../../src/media/peer/peer-media.ts';
import type { MediaSection } from '../../src/media/peer/sdp.ts';
import { type MediaKind, ofEachKind, type PictureKind, type ReceivedRtp } from '../../src/media/streams.ts';
import { bothWays, createImpairedPipe, type ImpairedPipe, type Impairment } from '../harness/impaired-network.ts';
import type { Side } from './dtls-attacker.ts';

export type MediaEnd = {
  readonly media: PeerMedia;
  readonly received: Record<MediaKind, ReceivedRtp[]>;
  readonly keyframeRequests: PictureKind[];
  /** Keys of the other side. */
  readonly pressed: string[];
  /** Every datagram that it sent, as it was. */
  readonly sent: Buffer[];
  /** In the place of being kept. */
  onRtp?: (kind: MediaKind, packet: ReceivedRtp) => void;
  onKeyframeRequest?: (kind: PictureKind) => void;
};

export const isRtcpDatagram = (datagram: Buffer): boolean => (datagram[1] ?? 0) >= 192 && (datagram[1] ?? 0) <= 223;

/** The left end offers, and so is the pipe's offerer. */
export function createMediaPair(
  clock: Clock,
  options: { readonly path?: Partial<Impairment>; readonly seed?: number; readonly sections?: (offered: MediaSection[]) => MediaSection[] } = {}
): { readonly left: MediaEnd; readonly right: MediaEnd; readonly pipe: ImpairedPipe; close(): void } {
  const offered = offeredSections(['VP8']);
  const sections = options.sections?.(offered) ?? offered;
  const path: Impairment = { lossRate: 0, delayMs: 20, ...options.path };
  const pipe = createImpairedPipe({ seed: options.seed ?? 1, clock, from: bothWays(path) });
  let over = false;
  const make = (side: Side, base: number): MediaEnd => {
    const sent: Buffer[] = [];
    const received = ofEachKind((): ReceivedRtp[] => []);
    const keyframeRequests: PictureKind[] = [];
    const pressed: string[] = [];
    const media = createPeerMedia({
      transport: {
        protectRtp: (packet) => packet,
        protectRtcp: (packet) => packet,
        unprotectRtp: (packet) => packet,
        unprotectRtcp: (packet) => packet,
        roundTripMs: () => 2 * path.delayMs,
        send(datagram) {
          sent.push(datagram);
          pipe.send(side, datagram);
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
        if (event === 'rtp') end.onRtp === undefined ? received[kind].push(packet) : end.onRtp(kind, packet);
        if (event === 'key') pressed.push(kind);
        if (event === 'keyframeRequest') {
          keyframeRequests.push(kind);
          end.onKeyframeRequest?.(kind);
        }
      },
      isOver: () => over
    });
    pipe.onDatagram(side, (datagram) => (isRtcpDatagram(datagram) ? media.takeRtcp(datagram) : media.takeRtp(datagram)));
    const tick = () => {
      media.tick();
      if (!over) clock.schedule(20, tick);
    };
    clock.schedule(20, tick);
    const end: MediaEnd = { media, received, keyframeRequests, pressed, sent };
    return end;
  };
  const [left, right] = [make('offerer', 100), make('answerer', 200)];
  return {
    left,
    right,
    pipe,
    close() {
      over = true;
      left.media.close();
      right.media.close();
      pipe[Symbol.dispose]();
    }
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
