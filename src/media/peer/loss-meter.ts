// How much of what is sent gets lost, smoothed so that one burst neither starts nor ends a precaution. Pure.

/** So many packets make a measurement. */
const MIN_PACKETS = 50;
/** The first measurements weigh more, until there are enough: what nothing is known of yet needs no smoothing. */
const SMOOTHING = 0.3;

export type LossMeter = {
  /** What was told since the last measurement was for another reason. */
  forgetNewest(): void;
  /** @param lost how many of `told` did not arrive, as far as the other side knew when it said so */
  arrivals(told: number, lost: number): void;
  /** A fraction that the other side measured over about a second. */
  fraction(lost: number): void;
  current(): number;
};

export function createLossMeter(): LossMeter {
  let waiting = { told: 0, lost: 0 };
  let smoothed = 0;
  let taken = 0;
  const take = (fraction: number): void => {
    taken += 1;
    smoothed += (fraction - smoothed) * Math.max(SMOOTHING, 1 / taken);
  };
  return {
    forgetNewest() {
      waiting = { told: 0, lost: 0 };
    },
    arrivals(told, lost) {
      waiting = { told: waiting.told + told, lost: waiting.lost + lost };
      if (waiting.told < MIN_PACKETS) return;
      take(waiting.lost / waiting.told);
      waiting = { told: 0, lost: 0 };
    },
    fraction: take,
    current: () => smoothed
  };
}
