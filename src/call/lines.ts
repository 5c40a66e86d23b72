// Several calls in one room, each a call of machine.ts of its own: which of them an event is for, which is in front, and how they hand over to
// each other. Pure. Invariants: a message goes to the call that it names; people talk in one call at a time, all others are held, and the calls of
// one conference count as one; at most
// MAX_LINES calls run; a new call rings only where nobody talks or waits for somebody to talk again; a call that is over stays until it is
// forgotten or another begins.
import { CloisterError } from '../kernel/errors.ts';
import type { CallBody, ReferReason } from '../signaling/messages.ts';
import type { InboundCallMessage } from '../signaling/port.ts';
import type { CallContext, CallEffect, CallEvent, CallRecord, Conference, Taken } from './call.ts';
import { joined, participantOf } from './conference.ts';
import { safe } from './handover.ts';
import { step, turnedAway } from './machine.ts';

/** Each has a media process of its own. */
export const MAX_LINES = 3;
/** A code of four digits is guessed by nobody in so few tries; who mistypes it has some. */
const WRONG_CODES_OF_ONE = 3;
const WRONG_CODES_OF_ALL = 10;
const WRONG_CODES_MS = 10 * 60_000;
/** More than any number of calls has to tell each other about one event. */
const MAX_NEWS = 8 * MAX_LINES;

export type Line = { readonly key: number; readonly call: CallRecord };

/** A call that is parked at another room, and that this room asks for. */
type Retrieval = {
  readonly id: string;
  readonly account: string;
  readonly token: string;
  /** Who is going to call. */
  readonly by: string | null;
  /** One of the account’s endpoints does not have it. */
  readonly refused: boolean;
};

/** The one brought to the front last is the first. `lastEpoch` is of all lines: no two media processes of a room have one number. */
export type Lines = {
  readonly lines: readonly Line[];
  readonly lastKey: number;
  readonly lastEpoch: number;
  readonly retrieval: Retrieval | null;
  readonly wrongCodes: readonly { readonly account: string; readonly atMs: number }[];
};

export const noLines: Lines = { lines: [], lastKey: 0, lastEpoch: 0, retrieval: null, wrongCodes: [] };

export type LinesContext = Omit<CallContext, 'mayTalk' | 'lineFree'>;

export type LinesEvent =
  | Extract<CallEvent, { type: 'place' }>
  | { readonly type: 'message'; readonly inbound: InboundCallMessage }
  | { readonly type: 'line'; readonly line: number; readonly event: CallEvent }
  /** The call of this line, and the one that is held beside it (or that people talk in, where it is the held one). */
  | { readonly type: 'merge'; readonly line: number; readonly conference: string; readonly token: string }
  | { readonly type: 'retrieve'; readonly id: string; readonly account: string; readonly code: string; readonly token: string }
  | { readonly type: 'retrieve-over'; readonly id: string };

export type LineEffect = { readonly line: number; readonly effect: CallEffect };

/** As a Step of machine.ts: `error` where a person asked for what cannot be done now, and nothing is changed then. */
export type LinesStep = { readonly state: Lines; readonly effects: readonly LineEffect[]; readonly error: CloisterError | null };

export const runs = ({ call }: Line): boolean => call.phase !== 'ended';
/** People neither talk in it nor are about to. */
export const waits = ({ call }: Line): boolean => call.phase === 'connected' && call.held.here;
const talks = (line: Line): boolean => runs(line) && !waits(line);

/** What the panel and the display show; the call that ended last where none runs. A parked call is nobody's here. */
export const frontOf = ({ lines }: Lines): Line | null =>
  lines.find((line) => runs(line) && line.call.parked === null) ?? lines.find((line) => !runs(line)) ?? null;

export const lineOfCall = ({ lines }: Lines, id: string): Line | null => lines.find(({ call }) => call.id === id) ?? null;

/** Whoever another call is asked first for. */
export const consultationFor = ({ lines }: Lines, id: string): Line | null =>
  lines.find((line) => runs(line) && line.call.origin?.kind === 'consultation' && line.call.origin.call === id) ?? null;

/** @param conference the one that the call of this line belongs to, or is to: the calls of one are one to the people here */
const mayTalk = ({ lines }: Lines, key: number, conference: string | null = null): boolean =>
  lines.every((line) => line.key === key || !talks(line) || (conference !== null && line.call.conference?.id === conference));

