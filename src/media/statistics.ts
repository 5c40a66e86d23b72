// The figures of one media process, put together from its parts: what really is sent and received. Rates are over the time since the call before.
import type { Clock } from '../kernel/clock.ts';
import type { EncoderView, MediaFlow } from '../room/state.ts';
import type { Microphone } from './audio/microphone.ts';
import type { DeviceOrder } from './device-order.ts';
import type { AudioSender } from './encode/audio-sender.ts';
import type { VideoSender } from './encode/video-sender.ts';
import type { Playout } from './playout/playout.ts';
import type { MediaSettings, MediaStatistics } from './port.ts';
import type { Receiver } from './receiver.ts';
import type { Share } from './screen/share.ts';
import { idleView } from './source/chosen-devices.ts';
import { type MediaKind, type NegotiatedMedia, ofEachKind, type PeerConnection, type PictureKind } from './streams.ts';

export type StatisticsParts = {
  readonly clock: Clock;
  readonly settings: MediaSettings;
  readonly devices: Pick<DeviceOrder, 'current'>;
  readonly peer: Pick<PeerConnection, 'roundTripMs' | 'statistics'>;
  readonly receiver: Pick<Receiver, 'figures'>;
  readonly feed: { statistics(): { readonly displays: number; readonly framesDecoded: number } };
  readonly audio: Pick<AudioSender, 'statistics'>;
  readonly video: () => Pick<VideoSender, 'statistics'> | null;
  readonly screen: () => Pick<Share, 'statistics'> | null;
  readonly microphone: Pick<Microphone, 'level' | 'echo'>;
  readonly playout: Pick<Playout, 'level'>;
  readonly negotiated: () => NegotiatedMedia | null;
  /** Whether less of a picture is sent than is wanted, because the path carries no more. */
  readonly limited: (kind: PictureKind) => boolean;
};

/** Below this a rate would say more about the moment than about the flow. */
const RATE_WINDOW_MS = 500;

type Counts = { readonly atMs: number; readonly sent: Record<MediaKind, number>; readonly received: Record<MediaKind, number> };

export function createStatistics(parts: StatisticsParts): () => MediaStatistics {
  const { clock, settings } = parts;
  let before: Counts = { atMs: clock.monotonicMs(), sent: ofEachKind(() => 0), received: ofEachKind(() => 0) };
  let rates = { sent: ofEachKind(() => 0), received: ofEachKind(() => 0) };

  return () => {
    const peer = parts.peer.statistics();
    const atMs = clock.monotonicMs();
    const counts: Counts = {
      atMs,
      sent: ofEachKind((kind) => peer[kind].bytesSent),
      received: ofEachKind((kind) => peer[kind].bytesReceived)
    };
    if (atMs - before.atMs >= RATE_WINDOW_MS) {
      const kbps = (now: number, then: number): number => Math.round(((now - then) * 8) / (atMs - before.atMs));
      rates = {
        sent: ofEachKind((kind) => kbps(counts.sent[kind], before.sent[kind])),
        received: ofEachKind((kind) => kbps(counts.received[kind], before.received[kind]))
      };
      before = counts;
    }
    const audio = parts.audio.statistics();
    const video = parts.video()?.statistics() ?? null;
    const screen = parts.screen()?.statistics() ?? null;
    const feed = parts.feed.statistics();
    const negotiated = parts.negotiated();
    const listed = parts.devices.current();
    const flow = (kind: MediaKind, sending: boolean, framesSent: number, framesDecoded: number, encoder: EncoderView | null): MediaFlow => {
      const { frames, receiving, width, height, fps } = parts.receiver.figures(kind);
      const { packetsSent, packetsResent, packetsReceived, packetsRecovered, lost } = peer[kind];
      return {
        sending,
        receiving,
        codec: negotiated?.[kind]?.codec ?? null,
        bitrateKbps: rates.received[kind],
        sendKbps: rates.sent[kind],
        packetsSent,
        packetsResent,
        packetsReceived,
        packetsRecovered,
        lost,
        framesSent,
        framesReceived: frames,
        framesDecoded,
        width,
        height,
        fps,
        encoder,
        limited: kind !== 'audio' && parts.limited(kind) ? 'bandwidth' : null
      };
    };
    return {
      audio: flow('audio', audio.sending, audio.packetsSent, 0, audio.encoder),
      video: flow('video', video?.sending ?? false, video?.framesSent ?? 0, feed.framesDecoded, video?.encoder ?? null),
      screen: flow('screen', screen?.sending ?? false, screen?.framesSent ?? 0, 0, screen?.encoder ?? null),
      roundTripMs: parts.peer.roundTripMs(),
      bandwidth:
        negotiated === null
          ? null
          : {
              targetKbps: Math.round(peer.send.targetKbps),
              acknowledgedKbps: peer.send.acknowledgedKbps === null ? null : Math.round(peer.send.acknowledgedKbps),
              lossPercent: Math.round(1000 * peer.send.lossFraction) / 10
            },
      displays: feed.displays,
      camera: video?.source ?? idleView('camera', settings.camera, listed?.camera ?? null),
      microphone: audio.source ?? idleView('microphone', settings.microphone, listed?.microphone ?? null),
      screenSource: screen?.source ?? null,
      levels: { microphone: parts.microphone.level(), speaker: parts.playout.level() },
      echo: parts.microphone.echo()
    };
  };
}
