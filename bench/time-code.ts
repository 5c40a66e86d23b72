// Reads the time that the source drew into a picture (src/media/source/time-code.ts) back out of it. Sent to pages as text, so it holds everything it uses.

/** @param luma mean brightness of the middle of each cell. @returns milliseconds modulo 2^16; null where the picture has no readable time */
export function readTimeCode(luma: readonly number[]): number | null {
  const [black = 0, white = 0, ...rest] = luma;
  if (white - black < 64 || rest.length !== 20) return null;
  const bits = rest.map((value) => (value > (black + white) / 2 ? 1 : 0));
  const number = (from: number, to: number): number => bits.slice(from, to).reduce((sum: number, bit) => sum * 2 + bit, 0);
  const time = number(0, 16);
  const check = (9 + (time & 15) + 3 * ((time >> 4) & 15) + 5 * ((time >> 8) & 15) + 7 * (time >> 12)) & 15;
  return check === number(16, 20) ? time : null;
}
