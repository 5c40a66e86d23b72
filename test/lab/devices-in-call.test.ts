// A camera, an HDMI input, a microphone and a loudspeaker that are real ones to the room (vivid, snd-aloop), while a call goes on: lost, told, and used again.
// The tests go through one call, in this order.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { CallView, DeviceKind, DeviceView } from '../../src/room/state.ts';
import { type Guest, startGuest } from './guest.ts';
import { type LabRooms, LIMIT_MS, startRoomInGuest } from './room-in-guest.ts';
import { shareOfBrightness, shareOfTone, shownBy } from './shown-frames.ts';

/** Of 16 to 235: what the picture that says "camera is away" is filled with (src/media/source/away-picture.ts). */
const AWAY_BRIGHTNESS = 60;
/** What is played into the room's microphone; far from the notes that the caller's test tone has. */
const PLAYED_HZ = 1000;
const TEST_TONE_HZ = [440, 554];
/** Two devices of the loopback card, each with two ends: what is played into one is heard at the other. */
const VIVID = '/sys/bus/platform/drivers/vivid';
const MOUTH = 'plughw:Loopback,0,0';
const MICROPHONE = 'hw:Loopback,1,0';
const LOUDSPEAKER = 'hw:Loopback,0,1';
const EAR = 'plughw:Loopback,1,1';

