// What the path carries towards us, as a receiver says it to peers that know no better (draft-alvestrand-rmcat-remb-03): from the rate that comes and the
// loss in it. Coarse on purpose: whoever can tell us about arrivals is told, and estimates with more at hand. Pure.

const START_KBPS = 2_000;
const MIN_KBPS = 150;
const MAX_KBPS = 10_000;
/** The bounds between which loss says nothing (draft-ietf-rmcat-gcc-02 section 6). */
const LITTLE_LOSS = 0.02;
const MUCH_LOSS = 0.1;

/** @returns the next estimate, for the rate and loss since the one before; to be called once a second */
export function nextReceiverEstimate(beforeKbps: number | null, receivedKbps: number, lossFraction: number): number {
  const before = beforeKbps ?? START_KBPS;
  if (lossFraction > MUCH_LOSS) return Math.max(MIN_KBPS, Math.min(before, receivedKbps) * (1 - lossFraction / 2));
  if (lossFraction > LITTLE_LOSS) return before;
  // A sender that is not at its limit shows nothing of what lies beyond it.
  return Math.min(MAX_KBPS, Math.max(before, Math.min(before * 1.08, receivedKbps * 1.5)));
}
