import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  asksForEcdsa,
  readCertificate,
  readCertificateVerify,
  readClientHello,
  readClientKeyExchange,
  readHelloVerifyRequest,
  readList,
  readServerHello,
  readServerKeyExchange,
  readUseSrtp,
  takesUncompressed,
  writeCertificate,
  writeCertificateRequest,
  writeClientHello,
  writeClientKeyExchange,
  writeHelloVerifyRequest,
  writeParameters,
  writeServerHello,
  writeSigned
} from '../../../../../src/media/secure-transport/dtls/messages.ts';
import { EXTENSION, FIPS_POLICY, MESSAGE, STANDARD_POLICY } from '../../../../../src/media/secure-transport/dtls/registry.ts';
import { Refusal } from '../../../../../src/media/secure-transport/dtls/wire.ts';
import { alterHello, type HelloDraft, numbers, withLength } from '../../../../fakes/dtls-peer.ts';

const RANDOM = Buffer.alloc(32, 7);
const SHARE = Buffer.alloc(32, 9);
const refusedWith = (alert: string) => (error: unknown) => error instanceof Refusal && error.alert === alert;
const clientHello = writeClientHello(RANDOM, Buffer.from('cookie'), STANDARD_POLICY);
const serverHello = writeServerHello(RANDOM, 0xc02b, 7, true);
const altered = (body: Buffer, change: (draft: HelloDraft) => void): Buffer =>
  alterHello({ type: body === clientHello ? MESSAGE.clientHello : MESSAGE.serverHello, sequence: 0, body }, change).body;

/** Each message that carries something, with its reader. */
const MESSAGES: readonly { readonly name: string; readonly body: Buffer; readonly read: (body: Buffer) => unknown }[] = [
  { name: 'ClientHello', body: clientHello, read: readClientHello },
  { name: 'HelloVerifyRequest', body: writeHelloVerifyRequest(Buffer.alloc(20)), read: readHelloVerifyRequest },
  { name: 'ServerHello', body: serverHello, read: readServerHello },
  { name: 'Certificate', body: writeCertificate(Buffer.alloc(50)), read: readCertificate },
  { name: 'ServerKeyExchange', body: Buffer.concat([writeParameters(29, SHARE), writeSigned(Buffer.alloc(70))]), read: readServerKeyExchange },
  { name: 'CertificateRequest', body: writeCertificateRequest(), read: asksForEcdsa },
  { name: 'ClientKeyExchange', body: writeClientKeyExchange(SHARE), read: readClientKeyExchange },
  { name: 'CertificateVerify', body: writeSigned(Buffer.alloc(70)), read: readCertificateVerify }
];
/** RFC 5246 section 7.4.1.2: a hello may end where its extensions would begin. */
function beforeExtensions(body: Buffer): number {
  let bytes = 2;
  altered(body, ({ extensions }) => {
    for (const [, data] of extensions) bytes += 4 + data.length;
  });
  return body.length - bytes;
}

