// A room with behaviour but without signaling and media: what the HTTP interface and the commands see. Its call goes
// inviting → connected (by a test's word) or ringing → connected (answer) → ended, and it refuses as the real room does.
import { parseAddress } from '../../src/kernel/address.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import { uuidV7 } from '../../src/kernel/uuid.ts';
import { NO_FLOW } from '../../src/room/project.ts';
import type { CallView, RoomState } from '../../src/room/state.ts';
import type { CallAction, RoomPort } from '../../src/ui-server/port.ts';
import { PLAIN_CALL, UNTOUCHED } from './room-state.ts';

const WISHES = { audio: 'microphone', video: 'camera', screen: 'screen' } as const;
const AT = '2026-01-01T00:00:00.000Z';

const IDLE: RoomState = {
  ...UNTOUCHED,
  version: { agent: '0.1.0', protocol: 1 },
  room: { name: 'Boardroom', account: 'boardroom@contoso.example', organisation: 'contoso.example', endpoint: 'a'.repeat(26) },
  call: null,
  devices: {
    camera: { kind: 'test', name: 'Test picture' },
    microphone: { kind: 'test', name: 'Test tone' },
    screen: { kind: 'test', name: 'Test page' },
    displays: 0,
    volumePercent: 60,
    speakerMuted: false,
    levels: { microphone: null, speaker: null },
    echo: null,
    media: [],
    hid: { devices: [], presence: null, console: 'none' },
    test: null,
    liftedAt: null
  },
  policy: { encryption: { policy: 'DisabledUserOverride', setting: true, available: true, reason: null } },
  network: { broker: 'connected', brokerSince: AT, clock: 'ok', addresses: [] },
  health: { status: 'ready', problems: [], securityEvents: [] }
};

export type FakeRoom = RoomPort & {
  /** What else was asked, in order. */
  readonly asked: (readonly unknown[])[];
  /** What was asked of the devices, in order. */
  readonly askedOfDevices: (readonly unknown[])[];
  /** Replaces the state and tells the listeners, as a room does after a change. */
  change(change: (state: RoomState) => RoomState): void;
  changeCall(change: (call: CallView) => CallView): void;
  /** A call comes in and rings. @returns its id */
  ring(from?: string): string;
  /** The call's media is secured; an end-to-end encrypted call gets `code`. */
  connect(code: string | null): void;
  unwell: boolean;
  /** Where a display finds the call's pictures and sound; nowhere where this is null. */
  feedOf: ((call: CallView) => Promise<string>) | null;
  /** Whatever the next command throws, in place of doing it. */
  failNext: unknown;
  readonly actions: { readonly id: string; readonly action: CallAction; readonly options: { readonly video?: boolean } | undefined }[];
  readonly subscribers: number;
};

