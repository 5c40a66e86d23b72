import assert from 'node:assert/strict';
import { CloisterError } from '../../../../src/kernel/errors.ts';
import { createMicrophone, type MicrophoneOptions } from '../../../../src/media/audio/microphone.ts';
import type { Player } from '../../../../src/media/playout/playout.ts';
import type { AudioSink, AudioSource } from '../../../../src/media/source/source.ts';
import { createFakeClock } from '../../../fakes/clock.ts';

const PLAIN = { name: 'Table', path: 'hw:1,0', cancelsEcho: false };
const SPEAKERPHONE = { name: 'Speakerphone', path: 'hw:2,0', cancelsEcho: true };

function createWorld(options: Partial<MicrophoneOptions> = {}) {
  const clock = createFakeClock();
  const world = {
    clock,
    sends: true,
    opened: 0,
    closed: 0,
    rendered: 0,
    breaks: false,
    player: null as Player | null,
    problems: [] as string[],
    sent: [] as number[],
    sink: null as AudioSink | null,
    /** Blocks of 20 ms that hold `amplitude`, alternating. */
    hear(ms: number, amplitude: number) {
      for (let passed = 0; passed < ms; passed += 20) {
        clock.advance(20);
        world.sink?.block(
          Int16Array.from({ length: 960 }, (_, index) => (index % 2 === 0 ? amplitude : -amplitude)),
          clock.monotonicMs()
        );
      }
    }
  };
  const microphone = createMicrophone({
    clock,
    echoCancellation: 'auto',
    sends: () => world.sends,
    player: () => world.player,
    async openCanceller() {
      world.opened++;
      return {
        render: (samples) => {
          world.rendered += samples.length;
        },
        capture(samples) {
          if (world.breaks) throw new CloisterError('CL_MEDIA_ECHO', 'broken');
          return samples.map((sample) => sample / 10);
        },
        setDelay: () => {},
        close: () => {
          world.closed++;
        }
      };
    },
    onProblem: (part, failure) => world.problems.push(`${part} ${failure?.code ?? 'well'}`),
    ...options
  });
  const source: AudioSource = {
    view: { kind: 'device', name: 'Table' },
    start: (sink) => {
      world.sink = sink;
    },
    close: async () => {}
  };
  microphone.listen(source).start({ block: (samples) => void world.sent.push(samples[0] ?? 0), lost: assert.fail });
  return Object.assign(world, { microphone });
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the microphone', () => {
  it('is cleaned by software where it does not do it itself, and not else', async () => {
    for (const [echoCancellation, device, echo] of [
      ['auto', PLAIN, 'software'],
      ['auto', SPEAKERPHONE, 'device'],
      ['auto', null, 'none'],
      ['on', SPEAKERPHONE, 'software'],
      ['on', null, 'none'],
      ['off', PLAIN, 'none']
    ] as const) {
      const world = createWorld({ echoCancellation });
      world.microphone.setDevice(device);
      await turn();
      world.hear(100, 1_000);
      const software = echo === 'software';
      assert.equal(world.microphone.echo(), echo);
      assert.deepEqual([world.opened, world.sent.at(-1), world.microphone.wantsReference()], [Number(software), software ? 100 : 1_000, software]);
      world.microphone.played(new Int16Array(960), 60);
      assert.equal(world.rendered, software ? 960 : 0);
      world.microphone.close();
      assert.equal(world.closed, world.opened);
    }
  });

  it('of a speakerphone is cleaned by software while somebody else plays, whose sound it does not know', async () => {
    const world = createWorld();
    world.microphone.setDevice(SPEAKERPHONE);
    for (const [player, echo] of [
      [null, 'device'],
      [{ ...SPEAKERPHONE, path: 'hw:2,1' }, 'device'],
      ['display', 'software'],
      [SPEAKERPHONE, 'device'],
      [PLAIN, 'software'],
      [{ ...SPEAKERPHONE, path: 'hw:20,0' }, 'software']
    ] as const) {
      world.player = player;
      world.hear(40, 1_000);
      await turn();
      assert.equal(world.microphone.echo(), echo, JSON.stringify(player));
    }
    assert.equal(world.opened, 1);
    world.microphone.close();
  });

  it('is sent as it is until the canceller is there, and when another device takes over', async () => {
    const world = createWorld();
    world.microphone.setDevice(PLAIN);
    world.hear(20, 1_000);
    assert.equal(world.sent.at(-1), 1_000);
    await turn();
    world.hear(20, 1_000);
    assert.equal(world.sent.at(-1), 100);
    world.microphone.setDevice(SPEAKERPHONE);
    world.hear(20, 1_000);
    assert.deepEqual([world.sent.at(-1), world.microphone.echo()], [1_000, 'device']);
    world.microphone.setDevice(PLAIN);
    world.hear(20, 1_000);
    assert.deepEqual([world.sent.at(-1), world.opened], [100, 1]);
  });

  it('is sent with its echo where none can be loaded, or it breaks, and that is told once', async () => {
    const missing = createWorld({ openCanceller: () => Promise.reject(new Error('no such library')) });
    missing.microphone.setDevice(PLAIN);
    await turn();
    missing.hear(100, 1_000);
    missing.microphone.setDevice(null);
    missing.microphone.setDevice(PLAIN);
    await turn();
    assert.deepEqual([missing.microphone.echo(), missing.sent.at(-1), missing.problems], ['missing', 1_000, ['echo CL_MEDIA_ECHO']]);

    const broken = createWorld();
    broken.microphone.setDevice(PLAIN);
    await turn();
    broken.breaks = true;
    broken.hear(100, 1_000);
    assert.deepEqual([broken.microphone.echo(), broken.sent.length, broken.sent.at(-1), broken.closed], ['missing', 5, 1_000, 1]);
    assert.deepEqual(broken.problems, ['echo CL_MEDIA_ECHO']);
  });

  it('is loaded by nobody before a device needs it, and closed where it comes too late', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let closed = 0;
    const world = createWorld({
      async openCanceller() {
        await promise;
        return { render: () => {}, capture: (samples: Int16Array) => samples, setDelay: () => {}, close: () => void closed++ };
      }
    });
    assert.equal(world.microphone.wantsReference(), false);
    world.microphone.setDevice(PLAIN);
    world.microphone.close();
    resolve();
    await turn();
    assert.deepEqual([closed, world.microphone.wantsReference()], [1, false]);
  });

  it('is measured while it is muted: how loud people are without the echo, and what the device gives', async () => {
    const world = createWorld();
    world.sends = false;
    world.microphone.setDevice(PLAIN);
    await turn();
    world.hear(1_000, 32_767);
    assert.deepEqual(world.microphone.level(), { rmsDbfs: -20, peakDbfs: -20, clipping: true, silent: false });
    world.clock.advance(2_000);
    assert.equal(world.microphone.level(), null);
  });

  it('is told to be silent after ten seconds of it, and to be well at the first sound', () => {
    const world = createWorld({ echoCancellation: 'off' });
    world.microphone.setDevice(PLAIN);
    world.hear(9_900, 0);
    assert.deepEqual(world.problems, []);
    world.hear(200, 1);
    assert.deepEqual(world.problems, ['silence CL_MEDIA_MICROPHONE_SILENT']);
    world.hear(20, 50);
    assert.deepEqual(world.problems, ['silence CL_MEDIA_MICROPHONE_SILENT', 'silence well']);
  });

  it('may be silent while it is muted, and where it is no device', () => {
    const world = createWorld({ echoCancellation: 'off' });
    world.hear(20_000, 0);
    world.microphone.setDevice(PLAIN);
    world.sends = false;
    world.hear(20_000, 0);
    assert.deepEqual(world.problems, []);
    // A microphone that was muted at itself, too, takes a moment to give sound again.
    world.sends = true;
    world.hear(9_900, 0);
    assert.deepEqual(world.problems, []);
    world.hear(200, 0);
    assert.deepEqual(world.problems, ['silence CL_MEDIA_MICROPHONE_SILENT']);
    world.sends = false;
    world.hear(20, 0);
    assert.equal(world.problems.at(-1), 'silence well');
  });
});
