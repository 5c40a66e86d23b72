// Telephony of one device as a pure state machine: (state, event, time) → (state, actions). The table in docs/adr/0022-hid-acknowledgement.md.
// Invariants: lamps follow the call as it is and nothing else, but for the answer that a hook press is owed; one press is one command at most;
// what the device says because of us (an echo) is no press; what cannot be told from an echo never ends a call and never opens a microphone.
import type { CallOnDevices, HidCommand } from '../port.ts';
import type { ControlForm, ControlValue, TelephonyControl, TelephonyLamp } from './report-model.ts';

export type Lamps = Readonly<Record<TelephonyLamp, boolean>>;

/** A device that hears nothing takes a press back after about 2 s; its echo of our own change comes within 3 s (devices.md "HID telephony"). */
const HOOK_ECHO_MS = 3000;
/** How long a press waits for the call to follow, before the lamp goes back to what is so. */
const ASKED_MS = 2000;
/** A mute report this soon after an unmute is the device's refusal: its boom arm is up. */
const MUTE_REFUSAL_MS = 700;
const MUTE_ECHO_MS = 1000;
/** A press this soon after our own change crossed it on the way, or is an echo of it: a person who saw or heard it takes longer. */
const CROSSING_MS = 150;
/** The first report this soon after attaching tells how switches stand, not what somebody did. */
const BASELINE_MS = 250;
/** The same press by another report this soon is a mirror of it. */
const MIRROR_MS = 150;
/** At most ten steps of volume in a second. */
const VOLUME_REPEAT_MS = 100;

type Expected = { readonly value: number; readonly untilMs: number };

export type TelephonyState = {
  /** Of its driver (drivers.ts): the same key again within this time is the same press. */
  readonly doubleKeyMs: number;
  readonly call: CallOnDevices;
  /** What each control said last. */
  readonly last: Readonly<Partial<Record<TelephonyControl, number>>>;
  readonly pressed: Readonly<Partial<Record<TelephonyControl, { readonly reportId: number; readonly atMs: number }>>>;
  readonly attachedAtMs: number;
  /** Nothing was heard of it since it was attached. */
  readonly fresh: boolean;
  /** The hook was taken off while it rings, and the call has not followed yet. */
  readonly answeringUntilMs: number | null;
  /** What people asked for here and what is not so yet. */
  readonly asked: { readonly mute: Expected | null; readonly hold: Expected | null };
  readonly hookEchoes: readonly Expected[];
  readonly hookChangedAtMs: number;
  /** The last change of any lamp. */
  readonly litAtMs: number;
  readonly muteEchoes: readonly Expected[];
  /** The last change of mute that was not asked for here, and whether a switch has said since that it is muted. */
  readonly muteChangedAtMs: number;
  readonly muteFollowed: boolean;
  readonly unmutedAtMs: number;
};

export type TelephonyEvent =
  | { readonly type: 'attached' }
  | { readonly type: 'report'; readonly reportId: number; readonly values: readonly ControlValue[] }
  | { readonly type: 'call'; readonly call: CallOnDevices }
  | { readonly type: 'timer' };

export type TelephonyAction =
  /** `again`: also what the device was told already. */
  | { readonly type: 'lamps'; readonly lamps: Lamps; readonly again: boolean }
  | { readonly type: 'command'; readonly command: HidCommand }
  /** Come back with a `timer` event. */
  | { readonly type: 'timer'; readonly inMs: number };

export type TelephonyStep = { readonly state: TelephonyState; readonly actions: readonly TelephonyAction[] };

export const detached = (call: CallOnDevices, doubleKeyMs = 0): TelephonyState => ({
  doubleKeyMs,
  call,
  last: {},
  pressed: {},
  attachedAtMs: Number.NEGATIVE_INFINITY,
  fresh: true,
  answeringUntilMs: null,
  asked: { mute: null, hold: null },
  hookEchoes: [],
  hookChangedAtMs: Number.NEGATIVE_INFINITY,
  litAtMs: Number.NEGATIVE_INFINITY,
  muteEchoes: [],
  muteChangedAtMs: Number.NEGATIVE_INFINITY,
  muteFollowed: false,
  unmutedAtMs: Number.NEGATIVE_INFINITY
});

