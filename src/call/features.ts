// What a call does not offer, and why (R6). An end-to-end encrypted call takes away whatever would need somebody else to hold its media.
import type { CallView, Unavailable } from '../room/state.ts';

/** The features of R6, and whether this room offers them in a standard call. */
const FEATURES = [
  { feature: 'captions', offered: false },
  { feature: 'transcription', offered: false },
  { feature: 'transfer', offered: true },
  { feature: 'consult-then-transfer', offered: true },
  { feature: 'merge', offered: false },
  { feature: 'park', offered: true },
  { feature: 'move-to-another-device', offered: false },
  { feature: 'add-participant', offered: false },
  { feature: 'recording', offered: true },
  { feature: 'apps', offered: false }
] as const;

/**
 * @param agreed null while it is not settled: nothing is told before
 * @param records somebody who may play recordings is configured
 */
export function unavailableFeatures(agreed: 'end-to-end' | 'standard' | null, records = true): CallView['unavailable'] {
  if (agreed === null) return [];
  return FEATURES.flatMap(({ feature, offered }): Unavailable[] => {
    if (agreed === 'end-to-end') return [{ feature, reason: 'end-to-end-encryption' }];
    return offered && (records || feature !== 'recording') ? [] : [{ feature, reason: 'not-offered-here' }];
  });
}
