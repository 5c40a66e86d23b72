// A real browser as the other side: what it sends is counted and sent back to it, so that it has to decode what went through both directions.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { type Log, type LogFields, silentLog } from '../../src/kernel/log.ts';
import { createKeySender } from '../../src/media/encode/key-sender.ts';
import { createIcePath, type Path } from '../../src/media/path/ice-path.ts';
import { createPeerConnection } from '../../src/media/peer/peer-connection.ts';
import type { MediaFailure } from '../../src/media/port.ts';
import type { DtlsRole } from '../../src/media/secure-transport/dtls/connection.ts';
import type { SecuredConnection, VideoCodec } from '../../src/media/streams.ts';
import { isMediaDatagram, pause, until } from '../fakes/dtls-attacker.ts';
import { CHROMIUM, CHROMIUM_SWITCHES, FAKE_DEVICES, PLAIN_CANDIDATES, PLAYS_UNTOUCHED } from '../harness/chromium.ts';

type Figures = {
  framesDecoded: number;
  packetsReceived: number;
  pliSent: number;
  pliReceived: number;
  /** What the browser thinks that it may send, in kbit/s. */
  mayKbps: number;
  soundSamples: number;
  concealedSamples: number;
  packetsResent: number;
  repairsReceived: number;
} & Record<'dtlsState' | 'dtlsRole' | 'dtlsCipher' | 'tlsVersion' | 'srtpCipher', string>;

/** In the page: a peer connection with the fake camera and microphone. */
const START = `
  globalThis.peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  // Sound that nobody plays is not decoded.
  peer.addEventListener('track', ({ track }) => {
    if (track.kind !== 'audio') return;
    globalThis.player = new Audio();
    player.srcObject = new MediaStream([track]);
    player.play();
  });
  globalThis.gathered = () => new Promise((resolve) => {
    const done = () => { if (peer.iceGatheringState === 'complete') resolve(peer.localDescription.sdp); };
    peer.addEventListener('icegatheringstatechange', done);
    done();
  });
  globalThis.capture = async () => {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240, frameRate: 15 } });
    for (const track of stream.getTracks()) peer.addTrack(track, stream);
  };
  globalThis.figures = async () => {
    const all = [...(await peer.getStats()).values()];
    const of = (type) => all.find((entry) => entry.type === type && (type !== 'candidate-pair' || entry.availableOutgoingBitrate !== undefined) && (entry.kind === undefined || entry.kind === 'video')) ?? {};
    const received = of('inbound-rtp');
    const sound = all.find((entry) => entry.type === 'inbound-rtp' && entry.kind === 'audio') ?? {};
    return {
      framesDecoded: received.framesDecoded ?? 0, packetsReceived: received.packetsReceived ?? 0, pliSent: received.pliCount ?? 0,
      pliReceived: of('outbound-rtp').pliCount ?? 0, mayKbps: (of('candidate-pair').availableOutgoingBitrate ?? 0) / 1000, soundSamples: sound.totalSamplesReceived ?? 0,
      concealedSamples: (sound.concealedSamples ?? 0) - (sound.silentConcealedSamples ?? 0), repairsReceived: received.retransmittedPacketsReceived ?? 0,
      packetsResent: of('outbound-rtp').retransmittedPacketsSent ?? 0,
      dtlsState: of('transport').dtlsState ?? '', dtlsRole: of('transport').dtlsRole ?? '', dtlsCipher: of('transport').dtlsCipher ?? '', tlsVersion: of('transport').tlsVersion ?? '', srtpCipher: of('transport').srtpCipher ?? ''
    };
  };
`;

/** In the page: the strongest frequency of each group of ITU-T Q.23, of what is played. */
const LISTEN = `
  globalThis.heardTones = async (ms) => {
    const context = new AudioContext({ sampleRate: 48000 });
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    context.createMediaStreamSource(player.srcObject).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    let best = { low: 0, high: 0, level: -200 };
    const strongest = (from, to) => {
      let at = Math.round(from / 48000 * 8192);
      for (let bin = at; bin * 48000 / 8192 < to; bin++) if (bins[bin] > bins[at]) at = bin;
      return at;
    };
    const began = performance.now();
    while (performance.now() - began < ms) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      analyser.getFloatFrequencyData(bins);
      const [low, high] = [strongest(650, 1000), strongest(1150, 1700)];
      const level = Math.min(bins[low], bins[high]);
      if (level > best.level) best = { low: low * 48000 / 8192, high: high * 48000 / 8192, level };
      // Heard: a little longer, for a moment at which the tone fills what is looked at.
      if (level > -70) ms = Math.min(ms, performance.now() - began + 400);
    }
    return best;
  };
`;

