// A camera that is pulled out and put back in a call, as the other side sees it: the real encoder, payloads, frame assembly and FFmpeg's decoder.
import assert from 'node:assert/strict';
import { systemClock } from '../../src/kernel/clock.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createDeviceOrder } from '../../src/media/device-order.ts';
import { createVideoEncoder } from '../../src/media/encode/video-encoder.ts';
import { createVideoSender } from '../../src/media/encode/video-sender.ts';
import type { MediaDevice, MediaDevices } from '../../src/media/port.ts';
import { createFrameAssembler } from '../../src/media/rtp/frame-assembler.ts';
import { quietFfmpeg } from '../../src/media/source/quiet-ffmpeg.ts';
import { openRoomCamera } from '../../src/media/source/room-camera.ts';
import type { VideoSink } from '../../src/media/source/source.ts';
import { createTestVideoSource } from '../../src/media/source/test-source.ts';
import type { ReceivedRtp } from '../../src/media/streams.ts';
import { decodePictures, type Image } from '../harness/decode.ts';
import { bothEnded, startTwoRooms } from '../harness/two-rooms.ts';

const PROFILE = { width: 320, height: 180, fps: 15, maxKbps: 600 };
const LIMIT_MS = 20_000;
const order = (...names: string[]): MediaDevices => {
  const camera = names.map((name): MediaDevice => ({ path: name, name, cancelsEcho: false }));
  return { camera, content: [], microphone: [], speaker: [] };
};

/** Of the test picture the background is darker; letters are in the middle of either. */
function kindOf({ width, luma }: Image): 'camera' | 'away' | 'black' | 'other' {
  const corner = luma[5 * width + 5] ?? 0;
  if (corner < 30) return 'black';
  if (Math.abs(corner - 52) <= 4) return 'camera';
  return Math.abs(corner - 60) <= 3 ? 'away' : 'other';
}

describe('a camera that goes away in a call', function () {
  this.timeout(3 * LIMIT_MS);
  before(quietFfmpeg);

  for (const codec of ['H264', 'VP8'] as const) {
    it(`${codec}: the other side sees a picture that says so and then the camera again, each beginning with a keyframe, and nothing black`, async () => {
      const devices = createDeviceOrder(order('front'), silentLog);
      const packets: ReceivedRtp[] = [];
      const problems: (string | null)[] = [];
      let plugged = true;
      const sink: { current: VideoSink | null } = { current: null };
      const sender = createVideoSender({
        clock: systemClock,
        profile: PROFILE,
        openSource: () =>
          openRoomCamera({
            choice: 'auto',
            devices,
            profile: PROFILE,
            roomName: 'Boardroom',
            clock: systemClock,
            onChange: () => sender.requestKeyframe(),
            onProblem: (failure) => problems.push(failure?.code ?? null),
            async open(_, profile, clock) {
              if (!plugged) throw new CloisterError('CL_MEDIA_SOURCE', 'no such device');
              const source = createTestVideoSource(profile, 'Boardroom', clock);
              return {
                ...source,
                start(wanted) {
                  sink.current = wanted;
                  source.start(wanted);
                }
              };
            }
          }),
        createEncoder: () => createVideoEncoder({ codec, profile: PROFILE, clock: systemClock }),
        send: (packet) => packets.push({ ...packet, sequenceNumber: packets.length & 0xffff, arrivedAtMs: 0 }),
        onSenderClock: () => {},
        onProblem: () => assert.fail('the sender has no problem of its own')
      });
      /** Waits for so many pictures more. */
      const sent = async (more: number): Promise<void> => {
        const wanted = sender.statistics().framesSent + more;
        const endMs = performance.now() + LIMIT_MS;
        while (sender.statistics().framesSent < wanted) {
          assert.ok(performance.now() < endMs, `${wanted} pictures`);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      };
      await sender.start();
      await sent(8);
      plugged = false;
      sink.current?.lost(new CloisterError('CL_MEDIA_SOURCE', 'pulled out'));
      await sent(4);
      assert.deepEqual([sender.statistics().source, sender.statistics().sending], [{ kind: 'away', name: 'front' }, true]);
      plugged = true;
      devices.set(order());
      devices.set(order('front'));
      await sent(8);
      assert.deepEqual(sender.statistics().source, { kind: 'device', name: 'front' });
      await sender.stop();
      assert.deepEqual(problems, ['CL_MEDIA_CAMERA_AWAY', null]);

      const assembler = createFrameAssembler(codec, 60);
      const frames = packets.flatMap((packet, index) => assembler.push(packet, index).frames);
      const images = await decodePictures(codec, frames);
      assert.equal(images.length, frames.length);
      const kinds = images.map(kindOf);
      const changes = kinds.flatMap((kind, index) => (kind === kinds[index - 1] ? [] : [{ kind, keyframe: frames[index]?.keyframe }]));
      assert.deepEqual(changes, [
        { kind: 'camera', keyframe: true },
        { kind: 'away', keyframe: true },
        { kind: 'camera', keyframe: true }
      ]);
      assert.equal(frames.filter(({ keyframe }) => keyframe).length, 3);
    });
  }
});

describe('a room without its camera and its microphone', function () {
  this.timeout(180_000);

  it('calls: the other side sees a picture and hears nothing, the panel shows what is so, and mute and camera off are as always', async () => {
    await using pair = await startTwoRooms({ config: (index) => (index === 0 ? { media: { camera: '/dev/video97', microphone: 'hw:97,0' } } : {}) });
    await pair.placeCall();
    const [here] = await pair.waitFor('the picture arrives', ([, state]) => (state.call?.media.video.framesReceived ?? 0) > 5);
    assert.deepEqual(
      [here.devices.camera, here.devices.microphone],
      [
        { kind: 'away', name: '/dev/video97' },
        { kind: 'away', name: 'hw:97,0' }
      ]
    );
    assert.equal(here.call?.media.audio.sending, false);
    assert.ok((here.call?.media.audio.packetsReceived ?? 0) > 0, 'the other way nothing is missing');
    // On a busy machine another problem may be told before it for a moment.
    await pair.waitFor('it is told', ([state]) => state.call?.media.problem?.code === 'CL_MEDIA_CAMERA_AWAY');
    const [room] = pair.rooms;
    await room.act('camera-off');
    await pair.waitFor('no picture', ([state]) => state.call?.media.video.sending === false);
    await pair.waitFor('the camera is no problem any more', ([state]) => state.call?.media.problem?.code === 'CL_MEDIA_MICROPHONE_AWAY');
    await room.act('unmute');
    await room.act('camera-on');
    await pair.waitFor('the picture again', ([state]) => state.call?.media.video.sending === true);
    await pair.waitFor('still nothing is heard', ([state]) => state.call?.media.audio.sending === false && state.call?.media.wanted.microphone === true);
    await room.act('end');
    await pair.waitFor('it is over', bothEnded);
  });
});
