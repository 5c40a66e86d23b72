// Rooms' calls (lines.ts over machine.ts) joined by a fake signaling network and fake media processes, with a clock that a test moves.
// The media fake behaves: it makes descriptions that name their process, secures a connection only when both ends hold matching
// descriptions and the reveal fits the commitment, and says so to both.
import type { CallEffect, CallEvent, CallState } from '../../src/call/call.ts';
import { type EncryptionPreference, localEncryption } from '../../src/call/encryption-decision.ts';
import { frontOf, type Line, type Lines, type LinesContext, type LinesEvent, lineOfCall, noLines, replacedBy, stepLines } from '../../src/call/lines.ts';
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
  microphone: boolean;
  /** Of the other side, as many as were handed over. */
  candidates: number;
  /** What the other side said of new paths. */
  updates: string[];
};

const commitmentOf = (nonce: string): string => nonce.replaceAll('a', 'c');

export class FakeRoom {
  lines: Lines = noLines;
  /** By the line. */
  readonly medias = new Map<number, FakeMedia>();
  mediaOpened = 0;
  readonly timers = new Map<string, number>();
  readonly securityEvents: Pick<SecurityEvent, 'code' | 'detectedBy'>[] = [];
  readonly codesShown: string[] = [];
  readonly #journal = new Map<number, string>();
  #calls = 0;
  readonly account: string;
  readonly endpoint: string;
  readonly #network: FakeNetwork;
  encryption: EncryptionPreference = { policy: 'DisabledUserOverride', setting: true, complianceRecording: false };
  autoAnswerAfterMs: number | null = null;
  doNotDisturb = false;
  readonly blocked = new Set<string>();
  /** All that was done so far. */
  readonly effects: CallEffect[] = [];
  readonly notRung: { readonly why: string; readonly account: string }[] = [];
  acceptTransfers = true;
  identity: 'verified' | 'unverified' = 'verified';

  constructor(network: FakeNetwork, account: string, endpoint: string) {
    this.#network = network;
    this.account = account;
    this.endpoint = endpoint;
  }

  get journal(): string | null {
    return [...this.#journal.values()][0] ?? null;
  }

  /** The one in front. */
  get line(): Line | null {
    return frontOf(this.lines);
  }

  get call() {
    return this.line?.call ?? null;
  }

  get state(): CallState {
    return { call: this.call, lastEpoch: this.lines.lastEpoch };
  }

  get media(): FakeMedia | null {
    return this.medias.get(this.line?.key ?? 0) ?? null;
  }

  context(): LinesContext {
    return {
      self: { account: this.account, endpoint: this.endpoint },
      displayName: this.account,
      encryption: localEncryption(this.encryption),
      autoAnswerAfterMs: this.autoAnswerAfterMs,
      doNotDisturb: this.doNotDisturb,
      isBlocked: (account) => this.blocked.has(account),
      acceptTransfers: this.acceptTransfers,
      now: this.#network.now,
      timeouts: { inviteMs: 60_000, connectMs: 15_000, reconnectMs: 3_000, forgetMs: 60_000, parkMs: 300_000 }
    };
  }

  /** Of the call in front, unless another line is named. Returns the error's code where the machine refused. */
  do(event: CallEvent, line?: number): string | null {
    if (event.type === 'place') return this.act(event);
    if (event.type === 'message') {
      const replaced = replacedBy(this.lines, event.inbound);
      if (replaced !== null) this.act({ type: 'line', line: replaced.key, event: { type: 'make-way' } });
      return this.act({ type: 'message', inbound: event.inbound });
    }
    return this.act({ type: 'line', line: line ?? this.line?.key ?? 0, event });
  }

  /** To the call of this id. */
  doIn(call: string, event: CallEvent): string | null {
    return this.do(event, lineOfCall(this.lines, call)?.key ?? 0);
  }

  act(event: LinesEvent): string | null {
    const result = stepLines(this.lines, event, this.context());
    if (result.error !== null) return result.error.code;
    this.lines = result.state;
    for (const { line, effect } of result.effects) {
      this.effects.push(effect);
      this.#carryOut(line, effect);
    }
    return null;
  }

  /** Another call that somebody asked for, as a room places it. */
  #follow({ call, reference, to, replaces }: Extract<CallEffect, { type: 'follow-reference' }>): void {
    const from = lineOfCall(this.lines, call);
    if (from === null) return;
    const { peer, wanted } = from.call;
    const refused = this.act({
      type: 'place',
      id: this.newId(),
      to,
      video: wanted.camera,
      microphone: wanted.microphone,
      origin: { kind: 'reference', call, reference, replaces },
      referredBy: { account: peer.account, displayName: peer.displayName }
    });
    if (refused !== null) this.act({ type: 'line', line: from.key, event: { type: 'referral-progress', progress: 'failed', reason: 'busy' } });
  }