describe('peer connection with Chromium', function () {
  this.timeout(40_000);
  let folder: string;
  let server: Server;
  let browser: BrowserContext;
  let url: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-chromium-'));
    server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    url = `http://127.0.0.1:${address.port}/`;
    browser = await chromium.launchPersistentContext(folder, {
      executablePath: CHROMIUM,
      headless: true,
      args: [...CHROMIUM_SWITCHES, PLAYS_UNTOUCHED, ...FAKE_DEVICES, PLAIN_CANDIDATES]
    });
  });

  after(async () => {
    await browser.close();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });

  type Run = {
    readonly codec: VideoCodec;
    readonly offerer: 'room' | 'browser';
    readonly fips: boolean;
    /** What the room is in DTLS. */
    readonly role: DtlsRole;
  };

  async function run(page: Page, options: Run): Promise<void> {
    await page.goto(url);
    await page.evaluate(START);
    const { codec, fips, role } = options;
    const certificate = createCallCertificate(Date.now());
    const facts: LogFields[] = [];
    const log: Log = { ...silentLog, info: (_message, fields) => facts.push(fields ?? {}) };
    const room = createPeerConnection({ certificate, iceServers: [], fips, videoCodecs: [codec], clock: systemClock, log });
    let secured: SecuredConnection | null = null;
    let failure: MediaFailure | null = null;
    let keyframeRequests = 0;
    const received = { audio: 0, video: 0, screen: 0 };
    let echo = true;
    room.on('secured', (connection) => {
      secured = connection;
    });
    room.on('failed', (failed) => {
      failure = failed;
    });
    room.on('keyframeRequest', () => {
      keyframeRequests += 1;
    });
    room.on('rtp', (kind, packet) => {
      received[kind] += 1;
      if (echo) room.send(kind, packet);
    });
    const figures = () => page.evaluate('figures()') as Promise<Figures>;
    try {
      if (options.offerer === 'room') {
        const sdp = await room.createOffer();
        const answer = await page.evaluate(async (offer) => {
          const scope = globalThis as unknown as { peer: RTCPeerConnection; capture(): Promise<void>; gathered(): Promise<string> };
          await scope.peer.setRemoteDescription({ type: 'offer', sdp: offer });
          await scope.capture();
          await scope.peer.setLocalDescription();
          return scope.gathered();
        }, sdp);
        await room.acceptAnswer(answer);
      } else {
        const offer = (await page.evaluate('capture().then(() => peer.setLocalDescription()).then(gathered)')) as string;
        // A browser offers either role; the room takes the client's, unless only the server's is left (RFC 5763 section 5).
        const answer = await room.acceptOffer(role === 'client' ? offer : offer.replaceAll('a=setup:actpass', 'a=setup:active'));
        await page.evaluate((sdp) => (globalThis as unknown as { peer: RTCPeerConnection }).peer.setRemoteDescription({ type: 'answer', sdp }), answer);
      }
      await until(() => secured !== null || failure !== null, 'the secured connection', 15_000);
      assert.equal(failure, null);
      const proven = secured as SecuredConnection | null;
      assert.equal(proven?.negotiated.video?.codec, codec);
      // The browser's own certificate is the one that was proven.
      const own = (await page.evaluate('peer.localDescription.sdp.match(/a=fingerprint:sha-256 (.*)/)[1]')) as string;
      assert.equal(Buffer.from(proven?.remoteThumbprint ?? []).toString('hex'), own.trim().replaceAll(':', '').toLowerCase());
      await until(() => received.video > 20 && received.audio > 20, 'sound and picture from the browser', 10_000);

      let last = await figures();
      for (const startMs = performance.now(); last.framesDecoded < 10 && performance.now() - startMs < 10_000; ) last = await figures();
      assert.ok(last.framesDecoded >= 10, `the browser decoded ${last.framesDecoded} frames`);
      assert.equal(last.dtlsState, 'connected');
      assert.equal(last.dtlsRole, role === 'client' ? 'server' : 'client');
      assert.equal(last.tlsVersion, 'FEFD');
      const [agreed = {}] = facts.filter((fields) => 'srtpProfile' in fields);
      assert.deepEqual([agreed['role'], agreed['suite'], agreed['group']], [role, last.dtlsCipher, fips ? 'P-256' : 'X25519']);
      assert.equal(last.srtpCipher, `SRTP_${agreed['srtpProfile']}`);
      if (fips) assert.match(last.srtpCipher, /^SRTP_AEAD_AES_(128|256)_GCM$/);

      // Each side tells the other about arrivals: the browser begins at 300 kbit/s and learns that there is more, and so do we. How soon is the browser's own affair, and
      // its processor's.
      for (const startMs = performance.now(); last.mayKbps < 450 && performance.now() - startMs < 10_000; ) last = await figures();
      assert.ok(last.mayKbps >= 450, `the browser thinks that it may send ${last.mayKbps} kbit/s`);
      await until(() => (room.statistics().send.acknowledgedKbps ?? 0) > 20, 'the browser’s word about arrivals');

      const before = last.pliReceived;
      room.requestKeyframe('video');
      for (const startMs = performance.now(); last.pliReceived === before && performance.now() - startMs < 5_000; ) last = await figures();
      assert.ok(last.pliReceived > before, 'the browser got no keyframe request');

      // A picture that cannot be decoded makes the browser ask for a keyframe.
      echo = false;
      const asked = keyframeRequests;
      let timestamp = 0;
      const spoilt = setInterval(() => {
        timestamp += 3_000;
        room.send('video', { timestamp, marker: true, payload: codec === 'VP8' ? Buffer.from([0x10, 0x01, 0xff, 0xff]) : Buffer.from([0x61, 0xff, 0xff]) });
      }, 20);
      try {
        await until(() => keyframeRequests > asked, 'a keyframe request of the browser', 10_000);
      } finally {
        clearInterval(spoilt);
      }
      assert.equal(failure, null);
    } finally {
      await room.close();
    }
  }

  for (const offerer of ['room', 'browser'] as const) {
    const role = offerer === 'room' ? 'server' : 'client';
    for (const codec of ['VP8', 'H264'] as const) {
      it(`${codec} both ways when the ${offerer} offers, with the room as DTLS ${role}`, async () => {
        await run(await browser.newPage(), { codec, offerer, fips: false, role });
      });
    }
  }

  it('repairs lost pictures both ways as streams of their own, and fills lost sound from redundancy', async () => {
    const page = await browser.newPage();
    await page.goto(url);
    await page.evaluate(START);
    let lossy = false;
    const types = { sent: new Set<number>(), received: new Set<number>() };
    /** Every sixth packet of sound and picture is lost in each direction; repairs are not. */
    const loses = (datagram: Buffer, direction: keyof typeof types): boolean => {
      if (!isMediaDatagram(datagram) || ((datagram[1] ?? 0) >= 192 && (datagram[1] ?? 0) <= 223)) return false;
      const type = (datagram[1] ?? 0) & 0x7f;
      types[direction].add(type);
      return lossy && [96, 63, 111].includes(type) && datagram.readUInt16BE(2) % 6 === 0;
    };
    const room = createPeerConnection({
      certificate: createCallCertificate(Date.now()),
      iceServers: [],
      fips: false,
      videoCodecs: ['VP8'],
      clock: systemClock,
      log: silentLog,
      createPath(options) {
        const path = createIcePath(options);
        const on: Path['on'] = (event, listener) =>
          path.on(event, (...values) => (event === 'datagram' && loses(values[0] as Buffer, 'received') ? undefined : listener(...values)));
        return { ...path, on, send: (datagram) => void (loses(datagram, 'sent') || path.send(datagram)) };
      }
    });
    room.on('rtp', (kind, packet) => room.send(kind, packet));
    const figures = () => page.evaluate('figures()') as Promise<Figures>;
    const over = async (ms: number) => {
      const [before] = [await figures(), await pause(ms)];
      const after = await figures();
      return (after.concealedSamples - before.concealedSamples) / (after.soundSamples - before.soundSamples);
    };
    try {
      const offer = (await page.evaluate('capture().then(() => peer.setLocalDescription()).then(gathered)')) as string;
      const answer = await room.acceptOffer(offer);
      await page.evaluate((sdp) => (globalThis as unknown as { peer: RTCPeerConnection }).peer.setRemoteDescription({ type: 'answer', sdp }), answer);
      await until(() => room.statistics().audio.packetsReceived > 50, 'sound', 15_000);
      await pause(1_000);
      lossy = true;
      const bare = await over(3_000);
      room.setRedundancy(1);
      await pause(500);
      const redundant = await over(3_000);
      console.log(`        sound made up by the browser: ${(100 * bare).toFixed(1)} % without redundancy, ${(100 * redundant).toFixed(1)} % with it`);
      // On a busy machine the browser makes up sound for reasons of its own, too.
      assert.ok(redundant < bare * 0.75, `${redundant} with redundancy, ${bare} without`);
      const last = await figures();
      assert.ok(last.repairsReceived > 5, `the browser took ${last.repairsReceived} repairs`);
      assert.ok(last.packetsResent > 5, `the browser sent ${last.packetsResent} repairs`);
      assert.ok(room.statistics().video.packetsRecovered > 5);
      assert.ok([63, 96, 97, 111].every((type) => types.sent.has(type)) && [96, 97, 111].every((type) => types.received.has(type)));
    } finally {
      await room.close();
    }
  });

  for (const offerer of ['room', 'browser'] as const) {
    for (const rate of [48_000, 8_000]) {
      it(`keys both ways by telephone events of ${rate} Hz when the ${offerer} offers`, async () => {
        const page = await browser.newPage();
        await page.goto(url);
        await page.evaluate(START);
        /** A browser has both clocks; the better one is taken away to see the other. */
        const withRate = (sdp: string): string => (rate === 48_000 ? sdp : sdp.replaceAll('telephone-event/48000', 'telephone-event/16000'));
        const room = createPeerConnection({
          certificate: createCallCertificate(Date.now()),
          iceServers: [],
          fips: false,
          videoCodecs: ['VP8'],
          clock: systemClock,
          log: silentLog
        });
        const pressed: string[] = [];
        let agreed: number | null = null;
        let sounds = 0;
        room.on('secured', ({ negotiated }) => {
          agreed = negotiated.keys?.rate ?? null;
        });
        room.on('key', (key) => pressed.push(key));
        room.on('rtp', (kind) => {
          if (kind === 'audio') sounds += 1;
        });
        try {
          if (offerer === 'room') {
            const sdp = await room.createOffer();
            const answer = await page.evaluate(async (offer) => {
              const scope = globalThis as unknown as { peer: RTCPeerConnection; capture(): Promise<void>; gathered(): Promise<string> };
              await scope.peer.setRemoteDescription({ type: 'offer', sdp: offer });
              await scope.capture();
              await scope.peer.setLocalDescription();
              return scope.gathered();
            }, withRate(sdp));
            await room.acceptAnswer(answer);
          } else {
            const offer = (await page.evaluate('capture().then(() => peer.setLocalDescription()).then(gathered)')) as string;
            const answer = await room.acceptOffer(withRate(offer));
            await page.evaluate((sdp) => (globalThis as unknown as { peer: RTCPeerConnection }).peer.setRemoteDescription({ type: 'answer', sdp }), answer);
          }
          await until(() => sounds > 20, 'sound from the browser', 15_000);
          assert.equal(agreed, rate);
          await page.evaluate(`peer.getSenders().find(({ track }) => track.kind === 'audio').dtmf.insertDTMF('0123456789*#ABCD', 100, 70)`);
          await until(() => pressed.length >= 16, 'the browser’s keys', 15_000);
          assert.equal(pressed.join(''), '0123456789*#ABCD');
          const before = sounds;
          await until(() => sounds > before + 20, 'sound after the keys', 10_000);

          // What the browser makes of ours: it plays the tones itself, and asks for nothing.
          await page.evaluate(LISTEN);
          const ssrcs = (): Promise<number> =>
            page.evaluate('peer.getStats().then((all) => [...all.values()].filter(({ type, kind }) => type === "inbound-rtp" && kind === "audio").length)');
          const startMs = performance.now();
          const keys = createKeySender({
            clock: systemClock,
            rate: () => agreed,
            timestamp: () => Math.round((performance.now() - startMs) * 48),
            send: (packet) => room.send('audio', packet),
            interrupt: () => {},
            onKey: () => {}
          });
          // A receiver's buffer begins with sound: silence in Opus, as a microphone gives it.
          const silence = Buffer.from([0xf8, 0xff, 0xfe]);
          for (let n = 0; n < 25; n += 1) {
            room.send('audio', { timestamp: Math.round((performance.now() - startMs) * 48), marker: n === 0, payload: silence });
            await pause(20);
          }
          keys.press('777777777777');
          // The page's ears may open late.
          const again = setInterval(() => keys.press('777777777777'), 2_100);
          const heard = (await page.evaluate('heardTones(15000)')) as { low: number; high: number };
          clearInterval(again);
          keys.stop();
          assert.equal(await ssrcs(), 1);
          assert.ok(Math.abs(heard.low - 852) < 15 && Math.abs(heard.high - 1209) < 15, JSON.stringify(heard));
        } finally {
          await room.close();
        }
      });
    }
  }

  for (const [offerer, role] of [
    ['room', 'client'],
    ['browser', 'client'],
    ['browser', 'server']
  ] as const) {
    it(`with approved algorithms only when the ${offerer} offers, with the room as DTLS ${role}`, async () => {
      await run(await browser.newPage(), { codec: 'VP8', offerer, fips: true, role });
    });
  }
});