/** The other call of the same conference. */
export const partnerOf = ({ lines }: Lines, { key, call }: Line): Line | null =>
  lines.find((line) => line.key !== key && runs(line) && call.conference !== null && line.call.conference?.id === call.conference.id) ?? null;

const same = (state: Lines): LinesStep => ({ state, effects: [], error: null });
const refusal = (state: Lines, error: CloisterError): LinesStep => ({ state, effects: [], error });

export function stepLines(state: Lines, event: LinesEvent, context: LinesContext): LinesStep {
  const stepped = act(state, event, context);
  return stepped.error === null ? bringForward(state, join(stepped, context)) : stepped;
}

function act(state: Lines, event: LinesEvent, context: LinesContext): LinesStep {
  switch (event.type) {
    case 'place':
      return place(state, event, context);
    case 'message':
      return receive(state, event.inbound, context);
    case 'line':
      return asked(state, event.line, event.event, context);
    case 'merge':
      return merge(state, event, context);
    case 'retrieve':
      return retrieve(state, event);
    case 'retrieve-over':
      return same(state.retrieval?.id === event.id ? { ...state, retrieval: null } : state);
  }
}

/** Lets the call of this line take the event; a line that has no call yet has one after it, or is none. */
function onLine(state: Lines, key: number, event: CallEvent, context: LinesContext): LinesStep {
  const call = state.lines.find((line) => line.key === key)?.call ?? null;
  const conference = call?.conference?.id ?? conferenceIn(event);
  const lineFree = !full(state) && state.retrieval === null;
  const stepped = step({ call, lastEpoch: state.lastEpoch }, event, { ...context, lineFree, mayTalk: mayTalk(state, key, conference) });
  if (stepped.error !== null) return refusal(state, stepped.error);
  const { call: after, lastEpoch } = stepped.state;
  const lines =
    after === null
      ? state.lines.filter((line) => line.key !== key)
      : call === null
        ? added(state.lines, { key, call: after })
        : state.lines.map((line) => (line.key === key ? { key, call: after } : line));
  const effects = stepped.effects.map((effect) => ({ line: key, effect }));
  const now: LinesStep = { state: { ...state, lines, lastKey: Math.max(state.lastKey, key), lastEpoch }, effects, error: null };
  return call?.conference != null && after?.conference?.id !== call.conference.id ? leftBy(now, call.conference.id, after, context) : now;
}

/** In front, but behind the call to which it is to be joined: what people look at stays where it is. */
function added(lines: readonly Line[], line: Line): Line[] {
  const { conference } = line.call;
  const last = conference === null ? -1 : lines.findLastIndex((each) => runs(each) && each.call.conference?.id === conference.id);
  return [...lines.slice(0, last + 1), line, ...lines.slice(last + 1)];
}

const then = (before: LinesStep, go: (state: Lines) => LinesStep): LinesStep => {
  const after = go(before.state);
  return { ...after, effects: [...before.effects, ...after.effects] };
};

/** A call begins on a line of its own, and those that are over make room for it. */
function begin(state: Lines, event: CallEvent, context: LinesContext): LinesStep {
  const key = state.lastKey + 1;
  const begun = onLine(state, key, event, context);
  if (!begun.state.lines.some((line) => line.key === key)) return begun;
  const over = state.lines.filter((line) => !runs(line));
  return {
    ...begun,
    state: { ...begun.state, lines: begun.state.lines.filter((line) => line.key === key || runs(line)) },
    effects: [...over.map(({ key: line }): LineEffect => ({ line, effect: { type: 'stop-timer', name: 'forget' } })), ...begun.effects]
  };
}

function place(state: Lines, event: Extract<CallEvent, { type: 'place' }>, context: LinesContext): LinesStep {
  const { origin } = event;
  if (origin?.kind === 'conference') return placeThird(state, event, origin, context);
  if (origin?.kind === 'reference') {
    // The other side may have taken it back, or be gone, while camera and microphone were let go of.
    const asked = lineOfCall(state, origin.call)?.call.handover;
    if (asked?.role !== 'referred' || asked.reference !== origin.reference) return same(state);
  }
  if (origin?.kind === 'consultation' && (!consultable(state, origin.call) || consultationFor(state, origin.call) !== null))
    return refusal(state, new CloisterError('CL_CALL_WRONG_PHASE'));
  if (!free(state)) return refusal(state, new CloisterError('CL_CALL_BUSY'));
  if (full(state)) return refusal(state, new CloisterError('CL_CALL_LINES_FULL'));
  return begin(state, event, context);
}