  /** The call of a third participant, as a room places it. */
  #joinThird({ call, conference, to }: Extract<CallEffect, { type: 'place-conference' }>): void {
    const from = lineOfCall(this.lines, call);
    if (from === null) return;
    const { wanted } = from.call;
    const refused = this.act({
      type: 'place',
      id: this.newId(),
      to,
      video: wanted.camera,
      microphone: wanted.microphone,
      origin: { kind: 'conference', call, conference }
    });
    if (refused !== null) this.act({ type: 'line', line: from.key, event: { type: 'conference-failed', quietly: false, reason: 'busy' } });
  }

  newId(): string {
    this.#calls += 1;
    return `0190f3c2-7d4e-7a31-8c55-${this.endpoint.slice(0, 1).charCodeAt(0).toString(16)}${String(this.#calls).padStart(10, '0')}`;
  }

  #later(event: CallEvent, line: number): void {
    this.#network.queue.push({ room: this, event, line });
  }

  #carryOut(line: number, effect: CallEffect): void {
    const media = this.medias.get(line);
    const nonce = 'a'.repeat(64);
    switch (effect.type) {
      case 'send':
        this.#network.send(this, effect);
        return;
      case 'media-take':
        if (media !== undefined) throw new Error('a second media process was taken');
        this.medias.set(line, {
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
          microphone: effect.options.microphone,
          candidates: 0,
          updates: []
        });
        this.mediaOpened++;
        return;
      case 'media-create-offer':
        this.#later({ type: 'offer-ready', epoch: effect.epoch, sdp: `${this.endpoint}/${effect.epoch}`, commitment: commitmentOf(nonce) }, line);
        return;
      case 'media-accept-offer':
        if (media?.epoch !== effect.epoch) return;
        media.remote = effect.sdp;
        media.endToEnd = effect.endToEnd !== null;
        this.#later({ type: 'answer-ready', epoch: effect.epoch, sdp: `${this.endpoint}/${effect.epoch}`, nonce: 'b'.repeat(64) }, line);
        return;
      case 'media-accept-answer':
        if (media?.epoch !== effect.epoch) return;
        media.remote = effect.sdp;
        media.endToEnd = effect.endToEnd !== null;
        media.revealed = true;
        this.#later({ type: 'reveal-ready', epoch: effect.epoch, nonce }, line);
        return;
      case 'media-reveal':
        if (media?.epoch !== effect.epoch) return;
        if (effect.nonce === nonce) media.revealed = true;
        else this.#later({ type: 'media-failed', epoch: effect.epoch, failure: { code: 'CL_SECURITY_COMMITMENT', detectedBy: 'commitment', text: 'x' } }, line);
        return;
      case 'media-candidates':
        if (media?.epoch === effect.epoch) media.candidates += effect.candidates.length;
        return;
      case 'media-accept-update':
        if (media?.epoch !== effect.epoch) return;
        media.updates.push(effect.sdp);
        this.#later({ type: 'update-answer-ready', epoch: effect.epoch, sdp: `answer to ${effect.sdp}`, answers: 'ufrag' }, line);
        return;
      case 'media-accept-update-answer':
        if (media?.epoch === effect.epoch) media.updates.push(effect.sdp);
        return;
      case 'media-held':
        if (media?.epoch === effect.epoch) media.held = effect.on;
        return;
      case 'media-screen':
        if (media?.epoch === effect.epoch) media.sharing = effect.on;
        return;
      case 'media-recording':
        if (effect.on && effect.notice !== null) this.#network.send(this, effect.notice);
        if (this.media?.epoch === effect.epoch) this.media.recording = effect.on;
        if (!effect.on && effect.notice !== null) this.#network.send(this, effect.notice);
        return;
      case 'media-open':
        if (media?.epoch === effect.epoch) media.open = true;
        return;
      case 'media-close':
        if (media?.epoch === effect.epoch) this.medias.delete(line);
        return;
      case 'start-timer':
        this.timers.set(`${line} ${effect.name}`, this.#network.now + effect.delayMs);
        return;
      case 'stop-timer':
        this.timers.delete(`${line} ${effect.name}`);
        return;
      case 'security-event':
        this.securityEvents.push({ code: effect.code, detectedBy: effect.detectedBy });
        return;
      case 'not-rung':
        this.notRung.push({ why: effect.why, account: effect.peer.account });
        return;
      case 'journal':
        if (effect.entry === null) this.#journal.delete(line);
        else this.#journal.set(line, effect.entry.call);
        return;
      case 'follow-reference':
        this.#follow(effect);
        return;
      case 'place-conference':
        this.#joinThird(effect);
        return;
      case 'media-microphone':
        if (media?.epoch === effect.epoch) media.microphone = effect.on;
        return;
      default:
        return;
    }
  }

  killMedia(): void {
    const { line, media } = this;
    if (media === null || line === null) return;
    this.medias.delete(line.key);
    this.#later({ type: 'media-lost', epoch: media.epoch }, line.key);
  }
}

export class FakeNetwork {
  now = 1_000_000;
  readonly rooms: FakeRoom[] = [];
  readonly queue: { room: FakeRoom; event: CallEvent; line?: number }[] = [];
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
        item?.room.do(item.event, item.line);
      } else if (!this.#secure()) return;
    }
    throw new Error('the machines never come to rest');
  }

  #secure(): boolean {
    const all = this.rooms.flatMap((room) => [...room.medias].map(([line, media]) => ({ room, line, media, name: `${room.endpoint}/${media.epoch}` })));
    for (const { room, line, media, name } of all) {
      if (media.secured || !media.open || (!media.revealed && media.endToEnd)) continue;
      const peer = all.find((other) => other.name === media.remote)?.media;
      if (peer?.remote !== name || !peer.open) continue;
      media.secured = true;
      const code = media.endToEnd ? `code of ${[name, media.remote].sort().join(' ')}` : null;
      room.do({ type: 'secured', epoch: media.epoch, code }, line);
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
        const [line, timer] = name.split(' ');
        room.do({ type: 'timer', name: timer as 'invite' }, Number(line));
      }
    }
    this.settle();
  }
}
