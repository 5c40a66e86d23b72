// Somebody on the path between two DTLS ends of ours, over UDP, who changes what they say to each other: no choice gets weaker without both noticing, and what is
// lost, doubled, swapped or cut on the way ends as the network's fault or in a refusal, never in anything else.
import assert from 'node:assert/strict';
import type { ErrorCode } from '../../src/kernel/error-codes.ts';
import type { DtlsOptions, DtlsRole } from '../../src/media/secure-transport/dtls/connection.ts';
import { type AlertName, CONTENT, EXTENSION, MESSAGE } from '../../src/media/secure-transport/dtls/registry.ts';
import { callThrough, createRelay, isDtlsDatagram, rewriteHandshake, stockParty, until } from '../fakes/dtls-attacker.ts';
import {
  alterHello,
  alterKeyExchange,
  createOddIdentity,
  type HelloDraft,
  type Identity,
  type KeyExchangeDraft,
  numbers,
  withLength
} from '../fakes/dtls-peer.ts';
import { createHurriedClock, createUdpEnd, type Ending, type Meeting, meet, newIdentity, otherRole, ROLES } from '../fakes/udp-dtls.ts';

const IDENTITIES: Readonly<Record<DtlsRole, Identity>> = { client: newIdentity(), server: newIdentity() };
const SUITES = { aes128: 0xc02b, aes256: 0xc02c, rsa: 0x009c, signal: 0x00ff } as const;
const GROUPS = { p256: 23, p384: 24, x25519: 29 } as const;
const PROFILES = { hmac: 1, short: 2, gcm128: 7, gcm256: 8 } as const;

async function meetThrough(
  rule: Parameters<typeof meet>[2],
  changes: Partial<DtlsOptions> = {},
  identities: Readonly<Record<DtlsRole, Identity>> = IDENTITIES
): Promise<Meeting> {
  await using relay = await createRelay();
  return await meet(relay, identities, rule, changes);
}

function requireConnected({ endings }: Meeting, identities: Readonly<Record<DtlsRole, Identity>> = IDENTITIES): void {
  const material = ROLES.map((role) => {
    const ending = endings[role];
    assert.ok('established' in ending, `the ${role}: ${'error' in ending ? ending.error.message : ''}`);
    const { remoteThumbprint, suite, group, srtpProfile, exportKeyingMaterial } = ending.established;
    assert.deepEqual(Buffer.from(remoteThumbprint), Buffer.from(identities[otherRole(role)].thumbprint));
    assert.deepEqual([suite, group, srtpProfile], ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'X25519', 'AEAD_AES_128_GCM']);
    return exportKeyingMaterial('EXTRACTOR-dtls_srtp', 56);
  });
  assert.deepEqual(material[0], material[1]);
}

const errorOf = (ending: Ending, whose: string) => {
  assert.ok('error' in ending, `the ${whose} connected`);
  return ending.error;
};

/** One side refused, with that alert; the other, who noticed nothing by itself, was told. */
function requireRefused({ endings }: Meeting, by: DtlsRole, alert: AlertName, code: ErrorCode = 'CL_SECURITY_HANDSHAKE'): void {
  const error = errorOf(endings[by], by);
  assert.equal(error.code, code, error.message);
  const told = errorOf(endings[otherRole(by)], otherRole(by));
  assert.deepEqual([told.code, told.message], ['CL_MEDIA_CONNECT', `the other side refused the handshake: ${alert}`]);
}

const hello = (change: (draft: HelloDraft) => void) => (type: number, body: Buffer) => alterHello({ type, sequence: 0, body }, change).body;
const exchange = (change: (draft: KeyExchangeDraft) => void) => (type: number, body: Buffer) => alterKeyExchange({ type, sequence: 0, body }, change).body;
const without = (extension: number) =>
  hello((draft) => {
    draft.extensions = draft.extensions.filter(([type]) => type !== extension);
  });
