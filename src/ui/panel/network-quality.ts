// How well the network carries a call, in four steps: a pure choice from what the media process measured. The worst of its signs decides.
import type { MediaView } from '../../room/state.ts';

export const QUALITIES = ['poor', 'fair', 'good', 'excellent'] as const;
export type Quality = (typeof QUALITIES)[number];

/** Up to which figure each step goes; what is above all is poor. Round trip: ITU-T G.114 has both ways below 300 ms as hardly noticed. */
const ROUND_TRIP_MS = { excellent: 150, good: 300, fair: 600 } as const;
const LOSS_PERCENT = { excellent: 1, good: 3, fair: 8 } as const;
/** Below it a picture can hardly be sent. */
const POOR_KBPS = 200;

/** @returns null while nothing is measured */
export function qualityOf({ roundTripMs, bandwidth, video, screen }: Pick<MediaView, 'roundTripMs' | 'bandwidth' | 'video' | 'screen'>): Quality | null {
  if (roundTripMs === null && bandwidth === null) return null;
  const limited = video.limited !== null || screen.limited !== null;
  const signs: readonly Quality[] = [
    ...(roundTripMs === null ? [] : [stepOf(roundTripMs, ROUND_TRIP_MS)]),
    ...(bandwidth === null ? [] : [stepOf(bandwidth.lossPercent, LOSS_PERCENT)]),
    // What the network carries matters where it is less than what there is to send.
    ...(limited ? [bandwidth !== null && bandwidth.targetKbps < POOR_KBPS ? ('poor' as const) : ('fair' as const)] : [])
  ];
  return QUALITIES.find((quality) => signs.includes(quality)) ?? null;
}

function stepOf(value: number, limits: { readonly excellent: number; readonly good: number; readonly fair: number }): Quality {
  if (value <= limits.excellent) return 'excellent';
  if (value <= limits.good) return 'good';
  return value <= limits.fair ? 'fair' : 'poor';
}