export function createFakeRoom(initial: Partial<RoomState> = {}): FakeRoom {
  let state: RoomState = { ...IDLE, ...initial };
  let calls = 0;
  const askedOfDevices: (readonly unknown[])[] = [];
  const listeners = new Set<(state: RoomState) => void>();

  function change(make: (state: RoomState) => RoomState): void {
    state = make(state);
    for (const listener of [...listeners]) listener(state);
  }
  function changeCall(make: (call: CallView) => CallView): void {
    const { call } = state;
    if (call === null) throw new Error('the fake room has no call');
    change((before) => ({ ...before, call: make(call) }));
  }
  function begin(account: string, direction: CallView['direction'], wanted: CallView['media']['wanted']): string {
    calls += 1;
    const id = uuidV7(Date.parse(AT) + calls, new Uint8Array(10).fill(calls));
    const call: CallView = {
      ...PLAIN_CALL,
      id,
      direction,
      peer: { account, displayName: 'Studio', organisation: account.slice(account.indexOf('@') + 1), endpoint: null, identity: 'verified' },
      phase: direction === 'outgoing' ? 'inviting' : 'ringing',
      heldThere: false,
      encryption: {
        state: null,
        expected: 'standard',
        reason: null,
        securityCode: null,
        confirmedBy: null,
        codesMatchHere: null,
        codesMatchThere: null,
        securingAgain: false
      },
      media: { audio: NO_FLOW, video: NO_FLOW, screen: NO_FLOW, roundTripMs: null, bandwidth: null, wanted, problem: null },
      unavailable: [],
      placedAt: AT,
      startedAt: null,
      endedAt: null,
      ended: null,
      mediaEpoch: 1
    };
    change((before) => ({ ...before, call }));
    return id;
  }
  const callOf = (id: string): CallView => {
    const call = [state.call, ...state.otherCalls].find((each) => each?.id === id);
    if (call == null) throw new CloisterError('CL_CALL_NONE');
    return call;
  };
  const failing = (): void => {
    const { failNext } = room;
    room.failNext = null;
    if (failNext !== null) throw failNext;
  };
  const ask = (...asked: readonly unknown[]): void => {
    failing();
    askedOfDevices.push(asked);
  };
  const inPhase = (call: CallView, ...phases: CallView['phase'][]): void => {
    if (!phases.includes(call.phase)) throw new CloisterError('CL_CALL_WRONG_PHASE');
  };
  const end = (call: CallView, reason: 'hangup' | 'declined' | 'security-check-failed'): CallView => ({
    ...call,
    phase: 'ended',
    encryption: { ...call.encryption, securityCode: null },
    endedAt: AT,
    ended: { reason, by: 'here', code: null, text: `The call ended: ${reason}.` },
    mediaEpoch: 0
  });
  const sending = (call: CallView, kind: keyof typeof WISHES, on: boolean): CallView => ({
    ...call,
    media: {
      ...call.media,
      [kind]: { ...call.media[kind], sending: on },
      wanted: { ...call.media.wanted, [WISHES[kind]]: on }
    }
  });
  const talking = (call: CallView): CallView => {
    inPhase(call, 'connected');
    return call;
  };
  const ACTIONS: Record<CallAction, (call: CallView) => CallView> = {
    dtmf: talking,
    transfer: talking,
    'consult-then-transfer': talking,
    'complete-transfer': (call) => {
      inPhase(call, 'connected', 'on-hold');
      return call;
    },
    park: talking,
    'add-participant': talking,
    merge: talking,
    recording: talking,
    answer: (call) => {
      inPhase(call, 'ringing');
      return { ...call, phase: 'connected', startedAt: AT };
    },
    decline: (call) => {
      inPhase(call, 'ringing');
      return end(call, 'declined');
    },
    end: (call) => {
      inPhase(call, 'inviting', 'ringing', 'connecting', 'connected', 'on-hold');
      return end(call, 'hangup');
    },
    hold: (call) => {
      inPhase(call, 'connected');
      return { ...call, phase: 'on-hold' };
    },
    resume: (call) => {
      inPhase(call, 'on-hold', 'connected');
      return { ...call, phase: 'connected' };
    },
    mute: (call) => sending(call, 'audio', false),
    unmute: (call) => sending(call, 'audio', true),
    'camera-on': (call) => sending(call, 'video', true),
    'camera-off': (call) => sending(call, 'video', false),
    share: (call) => {
      inPhase(call, 'connected');
      return sending(call, 'screen', true);
    },
    'stop-sharing': (call) => sending(call, 'screen', false),
    'codes-match': (call) => {
      inPhase(call, 'connected');
      return { ...call, encryption: { ...call.encryption, codesMatchHere: true } };
    },
    'codes-differ': (call) => {
      inPhase(call, 'connected');
      return end(call, 'security-check-failed');
    }
  };

  const recorded =
    (name: string) =>
    async (...given: readonly unknown[]): Promise<void> => {
      failing();
      room.asked.push([name, ...given]);
    };
  const own = async (): Promise<{ url: string }> => ({ url: 'ws://127.0.0.1:9/feed' });
  const report = { id: '0190f3c2-7d4e-7a31-8c55-0000000000aa', at: AT, text: '', bytes: 3 };

  const room: FakeRoom = {
    asked: [],
    people: {
      search: async (query) => state.people.favourites.filter(({ displayName }) => displayName.toLowerCase().includes(query.toLowerCase())),
      addFavourite: recorded('addFavourite'),
      removeFavourite: recorded('removeFavourite'),
      removeRecent: recorded('removeRecent'),
      seen: recorded('seen'),
      blocked: () => [],
      block: recorded('block'),
      unblock: recorded('unblock')
    },
    admin: {
      pinSet: () => state.admin.pinSet,
      setPin: recorded('setPin'),
      signIn: async () => ({ token: 'token' }),
      holds: (token) => token === 'token',
      endsAt: () => null,
      signOut: () => {}
    },
    reports: {
      create: async (text) => ({ ...report, text }),
      list: async () => [report],
      open: async () => ({ name: 'report.tar.gz', bytes: new Uint8Array([1, 2, 3]) }),
      diagnostics: async () => ({ name: 'diagnostics.tar.gz', bytes: new Uint8Array([4]) }),
      wipe: recorded('wipe')
    },
    async changeSettings(changed) {
      failing();
      room.asked.push(['changeSettings', changed]);
      const { doNotDisturb, encryption: _encryption, ...plain } = changed;
      const silence = doNotDisturb === undefined ? {} : { doNotDisturb: doNotDisturb === null ? null : { until: null } };
      change((before) => ({ ...before, settings: { ...before.settings, ...plain, ...silence } }));
    },
    async tryRinger() {
      failing();
      if (state.call !== null && state.call.phase !== 'ended') throw new CloisterError('CL_CALL_BUSY');
      room.asked.push(['tryRinger']);
      change((before) => ({ ...before, sound: { ...before.sound, playing: 'ringing' } }));
    },
    compareCode: async (_id, digits) => ({ matches: state.call?.encryption.securityCode?.replaceAll(' ', '') === digits }),
    speakCode: async () => new Uint8Array(),
    selfViewTicket: own,
    showCode: async (shown) => change((before) => ({ ...before, display: { showsCode: shown } })),
    setDisplays: ({ open }) => change((before) => ({ ...before, devices: { ...before.devices, displays: open } })),
    shareSources: async () => [{ id: 'screen:0', kind: 'screen', name: 'Screen' }],
    async retrieve() {
      failing();
      return { id: state.call?.id ?? '' };
    },
    silence: recorded('silence'),
    clearRoom: recorded('clearRoom'),
    restart: recorded('restart'),
    logs: () => ['a line of the log'],
    state: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    askedOfDevices,
    devices: {
      choose: async (...given) => ask('choose', ...given),
      setVolume: async (...given) => ask('setVolume', ...given),
      camera: async (...given) => ask('camera', ...given),
      presets: async (id) => {
        ask('presets', id);
        return ['Whiteboard'];
      },
      startTest: async (id) => ask('startTest', id),
      stopTest: async () => ask('stopTest'),
      previewTicket: own
    },
    async placeCall(to, media) {
      failing();
      const address = parseAddress(to);
      if (!address.ok) throw address.error;
      if (state.call !== null && state.call.phase !== 'ended') throw new CloisterError('CL_CALL_BUSY');
      return { id: begin(address.value.account, 'outgoing', { microphone: media.audio, camera: media.video, screen: false }) };
    },
    async callAction(id, action, options) {
      failing();
      const call = callOf(id);
      const next = ACTIONS[action](call);
      room.actions.push({ id, action, options });
      if (call === state.call) changeCall(() => next);
      else change((before) => ({ ...before, otherCalls: before.otherCalls.map((each) => (each.id === id ? next : each)) }));
    },
    async displayTicket(id) {
      failing();
      const call = id === undefined ? state.call : callOf(id);
      if (call === null) throw new CloisterError('CL_CALL_NONE');
      const { mediaEpoch } = call;
      if (mediaEpoch === 0) throw new CloisterError('CL_CALL_WRONG_PHASE');
      return { url: (await room.feedOf?.(call)) ?? 'ws://127.0.0.1:9/feed', mediaEpoch };
    },
    healthy: () => !room.unwell,
    change,
    changeCall,
    ring: (from = 'studio@contoso.example') => begin(from, 'incoming', { microphone: true, camera: true, screen: false }),
    connect(code) {
      changeCall((call) => ({
        ...call,
        phase: 'connected',
        startedAt: AT,
        encryption: { ...call.encryption, state: code === null ? 'standard' : 'end-to-end', securityCode: code },
        unavailable: code === null ? [] : [{ feature: 'transfer', reason: 'end-to-end-encryption' }]
      }));
    },
    unwell: false,
    feedOf: null,
    failNext: null,
    actions: [],
    get subscribers() {
      return listeners.size;
    }
  };
  return room;
}