const withData = (extension: number, data: Buffer) =>
  hello((draft) => {
    draft.extensions = [...draft.extensions.filter(([type]) => type !== extension), [extension, data]];
  });
const groups = (...ids: readonly number[]) => withData(EXTENSION.supportedGroups, withLength(2, numbers(ids)));
const profiles = (...ids: readonly number[]) => withData(EXTENSION.useSrtp, Buffer.concat([withLength(2, numbers(ids)), Buffer.from([0])]));
const suites = (...ids: readonly number[]) =>
  hello((draft) => {
    draft.suites = [...ids];
  });
const version = (value: number) =>
  hello((draft) => {
    draft.version = value;
  });
const sessionId = hello((draft) => {
  draft.session = Buffer.alloc(32, 9);
});
const flipped = (at: number) => (_type: number, body: Buffer) => {
  const changed = Buffer.from(body);
  const place = at < 0 ? body.length + at : at;
  changed.writeUInt8(changed.readUInt8(place) ^ 1, place);
  return changed;
};

type Change = {
  readonly from: DtlsRole;
  readonly message: number;
  readonly change: (type: number, body: Buffer) => Buffer;
  readonly by: DtlsRole;
  readonly alert: AlertName;
  readonly code?: ErrorCode;
};

const inClientHello = { from: 'client', message: MESSAGE.clientHello, by: 'server' } as const;
const inServerHello = { from: 'server', message: MESSAGE.serverHello, by: 'client' } as const;
const inKeyExchange = { from: 'server', message: MESSAGE.serverKeyExchange, by: 'client' } as const;
/** Acceptable in itself: it shows in the client's signature over all that was said. */
const later = { by: 'server', alert: 'decrypt_error' } as const;