function consultable(state: Lines, id: string): boolean {
  const line = lineOfCall(state, id);
  return line !== null && waits(line) && line.call.encryption.agreed === 'standard' && line.call.handover === null && line.call.parked === null;
}

const full = ({ lines }: Lines): boolean => lines.filter(runs).length >= MAX_LINES;
/** People here may begin to talk in another call. */
const free = (state: Lines, conference: string | null = null): boolean => mayTalk(state, 0, conference) && state.retrieval === null;

// ── what others say ─────────────────────────────────────────────────────────────────────────────────────────────────────

function receive(state: Lines, inbound: InboundCallMessage, context: LinesContext): LinesStep {
  const { message } = inbound;
  if (inbound.from.endpoint === context.self.endpoint) return same(state);
  if (message.type === 'call.retrieve') return retrieveAsked(state, inbound, message.body, context);
  if (state.retrieval !== null && state.retrieval.id === inbound.call) return retrieveAnswered(state, state.retrieval, inbound);
  const event: CallEvent = { type: 'message', inbound };
  const named = lineOfCall(state, inbound.call);
  if (message.type !== 'call.invite') return onLine(state, named?.key ?? 0, event, context);
  if (named !== null && runs(named)) return onLine(state, named.key, event, context);
  if (message.body.conference?.token !== undefined) return paired(state, inbound, message.body, context);
  if (message.body.replaces !== undefined) return taken(state, inbound, message.body, context);
  // Both invited each other: the machine of the call that is there decides.
  const glares = ({ call }: Line): boolean => call.direction === 'outgoing' && !call.answered && call.peer.account === inbound.from.account;
  const glare = state.lines.find((line) => runs(line) && glares(line));
  if (glare !== undefined) return onLine(state, glare.key, event, context);
  // Who is held here was promised that somebody comes back; whoever is parked was not.
  const busy = state.lines.some((line) => runs(line) && line.call.parked === null) || full(state) || state.retrieval !== null;
  if (!busy) return begin(state, event, context);
  const why = context.isBlocked(inbound.from.account) ? 'blocked' : context.doNotDisturb ? 'do-not-disturb' : 'in-a-call';
  return { state, effects: turnedAway(inbound, message.body, why).map((effect) => ({ line: 0, effect })), error: null };
}

const busyTo = ({ from, call }: InboundCallMessage): LineEffect => ({
  line: 0,
  effect: { type: 'send', to: from, call, message: { type: 'call.end', body: { reason: 'busy' } } }
});

/** In a time that does not depend on where they differ. */
function sameToken(a: string, b: string): boolean {
  let differ = a.length ^ b.length;
  for (let index = 0; index < a.length; index++) differ |= a.charCodeAt(index) ^ b.charCodeAt(index);
  return differ === 0;
}

/** The call that its other side agreed with us to be replaced by this invite. */
export function replacedBy(state: Lines, { from, call, message }: InboundCallMessage): Line | null {
  if (message.type !== 'call.invite' || message.body.replaces === undefined) return null;
  // No call makes way for one that does not come: an invite of a call that is here begins none.
  if (lineOfCall(state, call) !== null) return null;
  const line = lineOfCall(state, message.body.replaces.call);
  const agreed = line?.call.handover;
  if (line === null || agreed?.role !== 'replaced' || agreed.by !== from.account) return null;
  return sameToken(agreed.token, message.body.replaces.token) ? line : null;
}

