// RoomState: the one document of state. The panel, the display, the HTTP interface and the command line are views of it.
// It holds facts (what is so), never wishes (what somebody pressed). Types only; room/project.ts makes the value.
import type { ErrorCode } from '../kernel/error-codes.ts';
import type { Language, Layout, TextSize, ThemeName } from '../kernel/panel-choices.ts';

/** call-security.md "The verdict": these four states, and only these. `none` is a call whose security is not settled yet. */
export type EncryptionState = 'end-to-end-verified' | 'end-to-end' | 'standard' | 'failed';

/** Why a call is a standard call (R5). */
export type StandardReason =
  | 'policy-here' // our organisation's policy does not allow E2EE
  | 'setting-here' // our account's setting is off
  | 'recording-here' // compliance recording is in force for our account (R7)
  | 'conference-here' // a third participant takes part or is to, which an end-to-end encrypted call cannot have (R6)
  | 'not-offered' // the other side did not offer or accept it, and gave no reason
  | 'policy-there'
  | 'setting-there'
  | 'recording-there'
  | 'conference-there';

export type CallPhase = 'inviting' | 'ringing' | 'connecting' | 'connected' | 'on-hold' | 'ended';

/** protocol.md "A call", call.end; `answered-elsewhere` is the caller's word to the account's other endpoints. */
export type EndReason =
  | 'hangup'
  | 'declined'
  | 'busy'
  | 'timeout'
  | 'blocked'
  | 'policy'
  | 'unsupported'
  | 'security-check-failed'
  | 'media-failed'
  | 'device-failed'
  | 'answered-elsewhere';

export type EncryptionView = {
  /** `null` until it is settled: nothing is promised before. */
  readonly state: EncryptionState | null;
  /** What is expected while the call rings: an incoming call shows `standard` before it is answered. */
  readonly expected: 'end-to-end' | 'standard';
  readonly reason: StandardReason | null;
  /** Four groups of five digits; only while it is current. */
  readonly securityCode: string | null;
  /** How the code was confirmed, if at all. */
  readonly confirmedBy: 'certificates' | 'people' | null;
  /** What the person here said of the code, and what the person there said. */
  readonly codesMatchHere: boolean | null;
  readonly codesMatchThere: boolean | null;
  /** True after a media process was lost and until the new code is there. */
  readonly securingAgain: boolean;
};

/** What one kind of media really does, as the media process measured it. Counts since the call began; rates over the last second. */
export type MediaFlow = {
  /** Packets of this kind leave this room now. The mute icon is `!audio.sending`. */
  readonly sending: boolean;
  readonly receiving: boolean;
  readonly codec: string | null;
  readonly bitrateKbps: number;
  readonly sendKbps: number;
  readonly packetsSent: number;
  /** Beside the ones sent, because the other side missed them. */
  readonly packetsResent: number;
  readonly packetsReceived: number;
  /** What came as a repair, or again with the sound after it. */
  readonly packetsRecovered: number;
  /** What never came. */
  readonly lost: number;
  readonly framesSent: number;
  readonly framesReceived: number;
  /** Frames that the display says it decoded; 0 where no display is open. */
  readonly framesDecoded: number;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** What encodes what is sent of this kind; null while nothing does. */
  readonly encoder: EncoderView | null;
  /** Sent smaller, slower or not at all, because the network carries no more. */
  readonly limited: 'bandwidth' | null;
};

/** What the network carries from here to the other side. */
export type Bandwidth = {
  /** What is sent at most. */
  readonly targetKbps: number;
  /** What arrived there; null where the other side does not say. */
  readonly acknowledgedKbps: number | null;
  /** Of what is sent, before repairs. */
  readonly lossPercent: number;
};

/** `name`: FFmpeg's name of it. */
export type EncoderView = { readonly name: string; readonly hardware: boolean };

export type MediaView = {
  readonly audio: MediaFlow;
  readonly video: MediaFlow;
  /** The shared screen. */
  readonly screen: MediaFlow;
  readonly roundTripMs: number | null;
  /** null until the call is secured. */
  readonly bandwidth: Bandwidth | null;
  /** What people asked for, so that the panel can show "muting…" where it is not so yet. */
  readonly wanted: { readonly microphone: boolean; readonly camera: boolean; readonly screen: boolean };
  /** A part of the media that fails while the call goes on, such as a camera that cannot be opened. */
  readonly problem: { readonly code: ErrorCode; readonly text: string } | null;
};

/** Why something cannot be done in this call (R6): because nobody else may hold its media, because this room does not offer it, or because three take part. */
export type Unavailable = { readonly feature: string; readonly reason: 'end-to-end-encryption' | 'not-offered-here' | 'conference' };

