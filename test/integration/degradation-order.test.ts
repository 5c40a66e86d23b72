import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../src/kernel/clock.ts';
import type { RoomState } from '../../src/room/state.ts';
import { startDetour } from '../harness/detour.ts';
import { bothWays, type Impairment } from '../harness/impaired-network.ts';
import { startTwoRooms, type TwoRooms } from '../harness/two-rooms.ts';

const WATCHED_MS = 4_000;
const SETTLING_LIMIT_MS = 60_000;
/** Of 50 in a second; a state may be a second old. */
const LEAST_SOUND_PACKETS = 100;
/** Half a second of queue, as a router has it. */
const atRate = (rateKbps: number): Impairment => ({ lossRate: 0, delayMs: 20, rateKbps, queueBytes: rateKbps * 62 });

/**
 * Prints what each room heard of the other while it was watched, and what never came. Both are of one state of one room: the rooms tell theirs once a second.
 * @returns the smallest share
 */
async function soundShare(pair: TwoRooms, text: string): Promise<number> {
  const look = async () =>
    (await pair.states()).map(({ call }) => {
      assert.equal(call?.phase, 'connected');
      const { packetsReceived, packetsRecovered, lost } = call.media.audio;
      return { came: packetsReceived + packetsRecovered, lost };
    });
  const before = await look();
  await pause(WATCHED_MS);
  const after = await look();
  const shares = after.map((now, index) => {
    const came = now.came - (before[index]?.came ?? 0);
    const lost = now.lost - (before[index]?.lost ?? 0);
    console.log(`      ${text}, room ${index}: ${came} packets of sound came, ${lost} never`);
    return came >= LEAST_SOUND_PACKETS ? came / (came + lost) : 0;
  });
  return Math.min(...shares);
}

describe('the order in which a call gets worse', function () {
  this.timeout(300_000);

  it('gives up the picture before the sound, and takes it back when the network is well', async () => {
    await using detour = await startDetour({ seed: 1, clock: systemClock, from: bothWays({ lossRate: 0, delayMs: 20 }) });
    await using pair = await startTwoRooms({ ...detour.rooms, config: () => ({ media: { video: { width: 1280, height: 720, fps: 15, maxKbps: 2500 } } }) });
    await pair.placeCall();
    const whole = (states: readonly RoomState[]): boolean =>
      states.every(({ call }) => call?.media.video.receiving === true && call.media.video.height === 720);
    await pair.waitFor('the whole picture', whole, SETTLING_LIMIT_MS);

    detour.change(bothWays(atRate(200)));
    await pair.waitFor('a smaller picture, and both rooms say why', (states) =>
      states.every(({ call }) => call !== null && call.media.video.limited === 'bandwidth' && (!call.media.video.receiving || call.media.video.height < 720))
    );
    // Whatever overflowed while the rate was being found is behind.
    await pause(WATCHED_MS);
    const share = await soundShare(pair, '200 kbit/s');
    assert.ok(share >= 0.9, `${share} of the sound arrived while the picture took its share`);

    detour.change(bothWays({ lossRate: 0, delayMs: 20 }));
    await pair.waitFor('the whole picture again', whole, SETTLING_LIMIT_MS);
  });

  it('gives up the camera before the shared screen, whose text keeps its size, and sound last', async () => {
    await using detour = await startDetour({ seed: 1, clock: systemClock, from: bothWays({ lossRate: 0, delayMs: 20 }) });
    const media = {
      video: { width: 1280, height: 720, fps: 15, maxKbps: 2500 },
      screen: 'test',
      screenVideo: { width: 1280, height: 720, fps: 15, maxKbps: 2000 }
    };
    await using pair = await startTwoRooms({ ...detour.rooms, config: () => ({ media }) });
    await pair.placeCall();
    await pair.rooms[0].act('share');
    /** What the other room sees of the room that shares; nothing where it is off. */
    const seen = ([, { call }]: readonly [RoomState, RoomState]) => ({
      screen: call?.media.screen.receiving === true ? call.media.screen.height : 0,
      camera: call?.media.video.receiving === true ? call.media.video.height : 0
    });
    await pair.waitFor('both pictures whole', (states) => seen(states).screen === 720 && seen(states).camera === 720, SETTLING_LIMIT_MS);

    detour.change(bothWays(atRate(500)));
    await pair.waitFor(
      'a smaller camera, or none',
      (states) => seen(states).camera < 720 && states[0].call?.media.video.limited === 'bandwidth',
      SETTLING_LIMIT_MS
    );
    await pause(WATCHED_MS);
    const share = await soundShare(pair, '500 kbit/s with a shared screen');
    const narrow = await pair.waitFor('the screen stays, in its size', (states) => seen(states).screen === 720 && seen(states).camera < 720);
    console.log(`      500 kbit/s: screen of ${seen(narrow).screen} lines, camera of ${seen(narrow).camera}`);
    assert.ok(share >= 0.9, `${share} of the sound arrived while the pictures took their share`);

    detour.change(bothWays({ lossRate: 0, delayMs: 20 }));
    await pair.waitFor('both pictures are whole again', (states) => seen(states).screen === 720 && seen(states).camera === 720, SETTLING_LIMIT_MS);
  });
});
