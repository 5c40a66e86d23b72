// Fire at the readers of texts, in numbers that a whole call does not allow: session descriptions, candidates, what a display says; and at those of what two
// media processes of a room say to each other. Each answers for any text, in a time that does not run away with its length, and what it takes can be written
// and read again.
import assert from 'node:assert/strict';
import type { CloisterError } from '../../src/kernel/errors.ts';
import { parseDisplayMessage } from '../../src/media/display-feed/display-message.ts';
import {
  createBorrowerReader,
  createLenderReader,
  pictureBytes,
  pictureMemory,
  setPictureTimes,
  writeFromBorrower,
  writeFromLender
} from '../../src/media/loan/loan-format.ts';
import { parseCandidate } from '../../src/media/path/candidate.ts';
import { answeredSections, offeredSections, sendableKinds, settle } from '../../src/media/peer/negotiation.ts';
import { parseDescription, parseUpdate } from '../../src/media/peer/sdp.ts';
import { firedInHalves, quickestMs, type Range } from './fire.ts';
import { describePeer, readDescription } from './hostile-call.ts';
import { mutateText } from './mutate-text.ts';

/** A description is read in a tenth of a millisecond; one of the largest size in a few. */
const SLOW_MS = 200;
const VIDEO_CODECS = ['H264', 'VP8'] as const;
const SDP_CODES = ['CL_SECURITY_FINGERPRINT', 'CL_MEDIA_NEGOTIATION', 'CL_SECURITY_RENEGOTIATION'];
const CANDIDATES = [
  'candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host generation 0',
  'candidate:842163049 1 UDP 1677729535 2001:db8::1 9 typ srflx raddr 10.0.0.1 rport 9',
  'candidate:3 1 udp 1 12345678-1234-1234-1234-123456789abc.local 50000 typ host',
  'a=candidate:4 1 udp 41885439 198.51.100.1 3478 typ relay raddr 0.0.0.0 rport 0'
];
const DISPLAY = [
  JSON.stringify({ type: 'need-keyframe', of: 'screen' }),
  JSON.stringify({ type: 'report', framesDecoded: 1, framesDropped: 0, audioPlayedMs: 20, audioGapsMs: 0, bufferMs: 40, avOffsetMs: -3 })
];

const picture = pictureMemory('camera', 8, 4) ?? Buffer.alloc(0);
setPictureTimes(picture, 1_000.5, 1_001);
const FROM_LENDER = [
  writeFromLender({ type: 'welcome' }),
  writeFromLender({ type: 'state', kind: 'camera', state: 'open', choice: '', view: { kind: 'device', name: 'Front' } }),
  writeFromLender({ type: 'sound', captureMs: 20, sentMs: 21, samples: new Int16Array(960) }),
  picture
];
const FROM_BORROWER = [
  writeFromBorrower({ type: 'hello', ticket: new Uint8Array(32) }),
  writeFromBorrower({ type: 'want', kind: 'screen', on: true }),
  writeFromBorrower({ type: 'released', kind: 'speaker' }),
  writeFromBorrower({ type: 'opus', timestampUs: 20_000, data: new Uint8Array(60) }),
  writeFromBorrower({ type: 'key', key: '#' })
];

export function besiegeReaders(range: Range, count: number): void {
  const { random } = range;
  const pinned = range.certificates.client.thumbprint;
  const sections = offeredSections(VIDEO_CODECS);
  const words = { fingerprint: pinned, iceUfrag: 'abcdefgh', icePassword: 'p'.repeat(32), sections };
  const descriptions = [describePeer({ ...words, setup: 'actpass' }), describePeer({ ...words, setup: 'active' })];
  const offered = readDescription(descriptions[0] ?? '', 'offer').sections;

  const descriptionAs =
    (type: 'offer' | 'answer', update: boolean) =>
    (text: string): string => {
      const read = update ? parseUpdate(text, type, pinned) : parseDescription(text, type);
      if (!read.ok) {
        assert.ok(SDP_CODES.includes(read.error.code), read.error.code);
        assert.ok(!read.error.message.includes('p'.repeat(32)), 'an error quotes the ICE password');
        return 'a description is refused';
      }
      sendableKinds(read.value.sections);
      if (type === 'answer') return settle(offered, read.value).ok ? 'an answer is taken' : 'an answer does not fit';
      const answered = answeredSections(read.value, VIDEO_CODECS);
      if (!answered.ok) return 'an offer has nothing to answer';
      const written = parseDescription(describePeer({ ...words, setup: 'passive', sections: answered.value }), 'answer');
      assert.ok(written.ok, 'what answers an offer cannot be read');
      return 'an offer is answered';
    };
  const candidate = (text: string): string => {
    const read = parseCandidate(text);
    if (read === null) return 'a candidate is refused';
    assert.ok(read.port > 0 && read.port < 65_536 && read.priority < 2 ** 31 && !read.host.includes('%'));
    return 'a candidate is taken';
  };
  const display = (text: string): string => {
    const message = parseDisplayMessage(text);
    if (message === null) return 'a word of the display is refused';
    if (message.type === 'report') for (const value of Object.values(message)) assert.ok(typeof value === 'string' || Number.isFinite(value));
    return 'a word of the display is taken';
  };

  /** Some messages one after the other, damaged and cut anywhere. */
  const loan = (): void => {
    const lender = random.once(2);
    const corpus = lender ? FROM_LENDER : FROM_BORROWER;
    const bytes = Buffer.concat(Array.from({ length: 1 + random.below(3) }, () => random.pick(corpus)));
    for (let damages = random.below(4); damages > 0; damages -= 1)
      bytes.writeUInt8(random.below(256), random.once(2) ? random.below(30) % bytes.length : random.below(bytes.length));
    range.aim(bytes, 'a loan');
    const cut = random.below(bytes.length + 1);
    let taken = 0;
    const read = (push: (chunk: Uint8Array) => CloisterError | null): void => {
      const error = push(bytes.subarray(0, cut)) ?? push(bytes.subarray(cut));
      if (error !== null) assert.equal(error.code, 'CL_MEDIA_LOAN');
      range.count(error === null ? 'a loan is read' : 'a loan is refused');
    };
    if (lender) {
      const reader = createLenderReader();
      read((chunk) =>
        reader.push(chunk, (message) => {
          taken += 1;
          if (message.type === 'picture') assert.equal(message.planes.byteLength, pictureBytes(message.width, message.height));
          if ('captureMs' in message) assert.ok(Number.isFinite(message.captureMs + message.sentMs));
        })
      );
    } else {
      const reader = createBorrowerReader();
      read((chunk) =>
        reader.push(chunk, () => {
          taken += 1;
        })
      );
    }
    assert.ok(taken <= bytes.length / 5);
  };

  firedInHalves(range, count, () => {
    if (random.once(8)) return loan();
    const [corpus, read] = random.pick<[readonly string[], (text: string) => string]>([
      [descriptions, descriptionAs(random.once(2) ? 'offer' : 'answer', random.once(3))],
      [CANDIDATES, candidate],
      [DISPLAY, display]
    ]);
    const { text, how } = mutateText(random, corpus);
    range.aim(Buffer.from(text), how);
    range.count(read(text));
    const tookMs = quickestMs(SLOW_MS, () => read(text));
    assert.ok(tookMs < SLOW_MS, `${text.length} characters took ${tookMs.toFixed(0)} ms`);
  });
}
