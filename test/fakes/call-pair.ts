// Two call machines joined by a fake signaling network and fake media processes, with a clock that a test moves.
// The media fake behaves: it makes descriptions that name their process, secures a connection only when both ends hold matching
// descriptions and the reveal fits the commitment, and says so to both.
import type { CallContext, CallEffect, CallEvent, CallState } from '../../src/call/call.ts';
import { type EncryptionPreference, localEncryption } from '../../src/call/encryption-decision.ts';
import { noCall, step } from '../../src/call/machine.ts';
import type { SecurityEvent } from '../../src/room/state.ts';
import type { CallMessage } from '../../src/signaling/messages.ts';

type Sent = Extract<CallEffect, { type: 'send' }>;
type FakeMedia = {
  epoch: number;
  role: 'caller' | 'callee';
  open: boolean;
  remote: string | null;
  endToEnd: boolean;
  revealed: boolean;
  secured: boolean;
  sending: boolean;
  sharing: boolean;
  recording: boolean;
  held: boolean;
  /** Of the other side, as many as were handed over. */
  candidates: number;
  /** What the other side said of new paths. */
  updates: string[];
};

const commitmentOf = (nonce: string): string => nonce.replaceAll('a', 'c');

export class FakeRoom {
  state: CallState = noCall;
  media: FakeMedia | null = null;
  mediaOpened = 0;
  readonly timers = new Map<string, number>();
  readonly securityEvents: Pick<SecurityEvent, 'code' | 'detectedBy'>[] = [];
  readonly codesShown: string[] = [];
  journal: string | null = null;
  readonly account: string;
  readonly endpoint: string;
  readonly #network: FakeNetwork;
  encryption: EncryptionPreference = { policy: 'DisabledUserOverride', setting: true, complianceRecording: false };
  autoAnswer = false;
  identity: 'verified' | 'unverified' = 'verified';

  constructor(network: FakeNetwork, account: string, endpoint: string) {
    this.#network = network;
    this.account = account;
    this.endpoint = endpoint;
  }

  get call() {
    return this.state.call;
  }

  context(): CallContext {
    return {
      self: { account: this.account, endpoint: this.endpoint },
      displayName: this.account,
      encryption: localEncryption(this.encryption),
      autoAnswer: this.autoAnswer,
      now: this.#network.now,
      timeouts: { inviteMs: 60_000, connectMs: 15_000, reconnectMs: 3_000, forgetMs: 60_000 }
    };
  }

  /** Returns the error's code where the machine refused. */
  do(event: CallEvent): string | null {
    const result = step(this.state, event, this.context());
    if (result.error !== null) return result.error.code;
    this.state = result.state;
    for (const effect of result.effects) this.#carryOut(effect);
    return null;
  }

  #later(event: CallEvent): void {
    this.#network.queue.push({ room: this, event });
  }

  #carryOut(effect: CallEffect): void {
    const nonce = 'a'.repeat(64);
    switch (effect.type) {
      case 'send':
        this.#network.send(this, effect);
        return;
      case 'media-take':
        if (this.media !== null) throw new Error('a second media process was taken');
        this.media = {
          epoch: effect.epoch,
          role: effect.options.role,
          open: effect.options.role === 'caller',
          remote: null,
          endToEnd: false,
          revealed: false,
          secured: false,
          sending: false,
          sharing: false,
          recording: false,
          held: effect.options.held,
          candidates: 0,
          updates: []
        };
        this.mediaOpened++;
        return;
      case 'media-create-offer':
        this.#later({ type: 'offer-ready', epoch: effect.epoch, sdp: `${this.endpoint}/${effect.epoch}`, commitment: commitmentOf(nonce) });
        return;
      case 'media-accept-offer':
        if (this.media?.epoch !== effect.epoch) return;
        this.media.remote = effect.sdp;
        this.media.endToEnd = effect.endToEnd !== null;
        this.#later({ type: 'answer-ready', epoch: effect.epoch, sdp: `${this.endpoint}/${effect.epoch}`, nonce: 'b'.repeat(64) });
        return;
      case 'media-accept-answer':
        if (this.media?.epoch !== effect.epoch) return;
        this.media.remote = effect.sdp;
        this.media.endToEnd = effect.endToEnd !== null;
        this.media.revealed = true;
        this.#later({ type: 'reveal-ready', epoch: effect.epoch, nonce });
        return;
      case 'media-reveal':
        if (this.media?.epoch !== effect.epoch) return;
        if (effect.nonce === nonce) this.media.revealed = true;
        else this.#later({ type: 'media-failed', epoch: effect.epoch, failure: { code: 'CL_SECURITY_COMMITMENT', detectedBy: 'commitment', text: 'x' } });
        return;
      case 'media-candidates':
        if (this.media?.epoch === effect.epoch) this.media.candidates += effect.candidates.length;
        return;
      case 'media-accept-update':
        if (this.media?.epoch !== effect.epoch) return;
        this.media.updates.push(effect.sdp);
        this.#later({ type: 'update-answer-ready', epoch: effect.epoch, sdp: `answer to ${effect.sdp}`, answers: 'ufrag' });
        return;
      case 'media-accept-update-answer':
        if (this.media?.epoch === effect.epoch) this.media.updates.push(effect.sdp);
        return;
      case 'media-held':
        if (this.media?.epoch === effect.epoch) this.media.held = effect.on;
        return;
      case 'media-screen':
        if (this.media?.epoch === effect.epoch) this.media.sharing = effect.on;
        return;
      case 'media-recording':
        if (effect.on && effect.notice !== null) this.#network.send(this, effect.notice);
        if (this.media?.epoch === effect.epoch) this.media.recording = effect.on;
        if (!effect.on && effect.notice !== null) this.#network.send(this, effect.notice);
        return;
      case 'media-open':
        if (this.media?.epoch === effect.epoch) this.media.open = true;
        return;
      case 'media-close':
        if (this.media?.epoch === effect.epoch) this.media = null;
        return;
      case 'start-timer':
        this.timers.set(effect.name, this.#network.now + effect.delayMs);
        return;
      case 'stop-timer':
        this.timers.delete(effect.name);
        return;
      case 'security-event':
        this.securityEvents.push({ code: effect.code, detectedBy: effect.detectedBy });
        return;
      case 'journal':
        this.journal = effect.entry?.call ?? null;
        return;
      default:
        return;
    }
  }

  killMedia(): void {
    if (this.media === null) return;
    const { epoch } = this.media;
    this.media = null;
    this.#later({ type: 'media-lost', epoch });
  }
}

