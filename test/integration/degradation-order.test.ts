import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../src/kernel/clock.ts';
import type { RoomState } from '../../src/room/state.ts';
import { startDetour } from '../harness/detour.ts';
import { bothWays, type Impairment } from '../harness/impaired-network.ts';
import { startTwoRooms } from '../harness/two-rooms.ts';

const WATCHED_MS = 4_000;
const SETTLING_LIMIT_MS = 40_000;
/** Half a second of queue, as a router has it. */
const atRate = (rateKbps: number): Impairment => ({ lossRate: 0, delayMs: 20, rateKbps, queueBytes: rateKbps * 62 });

describe('the order in which a call gets worse', function () {
  this.timeout(180_000);

  it('gives up the picture before the sound, and takes it back when the network is well', async () => {
    await using detour = await startDetour({ seed: 1, clock: systemClock, from: bothWays({ lossRate: 0, delayMs: 20 }) });
    await using pair = await startTwoRooms({ ...detour.rooms, config: () => ({ media: { video: { width: 1280, height: 720, fps: 15, maxKbps: 2500 } } }) });
    await pair.placeCall();
    /** Nothing where it is off. */
    const heightOf = ({ call }: RoomState): number => (call?.media.video.receiving === true ? call.media.video.height : 0);
    await pair.waitFor('the whole picture', (states) => states.every(({ call }) => call?.media.video.height === 720), SETTLING_LIMIT_MS);

    detour.change(bothWays(atRate(200)));
    await pair.waitFor('a smaller picture, and both rooms say why', (states) =>
      states.every(({ call }) => call !== null && call.media.video.limited === 'bandwidth' && (!call.media.video.receiving || call.media.video.height < 720))
    );
    // Whatever overflowed while the rate was being found is behind.
    await pause(WATCHED_MS);
    const before = await pair.states();
    await pause(WATCHED_MS);
    const after = await pair.states();
    for (const [index, state] of after.entries()) {
      const { call } = state;
      const sent = (call?.media.audio.framesSent ?? 0) - (before[index]?.call?.media.audio.framesSent ?? 0);
      const received = (after[1 - index]?.call?.media.audio.framesReceived ?? 0) - (before[1 - index]?.call?.media.audio.framesReceived ?? 0);
      console.log(`      200 kbit/s, room ${index}: ${received} of ${sent} packets of sound arrived, picture of ${heightOf(state)} lines`);
      assert.ok(sent > 0 && received >= 0.9 * sent, `${received} of ${sent} packets of sound arrived while the picture took its share`);
      assert.equal(call?.phase, 'connected');
    }

    const small = (await pair.states()).map(heightOf);
    detour.change(bothWays({ lossRate: 0, delayMs: 20 }));
    await pair.waitFor('larger pictures again', (states) => states.every((state, index) => heightOf(state) > (small[index] ?? 0)));
  });
});
