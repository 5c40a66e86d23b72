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

export type RoomFacts = {
  readonly agentVersion: string;
  readonly room: RoomState['room'];
  readonly call: CallRecord | null;
  /** What the verdict and the table of features say of `call`; computed by src/call. */
  readonly verdict: Pick<CallView['encryption'], 'state' | 'confirmedBy'>;
  readonly unavailableFeatures: CallView['unavailable'];
  readonly media: MediaStatistics | null;
  readonly mediaProblem: MediaFailure | null;
  /** The number of the media process that runs now; 0 where none does. */
  readonly mediaEpoch: number;
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

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

export function projectRoomState(facts: RoomFacts): RoomState {
  const problems = facts.problems;
  return {
    version: { agent: facts.agentVersion, protocol: 1 },
    room: facts.room,
    call: facts.call === null ? null : projectCall(facts.call, facts),
    otherCalls: [],
    settings: facts.settings,
    people: facts.people,
    sound: facts.sound,
    display: facts.display,
    admin: facts.admin,
    certificate: facts.certificate,
    devices: {
      camera: facts.media?.camera ?? facts.sources.camera,
      microphone: facts.media?.microphone ?? facts.sources.microphone,
      screen: facts.media?.screenSource ?? facts.sources.screen,
      displays: Math.max(facts.displays, facts.media?.displays ?? 0),
      volumePercent: facts.devices.volumePercent,
      speakerMuted: facts.devices.speakerMuted,
      levels: facts.media?.levels ?? { microphone: null, speaker: null },
      echo: facts.media?.echo ?? null,
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

function projectCall(call: CallRecord, facts: RoomFacts): CallView {
  const { encryption } = call;
  const { media } = facts;
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
    recording: { here: false, there: false },
    transfer: null,
    parkCode: null,
    autoAnswerAt: null,
    placedAt: iso(call.placedAtMs),
    startedAt: isoOrNull(call.startedAtMs),
    endedAt: isoOrNull(call.endedAtMs),
    ended: call.ended,
    mediaEpoch: facts.mediaEpoch
  };
}