/** An invite in place of another call. Where that is not one of ours nothing is answered: another endpoint of the account may have it. */
function taken(state: Lines, inbound: InboundCallMessage, body: CallBody<'call.invite'>, context: LinesContext): LinesStep {
  const { retrieval } = state;
  if (retrieval !== null && body.replaces?.call === retrieval.id) {
    if (!sameToken(retrieval.token, body.replaces.token) || (retrieval.by !== null && retrieval.by !== inbound.from.account)) return same(state);
    const asked: Taken = {
      origin: { kind: 'retrieval', id: retrieval.id },
      microphone: true,
      camera: body.media.video,
      references: 0,
      referredBy: { account: retrieval.account, displayName: retrieval.account },
      conference: null
    };
    const over = { ...state, retrieval: null };
    if (!free(over) || full(over)) return { state: over, effects: [busyTo(inbound)], error: null };
    return begin(over, { type: 'message', inbound, taken: asked }, context);
  }
  const before = replacedBy(state, inbound);
  if (before === null || before.call.handover?.role !== 'replaced') return same(state);
  // People here hold the call, or it is being secured anew: nobody begins to talk in its place.
  if (!before.call.handover.taken) return { state, effects: [busyTo(inbound)], error: null };
  const { key, call } = before;
  const replacing = state.lines.some((line) => runs(line) && line.call.origin?.kind === 'replacement' && line.call.origin.call === call.id);
  if (replacing) return same(state);
  const notTaken = (from: Lines): LinesStep => onLine(from, key, { type: 'not-replaced' }, context);
  if (!free(state) || full(state)) return then({ state, effects: [busyTo(inbound)], error: null }, notTaken);
  const agreed: Taken = {
    origin: { kind: 'replacement', call: call.id },
    microphone: call.wanted.microphone,
    camera: call.wanted.camera,
    references: call.references,
    referredBy: participantOf(call),
    conference: null
  };
  const begun = begin(state, { type: 'message', inbound, taken: agreed }, context);
  return lineOfCall(begun.state, inbound.call) === null ? then(begun, notTaken) : begun;
}

// ── a third participant (conference.ts) ─────────────────────────────────────────────────────────────────────────────────

function conferenceIn(event: CallEvent): string | null {
  if (event.type === 'place') return event.conference?.id ?? null;
  return event.type === 'message' ? (event.taken?.conference?.id ?? null) : null;
}

/** What people do to one call of a conference they do to all of it. */
function asked(state: Lines, key: number, event: CallEvent, context: LinesContext): LinesStep {
  const line = state.lines.find((each) => each.key === key);
  if (event.type === 'add-participant' && state.lines.some((each) => runs(each) && each.key !== key && each.call.peer.account === event.third.account))
    return refusal(state, new CloisterError('CL_CALL_BUSY'));
  const partner = line === undefined ? null : partnerOf(state, line);
  const first = onLine(state, key, event, context);
  if (first.error !== null || line === undefined || partner === null || !ofAll(event, line, partner)) return first;
  // In the order in which they are shown: the call whose process has the devices is the first.
  const both = state.lines.filter((each) => each.key === key || each.key === partner.key);
  return both.reduce<LinesStep>(
    (before, each) =>
      then(before, (now) => {
        const heard = onLine(now, each.key, event, context);
        return heard.error === null ? heard : same(now);
      }),
    same(state)
  );
}

function ofAll(event: CallEvent, line: Line, partner: Line): boolean {
  if (event.type === 'set-microphone' || event.type === 'set-camera') return joined(line.call) || (!waits(line) && !waits(partner));
  return (event.type === 'hang-up' || event.type === 'set-held' || event.type === 'set-screen') && joined(line.call);
}

/** A call has left its conference: the other one is an ordinary call again, or what was being brought about has come to nothing. */
function leftBy(now: LinesStep, id: string, call: CallRecord | null, context: LinesContext): LinesStep {
  const over = call === null || call.phase === 'ended';
  const { by = 'there', reason = null } = call?.ended ?? {};
  const others = now.state.lines.filter((line) => runs(line) && line.call.conference?.id === id);
  return others.reduce((before, { key, call: other }) => {
    const event: CallEvent =
      over && joined(other)
        ? { type: 'conference-left', broken: reason !== 'hangup' }
        : { type: 'conference-failed', quietly: over && by === 'here' && reason === 'hangup', reason };
    return then(before, (state) => onLine(state, key, event, context));
  }, now);
}

function merge(state: Lines, { line: key, conference, token }: Extract<LinesEvent, { type: 'merge' }>, context: LinesContext): LinesStep {
  const named = state.lines.find((line) => line.key === key);
  if (named === undefined) return refusal(state, new CloisterError('CL_CALL_NONE'));
  const standard = ({ call }: Line): boolean => call.encryption.agreed === 'standard';
  const waiting = state.lines.filter((line) => line.key !== key && waits(line) && line.call.parked === null);
  const held = waits(named) ? named : (waiting.find(standard) ?? waiting[0]);
  const talking = waits(named) ? state.lines.find(talks) : named;
  if (held === undefined || talking === undefined) return refusal(state, new CloisterError('CL_CALL_WRONG_PHASE'));
  const asks = (other: Line, part: Conference['part']): CallEvent => ({ type: 'merge', conference, token, third: participantOf(other.call), part });
  const first = onLine(state, held.key, asks(talking, 'wait'), context);
  if (first.error !== null) return refusal(state, first.error);
  const second = then(first, (now) => onLine(now, talking.key, asks(held, 'call'), context));
  return second.error === null ? second : refusal(state, second.error);
}

