// Makes the RoomState from the parts' facts. Pure: the only place where what people see is put together.
import type { CallRecord } from '../call/call.ts';
import type { LocalEncryption } from '../call/encryption-decision.ts';
import type { MediaFailure, MediaStatistics } from '../media/port.ts';
import type {
  CallView,
  DeviceTestView,
  DeviceView,
  HidView,
  MediaFlow,
  PeopleView,
  Problem,
  RoomState,
  SecurityEvent,
  SettingsView,
  SourceView
} from './state.ts';

export type CallFacts = {
  readonly call: CallRecord;
  /** What the verdict and the table of features say of `call`; computed by src/call. */
  readonly verdict: Pick<CallView['encryption'], 'state' | 'confirmedBy'>;
  readonly unavailableFeatures: CallView['unavailable'];
  readonly media: MediaStatistics | null;
  readonly mediaProblem: MediaFailure | null;
  /** The account of another call of this room that asks first. */
  readonly consulting: string | null;
  /** The number of the media process that runs now; 0 where none does. */
  readonly mediaEpoch: number;
};

export type RoomFacts = {
  readonly agentVersion: string;
  readonly room: RoomState['room'];
  /** The one in front. */
  readonly call: CallFacts | null;
  readonly otherCalls: readonly CallFacts[];
  readonly devices: {
    readonly media: readonly DeviceView[];
    readonly hid: HidView;
    readonly test: DeviceTestView | null;
    readonly volumePercent: number;
    readonly speakerMuted: boolean;
    readonly liftedAtMs: number | null;
  };
  readonly sources: { readonly camera: SourceView; readonly microphone: SourceView; readonly screen: SourceView | null };
  readonly policy: Pick<RoomState['policy']['encryption'], 'policy' | 'setting'>;
  readonly local: LocalEncryption;
  readonly broker: RoomState['network']['broker'];
  readonly brokerSinceMs: number;
  readonly clock: RoomState['network']['clock'];
  readonly settings: SettingsView;
  readonly people: PeopleView;
  readonly sound: RoomState['sound'];
  readonly display: RoomState['display'];
  /** Pages that are open, in a call or not. */
  readonly displays: number;
  readonly admin: RoomState['admin'];
  readonly certificate: RoomState['certificate'];
  readonly addresses: readonly string[];
  readonly problems: readonly Problem[];
  readonly securityEvents: readonly SecurityEvent[];
};

export const NO_FLOW: MediaFlow = {
  sending: false,
  receiving: false,
  codec: null,
  bitrateKbps: 0,
  sendKbps: 0,
  packetsSent: 0,
  packetsResent: 0,
  packetsReceived: 0,
  packetsRecovered: 0,
  lost: 0,
  framesSent: 0,
  framesReceived: 0,
  framesDecoded: 0,
  width: 0,
  height: 0,
  fps: 0,
  encoder: null,
  limited: null
};

/** The code of which media process people asked the display to show. */
export type CodeShown = { readonly call: string; readonly mediaEpoch: number };

/** Only as long as it is that very code: another one is not shown because people wanted to see the one before. */
export const showsCode = (shown: CodeShown | null, front: CallFacts | null): boolean =>
  shown !== null && front !== null && front.call.id === shown.call && front.mediaEpoch === shown.mediaEpoch && front.call.encryption.code !== null;

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

export function projectRoomState(facts: RoomFacts): RoomState {
  const problems = facts.problems;
  const media = facts.call?.media ?? null;
  return {
    version: { agent: facts.agentVersion, protocol: 1 },
    room: facts.room,
    call: facts.call === null ? null : projectCall(facts.call),
    otherCalls: facts.otherCalls.map(projectCall),
    settings: facts.settings,
    people: facts.people,
    sound: facts.sound,
    display: facts.display,
    admin: facts.admin,
    certificate: facts.certificate,
    devices: {
      camera: media?.camera ?? facts.sources.camera,
      microphone: media?.microphone ?? facts.sources.microphone,
      screen: media?.screenSource ?? facts.sources.screen,
      displays: Math.max(facts.displays, media?.displays ?? 0),
      volumePercent: facts.devices.volumePercent,
      speakerMuted: facts.devices.speakerMuted,
      levels: media?.levels ?? { microphone: null, speaker: null },
      echo: media?.echo ?? null,
      media: facts.devices.media,
      hid: facts.devices.hid,
      test: facts.devices.test,
      liftedAt: isoOrNull(facts.devices.liftedAtMs)
    },
    policy: { encryption: { ...facts.policy, available: facts.local.available, reason: facts.local.available ? null : facts.local.reason } },
    network: { broker: facts.broker, brokerSince: iso(facts.brokerSinceMs), clock: facts.clock, addresses: facts.addresses },
    health: { status: problems.every((problem) => problem.silenced !== null) ? 'ready' : 'degraded', problems, securityEvents: facts.securityEvents }
  };
}

function projectCall(facts: CallFacts): CallView {
  const { call, media } = facts;
  const { encryption } = call;
  return {
    id: call.id,
    direction: call.direction,
    peer: { ...call.peer, organisation: call.peer.account.slice(call.peer.account.indexOf('@') + 1) },
    phase: call.phase === 'connected' && call.held.here ? 'on-hold' : call.phase,
    heldThere: call.held.there,
    encryption: {
      ...facts.verdict,
      expected: encryption.expected,
      reason: encryption.reason,
      securityCode: encryption.code,
      codesMatchHere: encryption.codesMatchHere,
      codesMatchThere: encryption.codesMatchThere,
      securingAgain: call.phase === 'connected' && !encryption.secured
    },
    media: {
      // A media process that is gone sends nothing: what it last said of its flows is no longer so.
      audio: media?.audio ?? NO_FLOW,
      video: media?.video ?? NO_FLOW,
      screen: media?.screen ?? NO_FLOW,
      roundTripMs: media?.roundTripMs ?? null,
      bandwidth: media?.bandwidth ?? null,
      wanted: call.wanted,
      problem: facts.mediaProblem === null ? null : { code: facts.mediaProblem.code, text: facts.mediaProblem.text }
    },
    unavailable: facts.unavailableFeatures,
    recording: call.recording,
    transfer: transferOf(facts),
    referredBy: call.referredBy,
    conference: conferenceOf(call),
    notAdded: call.notAdded,
    parkCode: call.parked?.code ?? null,
    autoAnswerAt: isoOrNull(call.autoAnswerAtMs),
    placedAt: iso(call.placedAtMs),
    startedAt: isoOrNull(call.startedAtMs),
    endedAt: isoOrNull(call.endedAtMs),
    ended: call.ended,
    mediaEpoch: facts.mediaEpoch
  };
}

function conferenceOf({ conference }: CallRecord): CallView['conference'] {
  if (conference === null) return null;
  const { id, phase, third, role } = conference;
  return { id, phase, third, host: role === 'host' };
}

function transferOf({ call, consulting }: CallFacts): CallView['transfer'] {
  const { handover, handoverFailed } = call;
  if (handover?.role === 'referrer' || handover?.role === 'referred') return { to: handover.to, phase: 'asked' };
  if (handover?.role === 'replaced' && handover.taken) return { to: handover.by, phase: 'asked' };
  if (handoverFailed !== null) return { to: handoverFailed, phase: 'failed' };
  return consulting === null ? null : { to: consulting, phase: 'consulting' };
}