describe('lab: devices in a call', function () {
  this.timeout(LIMIT_MS * 2);
  const made: AsyncDisposable[] = [];
  let guest: Guest;
  let lab: LabRooms;
  let begun: CallView;

  before(async () => {
    guest = await startGuest({
      // Inputs 0 and 3 of vivid (Documentation/admin-guide/media/vivid.rst) are a webcam and HDMI.
      modules: ['vivid n_devs=2 node_types=0x1,0x1 num_inputs=1,1 input_types=0x0,0x3', 'snd-aloop id=Loopback pcm_substreams=2'],
      limitMs: 1_080_000
    });
    made.push(guest);
    // For ever, but for the guest's end; and before the room opens the other end, which then has the same form.
    await guest.start(['speaker-test', '-D', MOUTH, '-c', '1', '-r', '48000', '-t', 'sine', '-f', String(PLAYED_HZ), '-l', '0']);
    lab = await startRoomInGuest(guest, {
      media: {
        camera: 'auto',
        microphone: MICROPHONE,
        speaker: LOUDSPEAKER,
        screen: 'auto',
        screenVideo: { width: 320, height: 180, fps: 2, maxKbps: 200 },
        // A tone that stands still is noise to it.
        echoCancellation: 'off'
      }
    });
    made.push(lab);
  });
  after(async () => {
    for (const part of made.reverse()) await part[Symbol.asyncDispose]();
  });

  const listed = async (kind: DeviceKind): Promise<readonly DeviceView[]> =>
    (await lab.room.http.state()).devices.media.filter((device) => device.kind === kind && device.present);
  const hdmiNode = async (): Promise<string> =>
    (await guest.shell(`for node in /dev/video*; do v4l2-ctl -d $node --list-inputs | grep -q HDMI && echo $node; done | head -n 1`)).trim();
  /** Looks at what the caller's display is given until it is, or is not, the picture that says "camera is away": how much of it is that grey. */
  async function untilShown(isThat: (share: number) => boolean): Promise<void> {
    for (const deadline = performance.now() + LIMIT_MS; ; await pause(1_000)) {
      const share = shareOfBrightness((await shownBy(lab.caller, { pictures: 3, packets: 0 })).picture, AWAY_BRIGHTNESS);
      guest.note(`${share} of the picture has the brightness of the one that says "camera is away"`);
      if (isThat(share)) return;
      assert.ok(performance.now() < deadline, `${share} of the picture has the brightness of the one that says "camera is away"; see ${guest.keep()}`);
    }
  }
  /** Same call, same keys, and the picture goes on over there. */
  async function goesOn(): Promise<void> {
    const { call } = await lab.room.http.state();
    assert.deepEqual([call?.id, call?.phase, call?.mediaEpoch], [begun.id, 'connected', begun.mediaEpoch]);
    const before = (await lab.caller.call())?.media.video.framesReceived ?? 0;
    await lab.pair.waitFor('pictures go on', ([caller]) => (caller.call?.media.video.framesReceived ?? 0) > before + 2, LIMIT_MS);
  }

  it('lists a camera, a content input, microphones and loudspeakers', async () => {
    await lab.waitFor('all are listed', ({ devices }) => new Set(devices.media.map(({ kind }) => kind)).size === 4);
    assert.equal((await listed('camera')).length, 1);
    assert.equal((await listed('content')).length, 1);
    assert.notEqual((await listed('camera'))[0]?.id, (await listed('content'))[0]?.id);
  });

  it('sends what the camera gives', async () => {
    await lab.connect();
    await lab.waitFor('the camera is open', ({ devices }) => devices.camera.kind === 'device');
    begun = await lab.waitForCall('the picture is sent', ({ media }) => media.video.sending);
    await untilShown((share) => share < 0.3);
  });

  it('is heard there through the microphone', async () => {
    const { sound } = await shownBy(lab.caller, { pictures: 1, packets: 15 });
    assert.ok(shareOfTone(sound, PLAYED_HZ) > 0.3, `the tone has ${shareOfTone(sound, PLAYED_HZ)} of the sound`);
  });

  it('plays the other side where no display is open', async () => {
    const raw = await guest.shell(`timeout 100 arecord -q -D ${EAR} -t raw -f FLOAT_LE -r 48000 -c 1 -d 4 | base64 -w 0`);
    const bytes = Buffer.from(raw, 'base64');
    const samples = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~3)));
    const shares = TEST_TONE_HZ.map((hertz) => shareOfTone(samples, hertz));
    assert.ok(Math.max(...shares) > 0.3, `the notes have ${shares.join(' and ')} of ${samples.length} samples`);
  });

  it('goes on without the camera, says so, and shows a picture that says so there', async () => {
    // Not by vivid's own disconnect: that ends with the last one who has it open, who is the room.
    await guest.shell(`echo vivid.0 >${VIVID}/unbind`);
    await lab.waitFor('the camera is away', ({ devices }) => devices.camera.kind === 'away');
    await lab.waitForCall('the panel has the reason', ({ media }) => media.problem?.code === 'CL_MEDIA_CAMERA_AWAY');
    await goesOn();
    await untilShown((share) => share > 0.6);
  });

  it('uses the camera again when it is back', async () => {
    await guest.shell(`echo vivid.0 >${VIVID}/bind`);
    await lab.waitFor('the camera is back', ({ devices }) => devices.camera.kind === 'device');
    await lab.waitForCall('nothing is wrong any more', ({ media }) => media.problem?.code !== 'CL_MEDIA_CAMERA_AWAY');
    await goesOn();
    await untilShown((share) => share < 0.3);
  });

  it('tells that HDMI has no signal while it is shared, and that it has one again', async () => {
    const hdmi = await hdmiNode();
    const problem = (code: string | null): Promise<unknown> =>
      lab.waitFor(`the content input has ${code ?? 'no problem'}`, ({ devices }) =>
        devices.media.some((device) => device.kind === 'content' && (device.problem?.code ?? null) === code)
      );
    await lab.room.act('share');
    await lab.waitForCall('it is shared', ({ media }) => media.screen.sending);
    await problem(null);
    await guest.shell(`v4l2-ctl -d ${hdmi} -c dv_timings_signal_mode=1`);
    await problem('CL_DEVICE_NO_SIGNAL');
    await guest.shell(`v4l2-ctl -d ${hdmi} -c dv_timings_signal_mode=0`);
    await problem(null);
    await goesOn();
    await lab.hangUp();
  });
});
