// How loud a volume is: the one curve of the display and of the room's own loudspeaker.

/** @param percent 0 to 100 @returns the factor for samples: 0 at 0 %, a quarter (−12 dB) at 50 %, 1 at 100 % */
export function gainOfPercent(percent: number): number {
  const part = Math.min(100, Math.max(0, percent)) / 100;
  return part * part;
}
