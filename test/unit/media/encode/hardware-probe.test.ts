import assert from 'node:assert/strict';
import { silentLog } from '../../../../src/kernel/log.ts';
import { createHardwareProbe, type HardwareProbe, type HardwareProbeOptions } from '../../../../src/media/encode/hardware-probe.ts';

const CODECS = ['H264', 'VP8'] as const;
const GRAPHICS = ['/dev/dri/renderD128', '/dev/nvidia0'];

type World = { readonly probe: HardwareProbe; readonly tried: string[] };

async function probed(options: Partial<HardwareProbeOptions> & { readonly devices?: readonly string[] }): Promise<World> {
  const tried: string[] = [];
  const trial = options.trial ?? (async () => true);
  const probe = createHardwareProbe({
    mode: 'auto',
    codecs: CODECS,
    log: silentLog,
    platform: 'linux',
    listDevices: async () => options.devices ?? GRAPHICS,
    ...options,
    trial(name, signal) {
      tried.push(name);
      return trial(name, signal);
    }
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  probe.on('settled', resolve);
  await probe.start();
  if (options.mode !== 'off') await promise;
  return { probe, tried };
}

describe('hardware probe', () => {
  it('tries each encoder that could be there once, one after the other, and gives those that passed', async () => {
    let running = 0;
    const { probe, tried } = await probed({
      async trial(name) {
        assert.equal(++running, 1);
        await Promise.resolve();
        running--;
        if (name === 'h264_qsv') throw new Error('the trial could not be made');
        return name !== 'h264_vaapi';
      }
    });
    assert.deepEqual(tried, ['h264_vaapi', 'h264_nvenc', 'h264_qsv', 'vp8_vaapi']);
    assert.deepEqual([probe.usable(), probe.problem()], [['h264_nvenc', 'vp8_vaapi'], null]);
    await probe[Symbol.asyncDispose]();
  });

  it('is silent on a machine without hardware, and tells it where hardware is expected', async () => {
    const { probe, tried } = await probed({ devices: [] });
    assert.deepEqual([tried, probe.usable(), probe.problem()], [[], [], null]);
    const bare = (await probed({ devices: [], mode: 'expected' })).probe.problem();
    assert.equal(bare?.code, 'CL_MEDIA_HARDWARE');
    assert.match(bare?.text ?? '', /none that could be tried/);
    const broken = (await probed({ mode: 'expected', trial: async () => false })).probe.problem();
    assert.match(broken?.text ?? '', /none of h264_vaapi, h264_nvenc, h264_qsv, vp8_vaapi works/);
  });

  it('trusts none any more after a media process died while others were still being tried', async () => {
    const second = Promise.withResolvers<boolean>();
    const begun = Promise.withResolvers<void>();
    const tried: string[] = [];
    const probe = createHardwareProbe({
      mode: 'expected',
      codecs: CODECS,
      log: silentLog,
      platform: 'linux',
      listDevices: async () => GRAPHICS,
      async trial(name) {
        tried.push(name);
        if (tried.length === 1) return true;
        begun.resolve();
        return second.promise;
      }
    });
    await probe.start();
    await begun.promise;
    assert.equal(probe.usable().length, 1);
    probe.distrust();
    second.resolve(true);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([probe.usable(), tried.length], [[], 2]);
    assert.match(probe.problem()?.text ?? '', /A media process died/);
    await probe[Symbol.asyncDispose]();
  });

  it('tries nothing where it is off', async () => {
    const { probe, tried } = await probed({ mode: 'off' });
    assert.deepEqual([tried, probe.usable(), probe.problem()], [[], [], null]);
  });

  it('trusts none after a media process died, and tells it', async () => {
    const { probe } = await probed({});
    let told = 0;
    probe.on('settled', () => told++);
    probe.distrust();
    probe.distrust();
    assert.deepEqual([probe.usable(), probe.problem()?.code, told], [[], 'CL_MEDIA_HARDWARE', 1]);
    const { probe: software } = await probed({ devices: [] });
    software.distrust();
    assert.equal(software.problem(), null);
  });

  it('ends a running trial when it is closed', async () => {
    const aborted = Promise.withResolvers<void>();
    const probe = createHardwareProbe({
      mode: 'auto',
      codecs: CODECS,
      log: silentLog,
      platform: 'linux',
      listDevices: async () => GRAPHICS,
      trial: (_name, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted.resolve();
            reject(new Error('ended'));
          });
          setImmediate(() => void probe[Symbol.asyncDispose]());
        })
    });
    await probe.start();
    await aborted.promise;
    assert.deepEqual(probe.usable(), []);
  });
});
