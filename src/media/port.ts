// The agent's side of a media process, and the only things that cross the IPC: control and facts, never a packet, a key or a frame.

import type { SealingKey } from '../identity/port.ts';
import type { ErrorCode } from '../kernel/error-codes.ts';
import type { EventSource } from '../kernel/events.ts';
import type { Bandwidth, MediaFlow, SoundLevel, SourceView } from '../room/state.ts';
import type { IceCandidate } from '../signaling/messages.ts';

export type VideoProfile = { readonly width: number; readonly height: number; readonly fps: number; readonly maxKbps: number };

/**
 * `auto`: the first device of the order that works; where there is no order the machine's first camera (no capture input) or microphone, else the
 * test source. `test`. `none`: nothing is sent.
 * `file:PATH`: looped, in real time. Anything else: a device's name or path (/dev/video0, hw:1,0, a DirectShow name).
 */
export type SourceChoice = string;

export type IceServer = {
  readonly urls: string;
  readonly username?: string;
  readonly credential?: string;
  /** For `turns:`: the authorities, PEM, one of which the server's certificate must come from; those that the runtime knows where left out. */
  readonly authorityPem?: string;
};

/** How a capture device is to be opened. `pixelFormat`: FFmpeg's name of it (`input_format`); `fps` is what the device offers, so 29.97 may be among it. */
export type CaptureFormat = {
  readonly pixelFormat: 'mjpeg' | 'yuyv422' | 'uyvy422' | 'nv12' | 'yuv420p';
  readonly width: number;
  readonly height: number;
  readonly fps: number;
};

/** A capture device or loudspeaker; `cancelsEcho`: it takes the echo out itself; `format`: the best it has for what is wanted, where it told. */
export type MediaDevice = { readonly path: string; readonly name: string; readonly cancelsEcho: boolean; readonly format?: CaptureFormat };

/** A capture input is there to be shared, where its driver does not tell by other means: a camera never is, whatever it is called. */
export const CAPTURE_INPUT_NAME = /\b(?:hdmi|sdi|capture|cam ?link|magewell|avermedia)\b/i;

/** What `auto` tries, in this order. Null: the agent cannot tell, and the media process looks by itself. */
export type MediaDevices = {
  readonly camera: readonly MediaDevice[];
  readonly content: readonly MediaDevice[];
  readonly microphone: readonly MediaDevice[];
  readonly speaker: readonly MediaDevice[];
};

/** `recipient`: the public key of whoever may play the recordings; its private half is not on this machine. */
export type RecordingSettings = { readonly directory: string; readonly recipient: SealingKey; readonly maxBytes: number };

export type MediaSettings = {
  readonly roomName: string;
  readonly camera: SourceChoice;
  readonly microphone: SourceChoice;
  readonly devices: MediaDevices | null;
  /** Who plays the sound. `auto`: the display, and the first loudspeaker of the order where none is open. `display`. `none`. Else a device’s name or path. */
  readonly speaker: SourceChoice;
  /** Of devices alone. `auto`: where the microphone does not do it itself. */
  readonly echoCancellation: 'auto' | 'on' | 'off';
  readonly video: VideoProfile;
  /** What a share sends: as above, `screen`, `screen:DISPLAY` and `window:ID` besides; `auto` is the capture input, else the machine's screen. */
  readonly screen: SourceChoice;
  readonly screenVideo: VideoProfile;
  /** The codecs of the picture that are offered and taken, the preferred one first. */
  readonly codecs: readonly ('H264' | 'VP8' | 'VP9')[];
  /** FFmpeg's names of the hardware encoders that were seen to work here (encode/hardware-probe.ts). */
  readonly hardwareEncoders: readonly string[];
  /** None by default: nobody outside is asked anything. */
  readonly iceServers: readonly IceServer[];
  /** Only P-256, SHA-256 or SHA-384, and AES-GCM (R10). */
  readonly fips: boolean;
  /** Without it nothing is recorded here. */
  readonly recording?: RecordingSettings | null;
  /** The address that the display's WebSocket listens on, and the origins that may connect. */
  readonly displayHost: string;
  readonly displayOrigins: readonly string[];
};

/** What a call wants of its media process, given once when the process is taken for the call. */
export type MediaCallOptions = {
  readonly callId: string;
  /** Who made the offer of this exchange: thumbprintCaller is the offerer's. */
  readonly role: 'caller' | 'callee';
  readonly microphone: boolean;
  readonly camera: boolean;
  /** Begins on hold: a call that was held when its media process was lost. */
  readonly held: boolean;
  /** Camera and microphone are another media process’s of this room: none is opened before borrow() says from whom. */
  readonly borrows?: true;
};

