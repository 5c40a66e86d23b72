// Which PINs are taken, and how long a wrong one keeps everybody waiting. Pure.

const FEWEST_DIGITS = 6;
const MOST_DIGITS = 12;

/** Tries before anybody has to wait. */
export const FREE_TRIES = 5;
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 60 * 60_000;

/**
 * Why nobody should take this PIN; null where it may be taken. A PIN that is one pattern from end to end (111111, 123123, 246802) is among the first
 * that anybody tries; so is a date, but there is no telling one from any other number.
 */
export function weaknessOf(pin: string): string | null {
  if (!/^[0-9]*$/.test(pin)) return 'A PIN has digits alone.';
  if (pin.length < FEWEST_DIGITS || pin.length > MOST_DIGITS) return `A PIN has ${FEWEST_DIGITS} to ${MOST_DIGITS} digits.`;
  const digits = [...pin].map(Number);
  const steps = new Set(digits.slice(1).map((digit, index) => (digit - (digits[index] ?? 0) + 10) % 10));
  // One step from each digit to the next: all the same, up, down, by twos.
  if (steps.size === 1) return 'The digits are all the same or in a row.';
  for (let length = 2; length <= pin.length / 2; length++) {
    if (
      pin
        .slice(0, length)
        .repeat(Math.ceil(pin.length / length))
        .slice(0, pin.length) === pin
    )
      return 'The digits repeat themselves.';
  }
  return new Set(digits).size < 3 ? 'There are too few different digits.' : null;
}

/** How long nobody may try after so many wrong ones one after the other. */
export function waitAfter(wrongTries: number): number {
  if (wrongTries < FREE_TRIES) return 0;
  return Math.min(FIRST_WAIT_MS * 2 ** (wrongTries - FREE_TRIES), LONGEST_WAIT_MS);
}