export type CallView = {
  readonly id: string;
  readonly direction: 'outgoing' | 'incoming';
  readonly peer: {
    readonly account: string;
    readonly displayName: string;
    readonly organisation: string;
    readonly endpoint: string | null;
    /** `verified`: each message so far was signed by a certificate of the account's own organisation. */
    readonly identity: 'verified' | 'unverified';
  };
  readonly phase: CallPhase;
  /** The other side holds the call. */
  readonly heldThere: boolean;
  readonly encryption: EncryptionView;
  readonly media: MediaView;
  readonly unavailable: readonly Unavailable[];
  /** Somebody records; both sides are told. Never in an end-to-end encrypted call. */
  readonly recording: { readonly here: boolean; readonly there: boolean };
  /** This call is being handed over; `consulting`: the other call of this room asks first; `failed`: it could not be, and goes on (shown for a while). */
  readonly transfer: { readonly to: string; readonly phase: 'consulting' | 'asked' | 'failed' } | null;
  /** Who is said to have asked for this call: the other side’s word, where this room did not take part. */
  readonly referredBy: { readonly account: string; readonly displayName: string } | null;
  /**
   * A third participant: `third` is the one who is neither this room nor `peer`. `asking`: this call’s other side is asked whether it agrees. `ringing`: the third
   * is called. `joining`: the two others are being connected with each other. `joined`: all three talk, and the room’s call with `third` is among its
   * calls with the same `id`. `host`: this room brought them together. Null where nobody is added.
   */
  readonly conference: {
    readonly id: string;
    readonly phase: 'asking' | 'ringing' | 'joining' | 'joined';
    readonly third: { readonly account: string; readonly displayName: string };
    readonly host: boolean;
  } | null;
  /** Who could not be added, or was to be merged and could not; shown for a while. The call goes on. */
  readonly notAdded: { readonly account: string; readonly displayName: string } | null;
  /** Who retrieves the call says this code; null unless it is parked here. */
  readonly parkCode: string | null;
  /** When it is answered without a touch; null where somebody has to. */
  readonly autoAnswerAt: string | null;
  /** ISO 8601 instants. */
  readonly placedAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly ended: { readonly reason: EndReason; readonly by: 'here' | 'there'; readonly code: ErrorCode | null; readonly text: string } | null;
  /** Changes with each media process, so that a display knows to connect again. 0 while there is none. */
  readonly mediaEpoch: number;
};

export type Problem = {
  readonly code: ErrorCode;
  readonly severity: 'warning' | 'error';
  readonly since: string;
  readonly text: string;
  /** Somebody has seen it and said why it can wait; it is still shown, but no longer as what ails the room. */
  readonly silenced: { readonly reason: string; readonly at: string } | null;
};

export type SecurityEvent = {
  readonly at: string;
  readonly code: ErrorCode;
  /** Who noticed: the part's name, such as `handshake`, `envelope`, `commitment`, `people`. */
  readonly detectedBy: string;
  readonly text: string;
  readonly call: string | null;
};

/** `away`: the device is gone or gives nothing; people see a still picture that says so, or hear nothing. */
export type SourceView = { readonly kind: 'device' | 'file' | 'test' | 'away'; readonly name: string };

/** `content`: a capture input, such as HDMI, whose picture can be shared. */
export type DeviceKind = 'camera' | 'content' | 'microphone' | 'speaker';

export type DeviceProblem = { readonly code: ErrorCode; readonly text: string };

/** A camera, content input, microphone or loudspeaker. */
export type DeviceView = {
  /** Stable over unplugging and restarts. */
  readonly id: string;
  readonly kind: DeviceKind;
  readonly name: string;
  /** `vendor:product` in hex for USB, the driver’s name else. */
  readonly model: string;
  readonly serial: string | null;
  /** The bus path it is plugged in at. */
  readonly port: string | null;
  /** Parts of one piece of equipment have one. */
  readonly appliance: string;
  readonly present: boolean;
  /** Somebody chose it for its kind. */
  readonly chosen: boolean;
  /** In words of the field, such as `1920×1080 at 30 (MJPEG)`, `pan`, `48 kHz mono`. */
  readonly can: readonly string[];
  /** In a call, of a camera that tells. */
  readonly shutter?: 'open' | 'closed';
  readonly problem: DeviceProblem | null;
};

/** A speakerphone, key, sensor or touch console at HID. */
export type HidDeviceView = {
  readonly id: string;
  readonly name: string;
  readonly model: string;
  readonly serial: string | null;
  readonly port: string | null;
  readonly appliance: string;
  readonly kinds: readonly ('telephony' | 'consumer' | 'presence' | 'console')[];
  /** Controls and lamps it has: `hook`, `mute`, `flash`, `redial`, `drop`, `volume`, `lamp off-hook`, `lamp mute`, `lamp ring`, `lamp hold`. */
  readonly can: readonly string[];
  /** What its lamps were last told; null where it has none or is not open. */
  readonly lamps: { readonly offHook: boolean; readonly mute: boolean; readonly ring: boolean; readonly hold: boolean } | null;
  readonly problem: DeviceProblem | null;
};

export type HidView = {
  readonly devices: readonly HidDeviceView[];
  /** Somebody is in the room; null where no sensor tells. */
  readonly presence: boolean | null;
  /** `away`: one was there before, or is configured, and is not there now. */
  readonly console: 'present' | 'away' | 'none';
};

