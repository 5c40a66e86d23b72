// Datagrams that nobody honest sends, made of honest ones: damaged, cut and joined anywhere, and with single fields changed while all lengths stay right.
// The same chance and the same honest datagrams make the same ones.
import type { Random } from './random.ts';
import {
  CLIENT_HELLO,
  DTLS_1_0,
  DTLS_1_2,
  FRAGMENT_HEAD,
  fragmentsIn,
  RECORD_HEAD,
  readHello,
  readRecord,
  recordsOf,
  SERVER_HELLO,
  TYPE,
  type WireFragment,
  type WireHello,
  type WireRecord,
  writeFragment,
  writeHello,
  writeRecord
} from './wire-format.ts';

/** How it was made is told with a finding. */
export type Mutated = { readonly datagram: Buffer; readonly how: string };
type Way = (random: Random, datagram: Buffer, corpus: readonly Buffer[]) => Buffer;

const ODD_BYTES = [0, 1, 2, 0x14, 0x16, 0x7f, 0x80, 0xfe, 0xff];
const ODD_NUMBERS = [0, 1, 2, 3, 7, 8, 9, 12, 13, 255, 256, 2 ** 14, 2 ** 14 + 1, 2 ** 15, 2 ** 15 + 1, 2 ** 16 - 1, 2 ** 24 - 1];
const VERSIONS = [DTLS_1_2, DTLS_1_0, 0xfefc, 0x0303, 0x0100, 0, 0xffff];
const MESSAGE_TYPES = [0, 1, 2, 3, 4, 11, 12, 13, 14, 15, 16, 20, 254, 255];
const EXTENSION_TYPES = [0, 10, 11, 13, 14, 23, 35, 43, 51, 55, 0xff01, 0xffff];

const near = (random: Random, value: number): number => (random.once(2) ? random.pick(ODD_NUMBERS) : Math.max(0, value + random.below(9) - 4));

function flipBits(random: Random, data: Buffer): Buffer {
  const changed = Buffer.from(data);
  if (changed.length > 0)
    for (let flips = 1 + random.below(random.once(4) ? 16 : 2); flips > 0; flips -= 1) {
      const at = random.below(changed.length);
      changed.writeUInt8(changed.readUInt8(at) ^ (1 << random.below(8)), at);
    }
  return changed;
}

function oddBytes(random: Random, data: Buffer): Buffer {
  const at = random.below(data.length + 1);
  return Buffer.from(data).fill(random.pick(ODD_BYTES), at, Math.min(data.length, at + 1 + random.below(4)));
}

/** Bytes taken out, or put in, anywhere. */
function resize(random: Random, data: Buffer): Buffer {
  const at = random.below(data.length + 1);
  const end = random.once(2) ? at : Math.min(data.length, at + 1 + random.below(4));
  return Buffer.concat([data.subarray(0, at), end === at ? random.bytes(1 + random.below(8)) : Buffer.alloc(0), data.subarray(end)]);
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const left = [...items];
  return items.map(() => left.splice(random.below(left.length), 1)[0] as T);
}

/** One item out, twice, in another place, or all in another order. */
function rearrange<T>(random: Random, items: readonly T[]): T[] {
  const at = random.below(items.length);
  const item = items[at];
  if (item === undefined) return [];
  const others = items.filter((_, index) => index !== at);
  const to = random.below(others.length + 1);
  return random.pick([
    () => others,
    () => [...items.slice(0, to), item, ...items.slice(to)],
    () => others.toSpliced(to, 0, item),
    () => shuffled(random, items)
  ])();
}

const changeRecord = (random: Random, datagram: Buffer, change: (record: WireRecord) => Buffer): Buffer => {
  const records = recordsOf(datagram);
  const at = random.below(records.length);
  const chosen = records[at];
  return chosen === undefined ? flipBits(random, datagram) : Buffer.concat(records.with(at, change(readRecord(chosen))));
};

/** Of a plain handshake record; protected ones are handled as bytes. */
const changeFragment = (random: Random, datagram: Buffer, change: (fragment: WireFragment) => Buffer): Buffer =>
  changeRecord(random, datagram, (record) => {
    const fragments = record.type === TYPE.handshake && record.epoch === 0 ? fragmentsIn(record.body) : null;
    const at = random.below(fragments?.length ?? 0);
    const chosen = fragments?.[at];
    if (fragments === null || chosen === undefined) return writeRecord({ ...record, body: flipBits(random, record.body) });
    return writeRecord({ ...record, body: Buffer.concat(fragments.map((fragment, index) => (index === at ? change(chosen) : writeFragment(fragment)))) });
  });

