// The seam inside the media process between the media path (source, encode, rtp, display-feed) and the secure connection (peer-connection.ts).
// media/session.ts joins the two; neither side knows the other.
import type { EventSource } from '../kernel/events.ts';
import type { IceCandidate } from '../signaling/messages.ts';
import type { MediaFailure, MediaSettings } from './port.ts';
import type { Bindings } from './secure-transport/dtls/handshake.ts';

/** `video` is the camera's picture, `screen` the one that is shared. */
export type MediaKind = 'audio' | 'video' | 'screen';
export type PictureKind = Exclude<MediaKind, 'audio'>;

export const MEDIA_KINDS: readonly MediaKind[] = ['audio', 'video', 'screen'];
export const PICTURE_KINDS: readonly PictureKind[] = ['video', 'screen'];
export const CLOCK_RATES: Readonly<Record<MediaKind, number>> = { audio: 48_000, video: 90_000, screen: 90_000 };
export type VideoCodec = MediaSettings['codecs'][number];
export const VIDEO_CODECS: readonly VideoCodec[] = ['H264', 'VP8', 'VP9'];

/** One RTP packet's content, without header fields that the connection fills in (SSRC, sequence number, payload type). */
export type RtpPayload = {
  /** Media clock: 90 kHz for video, 48 kHz for Opus; unsigned 32 bits, starting at a random value. */
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Uint8Array;
  /** A pressed key (RFC 4733) in the stream of the sound, not sound. */
  readonly event?: true;
};

export type ReceivedRtp = RtpPayload & {
  readonly sequenceNumber: number;
  /** Monotonic milliseconds of arrival. */
  readonly arrivedAtMs: number;
  /** Sound that came together with what was before it: nobody sends again what is missing there. */
  readonly redundant?: boolean;
};

/** What an RTCP sender report says: this RTP timestamp was captured at this time of the sender's clock (RFC 3550 section 6.4.1). */
export type SenderClock = { readonly rtpTimestamp: number; readonly captureMs: number };

/** What the negotiated descriptions say. */
export type NegotiatedMedia = {
  readonly video: { readonly codec: VideoCodec; readonly payloadType: number } | null;
  /** Negotiated from the start, so that sharing begins and ends without a description; null with a peer that takes none. */
  readonly screen: { readonly codec: VideoCodec; readonly payloadType: number } | null;
  readonly audio: { readonly codec: 'opus'; readonly payloadType: number } | null;
  /** The clock rate of telephone events (RFC 4733); null with a peer that takes none. */
  readonly keys: { readonly rate: number } | null;
};

/** What the verified DTLS handshake proved. Thumbprints are SHA-256 of the DER certificates, 32 bytes. */
export type SecuredConnection = {
  readonly localThumbprint: Uint8Array;
  readonly remoteThumbprint: Uint8Array;
  readonly negotiated: NegotiatedMedia;
};

export type PeerConnectionEvents = {
  candidates: readonly [readonly IceCandidate[]];
  /** The DTLS handshake has proven the other side: it holds the key of the pinned certificate. Comes once. */
  secured: readonly [SecuredConnection];
  /** A packet that SRTP authenticated. Packets that came before `secured` are held (at most 512 of each kind) and come right after it. */
  rtp: readonly [MediaKind, ReceivedRtp];
  senderClock: readonly [MediaKind, SenderClock];
  /**
   * The other side asks for a keyframe (PLI or FIR), at most one per kind and 300 ms; or what waited of the picture was dropped, so that it has to begin
   * anew whatever is on its way.
   */
  keyframeRequest: readonly [PictureKind, 'asked' | 'dropped'];
  /** A description for the other side: a new path is wanted, with the same certificates. */
  update: readonly [string];
  /** The other side says that it sends nothing more of this picture, until it does again. */
  ended: readonly [PictureKind];
  /** The other side pressed this key; once for each time. */
  key: readonly [string];
  /** Nothing authenticated has come for a second; or it comes again. */
  silent: readonly [boolean];
  /** Final: nothing is sent or delivered after it. */
  failed: readonly [MediaFailure];
};

