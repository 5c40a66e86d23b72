// Our DTLS against implementations that nobody here wrote, over UDP and in both roles: the same keys on both ends, and the same refusals.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { ErrorCode } from '../../src/kernel/error-codes.ts';
import { type Log, type LogFields, silentLog } from '../../src/kernel/log.ts';
import { createPeerConnection } from '../../src/media/peer/peer-connection.ts';
import type { MediaFailure } from '../../src/media/port.ts';
import type { DtlsRole } from '../../src/media/secure-transport/dtls/connection.ts';
import { ALERT, type AlertName, CONTENT } from '../../src/media/secure-transport/dtls/registry.ts';
import type { MediaKind, SecuredConnection } from '../../src/media/streams.ts';
import { until } from '../fakes/dtls-attacker.ts';
import { startCapture } from '../harness/capture.ts';
import { createDatachannelPeer, endDatachannel } from '../harness/datachannel-peer.ts';
import { caughtUp, readHandshake } from '../harness/dtls-capture.ts';
import { createOwnDtls, createStockDtls, type OwnDtls, refusalOf, srtpKeysOf } from '../harness/dtls-pipe.ts';
import {
  agreedWith,
  alertTo,
  type CertificateFiles,
  makeCertificate,
  type OpensslOptions,
  type OpensslPeer,
  startOpensslClient,
  startOpensslServer,
  writeCallCertificate
} from '../harness/openssl-peer.ts';

const ROLES: readonly DtlsRole[] = ['client', 'server'];
const LABEL = 'EXTRACTOR-dtls_srtp';
const OWN = createCallCertificate(Date.now());
const PEER = createCallCertificate(Date.now());