/** The call that brings the third participant in: from the host, or between the two that it brings together. */
function placeThird(
  state: Lines,
  event: Extract<CallEvent, { type: 'place' }>,
  { call: id, conference: wanted }: { readonly call: string; readonly conference: string },
  context: LinesContext
): LinesStep {
  const parent = lineOfCall(state, id);
  const conference = parent?.call.conference;
  // It may be over, or done, while it was being placed.
  if (parent === null || !runs(parent) || conference == null || conference.id !== wanted || conference.word !== 'accepted' || partnerOf(state, parent) !== null)
    return same(state);
  const hosts = conference.role === 'host' && conference.part === 'wait' && !conference.merges;
  if (!hosts && (conference.role !== 'guest' || conference.part !== 'call' || conference.token === null)) return same(state);
  if (event.to !== conference.third.account) return same(state);
  if (!free(state, conference.id)) return refusal(state, new CloisterError('CL_CALL_BUSY'));
  if (full(state)) return refusal(state, new CloisterError('CL_CALL_LINES_FULL'));
  const { id: ofIt, token } = conference;
  const third = participantOf(parent.call);
  const own: Conference = hosts
    ? { id: ofIt, token, third, role: 'host', part: 'call', phase: 'ringing', word: 'none', kept: false, merges: false }
    : { id: ofIt, token, third, role: 'pair', part: 'call', phase: 'joining', word: 'none', kept: false, merges: false };
  return begin(state, { ...event, conference: own, references: hosts ? 0 : parent.call.references }, context);
}

/** An invite by a secret that the host of a call here gave to both. Where that is not one of ours nothing is answered: another endpoint of the account may have it. */
function paired(state: Lines, inbound: InboundCallMessage, body: CallBody<'call.invite'>, context: LinesContext): LinesStep {
  const { id, token = '' } = body.conference ?? {};
  const host = state.lines.find(({ call: { conference } }) => conference !== null && conference.id === id) ?? null;
  const awaited = host?.call.conference;
  if (host === null || !runs(host) || awaited?.role !== 'guest' || awaited.part !== 'wait' || awaited.token === null) return same(state);
  if (awaited.third.account !== inbound.from.account || !sameToken(awaited.token, token) || host.call.encryption.agreed !== 'standard') return same(state);
  const { key, call } = host;
  const notTaken = (from: Lines): LinesStep => onLine(from, key, { type: 'conference-failed', quietly: false, reason: 'busy' }, context);
  if (!free(state, awaited.id) || full(state)) return then({ state, effects: [busyTo(inbound)], error: null }, notTaken);
  const { microphone, camera } = call.wanted;
  const third = participantOf(call);
  const asTold: Taken = {
    origin: { kind: 'conference', call: call.id, conference: awaited.id },
    microphone,
    camera,
    references: call.references,
    referredBy: third,
    conference: { id: awaited.id, token: null, third, role: 'pair', part: 'wait', phase: 'joining', word: 'none', kept: false, merges: false }
  };
  const begun = begin(state, { type: 'message', inbound, taken: asTold }, context);
  return lineOfCall(begun.state, inbound.call) === null ? then(begun, notTaken) : begun;
}

