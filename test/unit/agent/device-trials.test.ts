import assert from 'node:assert/strict';
import { type DeviceTrials, runTrials, type TrialRun } from '../../../agent/device-trials.ts';
import { CloisterError } from '../../../src/kernel/errors.ts';
import type { SoundLevel } from '../../../src/room/state.ts';
import { deviceView, hidView } from '../../fakes/device-views.ts';

const QUIET: SoundLevel = { rmsDbfs: -60, peakDbfs: -50, clipping: false, silent: false };
const WELL = { width: 1280, height: 720, brightness: 101.4, fault: null } as const;

describe('trials of devices', () => {
  let done: string[];
  const trials = (change: Partial<DeviceTrials> = {}): DeviceTrials => {
    const told = <K extends keyof DeviceTrials>(name: K, answer: () => Awaited<ReturnType<DeviceTrials[K]>>) =>
      (async (id: string) => {
        done.push(`${name} ${id}`);
        return answer();
      }) as DeviceTrials[K];
    return {
      picture: told('picture', () => WELL),
      signalProblem: told('signalProblem', () => null),
      microphone: told('microphone', () => QUIET),
      tone: told('tone', () => undefined),
      lamps: told('lamps', () => ['ring', 'mute']),
      ...change
    };
  };
  beforeEach(() => {
    done = [];
  });
  const run = (change: Partial<TrialRun>) =>
    runTrials({
      media: [],
      hid: { devices: [], presence: null, console: 'none' },
      only: null,
      trials: trials(),
      roomRuns: false,
      mayGoOn: async () => {},
      progress: () => {},
      ...change
    });
  const outcomes = async (change: Partial<TrialRun>) => (await run(change)).map(({ outcome, text }) => [outcome, text]);

  it('each kind is exercised, one after the other, microphones before loudspeakers', async () => {
    const media = [deviceView('speaker', 's'), deviceView('microphone', 'm'), deviceView('content', 'i'), deviceView('camera', 'c')];
    const progress: string[] = [];
    const hid = { devices: [hidView('h')], presence: null, console: 'none' as const };
    const results = await run({ media, hid, progress: (line) => progress.push(line) });
    assert.deepEqual(
      results.map(({ id, outcome }) => [id, outcome]),
      [
        ['c', 'ok'],
        ['i', 'ok'],
        ['m', 'ok'],
        ['s', 'ok'],
        ['h', 'ok']
      ]
    );
    assert.deepEqual(done, ['picture c', 'signalProblem i', 'picture i', 'microphone m', 'microphone m', 'tone s', 'lamps h']);
    assert.equal(progress.length, 5);
  });

  it('a kind or a device alone', async () => {
    const media = [deviceView('camera', 'c1'), deviceView('camera', 'c2'), deviceView('microphone', 'm')];
    await run({ media, only: 'camera' });
    await run({ media, only: 'c2' });
    assert.deepEqual(done, ['picture c1', 'picture c2', 'picture c2']);
  });

  it('a black, frozen or missing picture is a fault', async () => {
    const media = [deviceView('camera', 'c')];
    const judged = async (picture: DeviceTrials['picture']) => (await outcomes({ media, trials: trials({ picture }) }))[0];
    assert.deepEqual(await judged(async () => WELL), ['ok', 'A picture of 1280×720, brightness 101 of 255.']);
    assert.match((await judged(async () => ({ ...WELL, fault: 'black' })))?.join() ?? '', /^fault,.*black: open the shutter/);
    assert.match((await judged(async () => ({ ...WELL, fault: 'frozen' })))?.join() ?? '', /^fault,.*stands still/);
    const gone = await judged(async () => {
      throw new CloisterError('CL_MEDIA_SOURCE', 'no such device');
    });
    assert.deepEqual(gone, ['fault', 'no such device (CL_MEDIA_SOURCE)']);
  });

  it('silence and clipping are faults of a microphone', async () => {
    const media = [deviceView('microphone', 'm')];
    const judged = async (level: Partial<SoundLevel>) =>
      (await outcomes({ media, trials: trials({ microphone: async () => ({ ...QUIET, ...level }) }) }))[0]?.[0];
    assert.equal(await judged({}), 'ok');
    assert.equal(await judged({ silent: true }), 'fault');
    assert.equal(await judged({ peakDbfs: -96, rmsDbfs: -120 }), 'fault');
    assert.equal(await judged({ clipping: true }), 'fault');
  });

  it('a loudspeaker is heard where the level rises, by a microphone of another appliance if there is one', async () => {
    const media = [
      deviceView('speaker', 's', { appliance: 'phone' }),
      deviceView('microphone', 'own', { appliance: 'phone' }),
      deviceView('microphone', 'far')
    ];
    const playing = (rmsDbfs: number) => {
      let tones = 0;
      return trials({
        tone: async () => void tones++,
        microphone: async (id) => ({ ...QUIET, rmsDbfs: tones > 0 && id === 'far' ? rmsDbfs : QUIET.rmsDbfs })
      });
    };
    const said = async (level: number, devices = media) => (await outcomes({ media: devices, only: 's', trials: playing(level) }))[0]?.[1];
    assert.equal(await said(-54.1), 'A tone was played; The far did not hear it.');
    assert.match((await said(-54.1, media.slice(0, 2))) ?? '', /The own did not hear it, as is right for a device that takes its own echo out/);
    assert.match((await said(-40, media.slice(0, 1))) ?? '', /no microphone to hear it/);
    // The tone begins before the second listening is over.
    let tone = false;
    const heard = trials({
      tone: async () => {
        tone = true;
      },
      microphone: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return { ...QUIET, rmsDbfs: tone ? -54 : -60 };
      }
    });
    assert.deepEqual(await outcomes({ media, only: 's', trials: heard }), [['ok', 'A tone was played, and The far heard it.']]);
  });

  it('an input without a signal is no fault, one that is protected is', async () => {
    const media = [deviceView('content', 'i')];
    const judged = (code: 'CL_DEVICE_NO_SIGNAL' | 'CL_DEVICE_PROTECTED' | 'CL_DEVICE_OPEN') =>
      outcomes({ media, trials: trials({ signalProblem: async () => ({ code, text: 'So it is.' }) }) });
    assert.deepEqual(await judged('CL_DEVICE_NO_SIGNAL'), [['skipped', 'So it is. (CL_DEVICE_NO_SIGNAL)']]);
    assert.deepEqual((await judged('CL_DEVICE_PROTECTED'))[0]?.[0], 'fault');
    assert.deepEqual((await judged('CL_DEVICE_OPEN'))[0]?.[0], 'fault');
    assert.deepEqual(done, []);
  });

  it('what is away or may not be opened is a fault, and not touched', async () => {
    const problem = { code: 'CL_DEVICE_PERMISSION', text: 'No.' } as const;
    const media = [deviceView('camera', 'away', { present: false }), deviceView('microphone', 'closed', { problem })];
    const hid = { devices: [hidView('h', { problem })], presence: null, console: 'none' as const };
    assert.deepEqual(await outcomes({ media, hid }), [
      ['fault', 'It is away.'],
      ['fault', 'No. (CL_DEVICE_PERMISSION)'],
      ['fault', 'No. (CL_DEVICE_PERMISSION)']
    ]);
    assert.deepEqual(done, []);
  });

  it('the off-hook lamp is left alone while the room runs', async () => {
    const asked: boolean[] = [];
    const lamps: DeviceTrials['lamps'] = async (_id, { offHook }) => {
      asked.push(offHook);
      return ['mute'];
    };
    const hid = { devices: [hidView('h')], presence: null, console: 'none' as const };
    const [running] = await outcomes({ hid, roomRuns: true, trials: trials({ lamps }) });
    await run({ hid, roomRuns: false, trials: trials({ lamps }) });
    assert.deepEqual(asked, [false, true]);
    assert.match(running?.[1] ?? '', /lit one after the other: mute; they are dark again\. The off-hook lamp is left alone.*Its keys \(hook, mute\)/);
  });

  it('sensors and consoles say what they know', async () => {
    const devices = [
      hidView('p', { kinds: ['presence'], can: [] }),
      hidView('t', { kinds: ['console'], can: [] }),
      hidView('k', { kinds: ['consumer'], can: [] })
    ];
    assert.deepEqual(await outcomes({ hid: { devices, presence: true, console: 'present' } }), [
      ['ok', 'Somebody is in the room.'],
      ['ok', 'The touch console is there.'],
      ['skipped', 'There is nothing on it to try.']
    ]);
  });

  it('ends where the devices are needed for a call, also in the midst of it', async () => {
    let asked = 0;
    const mayGoOn = async (): Promise<void> => {
      if (++asked === 2) throw new CloisterError('CL_CALL_BUSY');
    };
    await assert.rejects(run({ media: [deviceView('camera', 'c1'), deviceView('camera', 'c2')], mayGoOn }), { code: 'CL_CALL_BUSY' });
    assert.deepEqual(done, ['picture c1']);
  });
});
