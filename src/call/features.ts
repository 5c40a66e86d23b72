// What an end-to-end encrypted call takes away (R6), because the feature would need somebody else to hold the media.

export const UNAVAILABLE_IN_END_TO_END = [
  'captions',
  'transcription',
  'transfer',
  'consult-then-transfer',
  'merge',
  'park',
  'move-to-another-device',
  'add-participant',
  'recording',
  'apps'
] as const;
