// What the HTTP interface needs of the room: one document out, commands in. The agent implements it.
import type { Unsubscribe } from '../kernel/events.ts';
import type { Language, Layout, TextSize, ThemeName } from '../kernel/panel-choices.ts';
import type { DeviceKind, PersonView, RoomState } from '../room/state.ts';

export type CallAction =
  | 'answer'
  | 'decline'
  | 'end'
  | 'mute'
  | 'unmute'
  | 'camera-on'
  | 'camera-off'
  | 'share'
  | 'stop-sharing'
  | 'hold'
  | 'resume'
  | 'codes-match'
  | 'codes-differ'
  | 'dtmf'
  // Of standard calls alone (R6); the state's `unavailable` names them likewise.
  | 'transfer'
  | 'consult-then-transfer'
  | 'complete-transfer'
  | 'park'
  | 'add-participant'
  | 'merge'
  | 'recording';

export type CallActionOptions = {
  /** Answer with picture. */
  readonly video?: boolean;
  /** Decline, and never ring for this account again. */
  readonly block?: boolean;
  /** Whose security code was compared. */
  readonly mediaEpoch?: number;
  /** Share: which of the offered sources; the configured one where left out. */
  readonly source?: string;
  /** 1 to 32 of 0-9, *, #, A-D. */
  readonly digits?: string;
  /** Whom to hand over to, ask first, or add. */
  readonly to?: string;
  /** Recording on or off. */
  readonly on?: boolean;
};

/** Something that can be shared: a whole screen, one window, a capture input. */
export type ShareSource = { readonly id: string; readonly kind: 'screen' | 'window' | 'input' | 'test' | 'file'; readonly name: string };

export type PeoplePort = {
  /** Accounts and names that hold all words of the query, known from the directory, favourites and recents; at most 50, those present first. */
  search(query: string): Promise<readonly PersonView[]>;
  /** @throws CloisterError CL_ADDRESS_INVALID, CL_PEOPLE_FULL */
  addFavourite(account: string, displayName: string | null): Promise<void>;
  removeFavourite(account: string): Promise<void>;
  removeRecent(id: string): Promise<void>;
  /** The missed calls were looked at. */
  seen(): Promise<void>;
  blocked(): readonly string[];
  block(account: string): Promise<void>;
  unblock(account: string): Promise<void>;
};

/** What may be changed of the settings; what is left out stays. `encryption`: the account's own switch (R12). */
export type SettingsChange = {
  readonly language?: Language;
  readonly roomLanguage?: Language;
  readonly theme?: ThemeName;
  readonly textSize?: TextSize;
  readonly ringerPercent?: number;
  /** `minutes`: null until turned off. */
  readonly doNotDisturb?: { readonly minutes: number | null } | null;
  readonly autoAnswer?: { readonly on: boolean; readonly afterSeconds: number };
  readonly layout?: Layout;
  readonly selfView?: boolean;
  readonly wipeDailyAt?: string | null;
  readonly encryption?: boolean;
};

/** The room administrator's PIN and sessions (touch-panel.md "Behaviour"). A token is shown once, to its client. */
export type AdminPort = {
  /** Also where the kept one cannot be read: then nobody can set another. */
  pinSet(): boolean;
  /** First use, or with the present one; ends all sessions. @throws CloisterError CL_PIN_WEAK, CL_PIN_REQUIRED, CL_PIN_WRONG, CL_PIN_LOCKED, CL_PIN_UNREADABLE */
  setPin(pin: string, current: string | null, from?: 'here' | 'network'): Promise<void>;
  /** @throws CloisterError CL_PIN_NOT_SET, CL_PIN_WRONG, CL_PIN_LOCKED, CL_PIN_UNREADABLE */
  signIn(pin: string, from?: 'here' | 'network'): Promise<{ readonly token: string }>;
  /** Whether the session, or the token of this machine’s programs, holds; a touch of an administrator keeps a session for five more minutes. */
  holds(token: string): boolean;
  /** ISO 8601; null where there is none. */
  endsAt(token: string): string | null;
  signOut(token: string): void;
};

export type PanelView = {
  readonly id: string;
  /** The address from which it was paired. */
  readonly from: string;
  readonly pairedAt: string;
};

/** Panels that are not on this device, paired by the PIN over TLS. */
export type PanelsPort = {
  on(event: 'removed', listener: (id: string) => void): Unsubscribe;
  /** Who calls this has made sure of the PIN. @throws the system's error where it cannot be kept */
  pair(from: string): Promise<{ readonly token: string }>;
  /** Null where the token is no paired panel’s. */
  idOf(token: string): string | null;
  list(): readonly PanelView[];
  /** @throws CloisterError CL_NOT_FOUND */
  remove(id: string): Promise<void>;
};

export type ReportView = { readonly id: string; readonly at: string; readonly text: string; readonly bytes: number };

export type ReportFile = { readonly name: string; readonly bytes: Uint8Array };

/** Diagnostics bundles without secrets, kept on disk until they are wiped. */
export type ReportsPort = {
  /** @throws CloisterError CL_REPORT_FAILED, CL_REPORT_BUSY */
  create(text: string): Promise<ReportView>;
  list(): Promise<readonly ReportView[]>;
  /** A .tar.gz. @throws CloisterError CL_REPORT_UNKNOWN */
  open(id: string): Promise<ReportFile>;
  /** One made now, which is not kept. @throws CloisterError CL_REPORT_FAILED, CL_REPORT_BUSY */
  diagnostics(): Promise<ReportFile>;
  /** Removes all of them from disk. */
  wipe(): Promise<void>;
};