export function lampsOf({ call, answeringUntilMs }: Pick<TelephonyState, 'call' | 'answeringUntilMs'>): Lamps {
  const inCall = call.phase === 'in-call' || call.phase === 'on-hold';
  const answering = answeringUntilMs !== null;
  return {
    offHook: inCall || answering,
    mute: inCall && call.muted,
    ring: call.phase === 'ringing' && !answering,
    hold: call.phase === 'on-hold',
    onLine: inCall || answering,
    line: inCall || answering,
    // No make agrees with another on what these two mean.
    speaker: false,
    microphone: false,
    // The room rings by itself.
    ringer: false
  };
}

export function telephony(state: TelephonyState, event: TelephonyEvent, nowMs: number): TelephonyStep {
  switch (event.type) {
    case 'attached':
      return lit(state, { ...detached(state.call, state.doubleKeyMs), attachedAtMs: nowMs }, [], nowMs, true);
    case 'call':
      return lit(state, withCall(state, event.call, nowMs), [], nowMs, false);
    case 'timer': {
      const late = state.answeringUntilMs !== null && nowMs >= state.answeringUntilMs;
      return lit(state, late ? { ...state, answeringUntilMs: null } : state, [], nowMs, false);
    }
    case 'report':
      return heard(state, event, nowMs);
  }
}

/** The step to `next`, with the lamps where they change or `write` says so, and with the echoes that this will have. */
function lit(before: TelephonyState, next: TelephonyState, actions: readonly TelephonyAction[], nowMs: number, write: boolean): TelephonyStep {
  const [was, is] = [lampsOf(before), lampsOf(next)];
  const fromScratch = next.attachedAtMs !== before.attachedAtMs;
  const changed = (Object.keys(is) as TelephonyLamp[]).some((lamp) => is[lamp] !== was[lamp]);
  if (!write && !changed) return { state: next, actions };
  let state = changed ? { ...next, litAtMs: nowMs } : next;
  if (fromScratch || is.offHook !== was.offHook)
    state = { ...state, hookChangedAtMs: nowMs, hookEchoes: expecting(state.hookEchoes, state.last.hook, is.offHook, nowMs, HOOK_ECHO_MS) };
  if (fromScratch || is.mute !== was.mute) state = { ...state, muteEchoes: expecting(state.muteEchoes, state.last.mute, is.mute, nowMs, MUTE_ECHO_MS) };
  return { state, actions: [{ type: 'lamps', lamps: is, again: write }, ...actions] };
}

/** A device that stands at `value` already has nothing to echo, unless it moved meanwhile and that is still on its way. */
function expecting(echoes: readonly Expected[], last: number | undefined, lamp: boolean, nowMs: number, withinMs: number): readonly Expected[] {
  const waiting = echoes.filter((echo) => nowMs <= echo.untilMs);
  const value = lamp ? 1 : 0;
  const stands = (waiting.at(-1)?.value ?? last ?? 0) === value;
  return [...waiting, { value, untilMs: nowMs + (stands ? CROSSING_MS : withinMs) }];
}

/** What is left to be echoed after `value` was heard; null where nothing of the kind was expected. */
function echoed(echoes: readonly Expected[], value: number, nowMs: number): readonly Expected[] | null {
  const waiting = echoes.filter((echo) => nowMs <= echo.untilMs);
  const at = waiting.findIndex((echo) => echo.value === value);
  return at === -1 ? null : waiting.slice(at + 1);
}

const talking = (call: CallOnDevices): boolean => call.phase === 'in-call' || call.phase === 'on-hold';
const asking = (asked: Expected | null, nowMs: number): number | null => (asked !== null && nowMs <= asked.untilMs ? asked.value : null);

