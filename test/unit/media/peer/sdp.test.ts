import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ErrorCode } from '../../../../src/kernel/error-codes.ts';
import { parseCandidate } from '../../../../src/media/path/candidate.ts';
import { answeredSections, negotiatedFeatures, negotiatedOf, offeredSections, settle } from '../../../../src/media/peer/negotiation.ts';
import { type Description, parseDescription, parseUpdate } from '../../../../src/media/peer/sdp.ts';
import { type LocalDescription, writeDescription } from '../../../../src/media/peer/write-sdp.ts';

const fingerprint = Uint8Array.from({ length: 32 }, (_, index) => index);
const local: LocalDescription = {
  sessionId: '42',
  version: 1,
  fingerprint,
  setup: 'actpass',
  iceUfrag: 'abcdEFGH',
  icePassword: 'abcdefghijklmnopqrstuvwx',
  // Without the shared screen, which a browser may not know; it has tests of its own.
  sections: offeredSections(['H264', 'VP8']).filter(({ kind }) => kind !== 'screen'),
  candidates: ['candidate:a 1 udp 2130706431 192.0.2.1 5000 typ host'],
  endOfCandidates: true,
  cname: 'room',
  ssrc: { audio: 1, video: 2, screen: 3 },
  repairSsrc: { video: 4, screen: 5 }
};
const text = writeDescription(local);
const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':');
const FINGERPRINT_LINE = `a=fingerprint:sha-256 ${hex(fingerprint)}`;
const OTHER_LINE = `a=fingerprint:sha-256 ${hex(fingerprint.map((byte) => byte ^ 1))}`;

function refuses(sdp: string, code: ErrorCode, type: 'offer' | 'answer' = 'offer'): void {
  const result = parseDescription(sdp, type);
  assert.equal(result.ok, false, 'the description was taken');
  if (!result.ok) {
    assert.equal(result.error.code, code);
    assert.ok(!result.error.message.includes(local.icePassword));
  }
}
function parsed(sdp: string, type: 'offer' | 'answer' = 'offer'): Description {
  const result = parseDescription(sdp, type);
  assert.ok(result.ok, result.ok ? '' : result.error.message);
  return result.value;
}

