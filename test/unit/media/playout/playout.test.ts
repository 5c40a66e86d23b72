import assert from 'node:assert/strict';
import { CloisterError } from '../../../../src/kernel/errors.ts';
import { silentLog } from '../../../../src/kernel/log.ts';
import { createDeviceOrder, type DeviceOrder } from '../../../../src/media/device-order.ts';
import { createPlayout, type Playout, type PlayoutOptions } from '../../../../src/media/playout/playout.ts';
import type { Speaker } from '../../../../src/media/playout/speaker.ts';
import type { MediaDevices } from '../../../../src/media/port.ts';
import { createFakeClock } from '../../../fakes/clock.ts';

const BLOCK_MS = 20;
const BLOCK_SAMPLES = 960;
const CEILING = { name: 'Ceiling', path: 'hw:1,0', cancelsEcho: false };
const TABLE = { name: 'Table', path: 'hw:2,0', cancelsEcho: false };
const speakers = (...speaker: MediaDevices['speaker']): MediaDevices => ({ camera: [], content: [], microphone: [], speaker });

type World = ReturnType<typeof emptyWorld> & {
  readonly playout: Playout;
  readonly devices: DeviceOrder;
  /** One packet now, whose samples are all `value`. */
  push(value?: number): void;
  /** Packets in their time. */
  play(ms: number, value?: number): Promise<void>;
};

const emptyWorld = () => ({
  clock: createFakeClock(),
  displays: 0,
  hears: false,
  /** Of the device's clock beside ours. */
  speed: 1,
  opened: [] as string[],
  open: new Set<string>(),
  gone: new Set<string>(),
  /** What the loudspeakers were given, as one. */
  heard: [] as Int16Array[],
  reference: 0,
  concealed: 0,
  decoders: 0,
  problems: [] as (string | null)[],
  packets: 0,
  lose: (_path: string): void => {},
  queuedMs: (): number => 0
});

const lastOf = ({ heard }: World): number | undefined => heard.at(-1)?.at(-1);
const hasHoles = (heard: readonly Int16Array[]): boolean => heard.some((block) => block.includes(0));

function createWorld(choice = 'auto', given: MediaDevices | null = speakers(CEILING), overrides: Partial<PlayoutOptions> = {}): World {
  const devices = createDeviceOrder(given, silentLog);
  const world = emptyWorld();
  const { clock } = world;
  const openSpeaker = async (path: string): Promise<Speaker> => {
    if (world.gone.has(path) || world.open.has(path)) throw new CloisterError('CL_MEDIA_SPEAKER', 'no such device');
    world.opened.push(path);
    world.open.add(path);
    const { promise: lost, reject } = Promise.withResolvers<never>();
    lost.catch(() => {});
    world.lose = (which: string) => {
      world.gone.add(which);
      reject(new CloisterError('CL_MEDIA_SPEAKER', 'pulled out'));
    };
    let emptyAtMs = clock.monotonicMs();
    world.queuedMs = () => Math.max(0, emptyAtMs - clock.monotonicMs()) * world.speed;
    return {
      path,
      lost,
      write(samples) {
        assert(world.open.has(path), 'a closed loudspeaker is given sound');
        world.heard.push(samples);
        emptyAtMs = Math.max(emptyAtMs, clock.monotonicMs()) + samples.length / 48 / world.speed;
      },
      queuedMs: world.queuedMs,
      close: async () => void world.open.delete(path)
    };
  };
  const playout = createPlayout({
    clock,
    choice,
    devices,
    displays: () => world.displays,
    openSpeaker,
    openDecoder() {
      world.decoders++;
      return {
        decode: ([value = 0]) => new Float32Array(BLOCK_SAMPLES).fill(value / 200),
        conceal() {
          world.concealed++;
          return new Float32Array(BLOCK_SAMPLES).fill(0.25);
        },
        close() {
          world.decoders--;
        }
      };
    },
    wantsReference: () => world.hears,
    onPlayed: (samples) => {
      world.reference += samples.length;
    },
    onProblem: (failure) => world.problems.push(failure?.code ?? null),
    ...overrides
  });
  playout.start();
  const push = (value = 0.5): void => {
    playout.push({ timestampUs: world.packets++ * BLOCK_MS * 1_000, data: Uint8Array.of(Math.round(value * 200)) });
  };
  return Object.assign(world, {
    devices,
    playout,
    push,
    async play(ms: number, value?: number) {
      for (let passed = 0; passed < ms; passed += BLOCK_MS) {
        push(value);
        await clock.advanceAsync(BLOCK_MS);
      }
    }
  });
}

