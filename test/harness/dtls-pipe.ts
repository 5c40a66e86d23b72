// Our DTLS on a UDP socket of the loopback interface, so that it can meet other implementations, and werift's old one on the same terms.
// A socket that was not told its peer answers whoever spoke to it last, as a server does.
import { createSocket } from 'node:dgram';
import { DtlsClient, DtlsServer, HashAlgorithm, SignatureAlgorithm } from 'werift';
import type { CallCertificate } from '../../src/encryption/call-certificate.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { asCloisterError, type CloisterError } from '../../src/kernel/errors.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createDtlsConnection, type DtlsRole, type Established } from '../../src/media/secure-transport/dtls/connection.ts';
import { certificatePemOf, keyPemOf } from '../fakes/pem.ts';

type Path = AsyncDisposable & {
  readonly port: number;
  /** Datagrams that came, in order. */
  readonly received: readonly Buffer[];
  towards(port: number): void;
  send(datagram: Buffer): void;
  onDatagram(take: (datagram: Buffer, from: string) => void): void;
};

async function openPath(): Promise<Path> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const received: Buffer[] = [];
  let remotePort = 0;
  let open = true;
  return {
    port: socket.address().port,
    received,
    towards(port) {
      remotePort = port;
    },
    send(datagram) {
      if (open && remotePort !== 0) socket.send(datagram, remotePort, '127.0.0.1');
    },
    onDatagram(take) {
      socket.on('message', (datagram, { address, port }) => {
        remotePort = port;
        received.push(datagram);
        take(datagram, `${address}:${port}`);
      });
    },
    async [Symbol.asyncDispose]() {
      open = false;
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    }
  };
}

export type OwnDtls = AsyncDisposable & {
  readonly port: number;
  readonly received: readonly Buffer[];
  /** Begins. As client it needs the port of the server. */
  run(serverPort?: number): Promise<Established>;
  /** What the peer closed the association with, after the handshake. */
  readonly closed: Promise<CloisterError>;
  close(): void;
};

export type OwnDtlsOptions = {
  readonly role: DtlsRole;
  readonly certificate: CallCertificate;
  readonly remoteThumbprint: Uint8Array;
  readonly fips?: boolean;
  readonly keyLog?: (line: string) => void;
};

export async function createOwnDtls({ fips = false, ...options }: OwnDtlsOptions): Promise<OwnDtls> {
  const path = await openPath();
  const { promise: closed, resolve } = Promise.withResolvers<CloisterError>();
  const connection = createDtlsConnection({
    ...options,
    fips,
    roundTripMs: null,
    clock: systemClock,
    log: silentLog,
    send: path.send,
    closed: resolve
  });
  path.onDatagram(connection.receive);
  return {
    port: path.port,
    received: path.received,
    closed,
    run(serverPort) {
      if (serverPort !== undefined) path.towards(serverPort);
      return connection.run();
    },
    close: connection.close,
    async [Symbol.asyncDispose]() {
      connection.close();
      await path[Symbol.asyncDispose]();
    }
  };
}

/** What was refused, and with which code. @throws where it was not */
export async function refusalOf(handshake: Promise<Established>): Promise<CloisterError> {
  const outcome = await handshake.then(
    () => null,
    (error: unknown) => asCloisterError(error)
  );
  if (outcome === null) throw new Error('the handshake was not refused');
  return outcome;
}

export type SrtpKeys = { readonly clientKey: string; readonly serverKey: string; readonly clientSalt: string; readonly serverSalt: string };

/** RFC 5764 section 4.2: both keys, then both salts; in hexadecimal digits. */
export function srtpKeysOf(material: Buffer, keyBytes: number, saltBytes: number): SrtpKeys {
  const at = (offset: number, bytes: number): string => material.subarray(offset, offset + bytes).toString('hex');
  return {
    clientKey: at(0, keyBytes),
    serverKey: at(keyBytes, keyBytes),
    clientSalt: at(2 * keyBytes, saltBytes),
    serverSalt: at(2 * keyBytes + saltBytes, saltBytes)
  };
}

export type StockDtls = AsyncDisposable & {
  readonly port: number;
  /** Resolves with the SRTP keys of AEAD_AES_128_GCM, or of AES128_CM_HMAC_SHA1_80 where the salt has 14 bytes. */
  run(serverPort?: number): Promise<SrtpKeys>;
};

const GCM_128 = 7;
const CM_HMAC = 1;

/** @param saltBytes 12 offers AEAD_AES_128_GCM alone, 14 AES128_CM_HMAC_SHA1_80 alone */
export async function createStockDtls(role: DtlsRole, certificate: CallCertificate, saltBytes: 12 | 14): Promise<StockDtls> {
  const path = await openPath();
  const pipe = {
    type: 'pipe',
    address: { address: '', family: '', port: 0 },
    closed: false,
    onData: (_data: Buffer, _address: readonly [string, number]): void => {},
    send: async (data: Buffer): Promise<void> => path.send(data),
    close: async (): Promise<void> => {}
  };
  const options = {
    cert: certificatePemOf(certificate),
    key: keyPemOf(certificate.privateKey),
    signatureHash: { hash: HashAlgorithm.sha256_4, signature: SignatureAlgorithm.ecdsa_3 },
    transport: pipe,
    srtpProfiles: [saltBytes === 12 ? GCM_128 : CM_HMAC] as (typeof GCM_128 | typeof CM_HMAC)[],
    extendedMasterSecret: true,
    certificateRequest: true
  };
  const socket = role === 'client' ? new DtlsClient(options) : new DtlsServer(options);
  path.onDatagram((datagram) => pipe.onData(datagram, ['', 0]));
  return {
    port: path.port,
    async run(serverPort) {
      if (serverPort !== undefined) path.towards(serverPort);
      const connected = new Promise<void>((resolve, reject) => {
        socket.onConnect.once(resolve);
        if (socket instanceof DtlsClient) socket.connect().catch(reject);
      });
      await connected;
      const { localKey, localSalt, remoteKey, remoteSalt } = socket.extractSessionKeys(16, saltBytes);
      const [clientKey, clientSalt, serverKey, serverSalt] =
        role === 'client' ? [localKey, localSalt, remoteKey, remoteSalt] : [remoteKey, remoteSalt, localKey, localSalt];
      return {
        clientKey: clientKey.toString('hex'),
        serverKey: serverKey.toString('hex'),
        clientSalt: clientSalt.toString('hex'),
        serverSalt: serverSalt.toString('hex')
      };
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await path[Symbol.asyncDispose]();
    }
  };
}