describe('session description', () => {
  it('reads what it writes', () => {
    const { sessionId, version, cname, ssrc, repairSsrc, ...expected } = local;
    assert.deepEqual(parsed(text), expected);
  });

  it('takes a fingerprint at either level, however often it says the same', () => {
    const inSections = text.replace(`${FINGERPRINT_LINE}\r\n`, '').replaceAll('a=rtcp-mux', `a=rtcp-mux\r\n${FINGERPRINT_LINE.toLowerCase()}`);
    assert.deepEqual(parsed(inSections).fingerprint, fingerprint);
    assert.deepEqual(parsed(text.replace('a=mid:1', `a=mid:1\r\n${FINGERPRINT_LINE}`)).fingerprint, fingerprint);
  });

  it('refuses a second fingerprint, another hash, a malformed one, none, and one that covers a part only', () => {
    refuses(text.replace(FINGERPRINT_LINE, `${FINGERPRINT_LINE}\r\n${OTHER_LINE}`), 'CL_SECURITY_FINGERPRINT');
    refuses(text.replace('a=mid:1', `a=mid:1\r\n${OTHER_LINE}`), 'CL_SECURITY_FINGERPRINT');
    refuses(text.replace(FINGERPRINT_LINE, `${FINGERPRINT_LINE}\r\na=fingerprint:sha-1 ${hex(fingerprint.subarray(0, 20))}`), 'CL_SECURITY_FINGERPRINT');
    refuses(text.replace(FINGERPRINT_LINE, `a=fingerprint:sha-512 ${hex(fingerprint)}:${hex(fingerprint)}`), 'CL_SECURITY_FINGERPRINT');
    refuses(text.replace(FINGERPRINT_LINE, `a=fingerprint:sha-256 ${hex(fingerprint.subarray(1))}`), 'CL_SECURITY_FINGERPRINT');
    refuses(text.replace(FINGERPRINT_LINE, `${FINGERPRINT_LINE} ${hex(fingerprint)}`), 'CL_SECURITY_FINGERPRINT');
    refuses(text.replace(`${FINGERPRINT_LINE}\r\n`, ''), 'CL_SECURITY_FINGERPRINT');
    refuses(text.replace(`${FINGERPRINT_LINE}\r\n`, '').replace('a=mid:0', `a=mid:0\r\n${FINGERPRINT_LINE}`), 'CL_SECURITY_FINGERPRINT');
    refuses(text.replace('a=mid:1', `a=mid:1\r\n${OTHER_LINE.replace('fingerprint', 'Fingerprint')}`), 'CL_MEDIA_NEGOTIATION');
  });

  it('refuses a fingerprint hidden in a rejected section', () => {
    refuses(text.replace('m=video 9', 'm=video 0').replace('a=mid:1', `a=mid:1\r\n${OTHER_LINE}`), 'CL_SECURITY_FINGERPRINT');
  });

  it('refuses DTLS roles that are not allowed', () => {
    for (const setup of ['holdconn', 'nobody', 'active\r\na=setup:passive'])
      refuses(text.replace('a=setup:actpass', `a=setup:${setup}`), 'CL_MEDIA_NEGOTIATION');
    refuses(text.replace('a=setup:actpass\r\n', ''), 'CL_MEDIA_NEGOTIATION');
    refuses(text, 'CL_MEDIA_NEGOTIATION', 'answer');
    assert.equal(parsed(text.replace('actpass', 'active'), 'answer').setup, 'active');
    assert.equal(parsed(text.replace('actpass', 'passive'), 'offer').setup, 'passive');
  });

  it('refuses data channels, other transports, more sections, no bundle, no multiplexing', () => {
    const section = text.slice(text.indexOf('m=video'));
    refuses(`${text}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n`, 'CL_MEDIA_NEGOTIATION');
    refuses(text.replace(section, 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n'), 'CL_MEDIA_NEGOTIATION');
    refuses(text + section, 'CL_MEDIA_NEGOTIATION');
    refuses(text.replace('m=video', 'm=audio'), 'CL_MEDIA_NEGOTIATION');
    refuses(text.replace('UDP/TLS/RTP/SAVPF', 'RTP/AVP'), 'CL_MEDIA_NEGOTIATION');
    refuses(text.replace('BUNDLE 0 1', 'BUNDLE 0'), 'CL_MEDIA_NEGOTIATION');
    refuses(text.replace('a=group:BUNDLE 0 1\r\n', ''), 'CL_MEDIA_NEGOTIATION');
    refuses(text.replace('a=rtcp-mux\r\n', ''), 'CL_MEDIA_NEGOTIATION');
    refuses(text.replace('a=mid:1', 'a=mid:0'), 'CL_MEDIA_NEGOTIATION');
    refuses(text.replaceAll(' 9 UDP', ' 0 UDP'), 'CL_MEDIA_NEGOTIATION');
  });

  it('refuses ICE credentials that are missing, malformed or not the same in all sections', () => {
    refuses(text.replace(`a=ice-pwd:${local.icePassword}\r\n`, '').replace(`a=ice-pwd:${local.icePassword}\r\n`, ''), 'CL_MEDIA_NEGOTIATION');
    refuses(text.replace(`a=ice-pwd:${local.icePassword}`, 'a=ice-pwd:anotheranotheranotheranother'), 'CL_MEDIA_NEGOTIATION');
    refuses(text.replaceAll(local.icePassword, 'short'), 'CL_MEDIA_NEGOTIATION');
    refuses(text.replaceAll(local.iceUfrag, 'a b c'), 'CL_MEDIA_NEGOTIATION');
  });

  it('refuses what is too large or not lines', () => {
    refuses(`${text}a=${'x'.repeat(33_000)}`, 'CL_MEDIA_NEGOTIATION');
    refuses(text + 'a=x\r\n'.repeat(1_000), 'CL_MEDIA_NEGOTIATION');
    refuses(
      text +
        'a=candidate:a 1 udp 1 192.0.2.1 5000 typ host\r\n'.replace('192', '1').repeat(1) +
        Array.from({ length: 65 }, (_, i) => `a=candidate:${i} 1 udp 1 192.0.2.1 5000 typ host\r\n`).join(''),
      'CL_MEDIA_NEGOTIATION'
    );
    refuses(`${text}nonsense\r\n`, 'CL_MEDIA_NEGOTIATION');
    refuses(text.replace('v=0', 'v=1'), 'CL_MEDIA_NEGOTIATION');
    refuses('', 'CL_MEDIA_NEGOTIATION');
    refuses('v=0\r\n', 'CL_MEDIA_NEGOTIATION');
  });

  it('takes the codecs that Cloister has, and no H.264 that not every decoder has', () => {
    assert.deepEqual(parsed(text).sections[1]?.codecs, [
      { codec: 'H264', payloadType: 102 },
      { codec: 'VP8', payloadType: 96 }
    ]);
    const codecsWith = (parameters: string) => parsed(text.replace(/a=fmtp:102 .*/, `a=fmtp:102 ${parameters}`)).sections[1]?.codecs.map(({ codec }) => codec);
    assert.deepEqual(codecsWith('packetization-mode=0;profile-level-id=42e01f'), ['VP8']);
    assert.deepEqual(codecsWith('packetization-mode=1;profile-level-id=640032'), ['VP8']);
    assert.deepEqual(codecsWith('packetization-mode=1;profile-level-id=42001f'), ['VP8']);
    assert.deepEqual(codecsWith('Profile-Level-Id=42C028; packetization-mode=1'), ['H264', 'VP8']);
    assert.deepEqual(parsed(text.replaceAll('96', '72')).sections[1]?.codecs, [{ codec: 'H264', payloadType: 102 }]);
    refuses(text.replaceAll('102', '111'), 'CL_MEDIA_NEGOTIATION');
  });

  it('takes VP9 of profile 0, which is the one where none is named (RFC 9628), in the order that is preferred', () => {
    const written = writeDescription({ ...local, sections: offeredSections(['VP9', 'H264']) });
    assert.match(written, /a=rtpmap:98 VP9\/90000\r\na=fmtp:98 profile-id=0\r\n/);
    const camera = (description: string) => parsed(description).sections[1]?.codecs.map(({ codec, payloadType }) => [codec, payloadType]);
    assert.deepEqual(camera(written), [
      ['VP9', 98],
      ['H264', 102]
    ]);
    assert.deepEqual(camera(written.replaceAll(/a=fmtp:98 .*\r\n/g, ''))?.[0], ['VP9', 98]);
    assert.deepEqual(camera(written.replaceAll('profile-id=0', 'profile-id=2'))?.[0], ['H264', 102]);
    const sections = answeredSections(parsed(written), ['H264', 'VP8', 'VP9']);
    assert.deepEqual(sections.ok && sections.value[1]?.codecs, [{ codec: 'H264', payloadType: 102 }]);
    const vp9 = answeredSections(parsed(written), ['VP9', 'VP8']);
    assert.deepEqual(vp9.ok && vp9.value[2]?.codecs, [{ codec: 'VP9', payloadType: 108 }]);
  });

  it('answers with the codec that this side prefers, under the number of the offer, and mirrors the direction', () => {
    const offer = parsed(text.replace('a=sendrecv', 'a=sendonly'));
    const sections = answeredSections(offer, ['VP8', 'H264']);
    assert.ok(sections.ok);
    assert.deepEqual(
      sections.value.map(({ direction }) => direction),
      ['recvonly', 'sendrecv']
    );
    assert.deepEqual(negotiatedOf(sections.value), {
      video: { codec: 'VP8', payloadType: 96 },
      screen: null,
      audio: { codec: 'opus', payloadType: 111 },
      keys: { rate: 48_000 }
    });
    const answer = parsed(writeDescription({ ...local, setup: 'active', sections: sections.value }), 'answer');
    assert.deepEqual(settle(local.sections, answer), { ok: true, value: answer.sections });
  });

  it('takes a section that is offered in the bundle only, and none such in an answer', () => {
    const bundled = text.replace('m=video 9', 'm=video 0').replace('a=mid:1', 'a=bundle-only\r\na=mid:1');
    assert.deepEqual(
      parsed(bundled).sections.map((section) => section.accepted),
      [true, true]
    );
    assert.deepEqual(
      parsed(bundled.replace('a=setup:actpass', 'a=setup:active'), 'answer').sections.map((section) => section.accepted),
      [true, false]
    );
    refuses(bundled.replace('BUNDLE 0 1', 'BUNDLE 0'), 'CL_MEDIA_NEGOTIATION');
  });

  it('rejects a section without a common codec, and a call without any', () => {
    const noVideo = parsed(text.replaceAll('H264/90000', 'H263/90000').replaceAll('VP8/90000', 'VP9/90000'));
    const sections = answeredSections(noVideo, ['H264', 'VP8']);
    assert.ok(sections.ok);
    assert.equal(negotiatedOf(sections.value).video, null);
    const answer = parsed(writeDescription({ ...local, setup: 'active', sections: sections.value }), 'answer');
    assert.equal(answer.sections[1]?.accepted, false);
    const settled = settle(local.sections, answer);
    assert.ok(settled.ok && negotiatedOf(settled.value).video === null && negotiatedOf(settled.value).audio !== null);
    const nothing = answeredSections(parsed(text.replaceAll('H264/', 'X/').replaceAll('VP8/', 'X/').replaceAll('opus/', 'X/')), ['H264', 'VP8']);
    assert.ok(!nothing.ok && nothing.error.code === 'CL_MEDIA_NEGOTIATION');
  });

  it('refuses an answer that does not belong to the offer', () => {
    const other = parsed(text.replace('actpass', 'active').replace('a=mid:1', 'a=mid:9').replace('BUNDLE 0 1', 'BUNDLE 0 9'), 'answer');
    const settled = settle(local.sections, other);
    assert.ok(!settled.ok && settled.error.code === 'CL_MEDIA_NEGOTIATION');
    const renumbered = parsed(text.replace('actpass', 'active').replaceAll('102', '103').replaceAll('96', '97').replaceAll('111', '112'), 'answer');
    assert.equal(settle(local.sections, renumbered).ok, false);
  });

  it('negotiates the shared screen as a second picture, which a peer need not label', () => {
    const shared = { ...local, sections: offeredSections(['H264', 'VP8']) };
    const written = writeDescription(shared);
    assert.match(written, /m=video 9 [^\r]* 106 104 107 105\r\n(?:.+\r\n)*a=mid:2\r\na=sendrecv\r\na=content:slides\r\n/);
    const ownOrder = answeredSections(parsed(written), ['H264', 'VP8']);
    assert.ok(ownOrder.ok);
    // Text takes VP8, whatever the camera does.
    assert.deepEqual([negotiatedOf(ownOrder.value).video?.codec, negotiatedOf(ownOrder.value).screen?.codec], ['H264', 'VP8']);
    const sections = answeredSections(parsed(written), ['VP8']);
    assert.ok(sections.ok);
    const answer = writeDescription({ ...shared, setup: 'active', sections: sections.value });
    for (const each of [answer, answer.replace('a=content:slides\r\n', '')]) {
      const settled = settle(shared.sections, parsed(each, 'answer'));
      assert.ok(settled.ok);
      assert.deepEqual(negotiatedOf(settled.value).video, { codec: 'VP8', payloadType: 96 });
      assert.deepEqual(negotiatedOf(settled.value).screen, { codec: 'VP8', payloadType: 106 });
    }
    const rejected = settle(shared.sections, parsed(answer.replace(/m=video 9 ([^\r]* 106 107)/, 'm=video 0 $1'), 'answer'));
    assert.ok(rejected.ok && negotiatedOf(rejected.value).screen === null && negotiatedOf(rejected.value).video !== null);
    refuses(written.replace('a=mid:2', 'a=mid:1'), 'CL_MEDIA_NEGOTIATION');
    refuses(written.replace(' 1 2\r\n', ' 1\r\n'), 'CL_MEDIA_NEGOTIATION');
  });

  it('agrees on repairs, redundant sound, transport-wide numbers and feedback where both sides say so, under the offer’s numbers', () => {
    const shared = { ...local, sections: offeredSections(['VP8', 'H264']) };
    const offer = writeDescription(shared);
    const settledWith = (answered: (offer: string) => string, changed = (answer: string) => answer) => {
      const sections = answeredSections(parsed(answered(offer)), ['VP8']);
      assert.ok(sections.ok);
      const settled = settle(shared.sections, parsed(changed(writeDescription({ ...shared, setup: 'active', sections: sections.value })), 'answer'));
      assert.ok(settled.ok);
      return [negotiatedFeatures(sections.value), negotiatedFeatures(settled.value)];
    };
    const all = {
      repairs: { video: 97, screen: 107 },
      repairsSound: true,
      redundancy: 63,
      keys: [110],
      transportSequence: { audio: 3, video: 3, screen: 3 },
      remb: false
    };
    assert.deepEqual(
      settledWith((sdp) => sdp),
      [all, all]
    );
    // A browser answers with both clocks, and sends by one of them.
    const both = parsed(writeDescription({ ...shared, setup: 'active' }), 'answer');
    const settledBoth = settle(shared.sections, both);
    assert.deepEqual(settledBoth.ok && negotiatedFeatures(settledBoth.value).keys, [110, 126]);
    assert.match(offer, /a=ssrc-group:FID 2 4\r\n/);
    const without = (pattern: RegExp) => settledWith((sdp) => sdp.replace(pattern, 'a=x$1'));
    const noRepairs = { ...all, repairs: { ...all.repairs, video: null } };
    assert.deepEqual(without(/a=rtpmap:97 (.*)/), [noRepairs, noRepairs]);
    const noRedundancy = { ...all, redundancy: null };
    assert.deepEqual(without(/a=rtpmap:63 (.*)/), [noRedundancy, noRedundancy]);
    const telephoneClock = { ...all, keys: [126] };
    assert.deepEqual(without(/a=rtpmap:110 (.*)/), [telephoneClock, telephoneClock]);
    const noKeys = { ...all, keys: [] };
    assert.deepEqual(without(/a=rtpmap:1(?:10|26) (.*)/g), [noKeys, noKeys]);
    const estimatedThere = { ...all, transportSequence: { audio: null, video: null, screen: null }, remb: true };
    assert.deepEqual(without(/a=extmap(.*)/g), [estimatedThere, estimatedThere]);
    assert.deepEqual(without(/a=rtcp-fb:\d+ transport-cc()/g), [estimatedThere, estimatedThere]);
    const nothing = { ...estimatedThere, repairsSound: false, remb: false };
    assert.deepEqual(without(/a=rtcp-fb(.*)/g), [nothing, nothing]);
    // What only the answer says, or under another number, is not agreed.
    const [, renumbered] = settledWith(
      (sdp) => sdp,
      (answer) =>
        answer
          .replaceAll('97', '98')
          .replaceAll(' 63 110\r\n', ' 62 112\r\n')
          .replaceAll(':110 ', ':112 ')
          .replaceAll(':63 ', ':62 ')
          .replaceAll('extmap:3', 'extmap:4')
    );
    assert.deepEqual(renumbered, { ...noRepairs, redundancy: null, keys: [], transportSequence: estimatedThere.transportSequence, remb: true });
  });

  it('takes no feature that does not fit', () => {
    const featuresOf = (from: string | RegExp, to: string) => parsed(text.replace(from, to)).sections[1]?.features;
    assert.deepEqual(
      [...(featuresOf('', '')?.repairs ?? [])],
      [
        [102, 103],
        [96, 97]
      ]
    );
    for (const parameters of ['apt=9', 'apt=', 'apt=103', 'apt=999', '']) {
      assert.deepEqual([...(featuresOf('a=fmtp:97 apt=96', `a=fmtp:97 ${parameters}`)?.repairs ?? [])], [[102, 103]], parameters);
    }
    for (const id of ['0', '15', '256', 'x', '3/sendonly', '']) {
      assert.equal(parsed(text.replaceAll('a=extmap:3 ', `a=extmap:${id} `)).sections[1]?.features.transportSequence, null, id);
    }
    assert.equal(parsed(text.replaceAll('a=extmap:3 ', 'a=extmap:14/sendrecv ')).sections[1]?.features.transportSequence, 14);
    assert.deepEqual(featuresOf('a=rtcp-fb:96 transport-cc\r\n', '')?.feedback, ['nack', 'goog-remb']);
    assert.equal(parsed(text.replace('a=fmtp:63 111/111', 'a=fmtp:63 111/9')).sections[0]?.features.redundancy, null);
    refuses(text.replaceAll(/\b97\b/g, '111'), 'CL_MEDIA_NEGOTIATION');
    const keysOf = (from: string | RegExp, to: string) => parsed(text.replace(from, to)).sections[0]?.features.keys.map(({ rate }) => rate);
    assert.deepEqual(keysOf('', ''), [48_000, 8_000]);
    // Events 0 to 15 are those of keys; where nothing is said they are what is meant (RFC 4733 section 2.4.1).
    assert.deepEqual(keysOf('a=fmtp:110 0-15\r\n', ''), [48_000, 8_000]);
    assert.deepEqual(keysOf('a=fmtp:110 0-15', 'a=fmtp:110 events=0-16,66'), [48_000, 8_000]);
    for (const events of ['0-9', '16', '32-36', '1-15', 'x']) assert.deepEqual(keysOf('a=fmtp:110 0-15', `a=fmtp:110 ${events}`), [8_000], events);
    assert.deepEqual(keysOf('telephone-event/48000', 'telephone-event/16000'), [8_000]);
    assert.deepEqual(keysOf('opus/48000/2', 'pcmu/8000'), []);
  });

  it('takes a later description with the same certificate only', () => {
    const code = (sdp: string) => {
      const result = parseUpdate(sdp, 'offer', fingerprint);
      return result.ok ? null : result.error.code;
    };
    assert.equal(code(text), null);
    assert.equal(code(text.replace(FINGERPRINT_LINE, OTHER_LINE)), 'CL_SECURITY_RENEGOTIATION');
    assert.equal(code(text.replace(FINGERPRINT_LINE, `${FINGERPRINT_LINE}\r\n${OTHER_LINE}`)), 'CL_SECURITY_RENEGOTIATION');
    assert.equal(code(text.replace(`${FINGERPRINT_LINE}\r\n`, '')), 'CL_SECURITY_RENEGOTIATION');
    assert.equal(code('v=0\r\n'), 'CL_MEDIA_NEGOTIATION');
  });

  it('never throws: arbitrary text, and descriptions with any lines lost, doubled or spoilt', () => {
    const type = fc.constantFrom('offer' as const, 'answer' as const);
    // From bytes: the library's own strings of any code point cost half a second of tables.
    const anyText = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes).toString('utf8'));
    fc.assert(
      fc.property(anyText, fc.boolean(), type, (anything, begun, kind) => typeof parseDescription((begun ? 'v=0\r\n' : '') + anything, kind).ok === 'boolean')
    );
    const lines = text.split('\r\n');
    const spoil = fc.tuple(fc.nat(lines.length - 1), fc.nat(40), fc.string({ maxLength: 6 }), fc.constantFrom('lose', 'double', 'spoil'));
    fc.assert(
      fc.property(fc.array(spoil, { maxLength: 4 }), type, (changes, kind) => {
        const changed = [...lines];
        for (const [at, where, by, how] of changes) {
          const line = changed[at] ?? '';
          changed.splice(at, 1, ...(how === 'lose' ? [] : how === 'double' ? [line, line] : [line.slice(0, where) + by + line.slice(where + 1)]));
        }
        const result = parseDescription(changed.join('\r\n'), kind);
        if (result.ok) assert.equal(result.value.fingerprint.length, 32);
      }),
      { numRuns: 500 }
    );
  });
});