export type FlowStatistics = {
  readonly packetsSent: number;
  readonly bytesSent: number;
  /** As repairs that the other side asked for, on top of the ones sent. */
  readonly packetsResent: number;
  readonly packetsReceived: number;
  readonly bytesReceived: number;
  /** What came as a repair, or with the sound after it. */
  readonly packetsRecovered: number;
  /** What never came. */
  readonly lost: number;
};

/** What the path towards the other side is known to carry. */
export type SendStatistics = {
  readonly targetKbps: number;
  /** What the other side said that it got; null where it does not say. */
  readonly acknowledgedKbps: number | null;
  /** From 0 to 1, before repairs. */
  readonly lossFraction: number;
  /** Of repairs, asked for or not, with their headers. */
  readonly bytesResent: number;
};

/** The same of each kind. */
export const ofEachKind = <T>(make: (kind: MediaKind) => T): Record<MediaKind, T> => ({ audio: make('audio'), video: make('video'), screen: make('screen') });

export type PeerStatistics = { readonly send: SendStatistics } & Readonly<Record<MediaKind, FlowStatistics>>;

export type PeerConnection = EventSource<PeerConnectionEvents> & {
  createOffer(): Promise<string>;
  /**
   * @param wanted resolves when the call is: before it nothing is sent to an address that the offer names. At once where left out.
   * @param bindings who the two endpoints are, so that the handshake proves that too (RFC 8844); left out where the other side is no room
   */
  acceptOffer(sdp: string, wanted?: Promise<void>, bindings?: Bindings | null): Promise<string>;
  acceptAnswer(sdp: string, bindings?: Bindings | null): Promise<void>;
  /**
   * The other side looks for a new path; its description must keep the certificate: another one makes `failed` with CL_SECURITY_RENEGOTIATION.
   * @returns our answer and the user fragment of the path that it answers; null where the update is not taken
   */
  acceptUpdate(sdp: string): Promise<{ readonly sdp: string; readonly answers: string } | null>;
  /** The answer to an `update` of ours; ignored where it belongs to none that waits for it. */
  acceptUpdateAnswer(sdp: string, answers: string | undefined): Promise<void>;
  /** @param addresses all of this machine's, but for loopback and link-local ones */
  networkChanged(addresses: readonly string[]): void;
  /** For the paths from now on; the one in use stays as it is. */
  iceServersChanged(servers: MediaSettings['iceServers']): void;
  addCandidates(candidates: readonly IceCandidate[]): Promise<void>;
  /** Sends one packet, sound at once and pictures as the path carries them; dropped silently before `secured`, and after `failed` or close(). */
  send(kind: MediaKind, packet: RtpPayload): void;
  /** What was handed over of a kind and has not left does not leave any more, and nothing of it is sent again. */
  discard(kind: MediaKind): void;
  /** The rates at which pictures are wanted whole, in kbit/s, 0 for none: the path is probed for as much, though a picture may be small, still or paused now. */
  setWanted(kbps: Readonly<Record<PictureKind, number>>): void;
  /** How many packets of sound go out again with each that follows them, where the other side takes that. */
  setRedundancy(packets: 0 | 1 | 2 | 3): void;
  /** Tells the other side which capture time an RTP timestamp of ours had; goes out with the next sender report. */
  setSenderClock(kind: MediaKind, clock: SenderClock): void;
  /** Sends a PLI for the picture that is received. At most one per kind and 300 ms goes out. */
  requestKeyframe(kind: PictureKind): void;
  /** This picture is over, until it is sent again: the other side is told, and no packet of it leaves any more, repairs included. */
  end(kind: PictureKind): void;
  /** To the other side and back; null until that is known. Costs nothing, unlike the statistics. */
  roundTripMs(): number | null;
  /** How long the last packet that waits will have waited. Costs nothing either. */
  queuedMs(): number;
  statistics(): PeerStatistics;
  close(): Promise<void>;
};
