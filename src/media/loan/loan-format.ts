// What a media process that lends its devices and the one that borrows them say to each other: messages of known lengths over a stream of bytes. Pure.
// Invariants: no message is longer than its kind may be, and what is longer, unknown or malformed ends the connection before more is read; a reader holds one
// message at a time, in memory that it uses again: what a message says of bytes is its taker's until the taker returns, and no longer.
import { CloisterError } from '../../kernel/errors.ts';
import { err, ok, type Result } from '../../kernel/result.ts';
import type { SourceView } from '../../room/state.ts';

/** Each is a device, or what stands in for one, that few systems open twice. */
export type LentKind = 'camera' | 'microphone' | 'screen' | 'speaker';
export type LentPicture = 'camera' | 'screen';
/** `closed`: whoever borrows may have its own. `opening`: it is to let go of it. */
export type LentState = 'closed' | 'opening' | 'open';

export type FromBorrower =
  /** The first of all. 32 bytes. */
  | { readonly type: 'hello'; readonly ticket: Uint8Array }
  /** What is not wanted is not sent. */
  | { readonly type: 'want'; readonly kind: LentKind; readonly on: boolean }
  /** The answer to `opening`: the borrower has none of its own open. */
  | { readonly type: 'released'; readonly kind: LentKind }
  /** Opus that it received, to be heard with the lender's own. */
  | { readonly type: 'opus'; readonly timestampUs: number; readonly data: Uint8Array }
  /** A pressed key, to be heard once. */
  | { readonly type: 'key'; readonly key: string };

export type FromLender =
  | { readonly type: 'welcome' }
  /** `choice`: what a person chose to share, empty of other kinds. `view`: null while it is not open. */
  | { readonly type: 'state'; readonly kind: LentKind; readonly state: LentState; readonly choice: string; readonly view: SourceView | null }
  /** Planes of YUV 4:2:0, one after the other without gaps. Times are of the lender's clock. */
  | {
      readonly type: 'picture';
      readonly kind: LentPicture;
      readonly width: number;
      readonly height: number;
      readonly captureMs: number;
      readonly sentMs: number;
      readonly planes: Uint8Array;
    }
  | { readonly type: 'sound'; readonly captureMs: number; readonly sentMs: number; readonly samples: Int16Array };

export type LoanReader<Message> = {
  /** Takes any part of the stream. What it returns is final: the reader takes nothing more. */
  push(chunk: Uint8Array, take: (message: Message) => void): CloisterError | null;
};

export const TICKET_BYTES = 32;
export const SOUND_SAMPLES = 960;
/** Of Opus; longer ones are not sent. RFC 6716 section 3.4: 1,275 bytes for each frame, of which a packet that anybody sends has one. */
export const MAX_OPUS_BYTES = 4_096;
/** A setting's or a person's choice, such as a file's path. */
export const MAX_CHOICE_CHARACTERS = 1_024;
const MAX_NAME_CHARACTERS = 256;
const MAX_STATE_BYTES = 8_192;
const MAX_PIXELS = 4_096 * 2_304;
const MAX_SIDE = 8_192;