describe('candidate', () => {
  it('takes UDP candidates of unicast addresses and of a browser’s own names', () => {
    const of = (host: string, rest = '5000 typ host') => parseCandidate(`candidate:a 1 udp 1 ${host} ${rest}`)?.host ?? null;
    assert.equal(of('192.0.2.1'), '192.0.2.1');
    assert.equal(of('fd00::2'), 'fd00::2');
    assert.equal(of('127.0.0.1', '5000 typ host generation 0 ufrag abcd'), '127.0.0.1');
    assert.equal(of('9bb0c5a8-9d1c-4d1f-8a6e-0123456789ab.local'), '9bb0c5a8-9d1c-4d1f-8a6e-0123456789ab.local');
    for (const host of ['example.com', 'x.local', '0.0.0.0', '224.0.0.251', '255.255.255.255', '::', 'ff02::fb', '::ffff:127.0.0.1', 'fe80::1%eth0']) {
      assert.equal(of(host), null, host);
    }
    for (const rest of ['0 typ host', '65536 typ host', '5000 typ prflx', '5000']) assert.equal(of('192.0.2.1', rest), null, rest);
    assert.equal(parseCandidate('candidate:a 1 tcp 1 192.0.2.1 9 typ host tcptype active'), null);
    assert.equal(parseCandidate('candidate:a 2 udp 1 192.0.2.1 5000 typ host'), null);
  });
});