function withCall(state: TelephonyState, call: CallOnDevices, nowMs: number): TelephonyState {
  const was = state.call;
  const began = talking(call) && !talking(was);
  const mute = state.asked.mute !== null && state.asked.mute.value === Number(call.muted) ? null : state.asked.mute;
  const hold = state.asked.hold !== null && state.asked.hold.value === Number(call.phase === 'on-hold') ? null : state.asked.hold;
  const changedElsewhere = began || (talking(call) && call.muted !== was.muted && state.asked.mute?.value !== Number(call.muted));
  const unmuted = talking(call) && !call.muted && (began || was.muted);
  return {
    ...state,
    call,
    answeringUntilMs: call.phase === 'ringing' ? state.answeringUntilMs : null,
    asked: talking(call) ? { mute, hold } : { mute: null, hold: null },
    muteChangedAtMs: changedElsewhere ? nowMs : state.muteChangedAtMs,
    muteFollowed: changedElsewhere ? false : state.muteFollowed,
    unmutedAtMs: unmuted ? nowMs : state.unmutedAtMs
  };
}

// ── what the device says ────────────────────────────────────────────────────────────────────────────────────────────────

type Heard = Extract<TelephonyEvent, { type: 'report' }>;
/** One control of a report, with what led to it. */
type Change = ControlValue & { readonly before: number; readonly known: boolean; readonly reportId: number; readonly others: boolean; readonly nowMs: number };
/** What a change comes to; `write`: the device is told again how things are. */
type Outcome = { readonly state: TelephonyState; readonly commands: readonly HidCommand[]; readonly write?: boolean };

function heard(before: TelephonyState, event: Heard, nowMs: number): TelephonyStep {
  const values = new Map<TelephonyControl, ControlValue>();
  // Two fields of one report may mean one control: the one that is pressed speaks.
  for (const value of event.values) if (value.value !== 0 || !values.has(value.control)) values.set(value.control, value);
  const last = { ...before.last };
  for (const { control, value } of values.values()) last[control] = value;
  let state: TelephonyState = { ...before, fresh: false, last };
  const baseline = before.fresh && nowMs - before.attachedAtMs < BASELINE_MS;

  const actions: TelephonyAction[] = [];
  let write = baseline;
  const moved = new Set([...values.values()].filter(({ control, value }) => (before.last[control] ?? 0) !== value).map(({ control }) => control));
  // A hook that has gone along with the lamp is no key that was pressed.
  if (last.hook === Number(lampsOf(before).offHook)) moved.delete('hook');
  for (const value of values.values()) {
    const known = before.last[value.control] !== undefined;
    const others = moved.size - (moved.has(value.control) ? 1 : 0) > 0;
    const change = { ...value, before: before.last[value.control] ?? 0, known, reportId: event.reportId, others, nowMs };
    if ((baseline && stands(value.form)) || isMirror(before, change)) continue;
    const outcome = means(state, change, before);
    state = outcome.state;
    write ||= outcome.write === true;
    if (outcome.commands.length > 0 || change.value !== change.before)
      state = { ...state, pressed: { ...state.pressed, [value.control]: { reportId: event.reportId, atMs: nowMs } } };
    for (const command of outcome.commands) actions.push({ type: 'command', command });
  }
  if (state.answeringUntilMs !== null && state.answeringUntilMs !== before.answeringUntilMs)
    actions.push({ type: 'timer', inMs: state.answeringUntilMs - nowMs });
  return lit(before, state, actions, nowMs, write);
}

function isMirror(state: TelephonyState, change: Change): boolean {
  const pressed = state.pressed[change.control];
  if (pressed === undefined) return false;
  return change.nowMs - pressed.atMs < (pressed.reportId === change.reportId ? state.doubleKeyMs : MIRROR_MS);
}

