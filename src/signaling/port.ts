// What the agent sees of signaling: messages that passed every check of protocol.md "Envelope", and facts about the connection.

import type { ErrorCode } from '../kernel/error-codes.ts';
import type { EventSource } from '../kernel/events.ts';
import type { CallMessage, RelayMessage } from './messages.ts';

export type Party = { readonly account: string; readonly endpoint: string };

export type InboundCallMessage = {
  readonly id: string;
  /** The call id; each call message has one. */
  readonly call: string;
  readonly from: Party;
  /** `unverified` only where the configuration switched signatures off (tests of the code itself). */
  readonly identity: 'verified' | 'unverified';
  /** Seconds since 1970. */
  readonly expiresAt: number;
  readonly message: CallMessage;
};

export type InboundRelayMessage = Pick<InboundCallMessage, 'from' | 'identity'> & { readonly message: RelayMessage };

/**
 * What a presence topic says of an endpoint. `said`: in a document that passed the checks of an envelope but for its age, since it is retained.
 * `gone`: in a last will, which nobody signs, or in nothing at all: worth no more than the broker's word.
 */
export type PresenceNews =
  | {
      readonly kind: 'said';
      readonly endpoint: string;
      readonly account: string;
      readonly name: string;
      readonly state: 'online' | 'offline';
      readonly bootId: string;
      readonly counter: number;
      /** Seconds since 1970. */
      readonly saidAtS: number;
    }
  | { readonly kind: 'gone'; readonly endpoint: string; readonly bootId: string; readonly counter: number };

export type SignalingEvents = {
  presence: readonly [PresenceNews];
  /** About relay credentials; of no call. */
  relay: readonly [InboundRelayMessage];
  message: readonly [InboundCallMessage];
  /** A message was refused; `from` is what it claims, not who sent it. Rate-limited. */
  refused: readonly [
    { readonly code: ErrorCode; readonly from: string | null; readonly call: string | null; readonly type: string | null; readonly text: string }
  ];
  connection: readonly ['connected' | 'connecting' | 'offline'];
};

export type Signaling = EventSource<SignalingEvents> &
  AsyncDisposable & {
    readonly self: Party;
    /** Connects and keeps connecting until disposed. Resolves when first connected or when `signal` aborts; never rejects because a broker is away. */
    start(signal: AbortSignal): Promise<void>;
    /**
     * A connection over an address that is gone would hang: it is made anew at once, as is one that waits for its next attempt.
     * @param addresses all of this machine's, but for loopback and link-local ones
     */
    networkChanged(addresses: readonly string[]): void;
    /**
     * Signs and publishes a message; resolves when the broker has it, waits while the broker is away.
     * @param to an endpoint, or a whole account where `endpoint` is left out (invites only)
     * @param lifetimeSeconds 1..120, how long the message is of use; 60 where left out
     */
    send(to: { readonly account: string; readonly endpoint?: string }, call: string, message: CallMessage, lifetimeSeconds?: number): Promise<void>;
    /**
     * Whose presence is told by `presence`: everybody's, or that of some endpoints; in place of what was watched before. What the broker holds is told
     * again at each connection. One that does not let everybody's be read says so in the log, and nothing comes.
     */
    watchPresence(watch: { readonly everybody: boolean; readonly endpoints: readonly string[] }): void;
    /**
     * What waits for its proof and seems to hold all of these words is proven before the rest; words are lower case and without accents.
     * @returns resolves when nothing of that waits any more, or other words are sought
     */
    seekPresence(words: readonly string[]): Promise<void>;
    /** The same for a message about relay credentials: a request to an account, an answer to an endpoint. */
    sendRelay(to: { readonly account: string; readonly endpoint?: string }, message: RelayMessage, lifetimeSeconds?: number): Promise<void>;
  };
