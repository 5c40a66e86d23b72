// One allocation at a TURN relay (RFC 8656), from the first request to its deletion. Why not the ICE stack's: docs/adr/0017-relays.md.
// Invariants: an answer counts only for the request that it names, and with the relay's integrity once there is a key; the allocation, its
// permissions and channels are renewed as long as it is open; closing it deletes it at the relay.
import { createHash, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { classes, Message, methods, parseMessage } from 'werift';
import type { Clock, Timer } from '../../../kernel/clock.ts';
import { CloisterError } from '../../../kernel/errors.ts';
import { Scope } from '../../../kernel/scope.ts';
import type { RelayLink } from './relay-link.ts';

export type RelayAddress = readonly [host: string, port: number];

export type TurnClient = {
  /** Takes a message from the link. Never throws. */
  receive(message: Buffer): void;
  /** @throws CloisterError CL_RELAY_REFUSED, CL_RELAY_UNREACHABLE */
  allocate(): Promise<RelayAddress>;
  /** Sends to a peer through the relay; lost where the relay does not allow it. */
  send(data: Buffer, peer: RelayAddress): void;
  /** Deletes the allocation; resolves when the relay has said so, or soon. */
  close(): Promise<void>;
};

export type TurnClientOptions = {
  readonly link: Pick<RelayLink, 'reliable' | 'send'>;
  readonly username: string;
  readonly credential: string;
  readonly clock: Clock;
  readonly received: (data: Buffer, peer: RelayAddress) => void;
  /** The relay does not know the allocation any more, or is silent. */
  readonly lost: (why: string) => void;
};

/** RFC 8489 section 6.2.1, but given up after some seconds: a call is being set up. */
const FIRST_WAIT_MS = 500;
const REQUEST_LIMIT_MS = 5_000;
const CLOSE_LIMIT_MS = 200;
/** The default of RFC 8656 section 7.2 is asked for; what the relay gives counts. */
const LIFETIME_S = 600;
const REFRESH_EARLY_S = 60;
const REFRESH_RETRY_MS = 5_000;
/** Permissions last 5 minutes, channels 10 (RFC 8656 section 9, section 12); a channel's renewal renews its permission. */
const KEEP_MS = 240_000;
const UDP = 17 * 2 ** 24;
const FIRST_CHANNEL = 0x4000;
const LAST_CHANNEL = 0x4fff;
/** Checks that wait for the permission of their peer. */
const MAX_HELD = 8;
/** The other side has a handful of addresses; whoever makes up more gets no more of the relay. */
const MAX_PEERS = 256;
const MAX_CHALLENGES = 3;

type Peer = {
  readonly address: RelayAddress;
  permission: 'none' | 'asked' | 'there';
  used: boolean;
  channel: number | null;
  bound: boolean;
  held: Buffer[];
};
type Outcome =
  | { readonly response: Message }
  | {
      readonly code: number;
      readonly realm: string | null;
      readonly nonce: Buffer | null;
      readonly alternate: RelayAddress | null;
      readonly domain: string | null;
    };
/** Null where it was given up. */
type Transaction = { readonly key: Buffer | null; readonly settle: (outcome: Outcome | null) => void };

/** RFC 8656 section 19: the relay has no such allocation. */
const ALLOCATION_MISMATCH = 437;
const TRY_ALTERNATE = 300;
const UNAUTHORIZED = 401;
const STALE_NONCE = 438;

const keyOf = ([host, port]: RelayAddress): string => `${host} ${port}`;
const refused = (code: number): CloisterError => new CloisterError('CL_RELAY_REFUSED', `the relay refused with ${code}`, { details: { stunCode: code } });
const redirected = ([alternateHost, alternatePort]: RelayAddress, alternateDomain: string | null): CloisterError =>
  new CloisterError('CL_RELAY_REFUSED', 'the relay names another one', {
    details: { stunCode: TRY_ALTERNATE, alternateHost, alternatePort, ...(alternateDomain === null ? {} : { alternateDomain }) }
  });
const isRefusal = (error: unknown, code: number): boolean => error instanceof CloisterError && error.details['stunCode'] === code;

export function createTurnClient({ link, username, credential, clock, received, lost }: TurnClientOptions): TurnClient {
  const scope = new Scope();
  const transactions = new Map<string, Transaction>();
  const peers = new Map<string, Peer>();
  const byChannel = new Map<number, Peer>();
  let login: { readonly realm: string; readonly nonce: Buffer; readonly key: Buffer } | null = null;
  let nextChannel = FIRST_CHANNEL;
  let expiresMs = Number.POSITIVE_INFINITY;
  let allocation: 'none' | 'asked' | 'there' = 'none';
  const answered = Promise.withResolvers<void>();
  let over = false;
  let closing: Promise<void> | null = null;

  /** Nobody is there to be told any more. */
  const endTransactions = (): void => {
    for (const { settle } of [...transactions.values()]) settle(null);
  };

  const lose = (why: string): void => {
    if (over) return;
    over = true;
    void scope[Symbol.asyncDispose]();
    endTransactions();
    lost(why);
  };

  /** One request under one transaction id, repeated over UDP until it is answered. */
  function transact(build: (id: Buffer) => Message): Promise<Outcome> {
    const id = randomBytes(12);
    const request = build(id);
    const key = login?.key ?? null;
    if (login !== null && key !== null) {
      request.setAttribute('USERNAME', username).setAttribute('REALM', login.realm).setAttribute('NONCE', login.nonce).addMessageIntegrity(key);
    }
    const bytes = request.bytes;
    return new Promise((resolve, reject) => {
      const timers: { repeat?: Timer; limit?: Timer } = {};
      const done = (): void => {
        transactions.delete(id.toString('hex'));
        timers.repeat?.cancel();
        timers.limit?.cancel();
      };
      const sendAfter = (waitMs: number): void => {
        link.send(bytes);
        if (!link.reliable) timers.repeat = clock.schedule(waitMs, () => sendAfter(waitMs * 2));
      };
      timers.limit = clock.schedule(REQUEST_LIMIT_MS, () => {
        done();
        reject(new CloisterError('CL_RELAY_UNREACHABLE', 'the relay did not answer'));
      });
      transactions.set(id.toString('hex'), {
        key,
        settle(outcome) {
          done();
          if (outcome === null) reject(new CloisterError('CL_RELAY_UNREACHABLE', 'the connection to the relay ended'));
          else resolve(outcome);
        }
      });
      sendAfter(FIRST_WAIT_MS);
    });
  }

  /** @throws CloisterError CL_RELAY_REFUSED with the relay's code, CL_RELAY_UNREACHABLE */
  async function request(method: methods, fill: (message: Message) => void): Promise<Message> {
    for (let challenges = 0; ; challenges += 1) {
      const asked = login;
      const outcome = await transact((id) => {
        const message = new Message(method, classes.REQUEST, id);
        fill(message);
        return message;
      });
      if ('response' in outcome) return outcome.response;
      const { code, realm, nonce, alternate, domain } = outcome;
      if (code === TRY_ALTERNATE && method === methods.ALLOCATE && alternate !== null) throw redirected(alternate, domain);
      // Stale, or the first answer to who has not logged in yet (RFC 8489 section 9.2.5). With a key, 401 says that it is the wrong one.
      const challenged = (code === UNAUTHORIZED && asked === null) || code === STALE_NONCE;
      const heldRealm = realm ?? asked?.realm ?? null;
      // A challenge that comes too late is not taken up: nobody wants the allocation any more.
      const unwanted = over && method === methods.ALLOCATE;
      if (unwanted || !challenged || nonce === null || heldRealm === null || challenges >= MAX_CHALLENGES) throw refused(code);
      login = { realm: heldRealm, nonce, key: createHash('md5').update(`${username}:${heldRealm}:${credential}`).digest() };
    }
  }

  function receiveAnswer(message: Buffer, parsed: Message): void {
    const transaction = transactions.get(parsed.transactionIdHex);
    if (transaction === undefined) return;
    if (parsed.messageClass === classes.RESPONSE) {
      const proven = transaction.key === null ? parsed : parseMessage(message, transaction.key);
      if (proven !== undefined) transaction.settle({ response: proven });
      return;
    }
    // Those that ask for a login, or for another one, cannot have an integrity; whoever can make up the others can as well drop everything.
    const code: unknown = parsed.getAttributeValue('ERROR-CODE')?.[0];
    const realm: unknown = parsed.getAttributeValue('REALM');
    const nonce: unknown = parsed.getAttributeValue('NONCE');
    const domain: unknown = parsed.getAttributeValue('ALTERNATE-DOMAIN');
    transaction.settle({
      alternate: addressOf(parsed.getAttributeValue('ALTERNATE-SERVER')),
      domain: typeof domain === 'string' ? domain : null,
      code: typeof code === 'number' ? code : 0,
      realm: typeof realm === 'string' ? realm : null,
      nonce: Buffer.isBuffer(nonce) ? nonce : null
    });
  }

  function receiveMessage(message: Buffer): void {
    const parsed = parseMessage(message);
    if (parsed === undefined) return;
    if (parsed.messageClass === classes.RESPONSE || parsed.messageClass === classes.ERROR) receiveAnswer(message, parsed);
    else if (parsed.messageClass === classes.INDICATION && parsed.messageMethod === methods.DATA) receiveData(parsed);
  }

  function receiveData(parsed: Message): void {
    const from: unknown = parsed.getAttributeValue('XOR-PEER-ADDRESS');
    const data: unknown = parsed.getAttributeValue('DATA');
    const address = addressOf(from);
    if (address === null || !Buffer.isBuffer(data) || over) return;
    const peer = peers.get(keyOf(address));
    // Worth a channel: four bytes of header instead of 36 for each packet.
    if (peer?.permission === 'there' && peer.channel === null) void bind(peer);
    received(data, address);
  }

  function receiveChannelData(message: Buffer): void {
    const peer = byChannel.get(message.readUInt16BE(0));
    const length = message.readUInt16BE(2);
    if (peer !== undefined && message.length >= 4 + length && !over) received(message.subarray(4, 4 + length), peer.address);
  }

  async function permit(peer: Peer): Promise<void> {
    if (peer.permission === 'none') peer.permission = 'asked';
    try {
      await request(methods.CREATE_PERMISSION, (message) => message.setAttribute('XOR-PEER-ADDRESS', [...peer.address]));
      peer.permission = 'there';
      for (const data of peer.held.splice(0)) indicate(data, peer);
    } catch {
      // Asked for again with what is sent next.
      peer.permission = 'none';
      peer.held = [];
    }
  }

  async function bind(peer: Peer): Promise<void> {
    if (peer.channel === null) {
      if (nextChannel > LAST_CHANNEL) return;
      peer.channel = nextChannel++;
      byChannel.set(peer.channel, peer);
    }
    const number = peer.channel;
    try {
      await request(methods.CHANNEL_BIND, (message) => message.setAttribute('CHANNEL-NUMBER', number).setAttribute('XOR-PEER-ADDRESS', [...peer.address]));
      peer.bound = true;
    } catch {
      peer.bound = false;
      peer.permission = 'none';
    }
  }

  const indicate = (data: Buffer, { address }: Peer): void =>
    link.send(new Message(methods.SEND, classes.INDICATION).setAttribute('XOR-PEER-ADDRESS', [...address]).setAttribute('DATA', data).bytes);

  function keep(): void {
    for (const [key, peer] of peers) {
      if (peer.channel !== null) void bind(peer);
      else if (peer.used) void permit(peer);
      else peers.delete(key);
      peer.used = false;
    }
  }

  function refreshAfter(lifetimeS: number): void {
    expiresMs = clock.monotonicMs() + lifetimeS * 1_000;
    const waitS = lifetimeS > 2 * REFRESH_EARLY_S ? lifetimeS - REFRESH_EARLY_S : lifetimeS / 2;
    scope.schedule(clock, waitS * 1_000, refresh);
  }

  function refresh(): void {
    request(methods.REFRESH, (message) => message.setAttribute('LIFETIME', LIFETIME_S)).then(
      (response) => {
        if (!over) refreshAfter(lifetimeOf(response));
      },
      (error: unknown) => {
        if (over) return;
        if (isRefusal(error, ALLOCATION_MISMATCH) || clock.monotonicMs() >= expiresMs) lose('the relay has given the allocation up');
        else scope.schedule(clock, Math.min(REFRESH_RETRY_MS, expiresMs - clock.monotonicMs()), refresh);
      }
    );
  }

  async function end(): Promise<void> {
    over = true;
    await scope[Symbol.asyncDispose]();
    const soon = Promise.withResolvers<void>();
    const limit = clock.schedule(CLOSE_LIMIT_MS, soon.resolve);
    if (allocation === 'asked' && login !== null) await Promise.race([answered.promise, soon.promise]);
    // Before somebody has logged in there is nothing to delete. An answer that takes longer is not waited for, but what deletes follows what was asked.
    if (allocation !== 'none' && login !== null) {
      void request(methods.REFRESH, (message) => message.setAttribute('LIFETIME', 0)).then(() => soon.resolve(), soon.resolve);
      await soon.promise;
    }
    limit.cancel();
    endTransactions();
  }

  return {
    receive(message) {
      if (message.length < 4) return;
      const first = message.readUInt8(0);
      if (first >= 0x40 && first < 0x50) receiveChannelData(message);
      else if (first < 4) receiveMessage(message);
    },
    async allocate() {
      allocation = 'asked';
      try {
        const response = await request(methods.ALLOCATE, (message) => message.setAttribute('LIFETIME', LIFETIME_S).setAttribute('REQUESTED-TRANSPORT', UDP));
        allocation = 'there';
        const relayed = addressOf(response.getAttributeValue('XOR-RELAYED-ADDRESS'));
        if (relayed === null) throw new CloisterError('CL_RELAY_REFUSED', 'the relay gave no address');
        if (over) return relayed;
        refreshAfter(lifetimeOf(response));
        scope.every(clock, KEEP_MS, keep);
        return relayed;
      } catch (error) {
        if (allocation === 'asked') allocation = 'none';
        throw error;
      } finally {
        answered.resolve();
      }
    },
    send(data, address) {
      if (over) return;
      const key = keyOf(address);
      if (peers.size >= MAX_PEERS && !peers.has(key)) return;
      const peer: Peer = peers.get(key) ?? { address, permission: 'none', used: true, channel: null, bound: false, held: [] };
      peers.set(key, peer);
      peer.used = true;
      if (peer.bound && peer.channel !== null) link.send(channelData(peer.channel, data));
      else if (peer.permission === 'there') indicate(data, peer);
      else {
        if (peer.held.length < MAX_HELD) peer.held.push(data);
        if (peer.permission === 'none') void permit(peer);
      }
    },
    close() {
      closing ??= over ? Promise.resolve() : end();
      return closing;
    }
  };
}

function addressOf(value: unknown): RelayAddress | null {
  if (!Array.isArray(value)) return null;
  const [host, port]: readonly unknown[] = value;
  return typeof host === 'string' && isIP(host) !== 0 && typeof port === 'number' && port > 0 && port < 65_536 ? [host, port] : null;
}

/** A relay that says none, or nonsense, gets the default. */
function lifetimeOf(response: Message): number {
  const value: unknown = response.getAttributeValue('LIFETIME');
  return typeof value === 'number' && value > 0 ? Math.min(value, 3_600) : LIFETIME_S;
}

function channelData(channel: number, data: Buffer): Buffer {
  const message = Buffer.allocUnsafe(4 + data.length);
  message.writeUInt16BE(channel, 0);
  message.writeUInt16BE(data.length, 2);
  data.copy(message, 4);
  return message;
}
