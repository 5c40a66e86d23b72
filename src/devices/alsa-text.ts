// Reads what ALSA tells of its cards in /proc/asound. Pure; texts of a device are in it, so that what has not the expected form is left out.
import { printableText } from './device-text.ts';

/** ` 0 [Loopback       ]: Loopback - Loopback`: the number and the name after the driver's. */
export function parseCards(text: string): ReadonlyMap<number, string> {
  const cards = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [, number = '', name = ''] = /^ {0,2}(\d{1,2}) \[.{1,20}\]: .{0,40}? - (.*)$/.exec(line) ?? [];
    if (number !== '' && printableText(name) !== '') cards.set(Number(number), printableText(name));
  }
  return cards;
}

/** `name: USB Audio` of a PCM's info. */
export const parsePcmName = (text: string): string => printableText(/^name: (.*)$/m.exec(text)?.[1] ?? '');

const CHANNELS: ReadonlyMap<number, string> = new Map([
  [1, 'mono'],
  [2, 'stereo']
]);
const MAX_FORMS = 8;

/** Of a USB card's stream file, what one direction can do, such as `48 kHz mono`. */
export function parseStream(text: string, direction: 'Playback' | 'Capture'): readonly string[] {
  const forms = new Set<string>();
  let inside = false;
  let channels: number | null = null;
  for (const line of text.split('\n')) {
    if (/^\w+:$/.test(line)) inside = line === `${direction}:`;
    if (!inside) continue;
    const [, key = '', value = ''] = /^ +(Channels|Rates): (\d[\d ,-]{0,200})/.exec(line) ?? [];
    if (key === 'Channels') channels = Number.parseInt(value, 10);
    const rates = key === 'Rates' ? (value.match(/\d{4,6}/g) ?? []).map((rate) => `${Number(rate) / 1000}`) : [];
    if (rates.length > 0 && channels !== null && forms.size < MAX_FORMS)
      forms.add(`${rates.join(value.includes('-') ? ' to ' : ', ')} kHz ${CHANNELS.get(channels) ?? `${channels} channels`}`);
  }
  return [...forms];
}
