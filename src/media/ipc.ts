// The messages between the agent and a media process. Control and facts only: no packet, frame, key or certificate ever crosses.
// One table of requests and the events of port.ts; both ends are typed by it.
import type { ErrorCode } from '../kernel/error-codes.ts';
import type { IceCandidate } from '../signaling/messages.ts';
import type { Endpoints, Loan, MediaCallOptions, MediaDevices, MediaEvents, MediaSettings, SourceChoice } from './port.ts';

export type MediaRequests = {
  begin: { readonly parameters: readonly [MediaSettings, MediaCallOptions]; readonly result: null };
  createOffer: { readonly parameters: readonly []; readonly result: { readonly sdp: string; readonly commitment: string } };
  acceptAnswer: { readonly parameters: readonly [string, { readonly nonce: string } | null, Endpoints]; readonly result: { readonly nonce: string } };
  acceptOffer: {
    readonly parameters: readonly [string, { readonly commitment: string } | null, Endpoints];
    readonly result: { readonly sdp: string; readonly nonce: string };
  };
  open: { readonly parameters: readonly []; readonly result: null };
  reveal: { readonly parameters: readonly [string]; readonly result: null };
  acceptUpdate: { readonly parameters: readonly [string]; readonly result: { readonly sdp: string; readonly answers: string } | null };
  acceptUpdateAnswer: { readonly parameters: readonly [string, string | undefined]; readonly result: null };
  networkChanged: { readonly parameters: readonly [readonly string[]]; readonly result: null };
  iceServersChanged: { readonly parameters: readonly [MediaSettings['iceServers']]; readonly result: null };
  addCandidates: { readonly parameters: readonly [readonly IceCandidate[]]; readonly result: null };
  setDevices: { readonly parameters: readonly [MediaDevices | null]; readonly result: null };
  setMicrophone: { readonly parameters: readonly [boolean]; readonly result: null };
  setCamera: { readonly parameters: readonly [boolean]; readonly result: null };
  setHeld: { readonly parameters: readonly [boolean]; readonly result: null };
  setScreen: { readonly parameters: readonly [boolean, (SourceChoice | null)?]; readonly result: null };
  setRecording: { readonly parameters: readonly [boolean]; readonly result: null };
  pressKeys: { readonly parameters: readonly [string]; readonly result: null };
  setVolume: { readonly parameters: readonly [number]; readonly result: null };
  lend: { readonly parameters: readonly []; readonly result: Loan };
  borrow: { readonly parameters: readonly [Loan | null]; readonly result: null };
  displayTicket: { readonly parameters: readonly []; readonly result: { readonly url: string } };
  ownPictureTicket: { readonly parameters: readonly []; readonly result: { readonly url: string } };
  close: { readonly parameters: readonly []; readonly result: null };
};

export type RequestName = keyof MediaRequests;
export type RequestHandlers = { readonly [K in RequestName]: (...parameters: MediaRequests[K]['parameters']) => Promise<MediaRequests[K]['result']> };

/** Events that a media process sends; `exit` is the agent's own. */
export type SessionEvents = Omit<MediaEvents, 'exit'>;

export type ToProcess = { readonly id: number; readonly request: RequestName; readonly parameters: readonly unknown[] };

export type FromProcess =
  | { readonly ready: true }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } }
  | { readonly event: keyof SessionEvents; readonly parameters: readonly unknown[] };
