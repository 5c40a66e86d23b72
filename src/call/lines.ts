// Several calls in one room, each a call of machine.ts of its own: which of them an event is for, and which is in front. Pure.
// Invariants: a message goes to the call that it names; a call that is over stays until it is forgotten or another begins.
import { CloisterError } from '../kernel/errors.ts';
import type { InboundCallMessage } from '../signaling/port.ts';
import type { CallContext, CallEffect, CallEvent, CallRecord } from './call.ts';
import { step } from './machine.ts';

export type Line = { readonly key: number; readonly call: CallRecord };

/** The one brought to the front last is the first. `lastEpoch` is of all lines: no two media processes of a room have one number. */
export type Lines = { readonly lines: readonly Line[]; readonly lastKey: number; readonly lastEpoch: number };

export const noLines: Lines = { lines: [], lastKey: 0, lastEpoch: 0 };

export type LinesEvent = Extract<CallEvent, { type: 'place' | 'message' }> | { readonly type: 'line'; readonly line: number; readonly event: CallEvent };

export type LineEffect = { readonly line: number; readonly effect: CallEffect };

/** As a Step of machine.ts: `error` where a person asked for what cannot be done now, and nothing is changed then. */
export type LinesStep = { readonly state: Lines; readonly effects: readonly LineEffect[]; readonly error: CloisterError | null };

export const runs = ({ call }: Line): boolean => call.phase !== 'ended';

/** What the panel and the display show; the call that ended last where none runs. */
export const frontOf = ({ lines }: Lines): Line | null => lines.find(runs) ?? lines[0] ?? null;

export const lineOfCall = ({ lines }: Lines, id: string): Line | null => lines.find(({ call }) => call.id === id) ?? null;

export function stepLines(state: Lines, event: LinesEvent, context: CallContext): LinesStep {
  switch (event.type) {
    case 'place':
      return place(state, event, context);
    case 'message':
      return receive(state, event.inbound, context);
    case 'line':
      return onLine(state, event.line, event.event, context);
  }
}

/** Lets the call of this line take the event; a line that has no call yet has one after it, or is none. */
function onLine(state: Lines, key: number, event: CallEvent, context: CallContext): LinesStep {
  const call = state.lines.find((line) => line.key === key)?.call ?? null;
  const stepped = step({ call, lastEpoch: state.lastEpoch }, event, context);
  if (stepped.error !== null) return { state, effects: [], error: stepped.error };
  const { call: after, lastEpoch } = stepped.state;
  const lines =
    after === null
      ? state.lines.filter((line) => line.key !== key)
      : call === null
        ? [{ key, call: after }, ...state.lines]
        : state.lines.map((line) => (line.key === key ? { key, call: after } : line));
  const effects = stepped.effects.map((effect) => ({ line: key, effect }));
  return { state: { ...state, lines, lastKey: Math.max(state.lastKey, key), lastEpoch }, effects, error: null };
}

/** A call begins on a line of its own, and those that are over make room for it. */
function begin(state: Lines, event: CallEvent, context: CallContext): LinesStep {
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

function place(state: Lines, event: Extract<CallEvent, { type: 'place' }>, context: CallContext): LinesStep {
  if (state.lines.some(runs)) return { state, effects: [], error: new CloisterError('CL_CALL_BUSY') };
  return begin(state, event, context);
}

function receive(state: Lines, inbound: InboundCallMessage, context: CallContext): LinesStep {
  const event: CallEvent = { type: 'message', inbound };
  const named = lineOfCall(state, inbound.call);
  if (inbound.message.type !== 'call.invite') return onLine(state, named?.key ?? 0, event, context);
  if (named !== null && runs(named)) return onLine(state, named.key, event, context);
  // Both invited each other, or the room is busy: the machine of the call that is there decides.
  const glares = ({ call }: Line): boolean => call.direction === 'outgoing' && !call.answered && call.peer.account === inbound.from.account;
  const running = state.lines.filter(runs);
  const taker = running.find(glares) ?? running[0];
  return taker === undefined ? begin(state, event, context) : onLine(state, taker.key, event, context);
}