describe('play-out', () => {
  it('plays by the first loudspeaker of the order where no display came within a second', async () => {
    const world = createWorld('auto', speakers(TABLE, CEILING));
    await world.clock.advanceAsync(900);
    assert.deepEqual(world.opened, []);
    await world.clock.advanceAsync(200);
    assert.deepEqual(world.opened, [TABLE.path]);
    await world.play(2_000);
    assert.equal(lastOf(world), Math.round(0.5 * 32_767));
    // What the device was given at first, so that it does not run dry, is silence.
    assert.equal(world.reference, (world.heard.length - 3) * BLOCK_SAMPLES);
    assert.deepEqual(world.playout.level(), { rmsDbfs: -6, peakDbfs: -6, clipping: false, silent: false });
    assert.deepEqual(world.problems, []);
    await world.playout[Symbol.asyncDispose]();
    assert.deepEqual([world.open.size, world.decoders, world.clock.pending], [0, 0, 0]);
  });

  it('leaves a room alone that has neither, and says nothing of it', async () => {
    for (const given of [null, speakers()]) {
      const world = createWorld('auto', given);
      await world.play(3_000);
      assert.deepEqual([world.opened, world.problems, world.playout.level()], [[], [], null]);
    }
  });

  it('never plays beside a display: one that connects has the sound at once, and it comes back a second after it left', async () => {
    const world = createWorld();
    await world.play(2_000);
    assert.equal(world.open.size, 1);
    world.displays = 1;
    await world.clock.advanceAsync(BLOCK_MS);
    const before = world.heard.length;
    await world.play(3_000);
    assert.deepEqual([world.open.size, world.heard.length, world.decoders], [0, before, 0]);
    world.displays = 0;
    await world.play(900);
    assert.equal(world.open.size, 0);
    await world.play(300);
    assert.equal(world.open.size, 1);
    assert.equal(world.playout.forDisplay(), true);
    assert.deepEqual(world.problems, []);
  });

  it('lets go of the loudspeaker on hold, also where the display goes to another call, and has it back after', async () => {
    const world = createWorld();
    await world.play(2_000);
    assert.equal(world.open.size, 1);
    await world.playout.setHeld(true);
    assert.deepEqual([world.open.size, world.decoders], [0, 0]);
    world.displays = 1;
    await world.play(500);
    world.displays = 0;
    await world.play(3_000);
    assert.deepEqual([world.opened.length, world.open.size, world.playout.player(), world.problems], [1, 0, null, []]);
    await world.playout.setHeld(false);
    await world.play(900);
    assert.equal(world.open.size, 0, 'a display may come back first');
    await world.play(2_000);
    assert.deepEqual([world.open.size, lastOf(world)], [1, Math.round(0.5 * 32_767)]);
  });

  it('decodes what a display plays where somebody has to know it, in its time, and not else', async () => {
    const world = createWorld();
    world.displays = 1;
    await world.play(2_000);
    assert.deepEqual([world.decoders, world.reference], [0, 0]);
    world.hears = true;
    await world.play(2_000);
    assert.equal(world.decoders, 1);
    assert.ok(Math.abs(world.reference / 48 - 2_000) <= 2 * BLOCK_MS, `${world.reference / 48} ms`);
    assert.deepEqual(world.opened, []);
  });

  it('keeps to what the configuration says', async () => {
    for (const [choice, opened, forDisplay] of [
      ['none', [], false],
      ['display', [], true],
      ['Table', [TABLE.path], false],
      ['hw:7,3', ['hw:7,3'], false]
    ] as const) {
      const world = createWorld(choice, speakers(CEILING, TABLE));
      world.displays = choice === 'display' ? 0 : 1;
      await world.play(2_000);
      assert.deepEqual([world.opened, world.playout.forDisplay()], [opened, forDisplay], choice);
    }
  });

  it('tells that a loudspeaker is lost, and takes it again when it is back', async () => {
    const world = createWorld();
    await world.play(2_000);
    world.lose(CEILING.path);
    await world.clock.advanceAsync(BLOCK_MS);
    world.devices.set(speakers());
    await world.play(3_000);
    assert.deepEqual([world.problems, world.open.size], [['CL_MEDIA_SPEAKER'], 0]);
    world.gone.clear();
    world.devices.set(speakers(CEILING));
    await world.play(500);
    assert.deepEqual([world.problems, world.open.size], [['CL_MEDIA_SPEAKER', null], 1]);
    assert.equal(lastOf(world), Math.round(0.5 * 32_767));
  });

  it('goes on with the next one of the order, and to a better one that comes', async () => {
    const world = createWorld('auto', speakers(CEILING, TABLE));
    await world.play(2_000);
    world.lose(CEILING.path);
    await world.play(200);
    assert.deepEqual([...world.open], [TABLE.path]);
    world.gone.clear();
    world.devices.set(speakers({ ...CEILING, path: 'hw:4,0' }, TABLE));
    await world.play(200);
    assert.deepEqual([...world.open], ['hw:4,0']);
    assert.equal(world.problems.at(-1) ?? null, null);
  });

  it('says a loudspeaker cannot be opened, and that a display took over', async () => {
    const world = createWorld();
    world.gone.add(CEILING.path);
    await world.play(5_000);
    assert.deepEqual(world.problems, ['CL_MEDIA_SPEAKER']);
    world.displays = 1;
    await world.play(100);
    assert.deepEqual(world.problems, ['CL_MEDIA_SPEAKER', null]);
  });

  it('conceals a lost packet or three, and takes a longer gap for a silence', async () => {
    const world = createWorld();
    await world.play(2_000);
    const before = world.heard.length;
    for (const missing of [1, 3]) {
      const { concealed } = world;
      await world.clock.advanceAsync(missing * BLOCK_MS);
      world.packets += missing;
      await world.play(400);
      assert.equal(world.concealed - concealed, missing);
    }
    assert.equal(hasHoles(world.heard.slice(before, before + 15)), false, 'one lost packet is heard as a hole');
    const { concealed } = world;
    await world.clock.advanceAsync(400);
    world.packets += 20;
    await world.play(400);
    assert.equal(world.concealed, concealed);
  });

  it('decodes no more than a room can hear, whatever comes, and goes on', async () => {
    let decoded = 0;
    const openDecoder = () => ({
      decode: () => {
        decoded++;
        return new Float32Array(6 * BLOCK_SAMPLES).fill(0.5);
      },
      conceal: () => null,
      close: () => {}
    });
    const world = createWorld('auto', speakers(CEILING), { openDecoder });
    await world.clock.advanceAsync(1_200);
    for (let second = 0; second < 5; second++) {
      for (let packet = 0; packet < 5_000; packet++) world.push();
      await world.clock.advanceAsync(1_000);
    }
    assert(decoded > 20 && decoded <= 100, `${decoded} packets of 120 ms in five seconds`);
    const before = decoded;
    await world.play(200);
    assert.equal(decoded - before, 10);
  });

  it('turns the sound down without a click, to nothing at 0', async () => {
    const world = createWorld();
    await world.play(2_000);
    const before = world.heard.length;
    world.playout.setVolume(50);
    await world.play(200);
    assert.equal(lastOf(world), Math.round(0.125 * 32_767));
    const samples = world.heard.slice(before).flatMap((block) => [...block]);
    const steps = samples.slice(1).map((sample, index) => Math.abs(sample - (samples[index] ?? 0)));
    assert(Math.max(...steps) < 20, `a step of ${Math.max(...steps)}`);
    world.playout.setVolume(0);
    await world.play(200);
    assert.equal(lastOf(world), 0);
  });

  // In a minute what a difference of 100 ppm makes in ten.
  for (const speed of [1.001, 0.999]) {
    it(`keeps step with a device whose clock is ${speed} times the sender’s`, async () => {
      const world = createWorld();
      world.speed = speed;
      await world.play(3_000);
      for (let second = 0; second < 60; second++) {
        world.heard = [];
        for (let passed = 0; passed < 1_000; passed += BLOCK_MS) {
          world.push();
          world.clock.advance(BLOCK_MS);
          assert(world.queuedMs() <= 80, `the device held ${world.queuedMs()} ms`);
        }
        await world.clock.advanceAsync(0);
        assert.equal(hasHoles(world.heard), false, `a hole in second ${second}`);
      }
    });
  }

  it('is never more than 300 ms behind, however late packets come', async () => {
    const world = createWorld();
    await world.play(2_000);
    // Pauses of up to half a second, then all at once; each sound has its own number, so that it is known again.
    let seed = 7;
    for (let second = 0; second < 30; second++) {
      seed = (seed * 16_807) % 2_147_483_647;
      const pause = BLOCK_MS * (seed % 25);
      await world.clock.advanceAsync(pause);
      for (let held = 0; held < pause / BLOCK_MS; held++) world.push(0.5);
      await world.play(1_000);
    }
    world.push(1);
    world.heard = [];
    const sentMs = world.clock.monotonicMs();
    while (!world.heard.some((block) => block.includes(32_767))) {
      assert(world.clock.monotonicMs() - sentMs < 300, 'it is still to be heard');
      world.push(0.5);
      await world.clock.advanceAsync(BLOCK_MS);
    }
    const waitedMs = world.clock.monotonicMs() - sentMs + world.queuedMs();
    assert(waitedMs <= 300, `${waitedMs} ms`);
  });

  describe('of two calls', () => {
    /** Packets of either in their time; null: it is silent. */
    async function playBoth(world: World, ms: number, own: number | null, other: number | null): Promise<void> {
      for (let passed = 0; passed < ms; passed += BLOCK_MS) {
        const timestampUs = world.packets++ * BLOCK_MS * 1_000;
        const packetOf = (value: number) => ({ timestampUs, data: Uint8Array.of(Math.round(value * 200)) });
        if (own !== null) world.playout.push(packetOf(own));
        // Another far side has another clock.
        if (other !== null) world.playout.push({ ...packetOf(other), timestampUs: timestampUs + 3_600_000_000 }, 'borrower');
        await world.clock.advanceAsync(BLOCK_MS);
      }
    }

    it('plays their sum, and each alone while the other is silent', async () => {
      const world = createWorld();
      world.playout.setBorrowed(true);
      await playBoth(world, 2_000, 0.25, 0.5);
      assert.equal(lastOf(world), Math.round(0.75 * 32_767));
      assert.equal(world.reference, (world.heard.length - 3) * BLOCK_SAMPLES, 'the canceller knows what is heard');
      await playBoth(world, 1_000, null, 0.5);
      assert.equal(lastOf(world), Math.round(0.5 * 32_767));
      await playBoth(world, 1_000, 0.25, null);
      assert.equal(lastOf(world), Math.round(0.25 * 32_767));
      await playBoth(world, 1_000, 0.75, 0.75);
      assert.equal(lastOf(world), 32_767, 'what is too loud is limited, and does not turn over');
      world.playout.setBorrowed(false);
      await playBoth(world, 1_000, 0.25, 0.5);
      assert.deepEqual([lastOf(world), world.decoders], [Math.round(0.25 * 32_767), 1]);
      await world.playout[Symbol.asyncDispose]();
      assert.deepEqual([world.decoders, world.clock.pending], [0, 0]);
    });

    it('decodes both for the canceller where a display plays them, also one that began to borrow meanwhile', async () => {
      const world = createWorld();
      [world.displays, world.hears] = [1, true];
      await playBoth(world, 1_000, 0.25, 0.5);
      assert.equal(world.decoders, 1);
      world.playout.setBorrowed(true);
      await playBoth(world, 1_000, 0.25, 0.5);
      assert.deepEqual([world.decoders, world.opened], [2, []]);
      assert.ok(Math.abs(world.reference / 48 - 2_000) <= 2 * BLOCK_MS);
      await world.playout[Symbol.asyncDispose]();
      assert.equal(world.decoders, 0);
    });

    it('decodes no more of the one because the other sends more than a room can hear', async () => {
      const world = createWorld();
      world.playout.setBorrowed(true);
      await playBoth(world, 2_000, 0.25, 0.25);
      const before = world.heard.length;
      for (let passed = 0; passed < 2_000; passed += BLOCK_MS) {
        for (let packet = 0; packet < 200; packet++) world.playout.push({ timestampUs: packet, data: Uint8Array.of(0) }, 'borrower');
        await playBoth(world, BLOCK_MS, 0.25, null);
      }
      // The other one's may sound for a moment more, and then nothing of it; its own is never left out.
      const heard = world.heard.slice(before);
      assert.equal(hasHoles(heard), false);
      assert.deepEqual([Math.min(...heard.map((block) => Math.min(...block))), lastOf(world)], [Math.round(0.25 * 32_767), Math.round(0.25 * 32_767)]);
    });

    it('plays nothing while another call of the room plays its sound, and lets go of the loudspeaker for it', async () => {
      const world = createWorld();
      await world.play(2_000);
      assert.equal(world.open.size, 1);
      await world.playout.setElsewhere(true);
      assert.deepEqual([world.open.size, world.decoders], [0, 0]);
      const before = world.heard.length;
      [world.displays, world.hears] = [1, true];
      await world.play(1_000);
      world.displays = 0;
      await world.play(2_000);
      assert.deepEqual([world.heard.length, world.open.size, world.decoders, world.playout.level()], [before, 0, 0, null]);
      assert.equal(world.playout.forDisplay(), true, 'the display has its feed as ever');
      await world.playout.setElsewhere(false);
      await world.play(2_000);
      assert.deepEqual([world.open.size, lastOf(world), world.problems], [1, Math.round(0.5 * 32_767), []]);
    });
  });

  it('gives a device more to hold that has run dry', async () => {
    const world = createWorld();
    await world.play(2_000);
    assert(world.queuedMs() <= 60, `${world.queuedMs()} ms`);
    world.speed = 10; // as if nobody had woken us for long
    await world.play(60);
    world.speed = 1;
    await world.play(400);
    assert(world.queuedMs() >= 80, `${world.queuedMs()} ms`);
  });
});
