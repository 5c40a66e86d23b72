// How readable a shared page of small text is, and how soon, at given rates, with the share's encoder and with the camera's.
// node bench/screen.ts [kbit/s ...]
import { pictureAt, type ShownPicture, shareTestPage } from '../test/harness/readability.ts';

const SECONDS = 10;
const rates = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [500, 1500, 3000];

const looks = (picture: ShownPicture | null): string =>
  picture === null ? 'nothing' : `${picture.decibels.toFixed(1)} dB, contrast ${picture.contrast.toFixed(2)}`;

for (const codec of ['VP8', 'H264'] as const) {
  for (const content of ['text', undefined] as const) {
    for (const kbps of rates) {
      const shown = await shareTestPage(codec, kbps, SECONDS, content);
      const [first = null] = shown;
      const sent = Math.round(shown.reduce((sum, { bytes }) => sum + bytes * 8, 0) / SECONDS / 1000);
      console.log(
        `${codec} ${content ?? 'as a camera'} ${kbps} kbit/s: first after ${((first?.atMs ?? 0) / 1000).toFixed(1)} s (${looks(first)}); ` +
          `at 2 s ${looks(pictureAt(shown, 2000))}; at 5 s ${looks(pictureAt(shown, 5000))}; at 10 s ${looks(pictureAt(shown, 10_000))}; ` +
          `${shown.length} frames, ${sent} kbit/s`
      );
    }
  }
}