const CHANGES: Readonly<Record<string, Change>> = {
  'the client offers AES-128 alone': { ...inClientHello, change: suites(SUITES.aes128), ...later },
  'the client offers AES-256 alone': { ...inClientHello, change: suites(SUITES.aes256), ...later },
  'the client offers RSA first': { ...inClientHello, change: suites(SUITES.rsa, SUITES.aes128), ...later },
  'the client offers no suite of ours': { ...inClientHello, change: suites(SUITES.rsa), alert: 'handshake_failure' },
  'the client offers P-256 alone': { ...inClientHello, change: groups(GROUPS.p256), ...later },
  'the client offers X25519 alone': { ...inClientHello, change: groups(GROUPS.x25519), ...later },
  'the client offers P-384 alone': { ...inClientHello, change: groups(GROUPS.p384), alert: 'handshake_failure' },
  'the client names no group': { ...inClientHello, change: without(EXTENSION.supportedGroups), alert: 'handshake_failure' },
  'the client offers no AES-GCM for SRTP': { ...inClientHello, change: profiles(PROFILES.hmac), ...later },
  'the client offers AEAD_AES_256_GCM alone': { ...inClientHello, change: profiles(PROFILES.gcm256), ...later },
  'the client offers the short tag alone': { ...inClientHello, change: profiles(PROFILES.short), alert: 'handshake_failure' },
  'the client does not speak of SRTP': { ...inClientHello, change: without(EXTENSION.useSrtp), alert: 'handshake_failure' },
  'the client names no signature algorithm': { ...inClientHello, change: without(EXTENSION.signatureAlgorithms), alert: 'handshake_failure' },
  'the client also takes SHA-1 signatures': {
    ...inClientHello,
    change: withData(EXTENSION.signatureAlgorithms, withLength(2, numbers([0x0203, 0x0403]))),
    ...later
  },
  'the client does not take the extended master secret': { ...inClientHello, change: without(EXTENSION.extendedMasterSecret), alert: 'handshake_failure' },
  'the client does not signal secure renegotiation': { ...inClientHello, change: without(EXTENSION.renegotiationInfo), alert: 'handshake_failure' },
  'the client signals secure renegotiation in the other way': {
    ...inClientHello,
    change: (type, body) => suites(SUITES.aes128, SUITES.aes256, SUITES.signal)(type, without(EXTENSION.renegotiationInfo)(type, body)),
    ...later
  },
  'the client speaks DTLS 1.0': { ...inClientHello, change: version(0xfeff), alert: 'protocol_version' },
  'the client speaks a later version': { ...inClientHello, change: version(0xfefc), ...later },
  'the client asks for a session': { ...inClientHello, change: sessionId, ...later },
  'the client sends an extension more': { ...inClientHello, change: withData(0x1234, Buffer.from('more')), ...later },
  'the client sends no point formats': { ...inClientHello, change: without(EXTENSION.pointFormats), ...later },
  'the client also compresses': {
    ...inClientHello,
    change: hello((draft) => {
      draft.compression = [1, 0];
    }),
    ...later
  },
  'the client’s random is another': { ...inClientHello, change: flipped(10), by: 'client', alert: 'decrypt_error' },

  'the server chooses AES-256': { ...inServerHello, change: suites(SUITES.aes256), ...later },
  'the server chooses RSA': { ...inServerHello, change: suites(SUITES.rsa), alert: 'illegal_parameter' },
  'the server chooses the oldest SRTP profile': { ...inServerHello, change: profiles(PROFILES.hmac), ...later },
  'the server chooses the short tag': { ...inServerHello, change: profiles(PROFILES.short), alert: 'illegal_parameter' },
  'the server chooses two SRTP profiles': { ...inServerHello, change: profiles(PROFILES.gcm128, PROFILES.hmac), alert: 'illegal_parameter' },
  'the server does not speak of SRTP': { ...inServerHello, change: without(EXTENSION.useSrtp), alert: 'illegal_parameter' },
  'the server does not take the extended master secret': { ...inServerHello, change: without(EXTENSION.extendedMasterSecret), alert: 'handshake_failure' },
  'the server does not signal secure renegotiation': { ...inServerHello, change: without(EXTENSION.renegotiationInfo), alert: 'handshake_failure' },
  'the server speaks DTLS 1.0': { ...inServerHello, change: version(0xfeff), alert: 'protocol_version' },
  'the server speaks a later version': { ...inServerHello, change: version(0xfefc), alert: 'protocol_version' },
  'the server gives a session': { ...inServerHello, change: sessionId, ...later },
  'the server answers what was not asked': { ...inServerHello, change: withData(0x1234, Buffer.from('more')), alert: 'unsupported_extension' },
  'the server sends no point formats': { ...inServerHello, change: without(EXTENSION.pointFormats), ...later },
  'the server compresses': {
    ...inServerHello,
    change: hello((draft) => {
      draft.compression = [1];
    }),
    alert: 'illegal_parameter'
  },
  'the server’s random is another': { ...inServerHello, change: flipped(10), alert: 'decrypt_error' },

  'the server’s certificate is another': {
    from: 'server',
    message: MESSAGE.certificate,
    change: flipped(-1),
    by: 'client',
    alert: 'bad_certificate',
    code: 'CL_SECURITY_FINGERPRINT'
  },
  'the server’s group is P-256': {
    ...inKeyExchange,
    change: exchange((draft) => {
      draft.group = GROUPS.p256;
    }),
    alert: 'decrypt_error'
  },
  'the server’s group is P-384': {
    ...inKeyExchange,
    change: exchange((draft) => {
      draft.group = GROUPS.p384;
    }),
    alert: 'illegal_parameter'
  },
  'the server’s curve is none that has a name': {
    ...inKeyExchange,
    change: exchange((draft) => {
      draft.curveType = 1;
    }),
    alert: 'illegal_parameter'
  },
  'the server’s share is zero': {
    ...inKeyExchange,
    change: exchange((draft) => {
      draft.share = Buffer.alloc(32);
    }),
    alert: 'decrypt_error'
  },
  'the server signs with SHA-1': {
    ...inKeyExchange,
    change: exchange((draft) => {
      draft.algorithm = 0x0203;
    }),
    alert: 'illegal_parameter'
  },
  'the server asks for an RSA certificate': {
    from: 'server',
    message: MESSAGE.certificateRequest,
    change: () => Buffer.concat([withLength(1, Buffer.from([1])), withLength(2, numbers([0x0401])), withLength(2)]),
    by: 'client',
    alert: 'handshake_failure'
  },
  'the server also takes SHA-1 signatures': {
    from: 'server',
    message: MESSAGE.certificateRequest,
    change: () => Buffer.concat([withLength(1, Buffer.from([64])), withLength(2, numbers([0x0203, 0x0403])), withLength(2)]),
    ...later
  },

  'the client’s certificate is another': {
    from: 'client',
    message: MESSAGE.certificate,
    change: flipped(-1),
    by: 'server',
    alert: 'bad_certificate',
    code: 'CL_SECURITY_FINGERPRINT'
  },
  'the client’s share is zero': {
    from: 'client',
    message: MESSAGE.clientKeyExchange,
    change: () => withLength(1, Buffer.alloc(32)),
    by: 'server',
    alert: 'illegal_parameter'
  },
  'the client’s share is another': { from: 'client', message: MESSAGE.clientKeyExchange, change: flipped(5), ...later },
  'the client signs with SHA-1': {
    from: 'client',
    message: MESSAGE.certificateVerify,
    change: (_type, body) => Buffer.concat([Buffer.from([2, 3]), body.subarray(2)]),
    by: 'server',
    alert: 'illegal_parameter'
  },
  'the client’s signature is another': { from: 'client', message: MESSAGE.certificateVerify, change: flipped(-1), ...later }
};