export class FakeNetwork {
  now = 1_000_000;
  readonly rooms: FakeRoom[] = [];
  readonly queue: { room: FakeRoom; event: CallEvent }[] = [];
  readonly log: { from: string; to: string; message: CallMessage }[] = [];
  /** Changes or drops (null) what is sent: the hostile broker of a test whose signatures are off, or a test's loss. */
  tamper: (message: CallMessage, from: FakeRoom) => CallMessage | null = (message) => message;
  #id = 0;

  room(account: string, endpoint: string): FakeRoom {
    const room = new FakeRoom(this, account, endpoint);
    this.rooms.push(room);
    return room;
  }

  send(from: FakeRoom, { to, call, message }: Sent): void {
    for (const room of this.rooms) {
      if (room.account !== to.account || (to.endpoint !== undefined && room.endpoint !== to.endpoint)) continue;
      this.log.push({ from: from.endpoint, to: room.endpoint, message });
      const changed = this.tamper(message, from);
      if (changed === null) continue;
      const inbound = {
        id: String(this.#id++),
        call,
        from: { account: from.account, endpoint: from.endpoint },
        identity: room.identity,
        expiresAt: 0,
        message: changed
      };
      this.queue.push({ room, event: { type: 'message', inbound } });
    }
  }

  /** Delivers everything, then secures what can be, until nothing is left. `pick` chooses the next of the waiting events. */
  settle(pick: (waiting: number) => number = () => 0): void {
    for (let guard = 0; guard < 10_000; guard++) {
      if (this.queue.length > 0) {
        const [item] = this.queue.splice(pick(this.queue.length), 1);
        item?.room.do(item.event);
      } else if (!this.#secure()) return;
    }
    throw new Error('the machines never come to rest');
  }

  #secure(): boolean {
    for (const room of this.rooms) {
      const { media } = room;
      if (media === null || media.secured || !media.open || (!media.revealed && media.endToEnd)) continue;
      const peer = this.rooms.find((other) => other.media !== null && `${other.endpoint}/${other.media.epoch}` === media.remote);
      if (peer?.media == null || peer.media.remote !== `${room.endpoint}/${media.epoch}` || !peer.media.open) continue;
      media.secured = true;
      const code = media.endToEnd ? `code of ${[`${room.endpoint}/${media.epoch}`, media.remote].sort().join(' ')}` : null;
      room.do({ type: 'secured', epoch: media.epoch, code });
      if (code !== null) room.codesShown.push(code);
      return true;
    }
    return false;
  }

  /** Moves the clock and fires what is due. */
  advance(ms: number): void {
    this.now += ms;
    for (const room of this.rooms) {
      for (const [name, due] of [...room.timers]) {
        if (due > this.now) continue;
        room.timers.delete(name);
        room.do({ type: 'timer', name: name as 'invite' });
      }
    }
    this.settle();
  }
}
