import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createKeptFile } from '../../../../src/config/kept-file.ts';
import { type CameraPreset, type CameraPresets, cameraPresets, createCameraPresets } from '../../../../src/devices/cameras/presets.ts';
import { asCloisterError } from '../../../../src/kernel/errors.ts';
import { silentLog } from '../../../../src/kernel/log.ts';

describe('presets of cameras', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'presets-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const path = (): string => join(folder, 'camera-presets.json');
  const onDisk = () => createKeptFile<readonly CameraPreset[]>({ path: path(), schema: cameraPresets, empty: [], log: silentLog });
  const opened = async (file = onDisk()): Promise<CameraPresets> => {
    const presets = createCameraPresets(file);
    await presets.start();
    return presets;
  };
  const codeOf = async (work: () => Promise<unknown> | unknown): Promise<string> => {
    try {
      await work();
    } catch (error) {
      return asCloisterError(error).code;
    }
    return 'nothing';
  };

  it('are kept by camera and name, and are there after a restart', async () => {
    const presets = await opened();
    await presets.save('a', 'Table', { pan: 1, tilt: -2, zoom: 3 });
    await presets.save('a', ' Board ', { pan: 10 });
    await presets.save('b', 'Table', { zoom: 7 });
    await presets.save('a', 'Table', { pan: 4, focus: 5 });
    const again = await opened();
    assert.deepEqual([again.names('a'), again.names('b'), again.names('c')], [['Board', 'Table'], ['Table'], []]);
    assert.deepEqual([again.position('a', 'Table'), again.position('b', 'Table')], [{ pan: 4, focus: 5 }, { zoom: 7 }]);
    await again.remove('a', 'Table');
    assert.deepEqual((await opened()).names('a'), ['Board']);
  });

  it('have names that can be read, and one name for what looks the same', async () => {
    const presets = await opened();
    await presets.save('a', 'Caf\u0065\u0301 \u2714 白板', { pan: 1 });
    assert.deepEqual(presets.position('a', 'Café ✔ 白板'), { pan: 1 });
    for (const name of ['', '   ', 'x'.repeat(65), 'a\u001b[2J', 'a\nb', 'a\u202eb', '\ud800'])
      assert.equal(await codeOf(() => presets.save('a', name, { pan: 1 })), 'CL_DEVICE_CONTROL', JSON.stringify(name));
    assert.equal(await codeOf(() => presets.position('a', 'none')), 'CL_DEVICE_CONTROL');
    assert.equal(await codeOf(() => presets.remove('b', 'Café ✔ 白板')), 'CL_DEVICE_CONTROL');
    for (const position of [{}, { pan: 0.5 }, { pan: Number.NaN }]) assert.equal(await codeOf(() => presets.save('a', 'x', position)), 'CL_DEVICE_CONTROL');
    await presets.save('__proto__', 'toString', { pan: 2 });
    assert.deepEqual((await opened()).position('__proto__', 'toString'), { pan: 2 });
  });

  it('are 32 a camera at most, and one more where one is replaced', async () => {
    const presets = await opened({ read: async () => [], write: async () => {} });
    for (let number = 0; number < 32; number++) await presets.save('a', `preset ${number}`, { pan: number });
    assert.equal(await codeOf(() => presets.save('a', 'one more', { pan: 1 })), 'CL_DEVICE_CONTROL');
    await presets.save('a', 'preset 3', { pan: 100 });
    for (let number = 0; number < 63; number++) await presets.save(`camera ${number}`, 'x', { pan: number });
    assert.equal(await codeOf(() => presets.save('camera 64', 'x', { pan: 1 })), 'CL_DEVICE_CONTROL');
    assert.deepEqual([presets.names('a').length, presets.position('a', 'preset 3')], [32, { pan: 100 }]);
  });

  it('are as they were where they cannot be written', async () => {
    let full = false;
    const file = onDisk();
    const presets = await opened({
      ...file,
      async write(value) {
        if (full) throw new Error('ENOSPC');
        await file.write(value);
      }
    });
    await presets.save('a', 'Table', { pan: 1 });
    full = true;
    assert.equal(await codeOf(() => presets.save('a', 'Table', { pan: 2 })), 'CL_INTERNAL');
    full = false;
    assert.deepEqual(presets.position('a', 'Table'), { pan: 1 });
    await Promise.all([presets.save('a', 'x', { pan: 1 }), presets.save('a', 'y', { pan: 2 }), presets.remove('a', 'Table')]);
    assert.deepEqual((await opened()).names('a'), ['x', 'y']);
  });

  it('set a damaged file aside, and begin anew', async () => {
    const row = { camera: 'a', name: 'x', position: { pan: 1 } };
    const damaged = [
      '',
      '{',
      '{}',
      '[1]',
      JSON.stringify([row, { ...row, name: '\u0007' }]),
      JSON.stringify([{ ...row, position: { pan: 1.5 } }]),
      JSON.stringify([{ ...row, camera: 5 }])
    ];
    for (const text of damaged) {
      await writeFile(path(), text);
      const presets = await opened();
      assert.deepEqual(presets.names('a'), [], text);
      assert.equal(await readFile(`${path()}.damaged`, 'utf8'), text);
      await presets.save('a', 'new', { pan: 1 });
      assert.deepEqual([(await opened()).names('a'), (await readdir(folder)).length], [['new'], 2]);
    }
  });

  it('set a file aside that is there and cannot be read, and do not overwrite it', async () => {
    // A folder cannot be read as a file, whoever runs the test.
    await mkdir(path());
    const presets = await opened();
    await presets.save('a', 'new', { pan: 1 });
    assert.deepEqual((await readdir(folder)).sort(), ['camera-presets.json', 'camera-presets.json.damaged']);
    assert.deepEqual((await opened()).names('a'), ['new']);
  });

  it('read whatever the file has', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (text) => {
        await writeFile(path(), text);
        assert.deepEqual((await opened()).names('a'), []);
      }),
      { numRuns: 20 }
    );
  });
});
