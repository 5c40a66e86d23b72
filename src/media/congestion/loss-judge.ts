// Whether lost packets say that we send too much (draft-ietf-rmcat-gcc-02 section 6) or that the path loses some whatever we send. It is found out by a
// trial: the rate is cut to what arrived; where the loss stays, it is the path's own, the cut is taken back, and so much loss no longer counts.

export type LossVerdict =
  /** Cut to what arrives, and see. */
  | 'cut'
  /** The cut was for nothing: take it back. */
  | 'restore'
  /** Do not grow. */
  | 'hold'
  | 'none';

export type LossJudge = {
  /** One fraction (0 to 1) over so many packets that it says something. @param settleMs how long a cut needs before its effect is seen */
  judge(fraction: number, nowMs: number, settleMs: number): LossVerdict;
  /** The fraction that the path loses of itself. */
  inherent(): number;
};

const TOO_MUCH = 0.1;
const NO_MORE = 0.04;
/** A loss that stays above this share of what it was before the cut is not for congestion. */
const STAYS = 0.6;
const DECLINE = 0.2;
/** The more is lost by chance, the more it varies from one count to the next: so much of it is let pass. */
const VARIES = 0.3;
const MOST_INHERENT = 0.5;

export function createLossJudge(): LossJudge {
  let inherent = 0;
  let trial: { readonly fraction: number; readonly sinceMs: number } | null = null;
  return {
    judge(fraction, nowMs, settleMs) {
      if (trial !== null) {
        if (nowMs - trial.sinceMs < settleMs) return 'hold';
        const stayed = fraction > STAYS * trial.fraction;
        trial = null;
        if (!stayed) return 'hold';
        inherent = Math.min(MOST_INHERENT, Math.max(inherent, fraction));
        return 'restore';
      }
      const excess = (fraction - inherent) / (1 - inherent) - VARIES * inherent;
      if (fraction < inherent) inherent += DECLINE * (fraction - inherent);
      if (excess > TOO_MUCH) {
        trial = { fraction, sinceMs: nowMs };
        return 'cut';
      }
      return excess > NO_MORE ? 'hold' : 'none';
    },
    inherent: () => inherent
  };
}