/** The same message with another body, all lengths right. */
const withBody = (fragment: WireFragment, data: Buffer): Buffer => writeFragment({ ...fragment, length: data.length, offset: 0, data });

/** A length or another number somewhere in the bytes, one to three of them wide. */
function changeNumber(random: Random, data: Buffer): Buffer {
  const bytes = 1 + random.below(3);
  if (data.length < bytes) return data;
  const changed = Buffer.from(data);
  const at = random.below(data.length - bytes + 1);
  changed.writeUIntBE(near(random, changed.readUIntBE(at, bytes)) % 2 ** (8 * bytes), at, bytes);
  return changed;
}

function changeHello(random: Random, hello: WireHello): WireHello {
  const { cookie, suites, extensions } = hello;
  const extension = random.below(extensions.length);
  const changeExtension = (change: (data: Buffer) => Buffer) =>
    extensions.map(([type, data], index) => [type, index === extension ? change(data) : data] as const);
  const number = Buffer.alloc(2);
  number.writeUInt16BE(random.pick(VERSIONS));
  return random.pick<() => WireHello>([
    () => ({ ...hello, version: number }),
    () => ({ ...hello, random: flipBits(random, hello.random) }),
    () => ({ ...hello, session: random.bytes(random.below(48)) }),
    () => ({ ...hello, cookie: cookie === null ? null : random.pick([flipBits, resize])(random, cookie).subarray(0, 255) }),
    () => ({ ...hello, cookie: cookie === null ? null : random.bytes(random.below(256)) }),
    () => ({ ...hello, suites: cookie === null ? flipBits(random, suites) : random.pick([flipBits, resize])(random, suites) }),
    () => ({ ...hello, compression: cookie === null ? random.bytes(1) : random.bytes(random.below(4)) }),
    () => ({ ...hello, extensions: rearrange(random, extensions) }),
    () => ({ ...hello, extensions: [] }),
    () => ({ ...hello, extensions: [...extensions, [random.once(2) ? random.pick(EXTENSION_TYPES) : random.below(2 ** 16), random.bytes(random.below(40))]] }),
    () => ({ ...hello, extensions: changeExtension((data) => random.pick([flipBits, resize, changeNumber])(random, data)) }),
    () => ({ ...hello, extensions: extensions.map(([type, data], index) => [index === extension ? random.pick(EXTENSION_TYPES) : type, data] as const) })
  ])();
}

/** A message again in pieces that overlap, come doubled, or in another order; sometimes one of them is changed. */
function inPieces(random: Random, { type, length, sequence, offset, data }: WireFragment): Buffer {
  const pieces: WireFragment[] = [];
  for (let at = 0; at < data.length; ) {
    const end = Math.min(data.length, at + 1 + random.below(data.length));
    const start = Math.max(0, at - (random.once(3) ? random.below(20) : 0));
    pieces.push({ type, length, sequence, offset: offset + start, data: data.subarray(start, end) });
    at = end;
  }
  const sent = random.once(2) ? rearrange(random, pieces) : pieces;
  return Buffer.concat(sent.map((piece) => writeFragment(random.once(6) ? { ...piece, data: flipBits(random, piece.data) } : piece)));
}

/** What needs no honest datagram: alerts, ChangeCipherSpec, application data, HelloRequest. */
function signal(random: Random): Buffer {
  const body = random.pick<() => Buffer>([
    () => Buffer.from([1 + random.below(2), random.pick([0, 10, 40, 42, 50, 80, 100, 255])]),
    () => random.bytes(random.below(4)),
    () => Buffer.from([1]),
    () => writeFragment({ type: 0, length: 0, sequence: random.below(9), offset: 0, data: Buffer.alloc(0) })
  ])();
  const type = random.pick([TYPE.alert, TYPE.alert, TYPE.changeCipherSpec, TYPE.handshake, TYPE.applicationData, random.below(256)]);
  return writeRecord({ type, version: DTLS_1_2, epoch: random.pick([0, 0, 1, 2, 0xffff]), sequence: random.below(2 ** 16), body });
}