describe('the handshake’s messages', () => {
  for (const { name, body, read } of MESSAGES) {
    it(`RFC 5246 7.2.2: a ${name} that is cut short anywhere, or has a byte more, is refused with decode_error`, () => {
      read(body);
      const optional = name.endsWith('Hello') ? beforeExtensions(body) : -1;
      for (let length = 0; length < body.length; length += 1)
        if (length !== optional) assert.throws(() => read(body.subarray(0, length)), refusedWith('decode_error'), `${length} of ${body.length}`);
      assert.throws(() => read(Buffer.concat([body, Buffer.from([0])])), refusedWith('decode_error'));
    });
  }

  it('whatever bytes come, each reader returns or refuses, and throws nothing else', () => {
    const bodies = MESSAGES.map(({ body }) => body);
    const mutated = fc.tuple(fc.constantFrom(...bodies), fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 4 })).map(([body, changes]) => {
      const copy = Buffer.from(body);
      for (const [at, value] of changes) copy[at % copy.length] = value;
      return copy;
    });
    fc.assert(
      fc.property(
        fc.oneof(
          mutated,
          fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes))
        ),
        (body) => {
          for (const { read } of MESSAGES) {
            try {
              read(body);
            } catch (error) {
              assert.ok(error instanceof Refusal, String(error));
            }
          }
        }
      ),
      { numRuns: 300 }
    );
  });

  it('RFC 6347 4.2.1: a ClientHello says the version, the random, the cookie and all that the policy allows, and nothing else', () => {
    for (const policy of [STANDARD_POLICY, FIPS_POLICY]) {
      const body = writeClientHello(RANDOM, Buffer.from('cookie'), policy);
      const hello = readClientHello(body);
      assert.equal(hello.version, 0xfefd);
      assert.deepEqual(hello.random, RANDOM);
      assert.deepEqual(hello.cookie, Buffer.from('cookie'));
      assert.deepEqual(hello.suites, [0xc02b, 0xc02c]);
      assert.deepEqual(readList(hello.extensions.get(EXTENSION.supportedGroups)), policy === FIPS_POLICY ? [23] : [29, 23]);
      assert.deepEqual(readList(hello.extensions.get(EXTENSION.signatureAlgorithms)), [0x0403]);
      assert.deepEqual(readUseSrtp(hello.extensions.get(EXTENSION.useSrtp)).profiles, policy === FIPS_POLICY ? [7, 8] : [7, 8, 1]);
      assert.deepEqual(readUseSrtp(hello.extensions.get(EXTENSION.useSrtp)).mki.length, 0);
      assert.deepEqual(hello.extensions.get(EXTENSION.extendedMasterSecret), Buffer.alloc(0));
      assert.deepEqual(hello.extensions.get(EXTENSION.renegotiationInfo), Buffer.from([0]));
      assert.deepEqual(hello.extensions.get(EXTENSION.pointFormats), Buffer.from([1, 0]));
      assert.equal(hello.extensions.size, 6);
    }
  });

  it('RFC 6347 4.2.1: a cookie is bound to version, random, session id, suites and compression, and to nothing else', () => {
    const { parameters } = readClientHello(clientHello);
    const free: readonly ((draft: HelloDraft) => void)[] = [(draft) => (draft.cookie = Buffer.alloc(0)), (draft) => draft.extensions.pop()];
    for (const change of free) assert.deepEqual(readClientHello(altered(clientHello, change)).parameters, parameters, String(change));
    const bound: readonly ((draft: HelloDraft) => void)[] = [
      (draft) => (draft.version = 0xfefc),
      (draft) => (draft.random = Buffer.alloc(32, 8)),
      (draft) => (draft.session = Buffer.from([1])),
      (draft) => draft.suites.push(0x00ff),
      (draft) => draft.compression.push(1)
    ];
    for (const change of bound) assert.notDeepEqual(readClientHello(altered(clientHello, change)).parameters, parameters, String(change));
  });

  it('RFC 5246 7.4.1.4: an extension that comes twice is refused, also one that nobody knows', () => {
    for (const [body, read] of [
      [clientHello, readClientHello],
      [serverHello, readServerHello]
    ] as const) {
      assert.throws(
        () => read(altered(body, ({ extensions }) => extensions.push([EXTENSION.extendedMasterSecret, Buffer.alloc(0)]))),
        refusedWith('decode_error')
      );
      assert.throws(
        () => read(altered(body, ({ extensions }) => extensions.push([0xabcd, Buffer.alloc(1)], [0xabcd, Buffer.alloc(2)]))),
        refusedWith('decode_error')
      );
      read(altered(body, ({ extensions }) => extensions.push([0xabcd, Buffer.alloc(1)])));
    }
  });

  it('RFC 5246 7.4.1.2: a session id has at most 32 bytes', () => {
    for (const [body, read] of [
      [clientHello, readClientHello],
      [serverHello, readServerHello]
    ] as const) {
      read(altered(body, (draft) => (draft.session = Buffer.alloc(32))));
      assert.throws(() => read(altered(body, (draft) => (draft.session = Buffer.alloc(33)))), refusedWith('decode_error'));
    }
  });

  it('RFC 3749 2: a hello without the null compression is refused', () => {
    assert.throws(() => readClientHello(altered(clientHello, (draft) => (draft.compression = [1]))), refusedWith('illegal_parameter'));
    assert.throws(() => readClientHello(altered(clientHello, (draft) => (draft.compression = []))), refusedWith('illegal_parameter'));
    readClientHello(altered(clientHello, (draft) => (draft.compression = [1, 0])));
    assert.throws(() => readServerHello(altered(serverHello, (draft) => (draft.compression = [1]))), refusedWith('illegal_parameter'));
  });

  it('RFC 6347 4.2.1: a HelloVerifyRequest says the version of DTLS 1.0, and is taken with that of 1.2 too, with no other', () => {
    const body = writeHelloVerifyRequest(Buffer.from('cookie'));
    assert.equal(body.toString('hex'), `feff06${Buffer.from('cookie').toString('hex')}`);
    assert.deepEqual(readHelloVerifyRequest(body), Buffer.from('cookie'));
    assert.deepEqual(readHelloVerifyRequest(Buffer.from('fefd0161', 'hex')), Buffer.from('a'));
    for (const version of ['0303', 'fefc', '0000'])
      assert.throws(() => readHelloVerifyRequest(Buffer.from(`${version}0161`, 'hex')), refusedWith('protocol_version'));
    assert.equal(readHelloVerifyRequest(writeHelloVerifyRequest(Buffer.alloc(255))).length, 255);
    assert.throws(() => writeHelloVerifyRequest(Buffer.alloc(256)), RangeError);
  });

  it('RFC 8422 5.2: a ServerHello answers ec_point_formats where it was asked, and else not', () => {
    assert.deepEqual(
      [...readServerHello(serverHello).extensions.keys()].sort((a, b) => a - b),
      [11, 14, 23, 0xff01]
    );
    assert.deepEqual(
      [...readServerHello(writeServerHello(RANDOM, 0xc02c, 8, false)).extensions.keys()].sort((a, b) => a - b),
      [14, 23, 0xff01]
    );
    const { suite, version, random, extensions } = readServerHello(writeServerHello(RANDOM, 0xc02c, 8, false));
    assert.deepEqual({ suite, version, random }, { suite: 0xc02c, version: 0xfefd, random: RANDOM });
    assert.deepEqual(readUseSrtp(extensions.get(EXTENSION.useSrtp)), { profiles: [8], mki: Buffer.alloc(0) });
  });

  it('RFC 8422 5.1.2: point formats without the uncompressed one are noticed; none at all means uncompressed', () => {
    assert.equal(takesUncompressed(undefined), true);
    assert.equal(takesUncompressed(Buffer.from([2, 1, 0])), true);
    assert.equal(takesUncompressed(Buffer.from([1, 1])), false);
    assert.equal(takesUncompressed(Buffer.from([0])), false);
    assert.throws(() => takesUncompressed(Buffer.from([1])), refusedWith('decode_error'));
    assert.throws(() => takesUncompressed(Buffer.from([1, 0, 0])), refusedWith('decode_error'));
  });

  it('RFC 5764 4.1.1: use_srtp has its profiles and its MKI, and nothing more', () => {
    assert.deepEqual(readUseSrtp(undefined), { profiles: [], mki: Buffer.alloc(0) });
    const data = Buffer.concat([withLength(2, numbers([7, 1])), Buffer.from([2, 0xaa, 0xbb])]);
    assert.deepEqual(readUseSrtp(data), { profiles: [7, 1], mki: Buffer.from([0xaa, 0xbb]) });
    for (const bad of [
      Buffer.concat([data, Buffer.from([0])]),
      data.subarray(0, -1),
      withLength(2, numbers([7])),
      withLength(2, Buffer.from([7]), Buffer.from([0]))
    ])
      assert.throws(() => readUseSrtp(bad), refusedWith('decode_error'), bad.toString('hex'));
  });

  it('RFC 5246 7.4.2: a Certificate message has one certificate, in no less and no more', () => {
    assert.deepEqual(readCertificate(writeCertificate(Buffer.from('der'))), Buffer.from('der'));
    assert.throws(() => readCertificate(withLength(3)), refusedWith('handshake_failure'));
    const one = withLength(3, Buffer.from('der'));
    assert.throws(() => readCertificate(withLength(3, one, one)), refusedWith('bad_certificate'));
    assert.throws(() => readCertificate(Buffer.alloc(0)), refusedWith('decode_error'));
  });

  it('RFC 8422 5.4: a ServerKeyExchange names its group; what is signed is the parameters as they came', () => {
    const parameters = writeParameters(29, SHARE);
    const exchange = readServerKeyExchange(Buffer.concat([parameters, writeSigned(Buffer.from('signature'))]));
    assert.deepEqual(exchange, { group: 29, share: SHARE, parameters, algorithm: 0x0403, signature: Buffer.from('signature') });
    for (const curveType of [0, 1, 2, 4]) {
      const explicit = Buffer.concat([parameters, writeSigned(Buffer.alloc(70))]);
      explicit[0] = curveType;
      assert.throws(() => readServerKeyExchange(explicit), refusedWith('illegal_parameter'));
    }
  });

  it('RFC 5246 7.4.4: a CertificateRequest has to take ecdsa_sign and ECDSA with SHA-256; more beside them does no harm', () => {
    const request = (types: readonly number[], algorithms: readonly number[], authorities = Buffer.alloc(0)): Buffer =>
      Buffer.concat([withLength(1, Buffer.from(types)), withLength(2, numbers(algorithms)), withLength(2, authorities)]);
    assert.deepEqual(writeCertificateRequest(), request([64], [0x0403]));
    assert.equal(asksForEcdsa(request([1, 64, 2], [0x0401, 0x0503, 0x0403], Buffer.alloc(9))), true);
    assert.equal(asksForEcdsa(request([1], [0x0403])), false);
    assert.equal(asksForEcdsa(request([], [0x0403])), false);
    assert.equal(asksForEcdsa(request([64], [0x0203, 0x0401, 0x0503])), false);
    assert.throws(() => asksForEcdsa(request([64], [])), refusedWith('decode_error'));
  });
});
