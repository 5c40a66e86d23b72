import assert from 'node:assert/strict';
import { createECDH, createHash, createSecretKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { CloisterError } from '../../../../../src/kernel/errors.ts';
import type { HandshakeMessage } from '../../../../../src/media/secure-transport/dtls/fragments.ts';
import {
  asksAgain,
  beginClient,
  beginServer,
  exportKeyingMaterial,
  type HandshakeConfig,
  proven,
  receive,
  repeated,
  timeout
} from '../../../../../src/media/secure-transport/dtls/handshake.ts';
import { createKeyShare } from '../../../../../src/media/secure-transport/dtls/key-exchange.ts';
import { finishedOf } from '../../../../../src/media/secure-transport/dtls/key-schedule.ts';
import { protectRecord, readRecords, unprotectRecord } from '../../../../../src/media/secure-transport/dtls/records.ts';
import { type AlertName, EXTENSION, FIPS_POLICY, MESSAGE, type Policy, STANDARD_POLICY } from '../../../../../src/media/secure-transport/dtls/registry.ts';
import {
  alterHello,
  alterKeyExchange,
  CLIENT_ADDRESS,
  createConfig,
  createIdentity,
  createOddIdentity,
  type Hand,
  type HelloDraft,
  type Identity,
  type KeyExchangeDraft,
  NOW_MS,
  numbers,
  other,
  parametersOf,
  type Said,
  type Side,
  signedBody,
  type Talk,
  talk,
  withLength
} from '../../../../fakes/dtls-peer.ts';

const CLIENT = createIdentity();
const SERVER = createIdentity();
const STRANGER = createIdentity();
const LABEL = 'EXTRACTOR-dtls_srtp';
const HOUR_MS = 3_600_000;

type Configs = Readonly<Record<Side, HandshakeConfig>>;
const configs = (changes: Partial<Record<Side, Partial<HandshakeConfig>>> = {}): Configs => ({
  client: createConfig(CLIENT, SERVER, changes.client),
  server: createConfig(SERVER, CLIENT, changes.server)
});
const reader = (side: Side) => (said: Said) => said.from === side;

/** Changes the messages of one type of one side. */
const on =
  (from: Side, type: number, change: (message: HandshakeMessage, said: Said) => HandshakeMessage | readonly HandshakeMessage[]): Hand =>
  (said) => {
    if (said.from !== from || said.message.type !== type) return [said.message];
    const changed = change(said.message, said);
    return 'type' in changed ? [changed] : changed;
  };
const clientHello = (change: (draft: HelloDraft) => void): Hand => on('client', MESSAGE.clientHello, (message) => alterHello(message, change));
const serverHello = (change: (draft: HelloDraft) => void): Hand => on('server', MESSAGE.serverHello, (message) => alterHello(message, change));
const keyExchange = (change: (draft: KeyExchangeDraft, said: Said) => void): Hand =>
  on('server', MESSAGE.serverKeyExchange, (message, said) => alterKeyExchange(message, (draft) => change(draft, said)));
const body = (from: Side, type: number, change: (body: Buffer, said: Said) => Buffer): Hand =>
  on(from, type, (message, said) => ({ ...message, body: change(message.body, said) }));

const extension = (draft: HelloDraft, type: number, data: Buffer | null): void => {
  draft.extensions = draft.extensions.filter(([known]) => known !== type);
  if (data !== null) draft.extensions.push([type, data]);
};
const srtp = (profiles: readonly number[], mki: Buffer = Buffer.alloc(0)): Buffer => Buffer.concat([withLength(2, numbers(profiles)), withLength(1, mki)]);
const keyed = (state: Said['state']) => {
  assert.ok('keyed' in state);
  return state.keyed;
};
const agreedRandoms = (state: Said['state']): Buffer => {
  assert.ok('agreed' in state);
  return Buffer.concat([state.agreed.clientRandom, state.agreed.serverRandom]);
};

/** Everything that may be in no error: every secret that either side had. */
function secretsOf(states: Talk['states'], both: Configs): Buffer[] {
  const ofStates = states.flatMap((state) => {
    if (!('keyed' in state)) return [];
    const { master, keys } = state.keyed;
    return [master.export(), keys.client.key.export(), keys.server.key.export(), keys.client.salt, keys.server.salt];
  });
  const privateKeys = Object.values(both).map(({ privateKey }) => Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url'));
  return [...ofStates, ...privateKeys, ...Object.values(both).map(({ cookieSecret }) => cookieSecret.export())];
}
function assertNothingSecret(error: unknown, secrets: readonly Buffer[]): void {
  let text = '';
  for (let one = error; one instanceof Error; one = one.cause) text += `${one.message} ${one.stack} ${JSON.stringify(one)}`;
  for (const secret of secrets)
    for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const) assert.ok(!text.includes(secret.toString(encoding)), 'a secret is in an error');
}

type Refused = { readonly by: Side; readonly alert: AlertName; readonly code?: 'CL_SECURITY_HANDSHAKE' | 'CL_SECURITY_FINGERPRINT' };
function assertRefused(both: Configs, hand: Hand | undefined, { by, alert, code = 'CL_SECURITY_HANDSHAKE' }: Refused): void {
  const { failure, states, ...sides } = talk(both, hand);
  assert.ok(failure, `nobody refused: client ${sides.client.phase}, server ${sides.server.phase}`);
  const { step, side } = failure;
  assert.deepEqual({ by: side, alert: step.failed.alert, code: step.failed.error.code }, { by, alert, code }, step.failed.error.message);
  assert.ok(step.failed.error instanceof CloisterError);
  // Of a handshake that failed nothing is left, and nothing more is said in it.
  assert.deepEqual(step.state, { phase: 'failed', transcript: [], nextSend: 0, flight: [], waitMs: null, timeouts: 0 });
  assert.deepEqual([step.flight, step.reply, step.keys], [undefined, undefined, undefined]);
  assert.equal(proven(step.state), null);
  assert.throws(() => exportKeyingMaterial(step.state, LABEL, 16), CloisterError);
  assertNothingSecret(step.failed.error, secretsOf(states, both));
}

const single = (policy: Policy, suite: number, group: number, profile: number): Policy => ({
  suites: policy.suites.filter((_, index) => index === suite),
  groups: policy.groups.filter((_, index) => index === group),
  srtpProfiles: policy.srtpProfiles.filter((_, index) => index === profile)
});

/** Both connected, with the same keys; what one protects only the other reads. */
function assertConnected({ client, server, keys, failure }: Talk): void {
  assert.equal(failure, null, failure?.step.failed.error.message);
  assert.deepEqual([client.phase, server.phase], ['connected', 'connected']);
  const material = exportKeyingMaterial(client, LABEL, 88);
  assert.equal(material.length, 88);
  assert.deepEqual(exportKeyingMaterial(server, LABEL, 88), material);
  assert.notDeepEqual(exportKeyingMaterial(server, 'EXPERIMENTAL-other', 88), material);
  const { client: clientKeys, server: serverKeys } = keys;
  assert.ok(clientKeys !== undefined && serverKeys !== undefined);
  const held = { client: clientKeys.keys, server: serverKeys.keys };
  const { suite } = clientKeys;
  for (const from of ['client', 'server'] as const) {
    const [record] = readRecords(protectRecord(suite, held[from][from], 22, 1, 3, Buffer.from('said')));
    assert.ok(record);
    assert.deepEqual(unprotectRecord(suite, held[other(from)][from], record), Buffer.from('said'));
    assert.equal(unprotectRecord(suite, held[from][other(from)], record), null);
  }
}

/** The order in which they come (RFC 6347 figure 1), with who says them. */
const ORDER: readonly (readonly [from: Side, name: keyof typeof MESSAGE])[] = [
  ['server', 'helloVerifyRequest'],
  ['server', 'serverHello'],
  ['server', 'certificate'],
  ['server', 'serverKeyExchange'],
  ['server', 'certificateRequest'],
  ['server', 'serverHelloDone'],
  ['client', 'certificate'],
  ['client', 'clientKeyExchange'],
  ['client', 'certificateVerify'],
  ['client', 'finished'],
  ['server', 'finished']
];

describe('the handshake', () => {
  describe('as it should be', () => {
    it('RFC 6347 figure 1: says these messages in this order, each numbered after the last', () => {
      const result = talk(configs());
      assertConnected(result);
      const names = result.said.map(({ from, message }) => [from, Object.entries(MESSAGE).find(([, type]) => type === message.type)?.[0], message.sequence]);
      assert.deepEqual(names, [
        ['client', 'clientHello', 0],
        ['server', 'helloVerifyRequest', 0],
        ['client', 'clientHello', 1],
        ['server', 'serverHello', 1],
        ['server', 'certificate', 2],
        ['server', 'serverKeyExchange', 3],
        ['server', 'certificateRequest', 4],
        ['server', 'serverHelloDone', 5],
        ['client', 'certificate', 2],
        ['client', 'clientKeyExchange', 3],
        ['client', 'certificateVerify', 4],
        ['client', 'finished', 5],
        ['server', 'finished', 6]
      ]);
    });

    it('RFC 6347 4.2.6: both have the same transcript: without the first ClientHello and the HelloVerifyRequest, Finished of the server last', () => {
      const { client, server } = talk(configs());
      const types = (state: Talk['client']) => state.transcript.map((message) => message[0]);
      assert.deepEqual(types(client), [1, 2, 11, 12, 13, 14, 11, 16, 15, 20, 20]);
      assert.deepEqual(client.transcript.slice(0, -1), server.transcript);
    });

    for (const [name, policy] of [
      ['standard', STANDARD_POLICY],
      ['FIPS', FIPS_POLICY]
    ] as const) {
      for (const [suiteAt, suite] of policy.suites.entries())
        for (const [groupAt, group] of policy.groups.entries())
          for (const [profileAt, profile] of policy.srtpProfiles.entries())
            it(`RFC 5705 4: both export the same with ${suite.name}, ${group.name}, ${profile.name} (${name} policy)`, () => {
              const narrow = single(policy, suiteAt, groupAt, profileAt);
              for (const narrowed of ['client', 'server'] as const) {
                const result = talk(configs({ client: { policy }, server: { policy }, [narrowed]: { policy: narrow } }));
                assertConnected(result);
                for (const side of [result.client, result.server]) {
                  const found = proven(side);
                  assert.deepEqual([found?.suite.name, found?.group.name, found?.srtpProfile.name], [suite.name, group.name, profile.name]);
                }
              }
            });
    }

    it('RFC 5246 7.4.1.3: where both can more, the best of our order is taken, whatever the order of the client', () => {
      const reversed: Policy = {
        suites: STANDARD_POLICY.suites.toReversed(),
        groups: STANDARD_POLICY.groups.toReversed(),
        srtpProfiles: STANDARD_POLICY.srtpProfiles.toReversed()
      };
      const found = proven(talk(configs({ client: { policy: reversed } })).client);
      assert.deepEqual([found?.suite.id, found?.group.id, found?.srtpProfile.id], [0xc02b, 29, 7]);
    });

    it('R10: one side with the FIPS policy is enough for approved algorithms only', () => {
      for (const side of ['client', 'server'] as const) {
        const result = talk(configs({ [side]: { policy: FIPS_POLICY } }));
        assertConnected(result);
        assert.equal(proven(result.client)?.group.name, 'P-256');
      }
    });

    const accepted: readonly (readonly [rule: string, hand: Hand])[] = [
      [
        'RFC 5746 3.6: the pseudo suite in place of an empty renegotiation_info',
        clientHello((draft) => {
          extension(draft, EXTENSION.renegotiationInfo, null);
          draft.suites.push(0x00ff);
        })
      ],
      ['RFC 5746 3.6: the pseudo suite beside an empty renegotiation_info', clientHello((draft) => draft.suites.push(0x00ff))],
      ['RFC 5246 7.4.1.4: an extension in a ClientHello that nobody here knows', clientHello((draft) => extension(draft, 0xabcd, Buffer.from('x')))],
      ['RFC 5246 7.4.1.2: a session id, which is not taken up', clientHello((draft) => (draft.session = Buffer.alloc(32, 1)))],
      ['RFC 5246 7.4.1.2: suites that nobody here knows', clientHello((draft) => draft.suites.unshift(0x1301, 0x0a0a, 0xc02c))],
      ['RFC 3749 2: compression methods beside the null one', clientHello((draft) => draft.compression.unshift(1))],
      ['RFC 8422 5.1.2: no ec_point_formats', clientHello((draft) => extension(draft, EXTENSION.pointFormats, null))],
      [
        'RFC 5764 4.1.1: an MKI of the client, which is not taken up',
        clientHello((draft) => extension(draft, EXTENSION.useSrtp, srtp([7], Buffer.from('mki'))))
      ],
      ['RFC 9147 5.3: a later version, which is answered with DTLS 1.2', clientHello((draft) => (draft.version = 0xfefc))]
    ];
    for (const [rule, hand] of accepted)
      it(`takes a ClientHello with: ${rule}`, () => {
        // The client’s own hello differs from what the server got, so their Finished cannot fit: the server’s flight is what tells.
        const { failure, server } = talk(configs(), hand);
        assert.notEqual(server.phase, 'client-hello');
        assert.equal(failure?.side, 'server');
        assert.equal(failure?.step.failed.alert, 'decrypt_error', failure?.step.failed.error.message);
      });

    it('RFC 8422 5.2: the answer to a ClientHello without ec_point_formats has none', () => {
      const hand = clientHello((draft) => extension(draft, EXTENSION.pointFormats, null));
      const answer = talk(configs(), hand).said.find(({ message }) => message.type === MESSAGE.serverHello);
      assert.ok(answer);
      const types: number[] = [];
      alterHello(answer.message, ({ extensions }) => types.push(...extensions.map(([type]) => type)));
      assert.ok(types.length > 0 && !types.includes(EXTENSION.pointFormats));
    });
  });

  describe('messages missing, doubled, out of order, of another type', () => {
    for (const [index, [from, name]] of ORDER.entries()) {
      const type = MESSAGE[name];
      const by = other(from);
      const isLastOfFlight = ORDER[index + 1]?.[0] !== from || name === 'helloVerifyRequest';

      it(`RFC 5246 7.4: the ${from}’s ${name} missing: ${isLastOfFlight ? 'the other side waits, and is not connected' : 'refused with what comes in its place'}`, () => {
        const hand = on(from, type, () => []);
        if (!isLastOfFlight) return assertRefused(configs(), hand, { by, alert: 'unexpected_message' });
        const { failure, ...sides } = talk(configs(), hand);
        assert.equal(failure, null);
        assert.notEqual(sides[by].phase, 'connected');
        assert.equal(proven(sides[by]), null);
      });

      it(`RFC 5246 7.4: the ${from}’s ${name} twice`, () => {
        const hand = on(from, type, (message) => [message, message]);
        // A second HelloVerifyRequest is answered with another hello, and a server that is further takes that for what it waits for; a second Finished is old.
        if (name === 'finished') assertConnected(talk(configs(), hand));
        else if (name === 'helloVerifyRequest') assertRefused(configs(), hand, { by: 'server', alert: 'unexpected_message' });
        else assertRefused(configs(), hand, { by, alert: 'unexpected_message' });
      });

      if (!isLastOfFlight)
        it(`RFC 5246 7.4: the ${from}’s ${name} after the message that follows it`, () => {
          const held: HandshakeMessage[] = [];
          assertRefused(
            configs(),
            ({ from: speaker, message }) => {
              if (speaker !== from) return [message];
              if (message.type === type) {
                held.push(message);
                return [];
              }
              return [message, ...held.splice(0)];
            },
            { by, alert: 'unexpected_message' }
          );
        });

      it(`RFC 5246 7.4: any other message in place of the ${from}’s ${name}`, () => {
        for (const wrong of [...Object.values(MESSAGE), 99]) {
          if (wrong === type || (from === 'server' && type === MESSAGE.helloVerifyRequest && wrong === MESSAGE.serverHello)) continue;
          // Where a ServerHello is waited for a HelloVerifyRequest may come.
          const alert = type === MESSAGE.serverHello && wrong === MESSAGE.helloVerifyRequest ? 'decode_error' : 'unexpected_message';
          assertRefused(
            configs(),
            on(from, type, (message) => ({ ...message, type: wrong })),
            { by, alert }
          );
        }
      });
    }
  });

  describe('bodies cut short, longer, empty', () => {
    for (const [from, name] of ORDER) {
      const alert: AlertName = name === 'finished' ? 'decrypt_error' : 'decode_error';
      it(`RFC 5246 7.2.2: the ${from}’s ${name} with a byte less, a byte more, or empty is refused with ${alert}`, () => {
        const changes: readonly ((body: Buffer) => Buffer)[] = [
          (whole) => whole.subarray(0, -1),
          (whole) => Buffer.concat([whole, Buffer.from([0])]),
          () => Buffer.alloc(0)
        ];
        for (const change of changes) {
          if (name === 'serverHelloDone' && change !== changes[1]) continue;
          assertRefused(configs(), body(from, MESSAGE[name], change), { by: other(from), alert });
        }
      });
    }
  });

  describe('single deviations', () => {
    const dsa = (key: KeyObject, hash: string, data: Buffer): Buffer => sign(hash, data, key);
    const resign = (draft: KeyExchangeDraft, signed: Buffer, key: KeyObject = SERVER.privateKey, hash = 'sha256'): void => {
      draft.signature = dsa(key, hash, signed);
    };
    const P256_SHARE = createECDH('prime256v1').generateKeys();
    const verifyWith =
      (make: (transcript: readonly Buffer[], said: Said) => Buffer): ((body: Buffer, said: Said) => Buffer) =>
      (_, said) =>
        // Of the flight’s transcript CertificateVerify and Finished are the last two.
        make(said.state.transcript.slice(0, -2), said);
    const tooLow = Buffer.alloc(32);

    const deviations: readonly (readonly [rule: string, hand: Hand, refused: Refused])[] = [
      // The server looks at the ClientHello.
      ['RFC 6347 4.1: DTLS 1.0 is refused', clientHello((draft) => (draft.version = 0xfeff)), { by: 'server', alert: 'protocol_version' }],
      ['RFC 6347 4.1: TLS’s version number is refused', clientHello((draft) => (draft.version = 0x0303)), { by: 'server', alert: 'protocol_version' }],
      [
        'RFC 6347 4.1: a number that is no version of DTLS is refused',
        clientHello((draft) => (draft.version = 0xfdfd)),
        { by: 'server', alert: 'protocol_version' }
      ],
      [
        'RFC 5246 7.4.1.2: a ClientHello without a suite that is allowed is refused',
        clientHello((draft) => (draft.suites = [0xc023, 0xc009, 0x00ff])),
        { by: 'server', alert: 'handshake_failure' }
      ],
      [
        'RFC 7627 5.3: a ClientHello without extended_master_secret is refused',
        clientHello((draft) => extension(draft, 23, null)),
        { by: 'server', alert: 'handshake_failure' }
      ],
      [
        'RFC 7627 5.1: a ClientHello with an extended_master_secret that is not empty is refused',
        clientHello((draft) => extension(draft, 23, Buffer.from([0]))),
        { by: 'server', alert: 'handshake_failure' }
      ],
      [
        'RFC 5746 3.6: a ClientHello without renegotiation_info and pseudo suite is refused',
        clientHello((draft) => extension(draft, 0xff01, null)),
        { by: 'server', alert: 'handshake_failure' }
      ],
      [
        'RFC 5746 3.6: a ClientHello with a renegotiation_info that is not empty is refused',
        clientHello((draft) => extension(draft, 0xff01, withLength(1, Buffer.alloc(12)))),
        { by: 'server', alert: 'handshake_failure' }
      ],
      [
        'RFC 5746 3.6: a renegotiation_info that is not empty is refused beside the pseudo suite too',
        clientHello((draft) => {
          extension(draft, 0xff01, withLength(1, Buffer.alloc(12)));
          draft.suites.push(0x00ff);
        }),
        { by: 'server', alert: 'handshake_failure' }
      ],
      [
        'RFC 8422 4: a ClientHello without a group that is allowed is refused',
        clientHello((draft) => extension(draft, 10, withLength(2, numbers([24, 25, 30])))),
        { by: 'server', alert: 'handshake_failure' }
      ],
      [
        'RFC 8422 4: a ClientHello without supported_groups is refused',
        clientHello((draft) => extension(draft, 10, null)),
        { by: 'server', alert: 'handshake_failure' }
      ],
      [
        'RFC 5246 7.4.1.4.1: a ClientHello that does not take ECDSA with SHA-256 is refused',
        clientHello((draft) => extension(draft, 13, withLength(2, numbers([0x0203, 0x0401, 0x0503])))),
        { by: 'server', alert: 'handshake_failure' }
      ],
      [
        'RFC 5246 7.4.1.4.1: a ClientHello without signature_algorithms means SHA-1, and is refused',
        clientHello((draft) => extension(draft, 13, null)),
        { by: 'server', alert: 'handshake_failure' }
      ],
      [
        'RFC 8422 5.1.2: a ClientHello with point formats without the uncompressed one is refused',
        clientHello((draft) => extension(draft, 11, Buffer.from([2, 1, 2]))),
        { by: 'server', alert: 'illegal_parameter' }
      ],
      [
        'RFC 5764 4.1.1: a ClientHello without an SRTP profile that is allowed is refused',
        clientHello((draft) => extension(draft, 14, srtp([2, 5, 6]))),
        { by: 'server', alert: 'handshake_failure' }
      ],
      [
        'RFC 5764 4.1: a ClientHello without use_srtp is refused',
        clientHello((draft) => extension(draft, 14, null)),
        { by: 'server', alert: 'handshake_failure' }
      ],
      [
        'RFC 5764 4.1.1: a ClientHello with a malformed use_srtp is refused',
        clientHello((draft) => extension(draft, 14, srtp([7]).subarray(0, -1))),
        { by: 'server', alert: 'decode_error' }
      ],
      [
        'RFC 8422 5.1.1: a ClientHello with a malformed supported_groups is refused',
        clientHello((draft) => extension(draft, 10, numbers([4, 29]))),
        { by: 'server', alert: 'decode_error' }
      ],

      // The client looks at HelloVerifyRequest and ServerHello.
      [
        'RFC 6347 4.2.1: a HelloVerifyRequest of another version is refused',
        body('server', MESSAGE.helloVerifyRequest, (whole) => Buffer.concat([Buffer.from('0303', 'hex'), whole.subarray(2)])),
        { by: 'client', alert: 'protocol_version' }
      ],
      ['RFC 5246 7.4.1.3: a ServerHello of DTLS 1.0 is refused', serverHello((draft) => (draft.version = 0xfeff)), { by: 'client', alert: 'protocol_version' }],
      [
        'RFC 5246 7.4.1.3: a ServerHello of a version that was not offered is refused',
        serverHello((draft) => (draft.version = 0xfefc)),
        { by: 'client', alert: 'protocol_version' }
      ],
      [
        'RFC 5246 7.4.1.3: a suite that was not offered is refused',
        serverHello((draft) => (draft.suites = [0xc02f])),
        { by: 'client', alert: 'illegal_parameter' }
      ],
      ['RFC 5746 3.3: the pseudo suite is no suite', serverHello((draft) => (draft.suites = [0x00ff])), { by: 'client', alert: 'illegal_parameter' }],
      ['RFC 5246 7.4.1.3: compression is refused', serverHello((draft) => (draft.compression = [1])), { by: 'client', alert: 'illegal_parameter' }],
      [
        'RFC 5246 7.4.1.4: an extension that was not asked for is refused',
        serverHello((draft) => extension(draft, 0xabcd, Buffer.alloc(0))),
        { by: 'client', alert: 'unsupported_extension' }
      ],
      [
        'RFC 5246 7.4.1.4: an answer to supported_groups, which has none, is refused',
        serverHello((draft) => extension(draft, 10, withLength(2, numbers([29])))),
        { by: 'client', alert: 'unsupported_extension' }
      ],
      [
        'RFC 5246 7.4.1.4: an extension twice is refused',
        serverHello((draft) => draft.extensions.push([23, Buffer.alloc(0)])),
        { by: 'client', alert: 'decode_error' }
      ],
      [
        'RFC 7627 5.3: a ServerHello without extended_master_secret is refused',
        serverHello((draft) => extension(draft, 23, null)),
        { by: 'client', alert: 'handshake_failure' }
      ],
      [
        'RFC 7627 5.1: a ServerHello with an extended_master_secret that is not empty is refused',
        serverHello((draft) => extension(draft, 23, Buffer.from([0]))),
        { by: 'client', alert: 'handshake_failure' }
      ],
      [
        'RFC 5746 3.4: a ServerHello without renegotiation_info is refused',
        serverHello((draft) => extension(draft, 0xff01, null)),
        { by: 'client', alert: 'handshake_failure' }
      ],
      [
        'RFC 5746 3.4: a ServerHello with a renegotiation_info that is not empty is refused',
        serverHello((draft) => extension(draft, 0xff01, withLength(1, Buffer.alloc(24)))),
        { by: 'client', alert: 'handshake_failure' }
      ],
      [
        'RFC 8422 5.2: a ServerHello with point formats without the uncompressed one is refused',
        serverHello((draft) => extension(draft, 11, Buffer.from([1, 1]))),
        { by: 'client', alert: 'illegal_parameter' }
      ],
      [
        'RFC 5764 4.1.1: an SRTP profile that was not offered is refused',
        serverHello((draft) => extension(draft, 14, srtp([2]))),
        { by: 'client', alert: 'illegal_parameter' }
      ],
      [
        'RFC 5764 4.1.1: two SRTP profiles are refused',
        serverHello((draft) => extension(draft, 14, srtp([7, 8]))),
        { by: 'client', alert: 'illegal_parameter' }
      ],
      ['RFC 5764 4.1.1: no SRTP profile is refused', serverHello((draft) => extension(draft, 14, srtp([]))), { by: 'client', alert: 'decode_error' }],
      [
        'RFC 5764 4.1.1: an MKI that the client did not send is refused',
        serverHello((draft) => extension(draft, 14, srtp([7], Buffer.from([1])))),
        { by: 'client', alert: 'illegal_parameter' }
      ],
      [
        'RFC 5764 4.1: a ServerHello without use_srtp is refused',
        serverHello((draft) => extension(draft, 14, null)),
        { by: 'client', alert: 'illegal_parameter' }
      ],

      // Certificates. Those that are pinned though they are no good come below.
      ...(['client', 'server'] as const).flatMap((from): (readonly [string, Hand, Refused])[] => {
        const by = other(from);
        const own = from === 'client' ? CLIENT : SERVER;
        const list = (...certificates: readonly Uint8Array[]): Hand =>
          body(from, MESSAGE.certificate, () => withLength(3, ...certificates.map((one) => withLength(3, one))));
        return [
          [`RFC 5246 7.4.6: no certificate of the ${from} is refused`, list(), { by, alert: 'handshake_failure' }],
          [
            `RFC 5246 7.4.2: two certificates of the ${from}, the right one first, are refused`,
            list(own.certificateDer, STRANGER.certificateDer),
            { by, alert: 'bad_certificate' }
          ],
          [
            `RFC 5246 7.4.2: two certificates of the ${from}, the right one second, are refused`,
            list(STRANGER.certificateDer, own.certificateDer),
            { by, alert: 'bad_certificate' }
          ],
          [
            `call-security.md: another certificate of the ${from} than the pinned one is refused`,
            list(STRANGER.certificateDer),
            { by, alert: 'bad_certificate', code: 'CL_SECURITY_FINGERPRINT' }
          ],
          [
            `call-security.md: our own certificate, sent back by the ${from}, is refused`,
            list((by === 'client' ? CLIENT : SERVER).certificateDer),
            { by, alert: 'bad_certificate', code: 'CL_SECURITY_FINGERPRINT' }
          ],
          [
            `call-security.md: an empty certificate of the ${from} is refused`,
            list(new Uint8Array()),
            { by, alert: 'bad_certificate', code: 'CL_SECURITY_FINGERPRINT' }
          ],
          [
            `call-security.md: the ${from}’s certificate with one bit flipped is refused`,
            body(from, MESSAGE.certificate, (whole) => Buffer.concat([whole.subarray(0, -1), Buffer.from([whole.readUInt8(whole.length - 1) ^ 1])])),
            { by, alert: 'bad_certificate', code: 'CL_SECURITY_FINGERPRINT' }
          ]
        ];
      }),

      // ServerKeyExchange.
      [
        'RFC 8422 5.4: a group that was not offered is refused, though the server signs it',
        keyExchange((draft, { state }) => {
          draft.group = 24;
          resign(draft, Buffer.concat([agreedRandoms(state), parametersOf(draft)]));
        }),
        { by: 'client', alert: 'illegal_parameter' }
      ],
      ['RFC 8422 5.4: an explicit curve is refused', keyExchange((draft) => (draft.curveType = 1)), { by: 'client', alert: 'illegal_parameter' }],
      [
        'RFC 5246 7.4.3: a ServerKeyExchange signed with another key is refused',
        keyExchange((draft, { state }) => resign(draft, Buffer.concat([agreedRandoms(state), parametersOf(draft)]), STRANGER.privateKey)),
        { by: 'client', alert: 'decrypt_error' }
      ],
      [
        'RFC 5246 7.4.3: a ServerKeyExchange signed over other randoms is refused',
        keyExchange((draft) => resign(draft, Buffer.concat([Buffer.alloc(64, 1), parametersOf(draft)]))),
        { by: 'client', alert: 'decrypt_error' }
      ],
      [
        'RFC 5246 7.4.3: a ServerKeyExchange signed over the randoms the wrong way round is refused',
        keyExchange((draft, { state }) => {
          const randoms = agreedRandoms(state);
          resign(draft, Buffer.concat([randoms.subarray(32), randoms.subarray(0, 32), parametersOf(draft)]));
        }),
        { by: 'client', alert: 'decrypt_error' }
      ],
      [
        'RFC 5246 7.4.3: a ServerKeyExchange signed over its parameters alone is refused',
        keyExchange((draft) => resign(draft, parametersOf(draft))),
        { by: 'client', alert: 'decrypt_error' }
      ],
      [
        'RFC 5246 7.4.3: a share put in after the signing is refused',
        keyExchange((draft) => (draft.share = createKeyShare({ id: 29, name: 'X25519' }).share)),
        { by: 'client', alert: 'decrypt_error' }
      ],
      [
        'RFC 5246 7.4.3: a group put in after the signing is refused',
        keyExchange((draft) => {
          draft.group = 23;
          draft.share = P256_SHARE;
        }),
        { by: 'client', alert: 'decrypt_error' }
      ],
      [
        'RFC 5246 7.4.3: a zero share put in after the signing is refused',
        keyExchange((draft) => (draft.share = tooLow)),
        { by: 'client', alert: 'decrypt_error' }
      ],
      [
        'RFC 7748 6.1: a zero share that the server signed is refused',
        keyExchange((draft, { state }) => {
          draft.share = tooLow;
          resign(draft, Buffer.concat([agreedRandoms(state), parametersOf(draft)]));
        }),
        { by: 'client', alert: 'illegal_parameter' }
      ],
      [
        'RFC 8422 5.11: a point that is not on the curve, though signed, is refused',
        keyExchange((draft, { state }) => {
          draft.group = 23;
          draft.share = Buffer.concat([P256_SHARE.subarray(0, -1), Buffer.from([P256_SHARE.readUInt8(64) ^ 1])]);
          resign(draft, Buffer.concat([agreedRandoms(state), parametersOf(draft)]));
        }),
        { by: 'client', alert: 'illegal_parameter' }
      ],
      [
        'RFC 9155 2: a ServerKeyExchange signed with SHA-1, and saying so, is refused',
        keyExchange((draft, { state }) => {
          draft.algorithm = 0x0203;
          resign(draft, Buffer.concat([agreedRandoms(state), parametersOf(draft)]), SERVER.privateKey, 'sha1');
        }),
        { by: 'client', alert: 'illegal_parameter' }
      ],
      [
        'RFC 9155 2: a ServerKeyExchange signed with SHA-1, and not saying so, is refused',
        keyExchange((draft, { state }) => resign(draft, Buffer.concat([agreedRandoms(state), parametersOf(draft)]), SERVER.privateKey, 'sha1')),
        { by: 'client', alert: 'decrypt_error' }
      ],
      [
        'RFC 5246 7.4.3: a ServerKeyExchange with SHA-384, which was not offered, is refused',
        keyExchange((draft, { state }) => {
          draft.algorithm = 0x0503;
          resign(draft, Buffer.concat([agreedRandoms(state), parametersOf(draft)]), SERVER.privateKey, 'sha384');
        }),
        { by: 'client', alert: 'illegal_parameter' }
      ],
      ['RFC 5246 7.4.3: an empty signature is refused', keyExchange((draft) => (draft.signature = Buffer.alloc(0))), { by: 'client', alert: 'decrypt_error' }],
      [
        'RFC 5246 7.4.3: a signature that is no DER is refused',
        keyExchange((draft) => (draft.signature = Buffer.alloc(70, 0x30))),
        { by: 'client', alert: 'decrypt_error' }
      ],

      // CertificateRequest.
      [
        'RFC 8422 5.5: a CertificateRequest without ecdsa_sign is refused',
        body('server', MESSAGE.certificateRequest, () => Buffer.concat([withLength(1, Buffer.from([1])), withLength(2, numbers([0x0403])), withLength(2)])),
        { by: 'client', alert: 'handshake_failure' }
      ],
      [
        'RFC 5246 7.4.4: a CertificateRequest without ECDSA with SHA-256 is refused',
        body('server', MESSAGE.certificateRequest, () => Buffer.concat([withLength(1, Buffer.from([64])), withLength(2, numbers([0x0203])), withLength(2)])),
        { by: 'client', alert: 'handshake_failure' }
      ],

      // ClientKeyExchange.
      [
        'RFC 7748 6.1: a zero share of the client is refused',
        body('client', MESSAGE.clientKeyExchange, () => withLength(1, tooLow)),
        { by: 'server', alert: 'illegal_parameter' }
      ],
      [
        'RFC 8422 5.7: a share of another group is refused',
        body('client', MESSAGE.clientKeyExchange, () => withLength(1, P256_SHARE)),
        { by: 'server', alert: 'illegal_parameter' }
      ],
      ['RFC 8422 5.7: an empty share is refused', body('client', MESSAGE.clientKeyExchange, () => withLength(1)), { by: 'server', alert: 'illegal_parameter' }],
      [
        'RFC 5246 7.4.8: another share of the client than it signed is refused',
        body('client', MESSAGE.clientKeyExchange, () => withLength(1, createKeyShare({ id: 29, name: 'X25519' }).share)),
        { by: 'server', alert: 'decrypt_error' }
      ],

      // CertificateVerify.
      [
        'RFC 5246 7.4.8: a CertificateVerify with another key is refused',
        body(
          'client',
          MESSAGE.certificateVerify,
          verifyWith((transcript) => signedBody(0x0403, dsa(STRANGER.privateKey, 'sha256', Buffer.concat(transcript))))
        ),
        { by: 'server', alert: 'decrypt_error' }
      ],
      [
        'RFC 5246 7.4.8: a CertificateVerify over one message less is refused',
        body(
          'client',
          MESSAGE.certificateVerify,
          verifyWith((transcript) => signedBody(0x0403, dsa(CLIENT.privateKey, 'sha256', Buffer.concat(transcript.slice(0, -1)))))
        ),
        { by: 'server', alert: 'decrypt_error' }
      ],
      [
        'RFC 5246 7.4.8: a CertificateVerify over another hello is refused',
        body(
          'client',
          MESSAGE.certificateVerify,
          verifyWith(([, ...rest]) => signedBody(0x0403, dsa(CLIENT.privateKey, 'sha256', Buffer.concat([Buffer.alloc(80), ...rest]))))
        ),
        { by: 'server', alert: 'decrypt_error' }
      ],
      [
        'RFC 9155 3: a CertificateVerify with SHA-1, and saying so, is refused',
        body(
          'client',
          MESSAGE.certificateVerify,
          verifyWith((transcript) => signedBody(0x0203, dsa(CLIENT.privateKey, 'sha1', Buffer.concat(transcript))))
        ),
        { by: 'server', alert: 'illegal_parameter' }
      ],
      [
        'RFC 9155 3: a CertificateVerify with SHA-1, and not saying so, is refused',
        body(
          'client',
          MESSAGE.certificateVerify,
          verifyWith((transcript) => signedBody(0x0403, dsa(CLIENT.privateKey, 'sha1', Buffer.concat(transcript))))
        ),
        { by: 'server', alert: 'decrypt_error' }
      ],
      [
        'RFC 5246 7.4.8: the server’s own signature, sent back, is refused',
        (() => {
          let signature: Buffer = Buffer.alloc(0);
          return (said: Said) => {
            if (said.message.type === MESSAGE.serverKeyExchange) alterKeyExchange(said.message, (draft) => (signature = Buffer.from(draft.signature)));
            return [said.message.type === MESSAGE.certificateVerify ? { ...said.message, body: signedBody(0x0403, signature) } : said.message];
          };
        })(),
        { by: 'server', alert: 'decrypt_error' }
      ],

      // Finished.
      ...(['client', 'server'] as const).flatMap((from): (readonly [string, Hand, Refused])[] => {
        const refused: Refused = { by: other(from), alert: 'decrypt_error' };
        const finished = (change: (whole: Buffer, said: Said) => Buffer): Hand => body(from, MESSAGE.finished, change);
        return [
          [
            `RFC 5246 7.4.9: the ${from}’s Finished computed as the other side’s is refused`,
            finished((_, { state }) => {
              const { suite, master } = keyed(state);
              const before = from === 'client' ? state.transcript.slice(0, -1) : state.transcript;
              return finishedOf(suite, master, other(from), before);
            }),
            refused
          ],
          [
            `RFC 5246 7.4.9: the ${from}’s Finished over one message less is refused`,
            finished((_, { state }) => {
              const { suite, master } = keyed(state);
              return finishedOf(suite, master, from, state.transcript.slice(0, from === 'client' ? -2 : -1));
            }),
            refused
          ],
          [
            `RFC 5246 7.4.9: the ${from}’s Finished with another master secret is refused`,
            finished((_, { state }) => {
              const { suite } = keyed(state);
              const before = from === 'client' ? state.transcript.slice(0, -1) : state.transcript;
              return finishedOf(suite, createSecretKey(Buffer.alloc(48)), from, before);
            }),
            refused
          ],
          [`RFC 5246 7.4.9: the ${from}’s Finished without its first byte is refused`, finished((whole) => whole.subarray(1)), refused],
          [`RFC 5246 7.4.9: the ${from}’s Finished twice in one is refused`, finished((whole) => Buffer.concat([whole, whole])), refused]
        ];
      }),
      [
        'RFC 5246 7.4.9: the client’s Finished, sent back by the server, is refused',
        (() => {
          let sent: Buffer = Buffer.alloc(0);
          return (said: Said) => {
            if (said.message.type === MESSAGE.finished && said.from === 'client') sent = said.message.body;
            return [said.message.type === MESSAGE.finished && said.from === 'server' ? { ...said.message, body: sent } : said.message];
          };
        })(),
        { by: 'client', alert: 'decrypt_error' }
      ]
    ];
    for (const [rule, hand, refused] of deviations) it(rule, () => assertRefused(configs(), hand, refused));

    for (const from of ['client', 'server'] as const)
      it(`RFC 5246 7.4.9: the ${from}’s Finished wrong in any one bit is refused`, () => {
        for (let bit = 0; bit < 96; bit += 5)
          assertRefused(
            configs(),
            body(from, MESSAGE.finished, (whole) => {
              const copy = Buffer.from(whole);
              copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
              return copy;
            }),
            { by: other(from), alert: 'decrypt_error' }
          );
      });
  });

  describe('the endpoints (RFC 8844 section 3.2)', () => {
    const A = Buffer.alloc(32, 0xa);
    const B = Buffer.alloc(32, 0xb);
    const M = Buffer.alloc(32, 0xc);
    const bound = (client: readonly [local: Buffer, remote: Buffer] | null, server: readonly [local: Buffer, remote: Buffer] | null): Configs =>
      configs({
        client: { bindings: client && { local: client[0], remote: client[1] } },
        server: { bindings: server && { local: server[0], remote: server[1] } }
      });

    it('connected where each is who the other expects, or where one side does not know the extension', () => {
      for (const both of [bound([A, B], [B, A]), bound(null, [B, A]), bound([A, B], null), bound(null, null)]) assertConnected(talk(both));
    });

    it('refused where the client is another than the server’s call is with, and the other way round', () => {
      assertRefused(bound([A, M], [B, M]), undefined, { by: 'server', alert: 'illegal_parameter' });
      assertRefused(bound([A, M], [B, A]), undefined, { by: 'client', alert: 'illegal_parameter' });
    });

    it('answered only where it was asked, and an answer that was not asked for is refused', () => {
      const answers = (both: Configs): boolean => {
        const types: number[] = [];
        for (const { message } of talk(both).said)
          if (message.type === MESSAGE.serverHello) alterHello(message, (draft) => types.push(...draft.extensions.map(([type]) => type)));
        return types.includes(EXTENSION.externalIdHash);
      };
      assert.deepEqual([bound([A, B], [B, A]), bound(null, [B, A]), bound([A, B], null)].map(answers), [true, false, false]);
      const unasked = serverHello((draft) => extension(draft, EXTENSION.externalIdHash, withLength(1, B)));
      assertRefused(bound(null, [B, A]), unasked, { by: 'client', alert: 'unsupported_extension' });
    });

    it('malformed, empty, cut or another: refused', () => {
      for (const [data, alert] of [
        [withLength(1, M), 'illegal_parameter'],
        [withLength(1), 'illegal_parameter'],
        [withLength(1, A.subarray(1)), 'illegal_parameter'],
        [A, 'decode_error'],
        [Buffer.alloc(0), 'decode_error'],
        [Buffer.concat([withLength(1, A), Buffer.from([0])]), 'decode_error']
      ] as const) {
        assertRefused(
          bound([A, B], [B, A]),
          clientHello((draft) => extension(draft, EXTENSION.externalIdHash, data)),
          { by: 'server', alert }
        );
        assertRefused(
          bound([B, A], [A, B]),
          serverHello((draft) => extension(draft, EXTENSION.externalIdHash, data)),
          { by: 'client', alert }
        );
      }
    });

    it('taken out on the way, of either hello: both do not get past the signatures, which cover it', () => {
      const out = (draft: HelloDraft): void => extension(draft, EXTENSION.externalIdHash, null);
      for (const hand of [clientHello(out), serverHello(out)]) assertRefused(bound([A, B], [B, A]), hand, { by: 'server', alert: 'decrypt_error' });
    });
  });

  describe('the FIPS policy (R10)', () => {
    const policy = FIPS_POLICY;
    const only = (changes: Partial<Policy>): Partial<HandshakeConfig> => ({ policy: { ...STANDARD_POLICY, ...changes } });
    const x25519 = STANDARD_POLICY.groups.filter(({ name }) => name === 'X25519');
    const hmac = STANDARD_POLICY.srtpProfiles.filter(({ name }) => name === 'AES128_CM_HMAC_SHA1_80');

    it('a client without P-256 or without AES-GCM for SRTP is refused by a FIPS server', () => {
      for (const client of [only({ groups: x25519 }), only({ srtpProfiles: hmac })])
        assertRefused(configs({ client, server: { policy } }), undefined, { by: 'server', alert: 'handshake_failure' });
    });

    it('a server that takes X25519 all the same, and signs it, is refused by a FIPS client', () => {
      const hand = keyExchange((draft, { state }) => {
        draft.group = 29;
        draft.share = createKeyShare({ id: 29, name: 'X25519' }).share;
        draft.signature = sign('sha256', Buffer.concat([agreedRandoms(state), parametersOf(draft)]), SERVER.privateKey);
      });
      assertRefused(configs({ client: { policy }, server: { policy } }), hand, { by: 'client', alert: 'illegal_parameter' });
    });

    it('a server that takes AES-CM with HMAC-SHA-1 for SRTP all the same is refused by a FIPS client', () => {
      const hand = serverHello((draft) => extension(draft, 14, srtp([1])));
      assertRefused(configs({ client: { policy } }), hand, { by: 'client', alert: 'illegal_parameter' });
    });
  });

  describe('certificates that are pinned and no good all the same', () => {
    const garbage = (der: Buffer): Identity => ({ privateKey: CLIENT.privateKey, certificateDer: der, thumbprint: createHash('sha256').update(der).digest() });
    const cases: readonly (readonly [text: string, make: () => Identity, alert: AlertName])[] = [
      ['of RSA', () => createOddIdentity({ key: 'RSA' }), 'bad_certificate'],
      ['of P-384', () => createOddIdentity({ key: 'P-384' }), 'bad_certificate'],
      ['that expired a second ago', () => createOddIdentity({ toMs: NOW_MS - 1_000 }), 'certificate_expired'],
      [
        'that is not valid for more than an hour yet',
        () => createOddIdentity({ fromMs: NOW_MS + HOUR_MS + 1_000, toMs: NOW_MS + 2 * HOUR_MS }),
        'certificate_expired'
      ],
      ['that cannot be read', () => garbage(randomBytes(300)), 'bad_certificate'],
      ['that ends in its middle', () => garbage(Buffer.from(createIdentity().certificateDer.subarray(0, 100))), 'bad_certificate']
    ];
    for (const [text, make, alert] of cases)
      for (const from of ['client', 'server'] as const)
        it(`call-security.md: a certificate of the ${from} ${text}`, () => {
          const odd = make();
          const own = { certificateDer: odd.certificateDer };
          const pins = { remoteThumbprint: odd.thumbprint };
          assertRefused(configs({ [from]: own, [other(from)]: pins }), undefined, { by: other(from), alert });
        });

    it('call-security.md: a certificate is good until its last second, and from an hour before its first, by a clock that is not ours', () => {
      for (const odd of [
        createOddIdentity({ toMs: NOW_MS }),
        createOddIdentity({ fromMs: NOW_MS }),
        createOddIdentity({ fromMs: NOW_MS + HOUR_MS, toMs: NOW_MS + 2 * HOUR_MS })
      ])
        assertConnected(talk({ client: createConfig(odd, SERVER), server: createConfig(SERVER, odd) }));
    });

    it('call-security.md: a thumbprint of another length than 32 bytes fits no certificate', () => {
      for (const remoteThumbprint of [new Uint8Array(), SERVER.thumbprint.subarray(0, 20), new Uint8Array([...SERVER.thumbprint, 0])])
        assertRefused(configs({ client: { remoteThumbprint } }), undefined, { by: 'client', alert: 'bad_certificate', code: 'CL_SECURITY_FINGERPRINT' });
    });

    it('call-security.md: the right certificate and another key, in either role, is refused', () => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      for (const from of ['client', 'server'] as const)
        assertRefused(configs({ [from]: { privateKey } }), undefined, { by: other(from), alert: 'decrypt_error' });
    });
  });

  describe('cookies', () => {
    const config = createConfig(SERVER, CLIENT);
    const clientConfig = createConfig(CLIENT, SERVER);
    const start = beginServer();
    const hello = (): HandshakeMessage => {
      const [part] = beginClient(clientConfig).flight ?? [];
      assert.ok(part !== undefined && part !== 'change-cipher-spec');
      return part.message;
    };
    const replyTo = (message: HandshakeMessage, from = CLIENT_ADDRESS, server = config) => {
      const step = receive(start, message, from, server);
      // The very same object: nothing was kept.
      assert.ok(step.state === start);
      assert.deepEqual([step.failed, step.flight, step.keys], [undefined, undefined, undefined]);
      return step.reply;
    };
    const cookieIn = (reply: HandshakeMessage | undefined): Buffer => {
      assert.equal(reply?.type, MESSAGE.helloVerifyRequest);
      return reply.body.subarray(3);
    };
    const withCookie = (message: HandshakeMessage, cookie: Buffer, change: (draft: HelloDraft) => void = () => {}): HandshakeMessage => ({
      ...alterHello(message, (draft) => {
        draft.cookie = cookie;
        change(draft);
      }),
      sequence: 1
    });

    it('RFC 6347 4.2.1: before the cookie holds the server keeps nothing, and answers with a HelloVerifyRequest numbered as the hello', () => {
      const first = hello();
      for (const sequence of [0, 1, 7]) assert.equal(replyTo({ ...first, sequence })?.sequence, sequence);
      assert.equal(replyTo({ ...first, sequence: 8 }), undefined);
      const cookie = cookieIn(replyTo(first));
      assert.equal(receive(start, withCookie(first, cookie), CLIENT_ADDRESS, config).state.phase, 'client-certificate');
      assert.deepEqual(start, beginServer());
    });

    it('RFC 6347 4.2.1: a HelloVerifyRequest is no larger than the hello that it answers', () => {
      const first = hello();
      assert.ok((replyTo(first)?.body.length ?? 0) <= first.body.length);
    });

    it('RFC 6347 4.2.1: a cookie from another address, of another server, cut, longer, or with any other hello is answered with another one', () => {
      const first = hello();
      const cookie = cookieIn(replyTo(first));
      const good = withCookie(first, cookie);
      assert.ok(replyTo(good, '192.0.2.1:5001'));
      assert.ok(replyTo(good, '192.0.2.9:5000'));
      assert.ok(replyTo(good, CLIENT_ADDRESS, createConfig(SERVER, CLIENT)));
      for (const wrong of [cookie.subarray(0, -1), Buffer.concat([cookie, Buffer.from([0])]), Buffer.alloc(32), Buffer.alloc(255)])
        assert.deepEqual(cookieIn(replyTo(withCookie(first, wrong))), cookie);
      const changes: readonly ((draft: HelloDraft) => void)[] = [
        (draft) => (draft.random = randomBytes(32)),
        (draft) => draft.suites.reverse(),
        (draft) => (draft.session = Buffer.from([1])),
        (draft) => draft.compression.push(1),
        (draft) => (draft.version = 0xfefc)
      ];
      for (const change of changes) assert.notDeepEqual(cookieIn(replyTo(withCookie(first, cookie, change))), cookie);
    });

    it('RFC 6347 4.2.1: the extensions may change between the hellos: what counts is the second, which is in the transcript', () => {
      const first = hello();
      const second = withCookie(first, cookieIn(replyTo(first)), (draft) => extension(draft, EXTENSION.useSrtp, srtp([8])));
      const { state } = receive(start, second, CLIENT_ADDRESS, config);
      assert.ok(state.phase === 'client-certificate');
      assert.equal(state.agreed.srtpProfile.id, 8);
      assert.deepEqual(state.transcript[0]?.subarray(12), second.body);
    });

    it('RFC 6347 4.2.1: what is no ClientHello, or a malformed one, is neither kept nor answered nor refused', () => {
      const first = hello();
      for (const type of [...Object.values(MESSAGE), 99]) if (type !== MESSAGE.clientHello) assert.equal(replyTo({ ...first, type }), undefined);
      for (let length = 0; length < first.body.length - 60; length += 1) assert.equal(replyTo({ ...first, body: first.body.subarray(0, length) }), undefined);
      assert.equal(replyTo({ ...first, body: Buffer.concat([first.body, Buffer.from([0])]) }), undefined);
      assert.equal(replyTo(alterHello(first, (draft) => (draft.compression = [1]))), undefined);
      assert.equal(replyTo(alterHello(first, (draft) => draft.extensions.push([23, Buffer.alloc(0)]))), undefined);
    });

    it('RFC 6347 4.2.1: a hello that would be refused is answered with a cookie first, and refused only from an address that answers', () => {
      const first = alterHello(hello(), (draft) => (draft.suites = [0x1301]));
      const cookie = cookieIn(replyTo(first));
      assert.equal(receive(start, withCookie(first, cookie), CLIENT_ADDRESS, config).failed?.alert, 'handshake_failure');
    });

    it('RFC 6347 4.2.1: the client says its hello again with the cookie, and changes nothing else', () => {
      const { said } = talk(configs());
      const hellos = said.filter(reader('client')).filter(({ message }) => message.type === MESSAGE.clientHello);
      const [first, second, ...more] = hellos.map(({ message }) => message);
      assert.ok(first !== undefined && second !== undefined && more.length === 0);
      let cookie: Buffer = Buffer.alloc(0);
      alterHello(second, (draft) => (cookie = draft.cookie ?? cookie));
      assert.equal(cookie.length, 32);
      assert.deepEqual(alterHello(first, (draft) => (draft.cookie = cookie)).body, second.body);
    });

    it('RFC 6347 4.2.1: a server that asks for cookies without end is refused at the fifth', () => {
      let { state } = beginClient(clientConfig);
      for (let asked = 1; asked <= 4; asked += 1) {
        const step = receive(state, { type: MESSAGE.helloVerifyRequest, sequence: asked - 1, body: Buffer.from([0xfe, 0xff, 1, asked]) }, '', clientConfig);
        assert.equal(step.failed, undefined);
        assert.equal(step.flight?.length, 1);
        assert.equal(step.state.nextSend, asked + 1);
        state = step.state;
      }
      const step = receive(state, { type: MESSAGE.helloVerifyRequest, sequence: 4, body: Buffer.from([0xfe, 0xff, 1, 5]) }, '', clientConfig);
      assert.equal(step.failed?.alert, 'unexpected_message');
    });
  });

  describe('time', () => {
    it('RFC 6347 4.2.4.1: nothing came: the same flight again, and twice the patience up to four times the first', () => {
      const config = createConfig(CLIENT, SERVER, { firstWaitMs: 150 });
      let step = beginClient(config);
      const { flight } = step;
      const waits: (number | null)[] = [];
      for (let round = 0; round < 5; round += 1) {
        waits.push(step.state.waitMs);
        step = timeout(step.state, config);
        assert.ok(step.flight === flight);
        assert.equal(step.state.timeouts, round + 1);
      }
      assert.deepEqual(waits, [150, 300, 600, 600, 600]);
    });

    it('RFC 6347 4.2.4: each new flight begins with the first patience again', () => {
      const { states } = talk(configs({ client: { firstWaitMs: 70 }, server: { firstWaitMs: 90 } }));
      const waits = Object.fromEntries(states.map(({ phase, waitMs, timeouts }) => [phase, [waitMs, timeouts]]));
      assert.deepEqual(waits, {
        'server-hello': [70, 0],
        'client-hello': [null, 0],
        'client-certificate': [90, 0],
        'server-certificate': [70, 0],
        'server-key-exchange': [70, 0],
        'certificate-request': [70, 0],
        'server-hello-done': [70, 0],
        'server-finished': [70, 0],
        'client-key-exchange': [90, 0],
        'certificate-verify': [90, 0],
        'client-finished': [90, 0],
        connected: [null, 0]
      });
    });

    it('RFC 6347 4.2.4: who waits for nothing repeats nothing by itself', () => {
      const { client, server } = talk(configs());
      for (const state of [beginServer(), client, server]) assert.deepEqual(timeout(state, configs().client), { state });
    });

    it('RFC 6347 4.2.4: the server’s last flight goes out again when the client’s Finished comes again; the client has none to repeat', () => {
      const { client, server } = talk(configs());
      assert.equal(asksAgain(server, MESSAGE.finished), true);
      assert.equal(repeated(server).flight?.length, 2);
      assert.equal(repeated(client).flight, undefined);
      for (const type of Object.values(MESSAGE)) if (type !== MESSAGE.finished) assert.equal(asksAgain(server, type), false);
    });

    it('RFC 6347 4.2.4: the end of the other side’s flight, said again, asks for our last one; nothing else does', () => {
      const asking: Partial<Record<Talk['client']['phase'], number>> = {
        'server-finished': MESSAGE.serverHelloDone,
        'client-certificate': MESSAGE.clientHello,
        connected: MESSAGE.finished
      };
      for (const state of talk(configs()).states)
        for (const type of Object.values(MESSAGE)) assert.equal(asksAgain(state, type), asking[state.phase] === type, `${state.phase} ${type}`);
    });
  });

  it('RFC 5705 4: before the handshake is proven nothing is exported, by either side, in any state', () => {
    for (const state of talk(configs()).states) {
      assert.equal(proven(state) !== null, state.phase === 'connected');
      if (state.phase !== 'connected') assert.throws(() => exportKeyingMaterial(state, LABEL, 16), CloisterError, state.phase);
    }
  });

  it('docs/secure-transport.md: each state holds what its phase needs and nothing of the phases before: the key share is gone with its use', () => {
    const needed: Record<Talk['client']['phase'], readonly string[]> = {
      'server-hello': ['random', 'cookies'],
      'server-certificate': ['agreed'],
      'server-key-exchange': ['agreed', 'remoteKey'],
      'certificate-request': ['agreed', 'remoteKey', 'group', 'share'],
      'server-hello-done': ['agreed', 'remoteKey', 'group', 'share'],
      'server-finished': ['keyed'],
      'client-hello': [],
      'client-certificate': ['agreed', 'keyShare'],
      'client-key-exchange': ['agreed', 'keyShare', 'remoteKey'],
      'certificate-verify': ['keyed'],
      'client-finished': ['keyed'],
      connected: ['keyed'],
      failed: []
    };
    for (const state of talk(configs()).states) {
      const held = Object.keys(state).filter((key) => !['phase', 'transcript', 'nextSend', 'flight', 'waitMs', 'timeouts'].includes(key));
      assert.deepEqual(held.sort(), [...needed[state.phase]].sort(), state.phase);
    }
  });

  it('a fault of our own while a message is handled ends the handshake with internal_error', () => {
    const broken = configs({
      server: {
        createKeyShare() {
          throw new Error('no entropy');
        }
      }
    });
    assertRefused(broken, undefined, { by: 'server', alert: 'internal_error' });
  });
});