describe('a relay that changes one message of a handshake', function () {
  // Longer than the limit of a handshake.
  this.timeout(40_000);
  const names = Object.keys(CHANGES);
  let meetings: readonly Meeting[] = [];

  // A side that notices nothing believes the other's alert after two seconds, in which nothing else came: all at once.
  before(async () => {
    meetings = await Promise.all(
      names.map((name) => {
        const { from, message, change } = CHANGES[name] ?? assert.fail();
        const rewrite = (type: number, body: Buffer) => (type === message ? change(type, body) : body);
        return meetThrough((by, data) => [by === from ? rewriteHandshake(data, rewrite) : data], { roundTripMs: 100 });
      })
    );
  });

  it('control: changes nothing, and they connect', async () => {
    requireConnected(await meetThrough((_from, data) => [rewriteHandshake(data, (_type, body) => body)]));
    const unchanged = hello(() => {});
    requireConnected(
      await meetThrough((_from, data) => [
        rewriteHandshake(data, (type, body) => (type === MESSAGE.clientHello || type === MESSAGE.serverHello ? unchanged(type, body) : body))
      ])
    );
  });

  it('control: two stock peers take the weaker SRTP profile', async () => {
    for (const weaker of [false, true]) {
      await using relay = await createRelay();
      await using offerer = stockParty();
      await using answerer = stockParty();
      // Without the extended master secret nothing of theirs covers the hellos, since neither compares Finished.
      const change = (type: number, body: Buffer) => {
        if (!weaker || (type !== MESSAGE.clientHello && type !== MESSAGE.serverHello)) return body;
        const unbound = without(EXTENSION.extendedMasterSecret)(type, body);
        return type === MESSAGE.clientHello ? profiles(PROFILES.hmac)(type, unbound) : unbound;
      };
      relay.forward((_from, data) => [isDtlsDatagram(data) ? rewriteHandshake(data, change) : data]);
      await callThrough(relay, offerer, answerer);
      for (const { outcome, peer } of [offerer, answerer]) {
        assert.ok('secured' in (await outcome));
        assert.equal(peer.dtlsTransports[0]?.dtls?.srtp.srtpProfile, weaker ? PROFILES.hmac : PROFILES.gcm128);
      }
      answerer.send();
      await until(() => offerer.received() > 0, 'media');
    }
  });

  for (const [index, name] of names.entries()) {
    const { by, alert, code } = CHANGES[name] ?? assert.fail();
    it(`${name}: refused by the ${by}${code === undefined ? '' : `, ${code}`}`, () => {
      const meeting = meetings[index] ?? assert.fail();
      requireRefused(meeting, by, alert, code);
    });
  }
});

