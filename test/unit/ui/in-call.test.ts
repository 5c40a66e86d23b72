// What the call's screens choose by themselves: how the network is said to be, how a camera is moved, and which spoken group is heard.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { NO_FLOW } from '../../../src/room/project.ts';
import type { MediaView } from '../../../src/room/state.ts';
import { createCameraMotion } from '../../../src/ui/panel/camera-motion.ts';
import { QUALITIES, qualityOf } from '../../../src/ui/panel/network-quality.ts';
import { back, nothingOpened, open, screenOf } from '../../../src/ui/panel/screen-choice.ts';
import { groupStarts } from '../../../src/ui/panel/spoken-groups.ts';
import type { CameraCommand } from '../../../src/ui-server/port.ts';
import { states } from '../../browser/fixtures/states.ts';
import { createFakeClock } from '../../fakes/clock.ts';

type Measured = Parameters<typeof qualityOf>[0];

const measured = (roundTripMs: number | null, bandwidth: MediaView['bandwidth'], limited: 'bandwidth' | null = null): Measured => ({
  roundTripMs,
  bandwidth,
  video: { ...NO_FLOW, limited },
  screen: NO_FLOW
});
const carried = (targetKbps: number, lossPercent: number) => ({ targetKbps, acknowledgedKbps: null, lossPercent });

describe('ui/panel/network-quality', () => {
  it('goes by the worst of its signs', () => {
    const cases: readonly (readonly [Measured, ReturnType<typeof qualityOf>])[] = [
      [measured(null, null), null],
      [measured(40, null), 'excellent'],
      [measured(40, carried(2500, 0.4)), 'excellent'],
      [measured(200, carried(2500, 0)), 'good'],
      [measured(40, carried(2500, 2)), 'good'],
      [measured(500, carried(2500, 0)), 'fair'],
      [measured(40, carried(2500, 7)), 'fair'],
      [measured(700, carried(2500, 0)), 'poor'],
      [measured(40, carried(2500, 12)), 'poor'],
      // Little is carried by a network of which little is asked: that alone says nothing.
      [measured(40, carried(64, 0)), 'excellent'],
      [measured(40, carried(900, 0), 'bandwidth'), 'fair'],
      [measured(40, carried(120, 0), 'bandwidth'), 'poor'],
      [measured(40, null, 'bandwidth'), 'fair']
    ];
    for (const [media, expected] of cases) assert.equal(qualityOf(media), expected, JSON.stringify(media));
  });

  it('is never said to be better where more is lost or later', () => {
    const figure = fc.double({ min: 0, max: 1000, noNaN: true });
    fc.assert(
      fc.property(figure, figure, figure, figure, (roundTrip, loss, later, lost) => {
        const step = (media: Measured): number => QUALITIES.indexOf(qualityOf(media) ?? 'poor');
        assert.ok(step(measured(roundTrip + later, carried(1000, loss + lost))) <= step(measured(roundTrip, carried(1000, loss))));
      })
    );
  });
});

describe('ui/panel/camera-motion', () => {
  const LEFT = { pan: -0.5, tilt: 0, zoom: 0 };
  const UP = { pan: 0, tilt: 0.5, zoom: 0 };

  function camera() {
    const clock = createFakeClock();
    const told: CameraCommand[] = [];
    const answers: ((moved: boolean) => void)[] = [];
    const motion = createCameraMotion({
      clock,
      send: (command) => {
        told.push(command);
        return new Promise((resolve) => answers.push(resolve));
      }
    });
    const settled = async (): Promise<void> => {
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    };
    return {
      clock,
      motion,
      types: () => told.map(({ type }) => type),
      told,
      settled,
      answer: async (moved = true): Promise<void> => {
        answers.shift()?.(moved);
        await settled();
      }
    };
  }

  it('says the move again for as long as the finger holds, and stops after it', async () => {
    const { clock, motion, types, answer, settled } = camera();
    motion.start(LEFT);
    await answer();
    await clock.advance(400);
    await settled();
    assert.deepEqual(types(), ['move', 'move']);
    await answer();
    motion.stop();
    await settled();
    assert.deepEqual(types(), ['move', 'move', 'stop']);
    await answer();
    await clock.advance(10_000);
    await settled();
    assert.deepEqual(types(), ['move', 'move', 'stop']);
  });

  it('stops only after the move that is under way was taken, so that it is not overtaken', async () => {
    const { motion, types, answer, settled } = camera();
    motion.start(LEFT);
    motion.stop();
    await settled();
    assert.deepEqual(types(), ['move']);
    await answer();
    assert.deepEqual(types(), ['move', 'stop']);
  });

  it('goes another way at once', async () => {
    const { motion, told, answer, settled } = camera();
    motion.start(LEFT);
    await answer();
    motion.start(UP);
    await settled();
    assert.deepEqual(told.at(-1), { type: 'move', ...UP, focus: 0, forMs: 800 });
  });

  it('stops where the camera refuses', async () => {
    const { clock, motion, types, answer, settled } = camera();
    motion.start(LEFT);
    await answer(false);
    await answer();
    await clock.advance(10_000);
    await settled();
    assert.deepEqual(types(), ['move', 'stop']);
  });
});

