// What a call does not offer, and why (R6). An end-to-end encrypted call takes away whatever would need somebody else to hold its media.
import type { CallView, Unavailable } from '../room/state.ts';

/** The features of R6, and whether this room offers them in a standard call. */
const FEATURES = [
  { feature: 'captions', offered: false },
  { feature: 'transcription', offered: false },
  { feature: 'transfer', offered: true },
  { feature: 'consult-then-transfer', offered: true },
  { feature: 'merge', offered: true },
  { feature: 'park', offered: true },
  { feature: 'move-to-another-device', offered: false },
  { feature: 'add-participant', offered: true },
  { feature: 'recording', offered: true },
  { feature: 'apps', offered: false }
] as const;

/** Not while three take part, or are to (docs/adr/0036). */
const OF_TWO: ReadonlySet<string> = new Set(['transfer', 'consult-then-transfer', 'merge', 'park', 'add-participant', 'recording']);

/**
 * @param agreed null while it is not settled: nothing is told before
 * @param records somebody who may play recordings is configured
 * @param conference a third participant takes part, or is to
 */
export function unavailableFeatures(agreed: 'end-to-end' | 'standard' | null, records = true, conference = false): CallView['unavailable'] {
  if (agreed === null) return [];
  return FEATURES.flatMap(({ feature, offered }): Unavailable[] => {
    if (agreed === 'end-to-end') return [{ feature, reason: 'end-to-end-encryption' }];
    if (conference && OF_TWO.has(feature)) return [{ feature, reason: 'conference' }];
    return offered && (records || feature !== 'recording') ? [] : [{ feature, reason: 'not-offered-here' }];
  });
}
