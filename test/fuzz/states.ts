// Where the fuzzer fires: each state of both handshakes, the connected association, what a hostile peer says inside it, the media, the call as its
// peer reaches it, the readers of texts, and those of HID devices and cameras.
import type { DtlsRole } from '../../src/media/secure-transport/dtls/connection.ts';
import type { SrtpProfile } from '../../src/media/secure-transport/dtls/registry.ts';
import type { PayloadKind } from './plain-media.ts';

export type FuzzState =
  /** By anybody on the path, before `records` of the honest peer's were given. */
  | { readonly kind: 'handshake'; readonly role: DtlsRole; readonly records: number }
  | { readonly kind: 'connected'; readonly role: DtlsRole; readonly records: number }
  /** By a peer that holds the keys. */
  | { readonly kind: 'inside'; readonly role: DtlsRole; readonly records: number }
  | { readonly kind: 'media'; readonly profile: SrtpProfile['name'] }
  | { readonly kind: 'media-inside'; readonly profile: SrtpProfile['name'] }
  /** A whole call, by its own peer. */
  | { readonly kind: 'call-rtp' | 'call-rtcp' | 'call-requests' }
  | { readonly kind: 'call-payloads'; readonly codec: PayloadKind }
  /** Over real sockets. */
  | { readonly kind: 'path'; readonly who: 'stranger' | 'peer' }
  /** One description each, to a session without one. */
  | { readonly kind: 'descriptions' }
  | { readonly kind: 'readers' }
  /** A HID device that is plugged in. */
  | { readonly kind: 'hid' }
  /** What drivers and network cameras answer. */
  | { readonly kind: 'cameras' };

const handshake = (role: DtlsRole, records: number): FuzzState => ({ kind: 'handshake', role, records });
const inside = (role: DtlsRole, records: number): FuzzState => ({ kind: 'inside', role, records });
/** The server's records are: HelloVerifyRequest, five of its flight, ChangeCipherSpec, Finished. */
export const CLIENT_CONNECTED = 8;
/** The client's: ClientHello twice, Certificate, ClientKeyExchange, CertificateVerify, ChangeCipherSpec, Finished. */
export const SERVER_CONNECTED = 7;

/** Named after what the target waits for. */
export const STATES: Readonly<Record<string, FuzzState>> = {
  'client:hello-verify-request': handshake('client', 0),
  'client:server-hello': handshake('client', 1),
  'client:server-certificate': handshake('client', 2),
  'client:server-key-exchange': handshake('client', 3),
  'client:certificate-request': handshake('client', 4),
  'client:server-hello-done': handshake('client', 5),
  'client:server-finished': handshake('client', 6),
  'client:connected': { kind: 'connected', role: 'client', records: CLIENT_CONNECTED },
  'server:client-hello': handshake('server', 0),
  'server:cookie': handshake('server', 1),
  'server:client-certificate': handshake('server', 2),
  'server:client-key-exchange': handshake('server', 3),
  'server:certificate-verify': handshake('server', 4),
  'server:client-finished': handshake('server', 5),
  'server:connected': { kind: 'connected', role: 'server', records: SERVER_CONNECTED },
  'inside:client-finishing': inside('client', 6),
  'inside:client-connected': inside('client', CLIENT_CONNECTED),
  'inside:server-verifying': inside('server', 4),
  'inside:server-finishing': inside('server', 6),
  'inside:server-connected': inside('server', SERVER_CONNECTED),
  'media:aes-128-gcm': { kind: 'media', profile: 'AEAD_AES_128_GCM' },
  'media:aes-256-gcm': { kind: 'media', profile: 'AEAD_AES_256_GCM' },
  'media:aes-cm-hmac': { kind: 'media', profile: 'AES128_CM_HMAC_SHA1_80' },
  'media-inside:aes-128-gcm': { kind: 'media-inside', profile: 'AEAD_AES_128_GCM' },
  'media-inside:aes-cm-hmac': { kind: 'media-inside', profile: 'AES128_CM_HMAC_SHA1_80' },
  'call:rtp': { kind: 'call-rtp' },
  'call:h264': { kind: 'call-payloads', codec: 'h264' },
  'call:vp8': { kind: 'call-payloads', codec: 'vp8' },
  'call:vp9': { kind: 'call-payloads', codec: 'vp9' },
  'call:opus': { kind: 'call-payloads', codec: 'opus' },
  'call:rtcp': { kind: 'call-rtcp' },
  'call:requests': { kind: 'call-requests' },
  'call:descriptions': { kind: 'descriptions' },
  'path:stranger': { kind: 'path', who: 'stranger' },
  'path:peer': { kind: 'path', who: 'peer' },
  texts: { kind: 'readers' },
  hid: { kind: 'hid' },
  cameras: { kind: 'cameras' }
};
