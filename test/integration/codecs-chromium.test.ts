// Chromium as the judge of the codecs: the display's decoder (WebCodecs) on what our senders make, and VP9 both ways over a real connection.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { type Browser, chromium, type Page } from 'playwright-core';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createVideoEncoder } from '../../src/media/encode/video-encoder.ts';
import { createVideoSender, type VideoSender } from '../../src/media/encode/video-sender.ts';
import { createPeerConnection } from '../../src/media/peer/peer-connection.ts';
import { type AssembledFrame, createFrameAssembler } from '../../src/media/rtp/frame-assembler.ts';
import { openVideoSource } from '../../src/media/source/open-source.ts';
import { quietFfmpeg } from '../../src/media/source/quiet-ffmpeg.ts';
import { type RtpPayload, VIDEO_CODECS, type VideoCodec } from '../../src/media/streams.ts';
import { until } from '../fakes/dtls-attacker.ts';
import { CHROMIUM, CHROMIUM_SWITCHES, FAKE_DEVICES, PLAIN_CANDIDATES } from '../harness/chromium.ts';
import { decodePictures } from '../harness/decode.ts';

const PROFILE = { width: 640, height: 360, fps: 30, maxKbps: 800 };

/** In the page: decodes frames as the display does, and tells the sizes of the pictures. */
const DECODE = `globalThis.decode = async (frames) => {
  const sizes = [];
  let failure = null;
  const decoder = new VideoDecoder({
    output: (picture) => { sizes.push(picture.displayWidth + 'x' + picture.displayHeight); picture.close(); },
    error: (error) => { failure = String(error); }
  });
  for (const [index, { data, keyframe, config }] of frames.entries()) {
    if (config !== null) {
      const full = { codec: config.codec, codedWidth: config.width, codedHeight: config.height, optimizeForLatency: true };
      if (!(await VideoDecoder.isConfigSupported(full)).supported) return { sizes, failure: 'unsupported: ' + config.codec };
      if (index > 0) await decoder.flush();
      decoder.configure(full);
    }
    decoder.decode(new EncodedVideoChunk({ type: keyframe ? 'key' : 'delta', timestamp: index * 33333, data: Uint8Array.from(atob(data), (c) => c.charCodeAt(0)) }));
  }
  await decoder.flush().catch((error) => { failure ??= String(error); });
  return { sizes, failure };
};`;

/** In the page: a peer connection that sends its fake camera and receives; VP9 is all that the other side has. */
const CALL = `globalThis.call = async (offer) => {
  globalThis.peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  await peer.setRemoteDescription({ type: 'offer', sdp: offer });
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240, frameRate: 15 } });
  for (const track of stream.getTracks()) peer.addTrack(track, stream);
  await peer.setLocalDescription();
  await new Promise((resolve) => {
    const done = () => { if (peer.iceGatheringState === 'complete') resolve(); };
    peer.addEventListener('icegatheringstatechange', done);
    done();
  });
  return peer.localDescription.sdp;
};
globalThis.received = async () => {
  const all = [...(await peer.getStats()).values()];
  const video = all.find((entry) => entry.type === 'inbound-rtp' && entry.kind === 'video') ?? {};
  return { framesDecoded: video.framesDecoded ?? 0, frameWidth: video.frameWidth ?? 0, codec: all.find((entry) => entry.id === video.codecId)?.mimeType ?? '' };
};`;