function means(state: TelephonyState, change: Change, before: TelephonyState): Outcome {
  const idle: Outcome = { state, commands: [] };
  const pressed = change.value > 0 && change.before <= 0;
  switch (change.control) {
    case 'hook':
      return hook(state, change);
    case 'mute':
    case 'microphone-mute':
      // The table: mute works while the hook is off, and there is nothing to mute else.
      return talking(state.call) ? mute(state, change) : idle;
    case 'hold':
    case 'flash':
      return talking(state.call) ? hold(state, change) : idle;
    case 'drop':
      return pressed && !isAnswerToLamps(state, change.nowMs) ? { state, commands: ended(state.call) } : idle;
    case 'reject':
      return pressed && state.call.phase === 'ringing' ? { state, commands: ['decline'] } : idle;
    case 'redial':
      return pressed && state.call.phase === 'idle' ? { state, commands: ['redial'] } : idle;
    case 'volume-up':
    case 'volume-down':
      return volume(state, change, before);
    case 'speaker-mute':
      return pressed ? { state, commands: ['toggle-speaker'] } : idle;
    case 'camera-on':
    case 'camera-off':
      return pressed ? { state, commands: [change.control] } : idle;
    case 'camera-toggle':
      return pressed ? { state, commands: ['toggle-camera'] } : idle;
  }
}

function ended(call: CallOnDevices): readonly HidCommand[] {
  if (call.phase === 'idle') return [];
  return call.phase === 'ringing' ? ['decline'] : ['hang-up'];
}

/** Whether a form says where it stands, and not only that somebody pressed. */
const stands = (form: ControlForm): boolean => form === 'switch' || form === 'level';

function hook(state: TelephonyState, change: Change): Outcome {
  const { nowMs } = change;
  if (change.form === 'one-shot') {
    if (!(change.value > 0 && change.before <= 0) || isAnswerToLamps(state, nowMs)) return { state, commands: [] };
    return lampsOf(state).offHook ? onHook(state) : offHook(state, nowMs);
  }
  if (change.form === 'pair') {
    if (change.value === 0 || change.value === change.before) return { state, commands: [] };
    if (change.value > 0) return offHook(state, nowMs);
    return isAnswerToLamps(state, nowMs) ? { state, commands: [] } : onHook(state);
  }
  const value = change.value === 0 ? 0 : 1;
  // The report of another key. A device that followed our lamp without a word is not heard until its second press: nothing ends a call by guess.
  if (value === (change.before === 0 ? 0 : 1)) return { state, commands: [] };
  const left = echoed(state.hookEchoes, value, nowMs);
  // An echo that is not what the lamp says, and none more to come: say it again.
  if (left !== null) return { state: { ...state, hookEchoes: left }, commands: [], write: left.length === 0 && lampsOf(state).offHook !== (value === 1) };
  // Where its hook was not known, another key's report only tells how it stands.
  // A device that takes a press back while the call ends lifts its hook once more; one that was heard off the hook and is on it is no such thing.
  if ((!change.known && change.others) || (value === 1 && nowMs - state.hookChangedAtMs < CROSSING_MS)) return { state, commands: [] };
  return value === 1 ? offHook(state, nowMs) : onHook(state);
}

/** A device that answers what is written to it with a press would else answer calls, end them, and open the microphone, over and over. */
const isAnswerToLamps = (state: TelephonyState, nowMs: number): boolean => nowMs - state.litAtMs < CROSSING_MS;

function offHook(state: TelephonyState, nowMs: number): Outcome {
  const rings = state.call.phase === 'ringing' && state.answeringUntilMs === null;
  const unasked = rings && isAnswerToLamps(state, nowMs);
  if (rings && !unasked) return { state: { ...state, answeringUntilMs: nowMs + ASKED_MS }, commands: ['answer'] };
  // Refused by the lamp: there is no call yet to be off the hook for, or nobody can have heard it ring. The device's way back is the echo of it.
  if (state.call.phase === 'idle' || unasked)
    return {
      state: { ...state, hookEchoes: expecting(state.hookEchoes, state.last.hook, false, nowMs, HOOK_ECHO_MS) },
      commands: unasked ? [] : ['offer-to-call'],
      write: true
    };
  return { state, commands: [] };
}