/** Sound as it is measured: decibels relative to full scale, of the last second. */
export type SoundLevel = {
  readonly rmsDbfs: number;
  readonly peakDbfs: number;
  /** Samples at full scale: it is too loud. */
  readonly clipping: boolean;
  /** Digital or near silence for several seconds: a microphone that is switched off at itself, or not connected. */
  readonly silent: boolean;
};

/** What people set at the panel; kept over a restart. */
export type SettingsView = {
  /** Of the pages now. Chosen for the people who are here: after a call it is the room's own again. */
  readonly language: Language;
  readonly roomLanguage: Language;
  readonly theme: ThemeName;
  readonly textSize: TextSize;
  /** 0 to 100; 0 is silent. */
  readonly ringerPercent: number;
  /** Incoming calls do not ring, they are missed; null while they ring. `until`: null until somebody turns it off. */
  readonly doNotDisturb: { readonly until: string | null } | null;
  readonly autoAnswer: { readonly on: boolean; readonly afterSeconds: number };
  readonly layout: Layout;
  readonly selfView: boolean;
  /** What people left here (recents, typed text, reports) goes at this time of day, `HH:MM`; null: only when somebody clears the room. */
  readonly wipeDailyAt: string | null;
};

/** `unknown`: nothing was heard of any device of the account. */
export type Presence = 'online' | 'offline' | 'unknown';

export type PersonView = { readonly account: string; readonly displayName: string; readonly presence: Presence };

export type RecentCall = {
  readonly id: string;
  readonly account: string;
  readonly displayName: string;
  readonly direction: 'outgoing' | 'incoming';
  /** `missed`: it rang here and nobody answered, or do-not-disturb was on. */
  readonly outcome: 'talked' | 'missed' | 'declined' | 'not-answered' | 'failed';
  readonly at: string;
  readonly durationMs: number;
  readonly encryption: EncryptionState | null;
};

export type PeopleView = {
  /** In the order in which people arranged them. */
  readonly favourites: readonly PersonView[];
  /** The latest first. */
  readonly recents: readonly RecentCall[];
  /** Missed calls that nobody has looked at. */
  readonly missedUnseen: number;
};

/** What is to be heard now besides the call. */
export type SoundName = 'ringing' | 'ringback' | 'busy' | 'ended' | 'test';

/** A device that somebody tries. */
export type DeviceTestView = {
  readonly id: string;
  readonly kind: DeviceKind;
  readonly level: SoundLevel | null;
  readonly problem: DeviceProblem | null;
};

export type CertificateView = {
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly thumbprint: string;
};

export type RoomState = {
  readonly version: { readonly agent: string; readonly protocol: 1 };
  readonly room: { readonly name: string; readonly account: string; readonly organisation: string; readonly endpoint: string };
  /** The call in front. */
  readonly call: CallView | null;
  /** Further calls of this room: held, consulted, parked, or joined to the one in front. */
  readonly otherCalls: readonly CallView[];
  readonly settings: SettingsView;
  readonly people: PeopleView;
  /** `by`: who plays it; null where nobody can. */
  readonly sound: { readonly playing: SoundName | null; readonly by: 'display' | 'speaker' | null };
  /** What the display was asked to show besides its scene. */
  readonly display: { readonly showsCode: boolean };
  /** The administrator's PIN; sessions are each client's own and not in here. `lockedUntil`: too many wrong ones. */
  readonly admin: { readonly pinSet: boolean; readonly lockedUntil: string | null };
  readonly certificate: CertificateView;
  readonly devices: {
    readonly camera: SourceView;
    readonly microphone: SourceView;
    /** What can be shared; null where the configuration says nothing can. */
    readonly screen: SourceView | null;
    readonly displays: number;
    /** 0 to 100; what is played here is played with it, unless it is muted. */
    readonly volumePercent: number;
    readonly speakerMuted: boolean;
    /** Of the running call; `microphone`: also while muted. Null while nothing is measured. */
    readonly levels: { readonly microphone: SoundLevel | null; readonly speaker: SoundLevel | null };
    /** What takes the echo out of the microphone; null without a call. `missing`: nothing, although it should. */
    readonly echo: 'device' | 'software' | 'none' | 'missing' | null;
    /** Cameras, content inputs, microphones and loudspeakers that are there, and the chosen ones that are away. */
    readonly media: readonly DeviceView[];
    readonly hid: HidView;
    readonly test: DeviceTestView | null;
    /** When somebody lifted a receiver to call; null once there is a call, and after a minute. */
    readonly liftedAt: string | null;
  };
  readonly policy: {
    readonly encryption: {
      readonly policy: 'Disabled' | 'DisabledUserOverride' | 'Required';
      readonly setting: boolean;
      readonly available: boolean;
      readonly reason: StandardReason | null;
    };
  };
  readonly network: {
    readonly broker: 'connected' | 'connecting' | 'offline';
    readonly brokerSince: string;
    readonly clock: 'ok' | 'wrong';
    readonly addresses: readonly string[];
  };
  readonly health: { readonly status: 'ready' | 'degraded'; readonly problems: readonly Problem[]; readonly securityEvents: readonly SecurityEvent[] };
};