describe('DTLS with peers nobody here wrote', function () {
  this.timeout(40_000);
  let folder: string;
  let peerFiles: CertificateFiles;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-dtls-peers-'));
    peerFiles = await writeCallCertificate(folder, 'peer', PEER);
  });
  after(() => rm(folder, { recursive: true }));

  const identified = ({ certificate, key }: CertificateFiles): string[] => ['-cert', certificate, '-key', key];
  const PROFILE = ['-use_srtp', 'SRTP_AEAD_AES_128_GCM'];
  const usualArguments = (): string[] => [...identified(peerFiles), ...PROFILE];

  /** Starts OpenSSL in the role that is left, and ours against it. */
  async function meet(
    own: OwnDtls,
    role: DtlsRole,
    options: OpensslOptions
  ): Promise<{ readonly peer: OpensslPeer; readonly serverPort: number; readonly handshake: ReturnType<OwnDtls['run']> }> {
    if (role === 'client') {
      const peer = await startOpensslServer(options);
      return { peer, serverPort: peer.port, handshake: own.run(peer.port) };
    }
    const handshake = own.run();
    return { peer: startOpensslClient(own.port, options), serverPort: own.port, handshake };
  }

  describe('OpenSSL agrees', () => {
    type Case = {
      readonly title: string;
      readonly suite: string;
      readonly group: 'X25519' | 'P-256';
      readonly profile: string;
      readonly materialBytes: number;
      readonly fips?: boolean;
      /** What it is left to choose from; the suite, group and profile above alone, unless given. */
      readonly offers?: readonly string[];
      readonly more?: Partial<Record<DtlsRole, readonly string[]>>;
      readonly newKey?: readonly string[];
    };
    const GCM_128 = { profile: 'AEAD_AES_128_GCM', materialBytes: 56 };
    const GCM_256 = { profile: 'AEAD_AES_256_GCM', materialBytes: 88 };
    const CM_HMAC = { profile: 'AES128_CM_HMAC_SHA1_80', materialBytes: 60 };
    const OPENSSL_PROFILES: Readonly<Record<string, string>> = {
      AEAD_AES_128_GCM: 'SRTP_AEAD_AES_128_GCM',
      AEAD_AES_256_GCM: 'SRTP_AEAD_AES_256_GCM',
      AES128_CM_HMAC_SHA1_80: 'SRTP_AES128_CM_SHA1_80'
    };
    const OPENSSL_SUITES: Readonly<Record<string, string>> = {
      TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
      TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384'
    };
    const AES_128 = 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256';
    const AES_256 = 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384';
    const everyProfile = Object.values(OPENSSL_PROFILES).join(':');
    const CASES: readonly Case[] = [
      { title: 'AES-128 over X25519', suite: AES_128, group: 'X25519', ...GCM_128, more: { client: ['-listen'] } },
      { title: 'AES-256 over P-256', suite: AES_256, group: 'P-256', ...GCM_256 },
      { title: 'AES-256 over X25519, the oldest SRTP profile', suite: AES_256, group: 'X25519', ...CM_HMAC, more: { client: ['-listen'] } },
      {
        title: 'AES-128 over P-256, a certificate of its own making',
        suite: AES_128,
        group: 'P-256',
        ...GCM_128,
        newKey: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
      },
      {
        title: 'approved algorithms only where it offers more',
        suite: AES_128,
        group: 'P-256',
        ...GCM_128,
        fips: true,
        offers: ['-groups', 'X25519:P-256', '-cipher', `${OPENSSL_SUITES[AES_128]}:ECDHE-ECDSA-CHACHA20-POLY1305`, '-use_srtp', everyProfile]
      }
    ];
    for (const role of ROLES) {
      for (const { title, suite, group, profile, materialBytes, fips, offers, more, newKey } of CASES) {
        it(`${title}: the same keys with us as ${role}`, async () => {
          const files = newKey === undefined ? peerFiles : await makeCertificate(folder, `made-${role}`, newKey);
          await using own = await createOwnDtls({ role, certificate: OWN, remoteThumbprint: files.thumbprint, fips: fips ?? false });
          // Without P-256 it would not take a certificate of P-256 either.
          const groups = group === 'P-256' ? group : `${group}:P-256`;
          const chosen = ['-cipher', OPENSSL_SUITES[suite] ?? '', '-groups', groups, '-use_srtp', OPENSSL_PROFILES[profile] ?? ''];
          const { peer, handshake } = await meet(own, role, {
            arguments: [
              ...identified(files),
              ...(offers ?? chosen),
              ...(role === 'client' ? ['-Verify', '1'] : []),
              ...(more?.[role] ?? []),
              ...['-keymatexport', LABEL, '-keymatexportlen', String(materialBytes)]
            ]
          });
          await using _ = peer;
          const established = await handshake;
          assert.deepEqual([established.suite, established.group, established.srtpProfile], [suite, group, profile]);
          assert.deepEqual(established.remoteThumbprint, new Uint8Array(files.thumbprint));
          const agreed = await agreedWith(peer);
          assert.deepEqual(agreed, {
            suite: OPENSSL_SUITES[suite],
            srtpProfile: OPENSSL_PROFILES[profile],
            material: established.exportKeyingMaterial(LABEL, materialBytes).toString('hex')
          });
        });
      }

      it(`its messages come in fragments, with us as ${role}`, async () => {
        await using own = await createOwnDtls({ role, certificate: OWN, remoteThumbprint: PEER.thumbprint });
        const { peer, handshake } = await meet(own, role, {
          arguments: [
            ...identified(peerFiles),
            ...(role === 'client' ? ['-Verify', '1'] : []),
            ...['-mtu', '256', '-use_srtp', 'SRTP_AEAD_AES_128_GCM', '-keymatexport', LABEL, '-keymatexportlen', '56']
          ]
        });
        await using _ = peer;
        const established = await handshake;
        assert.equal((await agreedWith(peer)).material, established.exportKeyingMaterial(LABEL, 56).toString('hex'));
        assert.ok(own.received.some(isFragment), 'nothing was fragmented');
      });

      it(`it hears us end the association, with us as ${role}`, async () => {
        await using own = await createOwnDtls({ role, certificate: OWN, remoteThumbprint: PEER.thumbprint });
        const { peer, handshake } = await meet(own, role, { arguments: [...usualArguments(), ...(role === 'client' ? ['-Verify', '1'] : [])] });
        await using _ = peer;
        await handshake;
        await peer.said(/^SRTP Extension negotiated.*\n/m);
        own.close();
        // What each prints at a close_notify, and at nothing else that comes over the path.
        await peer.said(role === 'client' ? /^DONE\n/m : /^closed\n/m);
      });
    }

    it('it ends the association', async () => {
      await using own = await createOwnDtls({ role: 'server', certificate: OWN, remoteThumbprint: PEER.thumbprint });
      const { peer, handshake } = await meet(own, 'server', { arguments: usualArguments() });
      await using _ = peer;
      await handshake;
      await peer.said(/^SRTP Extension negotiated.*\n/m);
      peer.command('Q');
      const error = await own.closed;
      assert.deepEqual([error.code, error.message], ['CL_MEDIA_LOST', 'the other side closed the connection: close_notify']);
    });
  });

  describe('OpenSSL is refused', () => {
    type Refused = {
      readonly title: string;
      readonly role: DtlsRole;
      readonly options: () => Promise<OpensslOptions> | OpensslOptions;
      /** The certificate that is pinned, where that is not the peer's usual one. */
      readonly pinned?: () => Promise<CertificateFiles>;
      readonly code: ErrorCode;
      readonly text: RegExp;
      /** The alert that it gets; `its own` where OpenSSL refuses and we hear of it. */
      readonly alert: AlertName | 'its own';
    };
    const made = new Map<string, Promise<CertificateFiles>>();
    const make = (name: string, ...newKey: readonly string[]): Promise<CertificateFiles> => {
      const files = made.get(name) ?? makeCertificate(folder, name, newKey);
      made.set(name, files);
      return files;
    };
    const rsa = () => make('rsa', 'rsa:2048');
    const p384 = () => make('p384', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384');
    const another = () => make('another', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256');
    const usual = (...more: readonly string[]): OpensslOptions => ({ arguments: [...usualArguments(), ...more] });
    const presenting = async (files: Promise<CertificateFiles>, ...more: readonly string[]): Promise<OpensslOptions> => ({
      arguments: [...identified(await files), ...PROFILE, ...more]
    });
    const withoutBinding = async (...more: readonly string[]): Promise<OpensslOptions> => {
      const configuration = join(folder, 'no-binding.cnf');
      await writeFile(configuration, 'openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nOptions = -ExtendedMasterSecret\n');
      return { ...usual(...more), configuration };
    };
    const handshakeFailure = { code: 'CL_SECURITY_HANDSHAKE', alert: 'handshake_failure' } as const;
    const itRefuses = { code: 'CL_MEDIA_CONNECT', text: /the other side refused the handshake: handshake_failure/, alert: 'its own' } as const;

    const CASES: readonly Refused[] = [
      {
        title: 'another certificate',
        role: 'client',
        options: () => presenting(another(), '-Verify', '1'),
        code: 'CL_SECURITY_FINGERPRINT',
        text: /another certificate/,
        alert: 'bad_certificate'
      },
      {
        title: 'another certificate',
        role: 'server',
        options: () => presenting(another()),
        code: 'CL_SECURITY_FINGERPRINT',
        text: /another certificate/,
        alert: 'bad_certificate'
      },
      {
        title: 'no request for our certificate',
        role: 'client',
        options: () => usual(),
        code: 'CL_SECURITY_HANDSHAKE',
        text: /not in order: 14 in place of 13/,
        alert: 'unexpected_message'
      },
      { title: 'no certificate', role: 'server', options: () => ({ arguments: PROFILE }), ...handshakeFailure, text: /no certificate/ },
      {
        title: 'no extended master secret',
        role: 'client',
        options: () => withoutBinding('-Verify', '1'),
        ...handshakeFailure,
        text: /extended master secret/
      },
      { title: 'no extended master secret', role: 'server', options: () => withoutBinding(), ...handshakeFailure, text: /extended master secret/ },
      {
        title: 'no SRTP',
        role: 'client',
        options: () => ({ arguments: [...identified(peerFiles), '-Verify', '1'] }),
        code: 'CL_SECURITY_HANDSHAKE',
        text: /SRTP/,
        alert: 'illegal_parameter'
      },
      { title: 'no SRTP', role: 'server', options: () => ({ arguments: identified(peerFiles) }), ...handshakeFailure, text: /SRTP/ },
      {
        title: 'an SRTP profile of short tags',
        role: 'server',
        options: () => ({ arguments: [...identified(peerFiles), '-use_srtp', 'SRTP_AES128_CM_SHA1_32'] }),
        ...handshakeFailure,
        text: /SRTP/
      },
      { title: 'an RSA certificate', role: 'client', pinned: rsa, options: () => presenting(rsa(), '-Verify', '1'), ...itRefuses },
      // It has none of the kind that was asked for, and so presents none.
      { title: 'an RSA certificate', role: 'server', pinned: rsa, options: () => presenting(rsa()), ...handshakeFailure, text: /no certificate/ },
      { title: 'a P-384 certificate', role: 'client', pinned: p384, options: () => presenting(p384(), '-Verify', '1'), ...itRefuses },
      {
        title: 'a P-384 certificate',
        role: 'server',
        pinned: p384,
        options: () => presenting(p384()),
        code: 'CL_SECURITY_HANDSHAKE',
        text: /not a P-256 one/,
        alert: 'bad_certificate'
      },
      {
        title: 'other suites',
        role: 'client',
        options: () => usual('-Verify', '1', '-cipher', 'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA256'),
        ...itRefuses
      },
      {
        title: 'other suites',
        role: 'server',
        options: () => usual('-cipher', 'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA256'),
        ...handshakeFailure,
        text: /suite/
      },
      { title: 'another curve', role: 'client', options: () => usual('-Verify', '1', '-groups', 'P-384'), ...itRefuses },
      { title: 'another curve', role: 'server', options: () => usual('-groups', 'P-384'), ...handshakeFailure, text: /group/ }
    ];
    for (const { title, role, options, pinned, code, text, alert } of CASES) {
      it(`${title}, with us as ${role}`, async () => {
        const remoteThumbprint = pinned === undefined ? PEER.thumbprint : (await pinned()).thumbprint;
        await using own = await createOwnDtls({ role, certificate: OWN, remoteThumbprint });
        const { peer, handshake } = await meet(own, role, await options());
        await using _ = peer;
        const refusal = await refusalOf(handshake);
        assert.match(refusal.message, text);
        assert.equal(refusal.code, code);
        if (alert === 'its own') await peer.said(/^error:|:error:/m);
        else assert.equal(await alertTo(peer), ALERT[alert]);
      });
    }
  });

  describe('werift’s old DTLS agrees', () => {
    for (const role of ROLES) {
      for (const saltBytes of [12, 14] as const) {
        it(`on the same SRTP keys with salts of ${saltBytes} bytes, with us as ${role}`, async () => {
          await using own = await createOwnDtls({ role, certificate: OWN, remoteThumbprint: PEER.thumbprint });
          await using stock = await createStockDtls(role === 'client' ? 'server' : 'client', PEER, saltBytes);
          const [established, keys] =
            role === 'client' ? await Promise.all([own.run(stock.port), stock.run()]) : await Promise.all([own.run(), stock.run(own.port)]);
          assert.equal(established.srtpProfile, saltBytes === 12 ? 'AEAD_AES_128_GCM' : 'AES128_CM_HMAC_SHA1_80');
          assert.deepEqual(keys, srtpKeysOf(established.exportKeyingMaterial(LABEL, 2 * (16 + saltBytes)), 16, saltBytes));
        });
      }
    }
  });

  describe('libdatachannel is connected, and media is decrypted both ways', () => {
    after(endDatachannel);

    // Who is what follows from the descriptions' a=setup (RFC 5763 section 5). With approved algorithms only ours offers to be client.
    const CASES = [
      { role: 'server', fips: false, offerer: 'room', offeredSetup: 'actpass' },
      { role: 'client', fips: false, offerer: 'peer', offeredSetup: 'actpass' },
      { role: 'server', fips: true, offerer: 'peer', offeredSetup: 'active' },
      { role: 'client', fips: true, offerer: 'room', offeredSetup: 'active' }
    ] as const;
    for (const { role, fips, offerer, offeredSetup } of CASES) {
      it(`with us as ${role}${fips ? ', with approved algorithms only' : ''}`, async () => {
        const facts: LogFields[] = [];
        const log: Log = { ...silentLog, info: (_message, fields) => facts.push(fields ?? {}) };
        const room = createPeerConnection({ certificate: OWN, iceServers: [], fips, videoCodecs: ['VP8'], clock: systemClock, log });
        using peer = createDatachannelPeer();
        const received: Record<MediaKind, Buffer[]> = { audio: [], video: [], screen: [] };
        let secured: SecuredConnection | null = null;
        let failure: MediaFailure | null = null;
        room.on('secured', (connection) => {
          secured = connection;
        });
        room.on('failed', (failed) => {
          failure = failed;
        });
        room.on('rtp', (kind, { payload }) => received[kind].push(Buffer.from(payload)));
        try {
          if (offerer === 'room') {
            const offer = await room.createOffer();
            assert.match(offer, new RegExp(`^a=setup:${offeredSetup}\r$`, 'm'));
            await room.acceptAnswer(await peer.answer(offer));
          } else {
            const offer = await peer.offer();
            peer.accept(await room.acceptOffer(offer.replaceAll('a=setup:actpass', `a=setup:${offeredSetup}`)));
          }
          await until(() => (secured !== null || failure !== null) && peer.state() === 'connected', 'the secured connection', 20_000);
          assert.equal(failure, null);
          const [agreed = {}] = facts.filter((fields) => 'srtpProfile' in fields);
          // It has no X25519.
          assert.deepEqual([agreed['role'], agreed['group']], [role, 'P-256']);
          assert.match(String(agreed['srtpProfile']), /^AEAD_AES_(128|256)_GCM$/);
          assert.equal(peer.remoteFingerprint().replaceAll(':', '').toLowerCase(), Buffer.from(OWN.thumbprint).toString('hex'));

          const KINDS = ['audio', 'video'] as const;
          let timestamp = 0;
          const sending = setInterval(() => {
            timestamp += 3_000;
            for (const kind of KINDS) {
              room.send(kind, { timestamp, marker: true, payload: Buffer.from(`${kind} of the room`) });
              peer.send(kind, Buffer.from(`${kind} of the peer`));
            }
          }, 10);
          try {
            const enough = (packets: Readonly<Record<(typeof KINDS)[number], readonly Buffer[]>>) => KINDS.every((kind) => packets[kind].length >= 20);
            await until(() => enough(received) && enough(peer.received), 'sound and picture both ways', 20_000);
          } finally {
            clearInterval(sending);
          }
          for (const kind of KINDS) {
            assert.ok(
              received[kind].every((payload) => payload.toString() === `${kind} of the peer`),
              `${kind} came changed`
            );
            assert.ok(
              peer.received[kind].every((payload) => payload.toString() === `${kind} of the room`),
              `${kind} arrived changed`
            );
          }
          assert.equal(failure, null);
        } finally {
          await room.close();
        }
      });
    }
  });

  describe('tshark', () => {
    const MESSAGES = { client: [1, 1, 11, 16, 15], server: [3, 2, 11, 12, 13, 14] } as const;
    const FINISHED = 20;
    const IN_ORDER = [1, 3, 1, 2, 11, 12, 13, 14, 11, 16, 15];

    async function capture(): Promise<{ readonly file: string; readonly keyLogFile: string; readonly handshakes: Readonly<Record<string, number>> }> {
      const [file, keyLogFile] = [join(folder, 'handshakes.pcap'), join(folder, 'keys.log')];
      const keys: string[] = [];
      const keyLog = (line: string): void => void keys.push(line);
      const handshakes: Record<string, number> = {};
      await using _ = await startCapture(file);
      await caughtUp(file);
      {
        await using server = await createOwnDtls({ role: 'server', certificate: PEER, remoteThumbprint: OWN.thumbprint });
        await using client = await createOwnDtls({ role: 'client', certificate: OWN, remoteThumbprint: PEER.thumbprint, keyLog });
        await Promise.all([server.run(), client.run(server.port)]);
        handshakes['us with us'] = server.port;
      }
      for (const role of ROLES) {
        await using own = await createOwnDtls({ role, certificate: OWN, remoteThumbprint: PEER.thumbprint, keyLog });
        const more = role === 'client' ? ['-Verify', '1', '-listen', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384'] : [];
        const { peer, serverPort, handshake } = await meet(own, role, { arguments: [...usualArguments(), ...more] });
        await using __ = peer;
        await handshake;
        await peer.said(/^SRTP Extension negotiated.*\n/m);
        handshakes[`us as ${role} with OpenSSL`] = serverPort;
      }
      await caughtUp(file);
      await writeFile(keyLogFile, `${keys.join('\n')}\n`);
      return { file, keyLogFile, handshakes };
    }

    it('names each message in order without a complaint, and decrypts Finished with the key log alone', async () => {
      const { file, keyLogFile, handshakes } = await capture();
      for (const [title, serverPort] of Object.entries(handshakes)) {
        const seen = await readHandshake(file, serverPort, keyLogFile);
        const by = (side: DtlsRole) => seen.messages.filter(({ from }) => (from === serverPort) === (side === 'server')).map(({ type }) => type);
        assert.deepEqual([seen.complaints, seen.strange], [[], 0], title);
        assert.deepEqual(by('client'), [...MESSAGES.client, FINISHED], title);
        assert.deepEqual(by('server'), [...MESSAGES.server, FINISHED], title);
        assert.deepEqual(
          seen.messages.map(({ type }) => type),
          [...IN_ORDER, FINISHED, FINISHED],
          title
        );
        assert.ok(seen.decryptedFinished >= 2, title);
        assert.ok(seen.recordTypes.includes(CONTENT.changeCipherSpec) && !seen.recordTypes.includes(CONTENT.applicationData), title);

        const blind = await readHandshake(file, serverPort, null);
        assert.deepEqual([blind.decryptedFinished, blind.complaints], [0, []], title);
        assert.deepEqual(
          blind.messages.map(({ type }) => type),
          IN_ORDER,
          title
        );
      }
    });
  });

  it('nothing in the product can ask for the key log', async () => {
    const root = join(import.meta.dirname, '..', '..');
    const naming: string[] = [];
    for (const folderName of ['src', 'agent']) {
      for (const entry of await readdir(join(root, folderName), { recursive: true, withFileTypes: true })) {
        const file = join(entry.parentPath, entry.name);
        if (entry.isFile() && /key_?log/i.test(await readFile(file, 'utf8'))) naming.push(relative(root, file));
      }
    }
    assert.ok(naming.length > 0, 'the key log has another name now');
    assert.deepEqual(
      naming.filter((file) => !file.startsWith(join('src', 'media', 'secure-transport', 'dtls'))),
      []
    );
  });
});

/** Whether a datagram begins with a part of a handshake message in plain text (RFC 6347 section 4.2.2). */
function isFragment(datagram: Buffer): boolean {
  const HANDSHAKE = 22;
  if (datagram.length < 25 || datagram.readUInt8(0) !== HANDSHAKE || datagram.readUInt16BE(3) !== 0) return false;
  return datagram.readUIntBE(22, 3) < datagram.readUIntBE(14, 3);
}