function onHook(state: TelephonyState): Outcome {
  if (talking(state.call)) return { state, commands: ['hang-up'] };
  if (state.call.phase === 'ringing' && state.answeringUntilMs !== null) return { state: { ...state, answeringUntilMs: null }, commands: ['decline'] };
  return { state, commands: [] };
}

function mute(before: TelephonyState, change: Change): Outcome {
  const { nowMs } = change;
  const state = stands(change.form) && change.value !== 0 ? { ...before, muteFollowed: true } : before;
  const muted = (asking(state.asked.mute, nowMs) ?? Number(state.call.muted)) === 1;
  const ask = (value: boolean): Outcome =>
    value === muted
      ? { state, commands: [] }
      : {
          state: { ...state, asked: { ...state.asked, mute: { value: Number(value), untilMs: nowMs + ASKED_MS } } },
          commands: [value ? 'mute' : 'unmute']
        };
  const moved = change.value !== change.before;
  if (change.form === 'pair')
    return change.value !== 0 && moved && !(change.value < 0 && isAnswerToLamps(state, nowMs)) ? ask(change.value > 0) : { state, commands: [] };
  if (!stands(change.form)) {
    if (!(change.value > 0 && change.before <= 0) || (muted && isAnswerToLamps(state, nowMs))) return { state, commands: [] };
    return ask(!muted);
  }
  const value = change.value === 0 ? 0 : 1;
  const left = moved ? echoed(state.muteEchoes, value, nowMs) : null;
  if (left !== null) return { state: { ...state, muteEchoes: left }, commands: [] };
  const sinceUnmuteMs = nowMs - state.unmutedAtMs;
  // Said, or said again, and nothing else with it: it refuses. With another key's report it may have crossed our unmute on the way.
  const refused = !change.others && sinceUnmuteMs < MUTE_REFUSAL_MS;
  const switched = moved && !(change.others && sinceUnmuteMs < CROSSING_MS);
  if (value === 1) return refused || switched ? ask(true) : { state, commands: [] };
  if (!moved) return { state, commands: [] };
  // A switch that falls back with the hook, or against a mute just made elsewhere, opens no microphone.
  const against = muted && (change.others || (!state.muteFollowed && nowMs - state.muteChangedAtMs < MUTE_ECHO_MS));
  return against ? { state, commands: [], write: true } : ask(false);
}

function hold(state: TelephonyState, change: Change): Outcome {
  const held = (asking(state.asked.hold, change.nowMs) ?? Number(state.call.phase === 'on-hold')) === 1;
  // Flash is a momentary control whatever its flags say (HID Usage Tables 1.5 section 14); hold may be a switch.
  const told = change.control === 'hold' && (stands(change.form) || change.form === 'pair') && change.value !== change.before;
  const pressed = change.value > 0 && change.before <= 0;
  if (!told && !pressed) return { state, commands: [] };
  if (told && change.form === 'pair' && change.value === 0) return { state, commands: [] };
  const value = told ? change.value > 0 : !held;
  if (value === held) return { state, commands: [] };
  return {
    state: { ...state, asked: { ...state.asked, hold: { value: Number(value), untilMs: change.nowMs + ASKED_MS } } },
    commands: [value ? 'hold' : 'resume']
  };
}

function volume(state: TelephonyState, change: Change, before: TelephonyState): Outcome {
  const at = before.pressed[change.control]?.atMs ?? Number.NEGATIVE_INFINITY;
  const down = change.control === 'volume-down' || (change.form === 'pair' && change.value < 0);
  const active = change.form === 'pair' ? change.value !== 0 : change.value > 0;
  if (!active || (change.value === change.before && change.nowMs - at < VOLUME_REPEAT_MS)) return { state, commands: [] };
  return { state, commands: [down ? 'volume-down' : 'volume-up'] };
}
