// Asks and tells one camera at VISCA over IP, one message after the other, each until it is answered.
// Invariants: over UDP a message is sent again with the same sequence number, so that the camera does not do it twice; a command counts as taken when
// the camera acknowledged it, which is before it is done; nobody waits for ever: a camera that does not answer is unreachable after two seconds.
// Begins anew (a new socket, RESET) after each failure. Answers to nothing that was asked change nothing.
import type { Clock, Timer } from '../../kernel/clock.ts';
import { CloisterError } from '../../kernel/errors.ts';
import { Scope } from '../../kernel/scope.ts';
import { refused } from './camera-control.ts';
import { CONTROL_RESET, frameDatagram, readDatagram, readReply, type ViscaDatagram, viscaCommands } from './visca.ts';
import type { OpenViscaWire, ViscaWire } from './visca-wire.ts';

export type ViscaLink = AsyncDisposable & {
  /**
   * Resolves when the camera took it.
   * @param current aborted when something else is wanted instead: it is then not told any more
   * @throws CloisterError CL_DEVICE_CONTROL, CL_DEVICE_UNREACHABLE
   */
  command(payload: Uint8Array, current?: AbortSignal): Promise<void>;
  /** @throws CloisterError CL_DEVICE_CONTROL: it has no such thing; CL_DEVICE_UNREACHABLE */
  inquire(payload: Uint8Array): Promise<Uint8Array>;
  /** Ends what the camera still carries out, and what waits to be told. */
  cancelAll(): Promise<void>;
};

type Reply = ViscaDatagram['reply'];
type Kind = 'command' | 'inquiry';

/** A camera answers within a frame or two; two seconds in all. */
const TRIES_MS = [100, 150, 200, 250, 300, 400, 600];
/** A stream repeats by itself. */
const STREAM_TRIES_MS = [2_000];
/** Some do not know RESET: it is not waited for as long. */
const RESET_TRIES_MS = [200, 300];
/** A camera carries out two commands at a time, and a long way across takes some seconds. */
const BUSY_AGAIN_MS = 200;
const BUSY_LIMIT_MS = 10_000;
/** Each is asked anew when the camera only said that it had answered already. */
const MAX_ROUNDS = 4;