describe('what becomes of each record of a handshake on the way', function () {
  this.timeout(30_000);
  const RECORDS: readonly (readonly [DtlsRole, number, string])[] = [
    ...['ClientHello', 'ClientHello with cookie', 'Certificate', 'ClientKeyExchange', 'CertificateVerify', 'ChangeCipherSpec', 'Finished'].map(
      (name, index) => ['client', index, name] as const
    ),
    ...['HelloVerifyRequest', 'ServerHello', 'Certificate', 'ServerKeyExchange', 'CertificateRequest', 'ServerHelloDone', 'ChangeCipherSpec', 'Finished'].map(
      (name, index) => ['server', index, name] as const
    )
  ];

  const recordsOf = (datagram: Buffer): Buffer[] => {
    const records: Buffer[] = [];
    for (let at = 0; at < datagram.length; at += records.at(-1)?.length ?? 1) records.push(datagram.subarray(at, at + 13 + datagram.readUInt16BE(at + 11)));
    return records;
  };
  /** The last byte of what a record carries is gone, and all lengths say so. */
  const shortened = (record: Buffer): Buffer => {
    const shorter = Buffer.from(record.subarray(0, -1));
    shorter.writeUInt16BE(shorter.length - 13, 11);
    if (record[0] === CONTENT.handshake && record.readUInt16BE(3) === 0 && record.length > 25) {
      shorter.writeUIntBE(shorter.length - 25, 14, 3);
      shorter.writeUIntBE(shorter.length - 25, 22, 3);
    }
    return shorter;
  };
  /** Each record is sent in a datagram of its own; the chosen one comes through a hand. */
  const at = (side: DtlsRole, chosen: number, hand: (record: Buffer) => readonly Buffer[], late: (record: Buffer) => readonly Buffer[] = () => []) => {
    let count = 0;
    let last: Buffer | null = null;
    return (from: DtlsRole, datagram: Buffer): readonly Buffer[] => {
      if (from !== side) return recordsOf(datagram);
      return recordsOf(datagram).flatMap((record) => {
        const index = count;
        count += 1;
        if (index === chosen) {
          last = record;
          return hand(record);
        }
        return [record, ...(index === chosen + 1 && last !== null ? late(last) : [])];
      });
    };
  };
  const meetAll = (hand: (record: Buffer) => readonly Buffer[], late?: (record: Buffer) => readonly Buffer[], changes?: Partial<DtlsOptions>) =>
    Promise.all(
      RECORDS.map(async ([side, index, name]) => {
        let touched = false;
        const noted = (record: Buffer) => {
          touched = true;
          return hand(record);
        };
        const meeting = await meetThrough(at(side, index, noted, late), changes);
        assert.ok(touched, `${side} ${name} was not there`);
        return { meeting, name: `${side} ${name}` };
      })
    );

  const HARMLESS: readonly (readonly [string, (record: Buffer) => readonly Buffer[], ((record: Buffer) => readonly Buffer[])?])[] = [
    ['lost', () => []],
    ['doubled', (record) => [record, record]],
    ['swapped with the next', () => [], (record) => [record]],
    ['cut short by a byte', (record) => [record.subarray(0, -1)]],
    ['cut to its header', (record) => [record.subarray(0, 13)]]
  ];
  for (const [what, hand, late] of HARMLESS) {
    it(`${what}, each once: they connect`, async () => {
      for (const { meeting, name } of await meetAll(hand, late)) {
        try {
          requireConnected(meeting);
        } catch (error) {
          throw new Error(`${name} ${what}`, { cause: error });
        }
      }
    });
  }

  const ALLOWED: readonly ErrorCode[] = ['CL_SECURITY_HANDSHAKE', 'CL_SECURITY_FINGERPRINT', 'CL_MEDIA_CONNECT'];
  for (const [what, change] of [
    ['shortened, with every length to fit', shortened],
    ['with its last bit changed', (record: Buffer) => Buffer.concat([record.subarray(0, -1), Buffer.from([(record.at(-1) ?? 0) ^ 1])])]
  ] as const) {
    it(`${what}, each once: they connect or both say why not`, async () => {
      let refused = 0;
      // A server whose HelloVerifyRequest the client could not read waits to its limit.
      for (const { meeting, name } of await meetAll((record) => [change(record)], undefined, { clock: createHurriedClock(6) })) {
        const failures = Object.values(meeting.endings).flatMap((ending) => ('error' in ending ? [ending.error] : []));
        if (failures.length === 0) requireConnected(meeting);
        else {
          refused += 1;
          assert.equal(failures.length, 2, `${name}: one side connected`);
          for (const { code, message } of failures) assert.ok(ALLOWED.includes(code), `${name}: ${code} ${message}`);
        }
      }
      // Only what is in the clear can be changed with effect, and of that not what the cookie stands before.
      assert.ok(refused > 0 && refused < RECORDS.length, `${refused} refused`);
    });
  }
});

