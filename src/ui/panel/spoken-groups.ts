// Where the four groups of a spoken security code begin, found by its three long pauses: so that the panel can mark the group that is heard.

/** Between two groups it is silent for longer than between two digits. */
const PAUSE_SECONDS = 0.9;
/** Of the loudest sample; below it nobody hears anything. */
const SILENCE = 0.02;
const GROUPS = 4;

/** @returns seconds from the beginning, one for each group; null where the sound does not have three such pauses, and nothing should be marked */
export function groupStarts(samples: Float32Array, rate: number): readonly number[] | null {
  const peak = samples.reduce((loudest, sample) => Math.max(loudest, Math.abs(sample)), 0);
  if (peak === 0) return null;
  const starts: number[] = [];
  let lastHeard = Number.NEGATIVE_INFINITY;
  for (const [index, sample] of samples.entries()) {
    if (Math.abs(sample) < SILENCE * peak) continue;
    if (index - lastHeard >= PAUSE_SECONDS * rate) starts.push(index / rate);
    lastHeard = index;
  }
  return starts.length === GROUPS ? starts : null;
}
