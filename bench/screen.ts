// How soon the other side sees that a shared page of small text was turned, how soon it can read all of it, and how readable it is, at given rates.
// node bench/screen.ts [kbit/s ...]
import { pictureAt, type ShownPicture, shareTestPage, TEST_PAGE_TURNS_MS } from '../test/harness/readability.ts';

const AFTER_MS = 16_000;
/** The old page beside the new one has about 10 dB. */
const RECOGNISABLE_DECIBELS = 20;
const READABLE_DECIBELS = 29;
/** The first two are what sound leaves of 300 and 500 kbit/s. */
const rates = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [230, 440, 1500, 3000];

const looks = (picture: ShownPicture | null): string =>
  picture === null ? 'nothing' : `${picture.decibels.toFixed(1)} dB, contrast ${picture.contrast.toFixed(2)}`;

/** From when the page was there to be sent. */
function figuresOf(shown: readonly ShownPicture[], fromMs: number): string {
  const since = shown.filter(({ drawnMs }) => drawnMs >= fromMs && drawnMs < fromMs + AFTER_MS);
  const after = (found: ShownPicture | undefined): string => (found === undefined ? 'never' : `after ${((found.atMs - fromMs) / 1000).toFixed(1)} s`);
  const ends = [fromMs, ...since.map(({ atMs }) => atMs)];
  const stoodMs = Math.max(...ends.slice(1).map((atMs, index) => atMs - (ends[index] ?? 0)));
  return (
    `recognisable ${after(since.find(({ smallDecibels }) => smallDecibels >= RECOGNISABLE_DECIBELS))}, ` +
    `readable ${after(since.find(({ decibels }) => decibels >= READABLE_DECIBELS))}, stood still for ${(stoodMs / 1000).toFixed(1)} s at most; ` +
    `at 2 s ${looks(pictureAt(since, fromMs + 2000))}; at 5 s ${looks(pictureAt(since, fromMs + 5000))}; at 10 s ${looks(pictureAt(since, fromMs + 10_000))}`
  );
}

for (const codec of ['VP8', 'H264'] as const) {
  for (const content of ['text', undefined] as const) {
    for (const kbps of rates) {
      const shown = await shareTestPage(codec, kbps, (TEST_PAGE_TURNS_MS + AFTER_MS) / 1000, content);
      const name = `${codec} ${content ?? 'as a camera'} ${kbps} kbit/s`;
      console.log(`${name}, first page: ${figuresOf(shown, 0)}`);
      console.log(`${name}, turned: ${figuresOf(shown, TEST_PAGE_TURNS_MS)}`);
    }
  }
}