/** A picture for this room's own pages alone: the self-view of a call, or a camera that is tried. */
export type OwnPictureTicket = { readonly url: string };

/** Speeds are −1 to 1: positive is right, up, in, far. */
export type CameraCommand =
  | { readonly type: 'move'; readonly pan: number; readonly tilt: number; readonly zoom: number; readonly focus: number; readonly forMs?: number }
  | { readonly type: 'stop' | 'home' }
  | { readonly type: 'set'; readonly control: string; readonly value: number | 'auto' }
  | { readonly type: 'preset-save' | 'preset-recall' | 'preset-delete'; readonly name: string };

/** The room's devices as far as people act on them. */
export type DevicesPort = {
  /** Remembers which device is used; null: the first that works. @throws CloisterError CL_DEVICE_UNKNOWN */
  choose(kind: DeviceKind, id: string | null): Promise<void>;
  /** @param percent 0 to 100 */
  setVolume(percent: number): Promise<void>;
  /** @throws CloisterError CL_DEVICE_UNKNOWN, CL_DEVICE_CONTROL, CL_DEVICE_UNREACHABLE, CL_TOOL_MISSING */
  camera(id: string, command: CameraCommand): Promise<void>;
  presets(id: string): Promise<readonly string[]>;
  /** Tries one device; what it gives is in `devices.test`, until it is stopped or a call begins. @throws CloisterError CL_DEVICE_UNKNOWN, CL_CALL_BUSY */
  startTest(id: string): Promise<void>;
  stopTest(): Promise<void>;
  /** The picture of the camera that is tried. @throws CloisterError CL_DEVICE_UNKNOWN */
  previewTicket(): Promise<OwnPictureTicket>;
};

/** Displays whose page is open now; `sounding`: of those that may play sound by themselves, as their browser says. */
export type DisplayPages = { readonly open: number; readonly sounding: number };

export type RoomPort = {
  state(): RoomState;
  /** Calls `listener` after each change, at most once per turn of the event loop. */
  subscribe(listener: (state: RoomState) => void): Unsubscribe;
  /**
   * Places a call; resolves as soon as the call exists.
   * @throws CloisterError CL_ADDRESS_INVALID, CL_CALL_BUSY
   */
  placeCall(to: string, media: { readonly audio: boolean; readonly video: boolean }): Promise<{ readonly id: string }>;
  /** @throws CloisterError CL_CALL_NONE, CL_CALL_WRONG_PHASE; for `share` also why nothing can be shared (CL_MEDIA_SCREEN_…) */
  callAction(id: string, action: CallAction, options?: CallActionOptions): Promise<void>;
  /** A feed for one display of a running call, the one in front where none is named. @throws CloisterError CL_CALL_NONE, CL_CALL_WRONG_PHASE while there is no media process */
  displayTicket(call?: string): Promise<{ readonly url: string; readonly mediaEpoch: number }>;
  /**
   * What people heard, keyed in: compared in constant time. A code that fits is `codes-match`; one that does not is only told.
   * @throws CloisterError CL_CALL_NONE, CL_CALL_WRONG_PHASE, CL_CODE_TRIES where it was tried too often
   */
  compareCode(id: string, digits: string, mediaEpoch: number): Promise<{ readonly matches: boolean }>;
  /** The present security code read out, as a WAV file. @throws CloisterError CL_CALL_NONE, CL_CALL_WRONG_PHASE, CL_SPEECH_UNAVAILABLE */
  speakCode(id: string, language: Language): Promise<Uint8Array>;
  /** The own camera’s picture as it is sent. @throws as displayTicket */
  selfViewTicket(): Promise<OwnPictureTicket>;
  /** The display shows the code beside the picture, as long as it is current. */
  showCode(shown: boolean): Promise<void>;
  /** Told whenever one comes or goes. */
  setDisplays(pages: DisplayPages): void;
  shareSources(): Promise<readonly ShareSource[]>;
  /** Takes a parked call, of this room or of another one. @throws CloisterError CL_PARK_UNKNOWN */
  retrieve(account: string | null, code: string): Promise<{ readonly id: string }>;
  readonly devices: DevicesPort;
  readonly people: PeoplePort;
  readonly admin: AdminPort;
  readonly reports: ReportsPort;
  /** @throws CloisterError CL_SETTING_LOCKED where the policy decides */
  changeSettings(change: SettingsChange): Promise<void>;
  /** It rings for two seconds as a call would, also while nobody is to be disturbed. @throws CloisterError CL_CALL_BUSY, CL_RINGER_SILENT, CL_SOUND where nobody can */
  tryRinger(): Promise<void>;
  /** `reason` null: it counts again. @throws CloisterError CL_NOT_FOUND where there is no such problem */
  silence(code: string, reason: string | null): Promise<void>;
  /** Removes what people left here: recents, typed text, reports, the visitors’ language. */
  clearRoom(): Promise<void>;
  /** The agent ends so that its supervisor starts it again. @throws CloisterError CL_CALL_BUSY */
  restart(): Promise<void>;
  /** The latest log lines, oldest first; they hold no secret. */
  logs(): readonly string[];
  /** True when a supervisor should find the room alive. */
  healthy(): boolean;
};