const KINDS: readonly LentKind[] = ['camera', 'microphone', 'screen', 'speaker'];
const STATES: readonly LentState[] = ['closed', 'opening', 'open'];
const VIEW_KINDS: readonly SourceView['kind'][] = ['device', 'file', 'test', 'away'];
const KEY = /^[0-9*#A-D]$/;

/** The length of what follows it, and what that is. */
const HEAD_BYTES = 5;
const PICTURE_HEAD_BYTES = 21;
const SOUND_BYTES = 16 + 2 * SOUND_SAMPLES;
const TYPE = { hello: 1, want: 2, released: 3, opus: 4, key: 5, welcome: 16, state: 17, picture: 18, sound: 19 } as const;

export const pictureBytes = (width: number, height: number): number => (width * height * 3) / 2;

const isPictureSize = (width: number, height: number): boolean =>
  width > 0 && height > 0 && width % 2 === 0 && height % 2 === 0 && width <= MAX_SIDE && height <= MAX_SIDE && width * height <= MAX_PIXELS;

/** A time of a clock or of a stream: what else a number may be would spoil each that is reckoned with it. */
const isTime = (value: number): boolean => Math.abs(value) <= Number.MAX_SAFE_INTEGER;

function headed(type: number, bodyBytes: number): Buffer {
  const message = Buffer.allocUnsafe(HEAD_BYTES + bodyBytes);
  message.writeUInt32BE(bodyBytes, 0);
  message.writeUInt8(type, 4);
  return message;
}

function write(type: number, body: Uint8Array): Buffer {
  const message = headed(type, body.byteLength);
  message.set(body, HEAD_BYTES);
  return message;
}

export function writeFromBorrower(message: FromBorrower): Buffer {
  switch (message.type) {
    case 'hello':
      return write(TYPE.hello, message.ticket);
    case 'want':
      return write(TYPE.want, Uint8Array.of(KINDS.indexOf(message.kind), message.on ? 1 : 0));
    case 'released':
      return write(TYPE.released, Uint8Array.of(KINDS.indexOf(message.kind)));
    case 'opus': {
      const written = headed(TYPE.opus, 8 + message.data.byteLength);
      written.writeDoubleBE(message.timestampUs, HEAD_BYTES);
      written.set(message.data, HEAD_BYTES + 8);
      return written;
    }
    case 'key':
      return write(TYPE.key, Buffer.from(message.key, 'latin1'));
  }
}

export function writeFromLender(message: Exclude<FromLender, { readonly type: 'picture' }>): Buffer {
  switch (message.type) {
    case 'welcome':
      return write(TYPE.welcome, new Uint8Array(0));
    case 'state': {
      const { kind, state, choice, view } = message;
      const name = view && { kind: view.kind, name: view.name.slice(0, MAX_NAME_CHARACTERS) };
      return write(TYPE.state, Buffer.from(JSON.stringify({ kind, state, choice: choice.slice(0, MAX_CHOICE_CHARACTERS), view: name })));
    }
    case 'sound': {
      const { captureMs, sentMs, samples } = message;
      const written = headed(TYPE.sound, SOUND_BYTES);
      written.writeDoubleBE(captureMs, HEAD_BYTES);
      written.writeDoubleBE(sentMs, HEAD_BYTES + 8);
      for (let index = 0; index < SOUND_SAMPLES; index++) written.writeInt16BE(samples[index] ?? 0, HEAD_BYTES + 16 + 2 * index);
      return written;
    }
  }
}

/** Where the planes of a picture begin in the memory that it is written into. */
export const PICTURE_OFFSET = HEAD_BYTES + PICTURE_HEAD_BYTES;

/**
 * A whole message's memory, into which the planes are filled from PICTURE_OFFSET on. Null where that is no size of a picture.
 * @param before is used again where it is of this size
 */
export function pictureMemory(kind: LentPicture, width: number, height: number, before?: Buffer): Buffer | null {
  if (!isPictureSize(width, height)) return null;
  if (before?.readUInt16BE(HEAD_BYTES + 1) === width && before.readUInt16BE(HEAD_BYTES + 3) === height) return before;
  const memory = headed(TYPE.picture, PICTURE_HEAD_BYTES + pictureBytes(width, height));
  memory.writeUInt8(KINDS.indexOf(kind), HEAD_BYTES);
  memory.writeUInt16BE(width, HEAD_BYTES + 1);
  memory.writeUInt16BE(height, HEAD_BYTES + 3);
  return memory;
}

export function setPictureTimes(memory: Buffer, captureMs: number, sentMs: number): void {
  memory.writeDoubleBE(captureMs, HEAD_BYTES + 5);
  memory.writeDoubleBE(sentMs, HEAD_BYTES + 13);
}

/** How many bytes the body of each message has, and what they say; null for what says nothing. */
type Form<Message> = { readonly least: number; readonly most: number; read(body: Buffer): Message | null };

const kindAt = (body: Buffer): LentKind | undefined => KINDS[body.readUInt8(0)];

const BORROWER_FORMS: Readonly<Record<number, Form<FromBorrower>>> = {
  [TYPE.hello]: { least: TICKET_BYTES, most: TICKET_BYTES, read: (body) => ({ type: 'hello', ticket: body }) },
  [TYPE.want]: {
    least: 2,
    most: 2,
    read(body) {
      const [kind, on] = [kindAt(body), body.readUInt8(1)];
      return kind === undefined || on > 1 ? null : { type: 'want', kind, on: on === 1 };
    }
  },
  [TYPE.released]: {
    least: 1,
    most: 1,
    read(body) {
      const kind = kindAt(body);
      return kind === undefined ? null : { type: 'released', kind };
    }
  },
  [TYPE.opus]: {
    least: 9,
    most: 8 + MAX_OPUS_BYTES,
    read(body) {
      const timestampUs = body.readDoubleBE(0);
      return isTime(timestampUs) ? { type: 'opus', timestampUs, data: body.subarray(8) } : null;
    }
  },
  [TYPE.key]: {
    least: 1,
    most: 1,
    read(body) {
      const key = body.toString('latin1');
      return KEY.test(key) ? { type: 'key', key } : null;
    }
  }
};

const LENDER_FORMS: Readonly<Record<number, Form<FromLender>>> = {
  [TYPE.welcome]: { least: 0, most: 0, read: () => ({ type: 'welcome' }) },
  [TYPE.state]: { least: 2, most: MAX_STATE_BYTES, read: readState },
  [TYPE.picture]: {
    least: PICTURE_HEAD_BYTES + pictureBytes(2, 2),
    most: PICTURE_HEAD_BYTES + pictureBytes(MAX_PIXELS, 1),
    read(body) {
      const kind = kindAt(body);
      const [width, height, captureMs, sentMs] = [body.readUInt16BE(1), body.readUInt16BE(3), body.readDoubleBE(5), body.readDoubleBE(13)];
      if ((kind !== 'camera' && kind !== 'screen') || !isPictureSize(width, height) || !isTime(captureMs) || !isTime(sentMs)) return null;
      if (body.byteLength !== PICTURE_HEAD_BYTES + pictureBytes(width, height)) return null;
      return { type: 'picture', kind, width, height, captureMs, sentMs, planes: body.subarray(PICTURE_HEAD_BYTES) };
    }
  },
  [TYPE.sound]: {
    least: SOUND_BYTES,
    most: SOUND_BYTES,
    read(body) {
      const [captureMs, sentMs] = [body.readDoubleBE(0), body.readDoubleBE(8)];
      if (!isTime(captureMs) || !isTime(sentMs)) return null;
      return { type: 'sound', captureMs, sentMs, samples: Int16Array.from({ length: SOUND_SAMPLES }, (_, index) => body.readInt16BE(16 + 2 * index)) };
    }
  }
};

function readState(body: Buffer): FromLender | null {
  const read = parsed(body.toString());
  if (!read.ok || typeof read.value !== 'object' || read.value === null) return null;
  const { kind, state, choice, view } = read.value as Readonly<Record<string, unknown>>;
  const [knownKind, knownState, knownView] = [KINDS.find((each) => each === kind), STATES.find((each) => each === state), readView(view)];
  if (knownKind === undefined || knownState === undefined || knownView === undefined) return null;
  if (typeof choice !== 'string' || choice.length > MAX_CHOICE_CHARACTERS) return null;
  return { type: 'state', kind: knownKind, state: knownState, choice, view: knownView };
}

/** Undefined for what is none. */
function readView(view: unknown): SourceView | null | undefined {
  if (view === null) return null;
  if (typeof view !== 'object') return undefined;
  const { kind, name } = view as Readonly<Record<string, unknown>>;
  const known = VIEW_KINDS.find((each) => each === kind);
  return known === undefined || typeof name !== 'string' || name.length > MAX_NAME_CHARACTERS ? undefined : { kind: known, name };
}

function parsed(text: string): Result<unknown, null> {
  try {
    return ok(JSON.parse(text));
  } catch {
    return err(null);
  }
}

/** For what the borrower says. */
export const createBorrowerReader = (): LoanReader<FromBorrower> => createReader(BORROWER_FORMS);
/** For what the lender says. */
export const createLenderReader = (): LoanReader<FromLender> => createReader(LENDER_FORMS);

function createReader<Message>(forms: Readonly<Record<number, Form<Message>>>): LoanReader<Message> {
  const head = Buffer.alloc(HEAD_BYTES);
  let headed = 0;
  let memory = Buffer.alloc(0);
  let body: Buffer | null = null;
  let filled = 0;
  let form: Form<Message> | null = null;
  let failure: CloisterError | null = null;

  const fail = (why: string): CloisterError => {
    failure = new CloisterError('CL_MEDIA_LOAN', why);
    return failure;
  };

  /** @returns why this is no message */
  function begin(): string | null {
    const [length, type] = [head.readUInt32BE(0), head.readUInt8(4)];
    const known = Object.hasOwn(forms, type) ? forms[type] : undefined;
    if (known === undefined) return `a message of the unknown kind ${type}`;
    if (length < known.least || length > known.most) return `a message of kind ${type} with ${length} bytes`;
    if (memory.byteLength < length) memory = Buffer.allocUnsafeSlow(length);
    form = known;
    body = memory.subarray(0, length);
    filled = 0;
    return null;
  }

  return {
    push(chunk, take) {
      for (let at = 0; failure === null; ) {
        if (body === null) {
          const part = chunk.subarray(at, at + HEAD_BYTES - headed);
          head.set(part, headed);
          headed += part.byteLength;
          at += part.byteLength;
          if (headed < HEAD_BYTES) return null;
          const why = begin();
          if (why !== null) return fail(why);
        }
        const [open, reads] = [body as Buffer | null, form as Form<Message> | null];
        if (open === null || reads === null) return null;
        const part = chunk.subarray(at, at + open.byteLength - filled);
        open.set(part, filled);
        filled += part.byteLength;
        at += part.byteLength;
        if (filled < open.byteLength) return null;
        [body, form, headed] = [null, null, 0];
        const message = reads.read(open);
        if (message === null) return fail('a message that says nothing');
        take(message);
      }
      return failure;
    }
  };
}