export function createViscaLink({ open, clock }: { readonly open: OpenViscaWire; readonly clock: Clock }): ViscaLink {
  const scope = new Scope();
  const waiting: { readonly run: () => Promise<void> }[] = [];
  let working = false;
  let wire: ViscaWire | null = null;
  let sequence = 0;
  /** Since the way was opened, the camera answered to a number of ours. */
  let inStep = false;
  /** Sockets of the camera in which commands of ours are carried out. */
  const busy = new Set<number>();
  let pending: { readonly sequence: number; readonly kind: Kind | 'control'; readonly answered: (reply: Reply | null) => void } | null = null;

  const close = (): void => {
    wire?.close();
    wire = null;
    inStep = false;
    busy.clear();
    pending?.answered(null);
  };
  scope.own(close);

  /** What it says of commands that it carries out already is no answer to what was asked now. */
  const received = (told: ViscaDatagram | null, isOld: (reply: Reply) => boolean): void => {
    if (told === null) return;
    const { reply } = told;
    const old = isOld(reply);
    if (reply.kind === 'ack') busy.add(reply.socket);
    if (reply.kind === 'completion' || reply.kind === 'error') busy.delete(reply.socket);
    if (!old) pending?.answered(reply);
  };
  const ofDatagram = (bytes: Uint8Array): void => {
    const told = readDatagram(bytes);
    // RESET sets the number that its own answer has.
    received(told, ({ kind }) => told?.sequence !== pending?.sequence && !(kind === 'reset' && pending?.kind === 'control'));
  };
  const ofStream = (bytes: Uint8Array): void => {
    const reply = readReply(bytes);
    received(reply === null ? null : { sequence: 0, reply }, (told) => {
      if (pending === null) return true;
      if (told.kind === 'completion') return pending.kind === 'inquiry' ? told.data.length === 0 : busy.has(told.socket) || told.data.length > 0;
      if (told.kind === 'error') return told.fault === 'cancelled' || told.fault === 'no-socket' || (told.socket !== 0 && busy.has(told.socket));
      return pending.kind === 'inquiry';
    });
  };

  /** @returns null when there was no answer; `again`: it was sent more than once */
  const exchange = async (
    to: ViscaWire,
    kind: Kind | 'control',
    payload: Uint8Array,
    triesMs: readonly number[]
  ): Promise<{ reply: Reply | null; again: boolean }> => {
    sequence = (sequence + 1) >>> 0;
    const bytes = to.sequenced ? frameDatagram(kind, sequence, payload) : payload;
    let tries = 0;
    let timer: Timer | null = null;
    try {
      const reply = await new Promise<Reply | null>((resolve) => {
        pending = { sequence, kind, answered: resolve };
        const send = (): void => {
          const limitMs = triesMs[tries];
          tries += 1;
          if (limitMs === undefined || wire !== to) {
            resolve(null);
            return;
          }
          to.send(bytes);
          timer = clock.schedule(limitMs, send);
        };
        send();
      });
      return { reply, again: tries > 1 };
    } finally {
      (timer as Timer | null)?.cancel();
      pending = null;
    }
  };

  const reset = async (to: ViscaWire): Promise<void> => {
    const { reply } = await exchange(to, 'control', CONTROL_RESET, RESET_TRIES_MS);
    inStep = reply?.kind === 'reset';
    sequence = 0;
  };

  const opened = async (): Promise<ViscaWire> => {
    if (wire !== null) return wire;
    let mine: ViscaWire | null = null;
    const next = await open(
      {
        received(bytes) {
          if (wire === mine) (mine?.sequenced === false ? ofStream : ofDatagram)(bytes);
        },
        ended() {
          if (wire === mine) close();
        }
      },
      scope.signal
    );
    mine = next;
    if (scope.closed) next.close();
    wire = next;
    if (next.sequenced) await reset(next);
    return next;
  };

  const ask = async (kind: Kind, payload: Uint8Array): Promise<Reply> => {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      if (scope.closed) break;
      const to = await opened();
      const { reply, again } = await exchange(to, kind, payload, to.sequenced ? TRIES_MS : STREAM_TRIES_MS);
      if (reply === null) {
        if (wire === to) close();
        break;
      }
      if (reply.kind !== 'out-of-step') {
        inStep = true;
        return reply;
      }
      // It had it before, and only the answer was lost: a command is not told again.
      if (again && inStep && kind === 'command') return { kind: 'ack', socket: 0 };
      // It counts from elsewhere: it was off or away, or somebody else speaks to it, too.
      if (!(again && inStep)) await reset(to);
    }
    throw new CloisterError('CL_DEVICE_UNREACHABLE');
  };

  const work = async (): Promise<void> => {
    if (working) return;
    working = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next.run();
    working = false;
  };
  const queued = <T>(task: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      waiting.push({ run: () => task().then(resolve, reject) });
      void work();
    });
  const pause = (): Promise<void> => new Promise((resolve) => void clock.schedule(BUSY_AGAIN_MS, resolve));

  return {
    async command(payload, current) {
      for (const sinceMs = clock.monotonicMs(); ; await pause()) {
        const reply = await queued(async () => (current?.aborted ? null : ask('command', payload)));
        if (reply === null || reply.kind === 'ack' || reply.kind === 'completion' || current?.aborted) return;
        if (reply.kind !== 'error') throw refused('the camera does not understand this');
        const { fault } = reply;
        if (fault === 'cancelled') return;
        if (fault !== 'buffer-full') throw refused(fault === 'not-executable' ? 'the camera cannot do that now' : 'the camera does not have this');
        if (clock.monotonicMs() - sinceMs >= BUSY_LIMIT_MS) throw refused('the camera is busy');
      }
    },
    async inquire(payload) {
      const reply = await queued(() => ask('inquiry', payload));
      if (reply.kind === 'completion') return reply.data;
      throw refused('the camera does not have this');
    },
    cancelAll() {
      return queued(async () => {
        // Not repeated: where it is lost, the command that comes now takes the place of the old one.
        for (const socket of busy) {
          sequence = (sequence + 1) >>> 0;
          const cancel = viscaCommands.cancel(socket);
          wire?.send(wire.sequenced ? frameDatagram('command', sequence, cancel) : cancel);
        }
      });
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]()
  };
}