/** What the calls of a conference have to tell each other while it is brought about. */
function newsOfConference(state: Lines, line: Line): CallEvent | null {
  const { call } = line;
  const { conference } = call;
  if (conference === null || !runs(line)) return null;
  const partner = partnerOf(state, line);
  const other = partner?.call.conference ?? null;
  const ready = safe(call) && !call.held.here;
  if (conference.role === 'guest' && conference.part === 'call' && conference.word === 'asked') return ready ? { type: 'conference-go' } : null;
  if (partner === null || other === null || conference.phase === 'joined') return null;
  const asThere = { wanted: partner.call.wanted, screenSource: partner.call.screenSource };
  switch (conference.role) {
    case 'host': {
      if (conference.word === 'none') {
        const agreed = other.word === 'accepted' || other.word === 'joined';
        return conference.part === 'call' && ready && agreed ? { type: 'conference-ask' } : null;
      }
      // What is on in the call that people talk in is so in the other one.
      const follows = conference.merges === (conference.part === 'wait');
      if (conference.word === 'joined' && other.word === 'joined') return { type: 'conference-joined', wanted: follows ? asThere : null };
      if (other.phase !== 'ringing' && other.phase !== 'joining') return null;
      return other.phase !== conference.phase && conference.part === 'wait' ? { type: 'conference-phase', phase: other.phase } : null;
    }
    case 'guest':
      if (conference.token !== null) return { type: 'conference-paired' };
      return partner.call.startedAtMs !== null && conference.word === 'accepted' ? { type: 'conference-secured' } : null;
    case 'pair':
      return other.phase === 'joined' ? { type: 'conference-joined', wanted: asThere } : null;
  }
}

// ── parked calls ────────────────────────────────────────────────────────────────────────────────────────────────────────

const organisationOf = (account: string): string => account.slice(account.indexOf('@') + 1);

export const parkedUnder = ({ lines }: Lines, code: string): Line | null => lines.find((line) => runs(line) && line.call.parked?.code === code) ?? null;

/** Another room of the organisation asks for a call that is parked here: its other side is asked to call there. */
function retrieveAsked(state: Lines, inbound: InboundCallMessage, body: CallBody<'call.retrieve'>, context: LinesContext): LinesStep {
  const { account } = inbound.from;
  const answer = (accepted: boolean, peer?: string): LineEffect => ({
    line: 0,
    effect: {
      type: 'send',
      to: inbound.from,
      call: inbound.call,
      message: { type: 'call.retrieve-answer', body: { accepted, ...(peer === undefined ? {} : { account: peer }) } }
    }
  });
  const no = (after: Lines): LinesStep => ({ state: after, effects: [answer(false)], error: null });
  if (organisationOf(account) !== organisationOf(context.self.account) || context.isBlocked(account)) return no(state);
  // Where nothing is parked there is nothing to guess.
  if (!state.lines.some((line) => runs(line) && line.call.parked !== null)) return no(state);
  const wrong = state.wrongCodes.filter(({ atMs }) => context.now - atMs < WRONG_CODES_MS);
  // Too many: not even the right one is told from a wrong one.
  if (wrong.length >= WRONG_CODES_OF_ALL || wrong.filter((each) => each.account === account).length >= WRONG_CODES_OF_ONE)
    return no({ ...state, wrongCodes: wrong });
  const line = parkedUnder(state, body.code);
  if (line === null) return no({ ...state, wrongCodes: [...wrong, { account, atMs: context.now }] });
  const replaces = { call: inbound.call, token: body.token };
  const asked = onLine(state, line.key, { type: 'transfer', to: account, kind: 'retrieval', replaces }, context);
  if (asked.error !== null) return no(state);
  return { ...asked, effects: [answer(true, line.call.peer.account), ...asked.effects] };
}

function retrieve(state: Lines, { id, account, code, token }: Extract<LinesEvent, { type: 'retrieve' }>): LinesStep {
  if (!free(state)) return refusal(state, new CloisterError('CL_CALL_BUSY'));
  if (full(state)) return refusal(state, new CloisterError('CL_CALL_LINES_FULL'));
  const ask: CallEffect = { type: 'send', to: { account }, call: id, message: { type: 'call.retrieve', body: { code, token } } };
  return { state: { ...state, retrieval: { id, account, token, by: null, refused: false } }, effects: [{ line: 0, effect: ask }], error: null };
}

/** One of the account's endpoints has the call; those that have not do not count then. */
function retrieveAnswered(state: Lines, retrieval: Retrieval, { from, message }: InboundCallMessage): LinesStep {
  if (from.account !== retrieval.account || retrieval.by !== null) return same(state);
  if (message.type === 'call.retrieve-answer' && message.body.accepted)
    return same({ ...state, retrieval: { ...retrieval, by: message.body.account ?? null, refused: false } });
  return same({ ...state, retrieval: { ...retrieval, refused: true } });
}

// ── what one call says to another ───────────────────────────────────────────────────────────────────────────────────────