const WAYS: Readonly<Record<string, Way>> = {
  flip: flipBits,
  odd: oddBytes,
  number: changeNumber,
  cut: (random, datagram) => datagram.subarray(0, random.below(datagram.length + 1)),
  extend: (random, datagram) => Buffer.concat([datagram, random.bytes(1 + random.below(random.once(20) ? 2_000 : 40))]),
  splice(random, datagram, corpus) {
    const other = random.pick(corpus);
    return Buffer.concat([datagram.subarray(0, random.below(datagram.length + 1)), other.subarray(random.below(other.length + 1))]);
  },
  noise: (random) => Buffer.concat([Buffer.from([random.once(3) ? random.below(256) : 20 + random.below(4)]), random.bytes(random.below(80))]),
  signal,
  recordHead: (random, datagram) =>
    changeRecord(random, datagram, (record) => {
      const head = random.pick<() => Partial<WireRecord>>([
        () => ({ type: random.once(2) ? 20 + random.below(5) : random.below(256) }),
        () => ({ version: random.pick(VERSIONS) }),
        () => ({ epoch: random.pick([0, 1, 2, 0xffff]) }),
        () => ({ sequence: random.pick([0, 1, 2 ** 16, 2 ** 32 - 1, 2 ** 32, 2 ** 48 - 1, near(random, record.sequence)]) })
      ])();
      const written = writeRecord({ ...record, ...head });
      if (random.once(4)) written.writeUInt16BE(near(random, record.body.length) % 2 ** 16, RECORD_HEAD - 2);
      return written;
    }),
  fragmentHead: (random, datagram) =>
    changeFragment(random, datagram, (fragment) => {
      const head = random.pick<() => Partial<WireFragment>>([
        () => ({ type: random.pick(MESSAGE_TYPES) }),
        () => ({ length: near(random, fragment.length) }),
        () => ({ sequence: random.once(2) ? random.below(12) : near(random, fragment.sequence) }),
        () => ({ offset: near(random, fragment.offset) })
      ])();
      const written = writeFragment({ ...fragment, ...head });
      if (random.once(3)) written.writeUIntBE(near(random, fragment.data.length), FRAGMENT_HEAD - 3, 3);
      return written;
    }),
  records(random, datagram, corpus) {
    const records = [...recordsOf(datagram), ...(random.once(2) ? recordsOf(random.pick(corpus)) : [])];
    return Buffer.concat(rearrange(random, records));
  },
  piece: (random, datagram) =>
    changeFragment(random, datagram, ({ type, length, sequence, offset, data }) => {
      const at = random.below(data.length + 1);
      const part = flipBits(random, data.subarray(at, at + 1 + random.below(4)));
      return writeFragment({ type, length, sequence: random.once(2) ? random.below(10) : sequence, offset: offset + at, data: part });
    }),
  pieces: (random, datagram) => changeFragment(random, datagram, (fragment) => inPieces(random, fragment)),
  body: (random, datagram) =>
    changeFragment(random, datagram, (fragment) => withBody(fragment, random.pick([flipBits, resize, changeNumber, oddBytes])(random, fragment.data))),
  hello(random, _datagram, corpus) {
    const isHello = ({ type, length, data }: WireFragment): boolean => (type === CLIENT_HELLO || type === SERVER_HELLO) && length === data.length;
    const hellos = corpus
      .flatMap(recordsOf)
      .map(readRecord)
      .filter(({ type, epoch, body }) => type === TYPE.handshake && epoch === 0 && fragmentsIn(body)?.every(isHello) === true && body.length > 0);
    if (hellos.length === 0) return signal(random);
    const record = random.pick(hellos);
    const fragments = (fragmentsIn(record.body) ?? []).map((fragment) =>
      withBody(fragment, writeHello(changeHello(random, readHello(fragment.type, fragment.data))))
    );
    return writeRecord({ ...record, body: Buffer.concat(fragments) });
  }
};
const NAMES = Object.keys(WAYS);

/** @param corpus honest datagrams, at least one */
export function mutate(random: Random, corpus: readonly Buffer[]): Mutated {
  let datagram = random.pick(corpus);
  const names: string[] = [];
  for (let times = random.once(3) ? 1 + random.below(3) : 1; times > 0; times -= 1) {
    const name = random.pick(NAMES);
    datagram = WAYS[name]?.(random, datagram, corpus) ?? datagram;
    names.push(name);
  }
  return { datagram, how: names.join('+') };
}

/** What stands inside a record of somebody who holds the keys, or an RTP packet: bytes without a record around them. */
export function mutateBytes(random: Random, corpus: readonly Buffer[]): Mutated {
  const honest = random.pick(corpus);
  const other = random.pick(corpus);
  const way = random.pick<[string, () => Buffer]>([
    ['flip', () => flipBits(random, honest)],
    ['odd', () => oddBytes(random, honest)],
    ['number', () => changeNumber(random, honest)],
    ['resize', () => resize(random, honest)],
    ['cut', () => honest.subarray(0, random.below(honest.length + 1))],
    ['extend', () => Buffer.concat([honest, random.bytes(1 + random.below(60))])],
    ['splice', () => Buffer.concat([honest.subarray(0, random.below(honest.length + 1)), other.subarray(random.below(other.length + 1))])],
    ['noise', () => random.bytes(random.below(80))]
  ]);
  return { datagram: way[1](), how: way[0] };
}
