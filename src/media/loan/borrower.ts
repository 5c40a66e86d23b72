// Borrows what another media process of the same room has open (lender.ts): one connection, and what the lender says of each device.
// Invariants: the lender's word is read by loan-format.ts alone; once the connection has ended everything is `closed` and nothing more is given; a device of
// this process's own is never open when it tells the lender that it has let go.
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import { CloisterError } from '../../kernel/errors.ts';
import type { Log } from '../../kernel/log.ts';
import type { SourceView } from '../../room/state.ts';
import type { Loan } from '../port.ts';
import {
  createLenderReader,
  type FromBorrower,
  type FromLender,
  type LentKind,
  type LentPicture,
  type LentState,
  MAX_OPUS_BYTES,
  TICKET_BYTES,
  writeFromBorrower
} from './loan-format.ts';

export type LentPart = {
  readonly state: LentState;
  readonly choice: string;
  readonly view: SourceView | null;
  /** Nothing will come any more. */
  readonly gone: boolean;
};

/** Planes of YUV 4:2:0 without gaps, which are the lender's until the taker returns. */
export type LentFrame = { readonly width: number; readonly height: number; readonly planes: Uint8Array };

/** What is given of a kind; `captureMs` is of this process's clock. */
export type LentItems = {
  readonly camera: (frame: LentFrame, captureMs: number) => void;
  readonly screen: (frame: LentFrame, captureMs: number) => void;
  readonly microphone: (samples: Int16Array, captureMs: number) => void;
};

export type LoanLine<Take> = {
  now(): LentPart;
  /** @returns what ends it */
  onChange(listener: () => void): () => void;
  /** What is given goes to `take`. @returns what ends it */
  want(take: Take): () => void;
  /** This process opens, or has open, a device of its own; then that it has none any more. */
  hold(): () => void;
};

export type Borrower = Disposable & {
  /** Once. @throws CloisterError CL_MEDIA_LOAN where nobody lends by this loan */
  connect(loan: Loan): Promise<void>;
  connected(): boolean;
  line<K extends keyof LentItems>(kind: K): LoanLine<LentItems[K]>;
  speaker(): Omit<LoanLine<never>, 'want'>;
  /** What was received, for the lender to play. Dropped where it does not take it in time. */
  opus(packet: { readonly timestampUs: number; readonly data: Uint8Array }): void;
  key(key: string): void;
};

const CONNECT_MS = 2_000;
/** Of what waits to be taken: a second of sound. Words are not dropped; there are few. */
const MAX_WAITING_BYTES = 32_768;
const READ_BYTES = 262_144;
const CLOSED = { state: 'closed', choice: '', view: null } as const;

type Part = {
  told: Pick<LentPart, 'state' | 'choice' | 'view'>;
  readonly holders: Set<object>;
  readonly listeners: Set<() => void>;
  readonly takers: Set<(item: never, captureMs: number) => void>;
};