describe('ui/panel/spoken-groups', () => {
  const RATE = 1000;
  /** Seconds of sound and of silence, one after the other. */
  function sound(...parts: readonly number[]): Float32Array {
    const samples = parts.flatMap((seconds, index) => Array.from({ length: seconds * RATE }, (_sample, at) => (index % 2 === 0 ? Math.sin(at + 1) : 0)));
    return Float32Array.from(samples);
  }

  it('finds where each group begins, whatever pauses there are within one', () => {
    const starts = groupStarts(sound(0.2, 0.3, 0.2, 1.5, 0.4, 1.5, 0.2, 0.3, 0.2, 1.5, 0.4), RATE);
    assert.deepEqual(
      starts?.map((at) => Math.round(at * 10) / 10),
      [0, 2.2, 4.1, 6.3]
    );
  });

  it('marks nothing where there are not four', () => {
    assert.equal(groupStarts(sound(0.2, 1.5, 0.2, 1.5, 0.2), RATE), null);
    assert.equal(groupStarts(sound(0.2, 1.5, 0.2, 1.5, 0.2, 1.5, 0.2, 1.5, 0.2), RATE), null);
    assert.equal(groupStarts(new Float32Array(100), RATE), null);
    assert.equal(groupStarts(new Float32Array(0), RATE), null);
  });
});

describe('ui/panel/screen-choice of a call', () => {
  const seen = (state: Parameters<typeof screenOf>[0]['state']) => ({ state, online: true });
  const call = states.standard.call;
  assert.ok(call);
  const parked = { ...states.idle, otherCalls: [{ ...call, phase: 'on-hold' as const, parkCode: '4718' }] };

  it('shows the code of a parked call until somebody puts it aside, and never over what somebody opened', () => {
    assert.equal(screenOf(seen(parked), nothingOpened), 'parked');
    assert.equal(screenOf(seen(parked), { ...nothingOpened, dismissedCall: call.id }), 'home');
    assert.equal(screenOf(seen(parked), { ...nothingOpened, page: 'settings' }), 'settings');
    assert.equal(screenOf(seen({ ...parked, call }), nothingOpened), 'in-call');
    assert.equal(screenOf(seen({ ...parked, otherCalls: [{ ...call, phase: 'ended', parkCode: '4718' }] }), nothingOpened), 'home');
  });

  it('opens the camera over a call and outside of one', () => {
    const over = open(nothingOpened, 'camera', call.id);
    assert.equal(screenOf(seen(states.standard), over), 'camera');
    assert.equal(screenOf(seen(states.standard), back(over)), 'in-call');
    const outside = open(nothingOpened, 'camera', null);
    assert.equal(screenOf(seen(states.idle), outside), 'camera');
    assert.equal(screenOf(seen(states.incoming), outside), 'incoming');
    assert.equal(screenOf(seen(states.idle), back(outside)), 'settings');
    assert.equal(screenOf(seen(states.idle), open(nothingOpened, 'share', null)), 'home');
  });
});
