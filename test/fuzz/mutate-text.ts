// Texts that nobody honest sends, made of honest ones: whole lines out, twice, elsewhere or from another text; words, numbers and characters changed.
import type { Random } from './random.ts';

export type MutatedText = { readonly text: string; readonly how: string };

const ODD_WORDS = [
  '',
  ' ',
  '0',
  '-1',
  '65536',
  '4294967296',
  '1e999',
  'NaN',
  '%s',
  '\0',
  '\r',
  '\u{1f512}',
  '\ud800',
  '__proto__',
  'constructor',
  'a'.repeat(300)
];
const ODD_LINES = [
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'a=fingerprint:sha-256 00',
  `a=fingerprint:sha-256 ${'00:'.repeat(31)}00`,
  `a=Fingerprint:sha-1 ${'00:'.repeat(19)}00`,
  'a=ice-ufrag:x',
  'a=setup:holdconn',
  'a=group:BUNDLE',
  'a=candidate:1 1 udp 1 255.255.255.255 1 typ host',
  'a=rtpmap:127 H264/90000',
  `a=fmtp:102 ${'x=;'.repeat(200)}`,
  'a=inactive',
  'a=:',
  'a='
];

type Way = (random: Random, text: string, other: string) => string;

/** Where a line ends in this text; a text without lines is one. */
const endOf = (text: string): string => (text.includes('\r\n') ? '\r\n' : '\n');

function inLines(change: (random: Random, lines: string[], other: readonly string[]) => void): Way {
  return (random, text, other) => {
    const lines = text.split(endOf(text));
    change(random, lines, other.split(endOf(other)));
    return lines.join(random.once(20) ? '\n' : endOf(text));
  };
}
const at = (random: Random, text: string | readonly string[]): number => random.below(text.length + 1);

const WAYS: Readonly<Record<string, Way>> = {
  'line out': inLines((random, lines) => void lines.splice(at(random, lines), 1)),
  'line twice': inLines((random, lines) => void lines.splice(at(random, lines), 0, random.pick(lines))),
  'lines many times': inLines((random, lines) => {
    const from = at(random, lines);
    const piece = lines.slice(from, from + 1 + random.below(4));
    for (let times = random.below(random.once(20) ? 500 : 8); times > 0; times -= 1) lines.splice(from, 0, ...piece);
  }),
  'line moved': inLines((random, lines) => void lines.splice(at(random, lines), 0, ...lines.splice(at(random, lines), 1))),
  'odd line': inLines((random, lines) => void lines.splice(at(random, lines), 0, random.pick(ODD_LINES))),
  'line of another': inLines((random, lines, other) => void lines.splice(at(random, lines), random.below(2), random.pick(other))),
  cut: (random, text) => text.slice(0, at(random, text)),
  splice: (random, text, other) => text.slice(0, at(random, text)) + other.slice(at(random, other)),
  number: (random, text) => {
    const numbers = [...text.matchAll(/\d+/g)];
    if (numbers.length === 0) return text;
    const { 0: number, index } = random.pick(numbers);
    const value = random.once(3)
      ? String(random.pick([0, 1, 95, 127, 128, 65_535, 65_536, 2 ** 31, 2 ** 53]))
      : String(Math.max(0, Number(number) + random.below(5) - 2));
    return text.slice(0, index) + value + text.slice(index + number.length);
  },
  word: (random, text) => {
    const words = [...text.matchAll(/[^\s:;=,"{}]+/g)];
    if (words.length === 0) return text;
    const { 0: word, index } = random.pick(words);
    return text.slice(0, index) + (random.once(3) ? random.pick(words)[0] : random.pick(ODD_WORDS)) + text.slice(index + word.length);
  },
  character: (random, text) => {
    const index = at(random, text);
    return text.slice(0, index) + String.fromCharCode(random.once(4) ? random.below(2 ** 16) : random.below(128)) + text.slice(index + random.below(2));
  },
  case: (random, text) => {
    const index = at(random, text);
    const piece = text.slice(index, index + 1 + random.below(12));
    return text.slice(0, index) + (random.once(2) ? piece.toUpperCase() : piece.toLowerCase()) + text.slice(index + piece.length);
  },
  noise: (random) => random.bytes(random.below(200)).toString(random.once(2) ? 'latin1' : 'utf8')
};
const NAMES = Object.keys(WAYS);

/** @param corpus honest texts, at least one */
export function mutateText(random: Random, corpus: readonly string[]): MutatedText {
  let text = random.pick(corpus);
  const names: string[] = [];
  for (let times = random.once(3) ? 1 + random.below(3) : 1; times > 0; times -= 1) {
    const name = random.pick(NAMES);
    text = WAYS[name]?.(random, text, random.pick(corpus)) ?? text;
    names.push(name);
  }
  return { text, how: names.join('+') };
}
