// A call in one direction with real encoders and connections over a network with a rate that changes: what adaptation does to sound and picture.
import assert from 'node:assert/strict';
import { systemClock } from '../../src/kernel/clock.ts';
import { createAdaptation } from '../../src/media/adaptation.ts';
import { createAudioEncoder } from '../../src/media/encode/audio-encoder.ts';
import { createAudioSender } from '../../src/media/encode/audio-sender.ts';
import { createVideoEncoder } from '../../src/media/encode/video-encoder.ts';
import { createVideoSender, type SenderOptions } from '../../src/media/encode/video-sender.ts';
import { createFrameAssembler } from '../../src/media/rtp/frame-assembler.ts';
import { openAudioSource, openVideoSource } from '../../src/media/source/open-source.ts';
import { quietFfmpeg } from '../../src/media/source/quiet-ffmpeg.ts';
import type { MediaKind } from '../../src/media/streams.ts';
import { pause, roomParty, until } from '../fakes/dtls-attacker.ts';
import { createImpairedRelay, type Impairment } from '../harness/impaired-network.ts';

const PROFILE = { width: 1280, height: 720, fps: 30, maxKbps: 2_500 };
const pathOf = (rateKbps: number): Impairment => ({ lossRate: 0, delayMs: 20, rateKbps, queueBytes: Math.round((rateKbps * 500) / 8) });

describe('adaptation over a network with a rate', function () {
  this.timeout(90_000);

  it('keeps sound whole at 300 kbit/s with a small picture, gives the picture more at 2 Mbit/s, and comes back from there', async () => {
    quietFfmpeg();
    const both = (impairment: Impairment) => ({ offerer: impairment, answerer: pathOf(5_000) });
    await using relay = await createImpairedRelay({ seed: 7, clock: systemClock, from: both(pathOf(300)) });
    await using sending = roomParty({ sends: false });
    await using receiving = roomParty({ sends: false });
    const assembler = createFrameAssembler('VP8', 200);
    const seen = { frames: 0, height: 0 };
    receiving.peer.on('rtp', (kind, packet) => {
      if (kind !== 'video') return;
      const { frames, needKeyframe } = assembler.push(packet, performance.now());
      if (needKeyframe) receiving.peer.requestKeyframe('video');
      for (const frame of frames) {
        seen.frames += 1;
        seen.height = frame.config?.height ?? seen.height;
      }
    });
    const answer = await receiving.answer(relay.rewrite('offerer', await sending.offer()));
    await sending.accept(relay.rewrite('answerer', answer));
    for (const outcome of await Promise.all([sending.outcome, receiving.outcome])) assert.ok('secured' in outcome, JSON.stringify(outcome));

    const optionsFor = (kind: MediaKind): SenderOptions => ({
      clock: systemClock,
      send: (packet) => sending.peer.send(kind, packet),
      onSenderClock: (each, clock) => sending.peer.setSenderClock(each, clock),
      onProblem: (problem) => assert.equal(problem, null)
    });
    const audio = createAudioSender({
      ...optionsFor('audio'),
      on: true,
      createEncoder: createAudioEncoder,
      openSource: () => openAudioSource('test', systemClock)
    });
    const video = createVideoSender({
      ...optionsFor('video'),
      profile: PROFILE,
      createEncoder: () => createVideoEncoder({ codec: 'VP8', profile: PROFILE, clock: systemClock }),
      openSource: () => openVideoSource('test', PROFILE, 'Boardroom', systemClock)
    });
    sending.peer.on('keyframeRequest', () => video.requestKeyframe());
    await using adaptation = createAdaptation({
      clock: systemClock,
      peer: sending.peer,
      audio,
      picture: (kind) => (kind === 'video' ? { profile: PROFILE, setTarget: video.setTarget } : null)
    });
    const measure = async (text: string, ms: number) => {
      const [before, framesBefore, startMs] = [receiving.peer.statistics(), seen.frames, performance.now()];
      await pause(ms);
      const [after, passedMs] = [receiving.peer.statistics(), performance.now() - startMs];
      const figures = {
        sound: after.audio.packetsReceived + after.audio.packetsRecovered - before.audio.packetsReceived - before.audio.packetsRecovered,
        soundLost: after.audio.lost - before.audio.lost,
        videoKbps: ((after.video.bytesReceived - before.video.bytesReceived) * 8) / passedMs,
        fps: ((seen.frames - framesBefore) * 1_000) / passedMs,
        height: seen.height,
        targetKbps: sending.peer.statistics().send.targetKbps
      };
      console.log(
        `        ${text}: sound ${figures.sound} packets and ${figures.soundLost} lost, picture ${figures.videoKbps.toFixed(0)} kbit/s, ${figures.height} lines, ${figures.fps.toFixed(0)} fps, target ${figures.targetKbps.toFixed(0)}`
      );
      return figures;
    };
    try {
      const started = Promise.all([audio.start(), video.start()]);
      adaptation.start(); // before the first frame, as in a call: an encoder that was used is not opened again within a second
      await started;
      await until(() => seen.frames > 0, 'the first picture', 15_000);
      await measure('300 kbit/s, settling', 6_000);
      // How long it takes to look for the room that there is depends on the machine's unrest, too.
      await until(() => seen.height <= 360, 'a small picture', 25_000);
      const narrow = await measure('300 kbit/s', 5_000);
      assert.ok(narrow.sound > 100 && narrow.soundLost <= 0.02 * narrow.sound, JSON.stringify(narrow));
      assert.ok(narrow.height <= 360 && narrow.fps > 1 && narrow.videoKbps < 300, JSON.stringify(narrow));
      assert.ok(adaptation.limited('video'));
      relay.change(both(pathOf(2_000)));
      await measure('2 Mbit/s, settling', 8_000);
      await until(() => seen.height > narrow.height, 'a larger picture', 25_000);
      const wide = await measure('2 Mbit/s', 5_000);
      assert.ok(wide.soundLost <= 0.02 * wide.sound && wide.height > narrow.height && wide.targetKbps > 1.5 * narrow.targetKbps, JSON.stringify(wide));
      relay.change(both(pathOf(300)));
      await measure('300 kbit/s again, settling', 6_000);
      const again = await measure('300 kbit/s again', 5_000);
      assert.ok(again.soundLost <= 0.03 * again.sound && again.height <= 360 && again.videoKbps < 300, JSON.stringify(again));
    } finally {
      await Promise.all([audio.stop(), video.stop()]);
    }
  });
});