/** What one media process of this room has another one use camera, microphone and loudspeaker by: a local socket, and a ticket that serves once and for 10 s. */
export type Loan = { readonly path: string; readonly ticket: string };

/** The ids of the two endpoints of a call: the handshake proves that the connection is between them (RFC 8844). */
export type Endpoints = { readonly local: string; readonly remote: string };

export type MediaStatistics = {
  readonly audio: MediaFlow;
  readonly video: MediaFlow;
  readonly screen: MediaFlow;
  readonly roundTripMs: number | null;
  readonly bandwidth: Bandwidth | null;
  /** Displays connected to the feed. */
  readonly displays: number;
  readonly camera: SourceView;
  readonly microphone: SourceView;
  /** What is shared now; null while nothing is. */
  readonly screenSource: SourceView | null;
  /** `microphone`: also while muted, without the echo; null while none gives anything. `speaker`: null while nobody here listens to what is played. */
  readonly levels: { readonly microphone: SoundLevel | null; readonly speaker: SoundLevel | null };
  /** What takes the echo out of the microphone: itself, this process, nothing; or nothing although it should. */
  readonly echo: 'device' | 'software' | 'none' | 'missing';
};

export type MediaFailure = { readonly code: ErrorCode; readonly detectedBy: string; readonly text: string };

/** Of no consequence to the call, but for who looks after the room. */
export type MediaNotice = { readonly code: ErrorCode; readonly text: string };

export type MediaEvents = {
  /** Trickled candidates; an empty list ends them. */
  candidates: readonly [readonly IceCandidate[]];
  /**
   * The DTLS handshake has proven that the other side holds the key of the pinned certificate and, for E2EE, the commitment holds: only
   * now media is sent and played. `code` is there for an E2EE call.
   */
  secured: readonly [{ readonly code: string | null }];
  /** A new path is wanted, with the same certificates: the description is for the other side (call.update). */
  update: readonly [{ readonly sdp: string }];
  statistics: readonly [MediaStatistics];
  /** A source or encoder fails while the call goes on; `null` when it is well again. */
  problem: readonly [MediaFailure | null];
  /** The other side pressed a key, which may be one of a secret: which one is for the ears in the room alone. */
  key: readonly [];
  /** Something to log, such as a relay that does not answer. */
  notice: readonly [MediaNotice];
  /** What was shared is lost: sharing has stopped, and does not begin again by itself. */
  screenEnded: readonly [MediaFailure];
  /** The recording has stopped by itself: the disk is full, or it has reached its size. What there is of it is readable. */
  recordingEnded: readonly [MediaFailure];
  /** The connection failed: this process will send and play nothing more. */
  failed: readonly [MediaFailure];
  /** The process is gone. `expected` after close(). */
  exit: readonly [{ readonly expected: boolean }];
};

