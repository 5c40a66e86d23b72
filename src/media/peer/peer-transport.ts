// The secure transport of one connection: DTLS over its path, whichever that is by now, and SRTP with the keys of the proven handshake.
// Invariants: before the handshake has proven the other side nothing can be protected or read, and nobody else gets to see a key;
// after it no DTLS record in plain text is listened to.
import type { CallCertificate } from '../../encryption/call-certificate.ts';
import { CloisterError } from '../../kernel/errors.ts';
import { createEvents, type EventSource } from '../../kernel/events.ts';
import type { PathOptions } from '../path/ice-path.ts';
import type { PathSwitch } from '../path/path-switch.ts';
import { createDtlsConnection, type DtlsConnection, type DtlsRole, type Established } from '../secure-transport/dtls/connection.ts';
import type { Bindings } from '../secure-transport/dtls/handshake.ts';
import { createMediaProtection, type MediaProtection, srtpKeyLengths } from '../secure-transport/srtp/srtp.ts';

export type TransportEvents = {
  /** An SRTP or SRTCP datagram, still protected. */
  media: readonly [Buffer];
  /** The other side has closed the connection, authenticated. */
  closed: readonly [];
};

/** What the handshake has proven. */
export type Secured = Pick<Established, 'remoteThumbprint' | 'suite' | 'group' | 'srtpProfile'>;

export type PeerTransport = EventSource<TransportEvents> &
  Pick<PathSwitch, 'send' | 'roundTripMs' | 'close'> &
  MediaProtection & {
    /**
     * Finds a path, does the handshake on it and takes its keys.
     * @param remoteThumbprint SHA-256 of the only certificate that the other side may present: 32 bytes
     * @param bindings what both endpoints say of themselves (RFC 8844); null where the other side is no room
     * @throws CloisterError CL_MEDIA_CONNECT, CL_SECURITY_HANDSHAKE, CL_SECURITY_FINGERPRINT
     */
    connect(role: DtlsRole, remoteThumbprint: Uint8Array, bindings: Bindings | null): Promise<Secured>;
  };

export type PeerTransportOptions = Pick<PathOptions, 'clock' | 'log'> & {
  readonly certificate: CallCertificate;
  /** Approved algorithms only (R10). */
  readonly fips: boolean;
  /** Closed with the transport. */
  readonly path: Pick<PathSwitch, 'on' | 'connect' | 'send' | 'roundTripMs' | 'alive' | 'close'>;
};

const MAX_HELD_DATAGRAMS = 32;
/** RFC 5764 section 4.2. */
const SRTP_LABEL = 'EXTRACTOR-dtls_srtp';

export function createPeerTransport(options: PeerTransportOptions): PeerTransport {
  const { clock, log, path } = options;
  const events = createEvents<TransportEvents>((error) => log.error('a listener of the transport failed', { error: String(error) }));
  /** The handshake's first datagram may come before this side knows whose certificate to expect. */
  const held: [Buffer, string][] = [];
  let dtls: DtlsConnection | null = null;
  let protection: MediaProtection | null = null;
  let closed = false;
  let closedByPeer = false;

  // The first byte tells DTLS from media (RFC 7983 section 7).
  path.on('datagram', (datagram, from) => {
    const first = datagram[0] ?? 0;
    if (first >= 128 && first <= 191) events.emit('media', datagram);
    else if (first < 20 || first > 63) return;
    else if (dtls !== null) dtls.receive(datagram, from);
    else if (held.length < MAX_HELD_DATAGRAMS) held.push([datagram, from]);
  });

  const opened = (): MediaProtection => {
    if (protection === null) throw new CloisterError('CL_INTERNAL', 'the media keys are not there');
    return protection;
  };
  /** What authenticates is a sign of life. */
  const alive = (plain: Buffer | null): Buffer | null => {
    if (plain !== null) path.alive();
    return plain;
  };

  return {
    on: events.on,
    async connect(role, remoteThumbprint, bindings) {
      await path.connect();
      if (closed) throw new CloisterError('CL_MEDIA_CONNECT', 'the connection was closed');
      const { certificate, fips } = options;
      const association = createDtlsConnection({
        role,
        certificate,
        remoteThumbprint,
        bindings,
        fips,
        roundTripMs: path.roundTripMs(),
        clock,
        log,
        send: path.send,
        heard: path.alive,
        closed: () => {
          closedByPeer = true;
          events.emit('closed');
        }
      });
      dtls = association;
      const established = association.run();
      for (const [datagram, from] of held.splice(0)) association.receive(datagram, from);
      const { exportKeyingMaterial, ...secured } = await established;
      // Either may come in the same turn as the last message of the handshake.
      if (closed || closedByPeer) throw new CloisterError('CL_MEDIA_CONNECT', 'the connection was closed');
      protection = mediaProtection(role, secured, exportKeyingMaterial);
      return secured;
    },
    protectRtp: (packet) => opened().protectRtp(packet),
    protectRtcp: (compound) => opened().protectRtcp(compound),
    unprotectRtp: (datagram) => alive(opened().unprotectRtp(datagram)),
    unprotectRtcp: (datagram) => alive(opened().unprotectRtcp(datagram)),
    send: path.send,
    roundTripMs: path.roundTripMs,
    async close() {
      if (closed) return;
      closed = true;
      dtls?.close();
      protection = null;
      held.length = 0;
      // What was sent last still leaves: the other side then knows why, instead of waiting for what does not come.
      await new Promise<void>((resolve) => setImmediate(resolve));
      await path.close();
    }
  };
}

/** RFC 5764 section 4.2: the keys of both directions, then both salts; the client's first. */
function mediaProtection(role: DtlsRole, { srtpProfile }: Secured, exportKeyingMaterial: Established['exportKeyingMaterial']): MediaProtection {
  const { keyBytes, saltBytes } = srtpKeyLengths[srtpProfile];
  const material = exportKeyingMaterial(SRTP_LABEL, 2 * (keyBytes + saltBytes));
  let offset = 0;
  const take = (bytes: number): Buffer => {
    offset += bytes;
    return material.subarray(offset - bytes, offset);
  };
  const [clientKey, serverKey, clientSalt, serverSalt] = [take(keyBytes), take(keyBytes), take(saltBytes), take(saltBytes)];
  const client = { key: clientKey, salt: clientSalt };
  const server = { key: serverKey, salt: serverSalt };
  const [local, remote] = role === 'client' ? [client, server] : [server, client];
  const protection = createMediaProtection(srtpProfile, { localKey: local.key, localSalt: local.salt, remoteKey: remote.key, remoteSalt: remote.salt });
  material.fill(0);
  return protection;
}