export function createBorrower({ clock, log }: { readonly clock: Clock; readonly log: Log }): Borrower {
  const emptyPart = (): Part => ({ told: CLOSED, holders: new Set(), listeners: new Set(), takers: new Set() });
  const parts: Readonly<Record<LentKind, Part>> = { camera: emptyPart(), microphone: emptyPart(), screen: emptyPart(), speaker: emptyPart() };
  let socket: Socket | null = null;
  let welcome = false;
  let over = false;
  /** The quickest message of all says how far the two clocks are apart. */
  let apartMs = Number.POSITIVE_INFINITY;

  function tellAll({ listeners }: Part): void {
    for (const listener of [...listeners]) listener();
  }

  function end(): void {
    if (over) return;
    over = true;
    socket?.destroy();
    for (const part of Object.values(parts)) {
      part.told = CLOSED;
      tellAll(part);
    }
  }

  function say(message: FromBorrower): void {
    if (welcome && !over) socket?.write(writeFromBorrower(message));
  }

  const localMs = (captureMs: number, sentMs: number): number => {
    apartMs = Math.min(apartMs, clock.monotonicMs() - sentMs);
    return captureMs + apartMs;
  };

  function release(kind: LentKind): void {
    if (parts[kind].told.state === 'opening' && parts[kind].holders.size === 0) say({ type: 'released', kind });
  }

  function take<K extends keyof LentItems>(kind: K, ...[item, captureMs]: Parameters<LentItems[K]>): void {
    for (const taker of parts[kind].takers) (taker as (item: unknown, captureMs: number) => void)(item, captureMs);
  }

  function heed(message: FromLender): void {
    if (message.type === 'state') {
      const { kind, state, choice, view } = message;
      parts[kind].told = { state, choice, view };
      tellAll(parts[kind]);
      release(kind);
    } else if (message.type === 'picture') {
      const kind: LentPicture = message.kind;
      take(kind, message, localMs(message.captureMs, message.sentMs));
    } else if (message.type === 'sound') take('microphone', message.samples, localMs(message.captureMs, message.sentMs));
  }

  const lineOf = (kind: LentKind): LoanLine<(item: never, captureMs: number) => void> => {
    const part = parts[kind];
    return {
      now: () => ({ ...part.told, gone: over }),
      onChange(listener) {
        part.listeners.add(listener);
        return () => void part.listeners.delete(listener);
      },
      want(taker) {
        part.takers.add(taker);
        if (part.takers.size === 1) say({ type: 'want', kind, on: true });
        return () => {
          if (part.takers.delete(taker) && part.takers.size === 0) say({ type: 'want', kind, on: false });
        };
      },
      hold() {
        const holder = {};
        part.holders.add(holder);
        return () => {
          if (part.holders.delete(holder)) release(kind);
        };
      }
    };
  };

  return {
    connect({ path, ticket }) {
      const { promise: welcomed, resolve, reject } = Promise.withResolvers<void>();
      const reader = createLenderReader();
      const fail = (why: string): void => {
        reject(new CloisterError('CL_MEDIA_LOAN', why));
        end();
      };
      const secret = Buffer.from(ticket, 'hex');
      if (over || socket !== null || secret.byteLength !== TICKET_BYTES) {
        reject(new CloisterError('CL_MEDIA_LOAN', 'this is no loan, or it was used'));
        return welcomed;
      }
      const limit = clock.schedule(CONNECT_MS, () => fail('whoever lends does not answer'));
      const read = (message: FromLender): void => {
        if (over) return;
        if (message.type === 'welcome') {
          limit.cancel();
          welcome = true;
          resolve();
        } else if (welcome) heed(message);
        else fail('it does not begin with a welcome');
      };
      const opened = connect({
        path,
        // One piece of memory for all that is read: pictures are 41 MB in a second.
        onread: {
          buffer: Buffer.allocUnsafeSlow(READ_BYTES),
          callback(bytes, memory) {
            const error = reader.push(memory.subarray(0, bytes), read);
            if (error !== null && !over) {
              log.warn(`what lends the camera and the microphone is not understood: ${error.message}`, { code: error.code });
              fail(error.message);
            }
            return true;
          }
        }
      });
      socket = opened;
      opened.on('connect', () => opened.write(writeFromBorrower({ type: 'hello', ticket: secret })));
      opened.on('error', () => {});
      opened.on('close', () => {
        limit.cancel();
        fail('whoever lends is gone, or does not know this ticket');
      });
      return welcomed;
    },
    connected: () => welcome && !over,
    line: <K extends keyof LentItems>(kind: K) => lineOf(kind) as unknown as LoanLine<LentItems[K]>,
    speaker: () => lineOf('speaker'),
    opus({ timestampUs, data }) {
      if (data.byteLength === 0 || data.byteLength > MAX_OPUS_BYTES || (socket?.writableLength ?? 0) > MAX_WAITING_BYTES) return;
      say({ type: 'opus', timestampUs, data });
    },
    key: (key) => say({ type: 'key', key }),
    [Symbol.dispose]: end
  };
}