/** Lets the calls that belong together hear of each other, until there is nothing more to tell. */
function join(stepped: LinesStep, context: LinesContext): LinesStep {
  let now = stepped;
  for (let told = 0; told < MAX_NEWS; told++) {
    const news = newsOf(now.state);
    if (news === null) return now;
    const { orElse } = news;
    now = then(now, (state) => {
      const heard = onLine(state, news.line, news.event, context);
      if (heard.error === null) return heard;
      return orElse === null ? same(state) : onLine(state, orElse.line, orElse.event, context);
    });
  }
  return now;
}

type LineNews = { readonly line: number; readonly event: CallEvent };
/** `orElse`: what follows where the call refuses. */
type News = LineNews & { readonly orElse: LineNews | null };

function newsOf(state: Lines): News | null {
  for (const line of state.lines) {
    const conferring = newsOfConference(state, line);
    if (conferring !== null) return { line: line.key, event: conferring, orElse: null };
    const { origin } = line.call;
    if (origin === null || origin.kind === 'retrieval' || origin.kind === 'conference') continue;
    const parent = lineOfCall(state, origin.call);
    const event = origin.kind === 'reference' ? newsOfReference(line, parent) : origin.kind === 'replacement' ? newsOfReplacement(line, parent) : null;
    if (event !== null && parent !== null) return { line: parent.key, event, orElse: null };
    if (origin.kind === 'consultation') {
      const news = newsOfConsultation(line, parent);
      if (news !== null) return news;
    }
  }
  return null;
}

const reasonOf = (call: CallRecord): ReferReason => call.ended?.reason ?? 'hangup';

/** This room was asked to call: how far that call has come. */
function newsOfReference(line: Line, parent: Line | null): CallEvent | null {
  const asked = parent?.call.handover;
  const { call } = line;
  if (asked?.role !== 'referred' || asked.told === 'answered' || call.origin?.kind !== 'reference' || call.origin.reference !== asked.reference) return null;
  if (call.startedAtMs !== null) return { type: 'referral-progress', progress: 'answered' };
  if (!runs(line)) return { type: 'referral-progress', progress: 'failed', reason: reasonOf(call) };
  return call.phase === 'ringing' && asked.told === 'accepted' ? { type: 'referral-progress', progress: 'ringing' } : null;
}

function newsOfReplacement(line: Line, parent: Line | null): CallEvent | null {
  if (parent?.call.handover?.role !== 'replaced') return null;
  if (line.call.startedAtMs !== null) return { type: 'handed-over', to: line.call.peer.displayName };
  return runs(line) ? null : { type: 'not-replaced' };
}

/** The consulted call (`line`) and the one that is to be handed over (`parent`). */
function newsOfConsultation(line: Line, parent: Line | null): News | null {
  const offering = line.call.handover;
  if (!runs(line) || offering?.role !== 'offering') return null;
  const over: News = { line: line.key, event: { type: 'replacement-over' }, orElse: null };
  if (offering.stage === 'agreed') {
    if (parent === null || !runs(parent)) return over;
    if (parent.call.handover?.role === 'referrer') return { line: line.key, event: { type: 'replacement-asked' }, orElse: null };
    const { account } = line.call.peer;
    const replaces = { call: line.call.id, token: offering.token };
    return { line: parent.key, event: { type: 'transfer', to: account, kind: 'consultation', replaces }, orElse: over };
  }
  if (offering.stage !== 'asked' || parent?.call.handover?.role === 'referrer') return null;
  // Both ends of it talk to each other now.
  if (parent?.call.handedOver) return { line: line.key, event: { type: 'handed-over', to: parent.call.peer.displayName }, orElse: null };
  return over;
}

/** What is not held any more is in front. */
function bringForward(before: Lines, { state, effects, error }: LinesStep): LinesStep {
  const wasHeld = (line: Line): boolean => before.lines.some(({ key, call }) => key === line.key && call.held.here);
  const resumed = (line: Line): boolean => runs(line) && !line.call.held.here && wasHeld(line);
  const back = (line: Line): boolean => {
    if (!resumed(line)) return false;
    // What is joined to the call in front stays behind it.
    const partner = partnerOf(state, line);
    return partner === null || resumed(partner);
  };
  return { state: { ...state, lines: [...state.lines.filter(back), ...state.lines.filter((line) => !back(line))] }, effects, error };
}