describe('codecs in Chromium', function () {
  this.timeout(60_000);
  let server: Server;
  let browser: Browser;
  let url: string;

  before(async () => {
    quietFfmpeg();
    server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    url = `http://127.0.0.1:${address.port}/`;
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      headless: true,
      args: [...CHROMIUM_SWITCHES, ...FAKE_DEVICES, PLAIN_CANDIDATES]
    });
  });

  after(async () => {
    await browser.close();
    await new Promise((resolve) => server.close(resolve));
  });

  const open = async (script: string): Promise<Page> => {
    const page = await browser.newPage();
    await page.goto(url);
    await page.evaluate(script);
    return page;
  };

  const startSender = (codec: VideoCodec, send: (packet: RtpPayload) => void): VideoSender =>
    createVideoSender({
      clock: systemClock,
      profile: PROFILE,
      openSource: () => openVideoSource('test', PROFILE, 'Boardroom', systemClock),
      createEncoder: () => createVideoEncoder({ codec, profile: PROFILE, clock: systemClock }),
      send,
      onSenderClock: () => {},
      onProblem: (problem) => assert.equal(problem, null)
    });

  for (const codec of VIDEO_CODECS) {
    it(`${codec}: the display’s decoder takes what is sent under the name that it is told, over a change of size`, async () => {
      const assembler = createFrameAssembler(codec);
      const frames: AssembledFrame[] = [];
      let sequenceNumber = 0;
      const sender = startSender(codec, (packet) => {
        const nowMs = systemClock.monotonicMs();
        frames.push(...assembler.push({ ...packet, sequenceNumber: sequenceNumber++, arrivedAtMs: nowMs }, nowMs).frames);
      });
      await sender.start();
      await until(() => frames.length >= 40, 'the first pictures', 10_000);
      sender.setTarget({ width: 320, height: 180, fps: 30, kbps: 200 });
      await until(() => sender.statistics().width === 320 && frames.length >= 60, 'smaller pictures', 10_000);
      await sender.stop();
      const page = await open(DECODE);
      const sent = frames.map(({ data, keyframe, config }) => ({ data: Buffer.from(data).toString('base64'), keyframe, config }));
      const { sizes, failure } = await page.evaluate(
        (given) => (globalThis as unknown as { decode(frames: typeof given): Promise<{ sizes: string[]; failure: string | null }> }).decode(given),
        sent
      );
      assert.deepEqual([failure, sizes.length, [...new Set(sizes)]], [null, frames.length, ['640x360', '320x180']]);
      await page.close();
    });
  }

  it('VP9: Chromium shows what we send, and we can decode what Chromium sends', async () => {
    const page = await open(CALL);
    const room = createPeerConnection({
      certificate: createCallCertificate(Date.now()),
      iceServers: [],
      fips: false,
      videoCodecs: ['VP9'],
      clock: systemClock,
      log: silentLog
    });
    const assembler = createFrameAssembler('VP9');
    const frames: AssembledFrame[] = [];
    room.on('rtp', (kind, packet) => {
      if (kind !== 'video') return;
      const { frames: made, needKeyframe } = assembler.push(packet, systemClock.monotonicMs());
      frames.push(...made);
      if (needKeyframe) room.requestKeyframe('video');
    });
    const sender = startSender('VP9', (packet) => room.send('video', packet));
    room.on('keyframeRequest', () => sender.requestKeyframe());
    room.on('secured', ({ negotiated }) => {
      assert.equal(negotiated.video?.codec, 'VP9');
      void sender.start();
    });
    try {
      const offer = await room.createOffer();
      const answer = await page.evaluate((sdp) => (globalThis as unknown as { call(offer: string): Promise<string> }).call(sdp), offer);
      await room.acceptAnswer(answer);
      await until(() => frames.length >= 20, 'pictures of the browser', 15_000);
      let shown = { framesDecoded: 0, frameWidth: 0, codec: '' };
      for (const startMs = performance.now(); shown.framesDecoded < 20 && performance.now() - startMs < 15_000; ) {
        shown = (await page.evaluate('received()')) as typeof shown;
      }
      assert.ok(shown.framesDecoded >= 20, `the browser decoded ${shown.framesDecoded} frames`);
      assert.deepEqual([shown.frameWidth, shown.codec], [640, 'video/VP9']);
      assert.match(frames[0]?.config?.codec ?? '', /^vp09\.00\.\d\d\.08$/);
      const whole = [...frames];
      assert.equal((await decodePictures('VP9', whole)).length, whole.length);
    } finally {
      await sender.stop();
      await room.close();
      await page.close();
    }
  });
});