/** One media process, serving one exchange of one call. Every method rejects with a CloisterError, CL_MEDIA_PROCESS_DIED once the process is gone. */
export type MediaSession = EventSource<MediaEvents> & {
  /** Caller: the offer, and the commitment to this side's nonce (64 hex digits), which is drawn even where E2EE is not offered. */
  createOffer(): Promise<{ readonly sdp: string; readonly commitment: string }>;
  /**
   * Caller, once: the answer. `endToEnd` null makes a standard call; else it gives the callee's nonce.
   * @returns the caller's nonce, to be revealed now
   */
  acceptAnswer(sdp: string, endToEnd: { readonly nonce: string } | null, endpoints: Endpoints): Promise<{ readonly nonce: string }>;
  /** Callee, once: takes the offer and makes the answer; `endToEnd` null makes a standard call. May be done while ringing: opens no source and sends nothing. */
  acceptOffer(sdp: string, endToEnd: { readonly commitment: string } | null, endpoints: Endpoints): Promise<{ readonly sdp: string; readonly nonce: string }>;
  /** Callee: the call was answered by the person; sources are opened, media flows as soon as secured. A caller's session begins open. */
  open(): Promise<void>;
  /** Callee: the caller's nonce. A nonce that does not fit the commitment makes `failed` with CL_SECURITY_COMMITMENT. */
  reveal(nonce: string): Promise<void>;
  /**
   * The other side's call.update: it must keep the certificate. One that does not makes `failed` with CL_SECURITY_RENEGOTIATION.
   * @returns the answer, and the update that it is to; null where the update is not taken
   */
  acceptUpdate(sdp: string): Promise<{ readonly sdp: string; readonly answers: string } | null>;
  /** The other side's call.update-answer; ignored where it belongs to no update that waits for it. */
  acceptUpdateAnswer(sdp: string, answers: string | undefined): Promise<void>;
  /** @param addresses all of this machine's, but for loopback and link-local ones */
  networkChanged(addresses: readonly string[]): Promise<void>;
  /** Paths from now on ask the servers of the present settings: a login of the call's beginning may have run out by the time of a restart. */
  iceServersChanged(): Promise<void>;
  addCandidates(candidates: readonly IceCandidate[]): Promise<void>;
  /** Told whenever devices come, go or are chosen, in a call and before: what is open is changed to the first of the order that works. */
  setDevices(devices: MediaDevices | null): Promise<void>;
  /** Resolves when it is so: after setMicrophone(false) has resolved no packet with sound leaves. */
  setMicrophone(on: boolean): Promise<void>;
  setCamera(on: boolean): Promise<void>;
  /** On hold nothing is sent and nothing that comes is shown or played; what is wanted stays wanted. Resolves when it is so. */
  setHeld(on: boolean): Promise<void>;
  /**
   * Begins or ends sharing; only in a secured call. `source`: what a person chose, null for the configured one; what is shared already gives way to another. Resolves when the source is open, or when no packet of it leaves any more.
   * @throws CloisterError CL_MEDIA_SCREEN_NONE, CL_MEDIA_SCREEN_SOURCE, CL_MEDIA_SCREEN_UNSUPPORTED, CL_CALL_WRONG_PHASE; the call goes on
   */
  setScreen(on: boolean, source?: SourceChoice | null): Promise<void>;
  /**
   * Begins or ends recording both sides into a file that only the recipient can open. Resolves when the file is there, or when it is whole.
   * @throws CloisterError CL_CALL_FEATURE_UNAVAILABLE in an end-to-end encrypted call, CL_CALL_FEATURE_MISSING, CL_CALL_RECORDING, CL_CALL_WRONG_PHASE; the call goes on
   */
  setRecording(on: boolean): Promise<void>;
  /**
   * Sends 1 to 32 keys of 0-9, *, #, A-D, one after the other, in the place of sound; resolves when they are taken, before the last has left.
   * @throws CloisterError CL_CALL_WRONG_PHASE unless the call is secured and not on hold, CL_CALL_FEATURE_MISSING where the other side takes none
   */
  pressKeys(keys: string): Promise<void>;
  /**
   * For another media process of this room, in a conference (docs/adr/0036): it gets the pictures and the sound that are taken here, as long as this call takes them, and
   * what it receives is played here with the rest.
   * @throws CloisterError CL_CALL_FEATURE_UNAVAILABLE in an end-to-end encrypted call, CL_CALL_WRONG_PHASE before it is secured, CL_MEDIA_LOAN
   */
  lend(): Promise<Loan>;
  /**
   * Null: the room’s own devices. Where the loan is worth nothing (a `notice` says so), or the lender ends or gives nothing, the own ones are opened.
   * @throws CloisterError CL_CALL_FEATURE_UNAVAILABLE in an end-to-end encrypted call, CL_CALL_WRONG_PHASE where this one lends, or is over
   */
  borrow(loan: Loan | null): Promise<void>;
  /** A WebSocket URL for one display, with a ticket that serves once and for 10 s. */
  displayTicket(): Promise<{ readonly url: string }>;
  /** As displayTicket, for a page of this room that shows the own camera’s picture, and nothing else, while it is sent. */
  ownPictureTicket(): Promise<{ readonly url: string }>;
  /** Of the room’s own loudspeaker, 0 to 100; the display has it from the room’s state. */
  setVolume(percent: number): Promise<void>;
  /** Closes sources and connection and ends the process; the key dies with it. Resolves when the process is gone, killed after 1 s at the latest. */
  close(): Promise<void>;
};

/** Makes media processes; keeps a spare warm so that a call never waits for a start. */
export type MediaProcesses = AsyncDisposable & {
  /** Starts the spare. */
  start(signal: AbortSignal): Promise<void>;
  take(options: MediaCallOptions): MediaSession;
};
