import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../src/kernel/clock.ts';
import type { RoomState } from '../../src/room/state.ts';
import { type Detour, startDetour } from '../harness/detour.ts';
import { type FeedListener, listenToFeed } from '../harness/feed-listener.ts';
import { freezesOf } from '../harness/freezes.ts';
import { bothWays } from '../harness/impaired-network.ts';
import { IMPAIRMENTS, NO_IMPAIRMENT } from '../harness/impairments.ts';
import { bothEnded, startTwoRooms, type TwoRooms } from '../harness/two-rooms.ts';

const WINDOW_MS = 3_000;
const SOUND_PACKET_MS = 20;

type States = readonly RoomState[];

/** What never came, not even as a repair. */
const missingSoundMs = (first: States, last: States, at: number): number =>
  ((last[at]?.call?.media.audio.lost ?? 0) - (first[at]?.call?.media.audio.lost ?? 0)) * SOUND_PACKET_MS;

describe('a call through a bad network', function () {
  this.timeout(90_000);
  let detour: Detour;
  let pair: TwoRooms;

  before(async () => {
    detour = await startDetour({ seed: 1, clock: systemClock, from: bothWays(NO_IMPAIRMENT) });
    pair = await startTwoRooms(detour.rooms);
  });
  after(async () => {
    await pair?.[Symbol.asyncDispose]();
    await detour?.[Symbol.asyncDispose]();
  });

  for (const { name, each } of IMPAIRMENTS) {
    it(`is set up, carries picture and sound both ways and lives: ${name}`, async () => {
      detour.change(bothWays(each));
      const before = detour.figures();
      const beganMs = performance.now();
      const id = await pair.placeCall();
      const setUpMs = performance.now() - beganMs;
      const listeners: FeedListener[] = [];
      try {
        for (const room of pair.rooms) listeners.push(await listenToFeed(room));
        // A display that has just come asks for a keyframe, which has to get through, too.
        await pair.waitFor('pictures at both displays', () => listeners.every(({ picturesAtMs }) => picturesAtMs.length > 0));
        for (const listener of listeners) listener.reset();
        const first = await pair.states();
        const fromMs = performance.now();
        await pause(WINDOW_MS);
        const untilMs = performance.now();
        const last = await pair.states();
        const minutes = (untilMs - fromMs) / 60_000;
        const lines = listeners.map(({ picturesAtMs, bytes }, index) => {
          const { count, totalMs } = freezesOf([fromMs, ...picturesAtMs], untilMs);
          const video = last[index]?.call?.media.video;
          return (
            `      ${index === 0 ? 'caller' : 'called'}: frozen ${(totalMs / 1000 / minutes).toFixed(1)} s a minute (${(count / minutes).toFixed(0)} times), ` +
            `${(missingSoundMs(first, last, index) / minutes).toFixed(0)} ms of sound missing a minute, ${((bytes * 8) / (untilMs - fromMs)).toFixed(0)} kbit/s, ` +
            `${video?.width}x${video?.height}, ${(picturesAtMs.length / minutes / 60).toFixed(1)} pictures/s`
          );
        });
        console.log(`      set up in ${setUpMs.toFixed(0)} ms\n${lines.join('\n')}`);
        // It may stand for a while, but it goes on.
        const goesOn = ({ picturesAtMs, soundPackets }: FeedListener): boolean => picturesAtMs.length > 0 && soundPackets > 0;
        const lasting = await pair.waitFor('picture and sound go on both ways', () => listeners.every(goesOn));
        for (const { call } of lasting) {
          assert.equal(call?.id, id);
          assert.equal(call?.phase, 'connected');
        }
        // The network was there, and did what was asked of it.
        const after = detour.figures();
        assert.ok(after.offerer.sent > before.offerer.sent && after.answerer.sent > before.answerer.sent);
        if (each.lossRate > 0 || each.bursts !== undefined) assert.ok(after.offerer.lost > before.offerer.lost, 'something was lost');
      } finally {
        for (const listener of listeners) listener[Symbol.dispose]();
        detour.change(bothWays(NO_IMPAIRMENT));
        await pair.rooms[0].act('end').catch(() => {});
        await pair.waitFor('the call is over', bothEnded);
      }
    });
  }
});
