// A loudspeaker that is a real one to the room (snd-aloop) rings where no display is open, and is let go when the ringing is over.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { type Guest, startGuest } from './guest.ts';
import { type LabRooms, LIMIT_MS, startRoomInGuest } from './room-in-guest.ts';
import { shareOfTone } from './shown-frames.ts';

/** Two ends of the loopback card: what is played into one is heard at the other. */
const LOUDSPEAKER = 'hw:Loopback,0,1';
const EAR = 'plughw:Loopback,1,1';
const STATUS = '/proc/asound/Loopback/pcm0p/sub1/status';
/** src/media/tones/tones.ts. */
const NOTES_HZ = [783.99, 659.26];

describe('lab: ringing by the loudspeaker', function () {
  this.timeout(LIMIT_MS * 2);
  const made: AsyncDisposable[] = [];
  let guest: Guest;
  let lab: LabRooms;

  before(async () => {
    guest = await startGuest({ modules: ['snd-aloop id=Loopback pcm_substreams=2'], limitMs: 900_000 });
    made.push(guest);
    lab = await startRoomInGuest(guest, { media: { camera: 'none', microphone: 'none', speaker: LOUDSPEAKER, screen: 'none', echoCancellation: 'off' } });
    made.push(lab);
  });
  after(async () => {
    for (const part of made.reverse()) await part[Symbol.asyncDispose]();
  });

  /** Until the kernel says so of the loudspeaker: what opens the other end first settles the form of both. */
  async function untilPlaying(playing: boolean): Promise<void> {
    for (const deadline = performance.now() + LIMIT_MS; ; await pause(500)) {
      const status = await guest.shell(`cat ${STATUS}`);
      if (/RUNNING/.test(status) === playing) return;
      assert.ok(performance.now() < deadline, `the loudspeaker is ${status.trim()}; see ${guest.keep()}`);
    }
  }

  async function heard(seconds: number): Promise<Float32Array> {
    const raw = await guest.shell(`timeout 100 arecord -q -D ${EAR} -t raw -f FLOAT_LE -r 48000 -c 1 -d ${seconds} | base64 -w 0`);
    const bytes = Buffer.from(raw, 'base64');
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~3)));
  }

  it('rings with its two notes while a call comes in', async () => {
    await lab.ring();
    assert.deepEqual((await lab.room.http.state()).sound, { playing: 'ringing', by: 'speaker' });
    await untilPlaying(true);
    const samples = await heard(6);
    const shares = NOTES_HZ.map((hertz) => shareOfTone(samples, hertz));
    assert.ok(
      shares.every((share) => share > 0.3),
      `the notes have ${shares.join(' and ')} of ${samples.length} samples; see ${guest.keep()}`
    );
  });

  it('is silent and has let the loudspeaker go when the call is declined', async () => {
    await lab.room.act('decline');
    assert.equal((await lab.room.http.state()).sound.playing, null);
    await untilPlaying(false);
    assert.equal((await guest.shell(`cat ${STATUS}`)).trim(), 'closed');
    assert.deepEqual((await lab.room.http.state()).health.problems, []);
  });
});
