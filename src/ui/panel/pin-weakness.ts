// What ails a PIN while it is typed, so that nobody types it twice in vain. The room decides (CL_PIN_WEAK); this says the same sooner. Pure.

export const FEWEST_DIGITS = 6;
export const MOST_DIGITS = 12;

type PinWeakness = 'short' | 'pattern';

/** null: it may be taken. `pattern`: the whole of it is one pattern, such as 111111, 123456, 246802 or 123123, or has too few different digits. */
export function pinWeaknessOf(pin: string): PinWeakness | null {
  if (pin.length < FEWEST_DIGITS) return 'short';
  const digits = [...pin].map(Number);
  const steps = new Set(digits.slice(1).map((digit, index) => (digit - (digits[index] ?? 0) + 10) % 10));
  if (steps.size === 1 || new Set(digits).size < 3) return 'pattern';
  for (let length = 2; length <= pin.length / 2; length += 1)
    if (
      pin
        .slice(0, length)
        .repeat(Math.ceil(pin.length / length))
        .startsWith(pin)
    )
      return 'pattern';
  return null;
}
