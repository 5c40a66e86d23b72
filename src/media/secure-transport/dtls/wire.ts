// Reading and writing in TLS's presentation language (RFC 5246 section 4). A reader never goes over the end: it refuses.
import type { ErrorCode } from '../../../kernel/error-codes.ts';
import type { AlertName } from './registry.ts';

/** The other side broke a rule: the handshake ends with this alert. Thrown and caught within this folder. */
export class Refusal extends Error {
  readonly alert: AlertName;
  readonly code: ErrorCode;
  constructor(alert: AlertName, text: string, code: ErrorCode = 'CL_SECURITY_HANDSHAKE') {
    super(text);
    this.alert = alert;
    this.code = code;
  }
}

export type Reader = {
  readonly left: number;
  uint(bytes: 1 | 2 | 3): number;
  take(bytes: number): Buffer;
  /** A vector with its length in front. */
  vector(lengthBytes: 1 | 2 | 3): Buffer;
  /** Refuses what is left over. */
  end(): void;
};

/** @throws Refusal from its methods, decode_error */
export function createReader(data: Buffer): Reader {
  let offset = 0;
  const take = (bytes: number): Buffer => {
    if (bytes > data.length - offset) throw new Refusal('decode_error', 'a handshake message is cut short');
    offset += bytes;
    return data.subarray(offset - bytes, offset);
  };
  const uint = (bytes: 1 | 2 | 3): number => take(bytes).readUIntBE(0, bytes);
  return {
    get left() {
      return data.length - offset;
    },
    uint,
    take,
    vector: (lengthBytes) => take(uint(lengthBytes)),
    end() {
      if (offset !== data.length) throw new Refusal('decode_error', 'a handshake message is longer than it says');
    }
  };
}

/** All of a vector of two-byte numbers; an odd length or an empty list is refused. */
export function uint16List(data: Buffer): number[] {
  const reader = createReader(data);
  const values: number[] = [];
  while (reader.left > 0) values.push(reader.uint(2));
  if (values.length === 0) throw new Refusal('decode_error', 'a list that must name something is empty');
  return values;
}

export function uint(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

export function vector(lengthBytes: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([uint(body.length, lengthBytes), body]);
}

export const uint16s = (values: readonly number[]): Buffer => Buffer.concat(values.map((value) => uint(value, 2)));
