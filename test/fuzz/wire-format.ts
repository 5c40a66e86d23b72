// Records, fragments and hellos read and written for the fuzzer, apart from the sources, so that a fault of theirs is not also the judge's (RFC 6347
// section 4, RFC 5246 section 7.4.1). What is read is honest; what is written may break any rule.

export type WireRecord = { readonly type: number; readonly version: number; readonly epoch: number; readonly sequence: number; readonly body: Buffer };
export type WireFragment = { readonly type: number; readonly length: number; readonly sequence: number; readonly offset: number; readonly data: Buffer };
export type WireHello = {
  readonly version: Buffer;
  readonly random: Buffer;
  readonly session: Buffer;
  /** Null in a ServerHello. */
  readonly cookie: Buffer | null;
  readonly suites: Buffer;
  readonly compression: Buffer;
  readonly extensions: readonly (readonly [type: number, data: Buffer])[];
};

export const RECORD_HEAD = 13;
export const FRAGMENT_HEAD = 12;
export const DTLS_1_2 = 0xfefd;
export const DTLS_1_0 = 0xfeff;
export const TYPE = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;
export const CLIENT_HELLO = 1;
export const SERVER_HELLO = 2;
const HELLO_REQUEST = 0;
const FINISHED = 20;

function number(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value % 2 ** (8 * bytes), 0, bytes);
  return buffer;
}
const vector = (lengthBytes: number, data: Buffer): Buffer => Buffer.concat([number(data.length, lengthBytes), data]);

/** Each whole record of a datagram, its header included. */
export function recordsOf(datagram: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at + RECORD_HEAD <= datagram.length; ) {
    const end = at + RECORD_HEAD + datagram.readUInt16BE(at + 11);
    if (end > datagram.length) break;
    records.push(datagram.subarray(at, end));
    at = end;
  }
  return records;
}

export const readRecord = (bytes: Buffer): WireRecord => ({
  type: bytes.readUInt8(0),
  version: bytes.readUInt16BE(1),
  epoch: bytes.readUInt16BE(3),
  sequence: bytes.readUIntBE(5, 6),
  body: bytes.subarray(RECORD_HEAD)
});

export const writeRecord = ({ type, version, epoch, sequence, body }: WireRecord): Buffer =>
  Buffer.concat([number(type, 1), number(version, 2), number(epoch, 2), number(sequence, 6), number(body.length, 2), body]);

/** Null where the record is not made of whole fragments that lie within their messages: nothing of it may be taken. */
export function fragmentsIn(body: Buffer): WireFragment[] | null {
  const fragments: WireFragment[] = [];
  for (let at = 0; at < body.length; ) {
    if (at + FRAGMENT_HEAD > body.length) return null;
    const length = body.readUIntBE(at + 1, 3);
    const offset = body.readUIntBE(at + 6, 3);
    const bytes = body.readUIntBE(at + 9, 3);
    const data = body.subarray(at + FRAGMENT_HEAD, at + FRAGMENT_HEAD + bytes);
    if (data.length !== bytes || offset + bytes > length) return null;
    fragments.push({ type: body.readUInt8(at), length, sequence: body.readUInt16BE(at + 4), offset, data });
    at += FRAGMENT_HEAD + bytes;
  }
  return fragments;
}

export const writeFragment = ({ type, length, sequence, offset, data }: WireFragment): Buffer =>
  Buffer.concat([number(type, 1), number(length, 3), number(sequence, 2), number(offset, 3), number(data.length, 3), data]);

/** The fragments of a datagram that DTLS 1.2 cannot tell from honest ones: in plain text, and of a kind that is in plain text. */
export function believable(datagram: Buffer): WireFragment[] {
  return recordsOf(datagram)
    .map(readRecord)
    .filter(({ type, version, epoch }) => type === TYPE.handshake && epoch === 0 && (version === DTLS_1_2 || version === DTLS_1_0))
    .flatMap(({ body }) => fragmentsIn(body) ?? [])
    .filter(({ type }) => type !== FINISHED && type !== HELLO_REQUEST);
}

/** @throws where the body is no honest hello */
export function readHello(type: number, body: Buffer): WireHello {
  let at = 0;
  const take = (bytes: number): Buffer => {
    if (at + bytes > body.length) throw new RangeError('a hello is cut short');
    at += bytes;
    return body.subarray(at - bytes, at);
  };
  const takeVector = (lengthBytes: number): Buffer => take(take(lengthBytes).readUIntBE(0, lengthBytes));
  const [version, random, session] = [take(2), take(32), takeVector(1)];
  const cookie = type === CLIENT_HELLO ? takeVector(1) : null;
  const [suites, compression] = cookie === null ? [take(2), take(1)] : [takeVector(2), takeVector(1)];
  const end = at + 2 + take(2).readUInt16BE(0);
  const extensions: [number, Buffer][] = [];
  while (at < end) extensions.push([take(2).readUInt16BE(0), takeVector(2)]);
  return { version, random, session, cookie, suites, compression, extensions };
}

export function writeHello({ version, random, session, cookie, suites, compression, extensions }: WireHello): Buffer {
  const list = vector(2, Buffer.concat(extensions.flatMap(([type, data]) => [number(type, 2), vector(2, data)])));
  const head = [version, random, vector(1, session)];
  return Buffer.concat(cookie === null ? [...head, suites, compression, list] : [...head, vector(1, cookie), vector(2, suites), vector(1, compression), list]);
}