describe('a large certificate', function () {
  this.timeout(30_000);
  const large = (paddingBytes: number) => createOddIdentity({ fromMs: Date.now() - 60_000, toMs: Date.now() + 3_600_000, paddingBytes });
  const [of16, of40] = [large(16_000), large(40_000)];

  for (const role of ROLES) {
    const identities = { ...IDENTITIES, [role]: of16 };

    it(`of 16 kB, pinned, with the ${role}: they connect`, async () => {
      assert.ok(of16.certificateDer.length > 16_000);
      requireConnected(await meetThrough((_from, data) => [data], {}, identities), identities);
    });

    it(`of 16 kB, pinned, with the ${role}, of which every fourth datagram is lost: they connect`, async () => {
      let count = 0;
      const lossy = (from: DtlsRole, data: Buffer) => {
        if (from === role) count += 1;
        return from === role && count % 4 === 0 ? [] : [data];
      };
      requireConnected(await meetThrough(lossy, {}, identities), identities);
    });

    it(`of 16 kB, not pinned, with the ${role}: refused`, async () => {
      await using relay = await createRelay();
      const meeting = await meet(relay, identities, (_from, data) => [data], { remoteThumbprint: new Uint8Array(32) });
      // Both pin what is not there: the client sees the server's certificate first.
      requireRefused(meeting, 'client', 'bad_certificate', 'CL_SECURITY_FINGERPRINT');
    });

    it(`of 40 kB, pinned, with the ${role}: nobody waits for it for ever`, async () => {
      const meeting = await meetThrough((_from, data) => [data], { clock: createHurriedClock(30) }, { ...IDENTITIES, [role]: of40 });
      for (const each of ROLES) assert.equal(errorOf(meeting.endings[each], each).code, 'CL_MEDIA_CONNECT');
    });
  }

  it('of 16 kB, of a client that is not pinned: refused by the server', async () => {
    await using server = await createUdpEnd('server', IDENTITIES.server, IDENTITIES.client.thumbprint);
    await using client = await createUdpEnd('client', of16, IDENTITIES.server.thumbprint);
    const [atServer, atClient] = await Promise.all([server.run(), client.run(server.port)]);
    requireRefused({ endings: { client: atClient, server: atServer } }, 'server', 'bad_certificate', 'CL_SECURITY_FINGERPRINT');
  });
});
