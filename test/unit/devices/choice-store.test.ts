import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeptFile } from '../../../src/config/kept-file.ts';
import { type ChoiceStore, type ChosenDevice, createChoiceStore, keptChoices, NO_CHOICES } from '../../../src/devices/choice-store.ts';
import { type Log, silentLog } from '../../../src/kernel/log.ts';

const CHOSEN: ChosenDevice = {
  id: 'camera-046d-0893-12345678',
  model: '046d:0893',
  serial: null,
  name: 'Cam',
  port: '0000:00:14.0-usb2-1',
  part: '1.0-0',
  portDecides: true
};

describe('the file of chosen devices', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cloister-choice-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  function createStore(): { readonly store: ChoiceStore; readonly path: string; readonly warnings: string[] } {
    const path = join(directory, 'data', 'devices.json');
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };
    return { store: createChoiceStore(createKeptFile({ path, schema: keptChoices, empty: NO_CHOICES, log })), path, warnings };
  }

  it('is read as it was written, and not there at first', async () => {
    const { store, warnings } = createStore();
    assert.deepEqual(await store.read(), {});
    await store.write({ camera: CHOSEN, speaker: { ...CHOSEN, serial: 'X1Y2Z3' } });
    assert.deepEqual(await createStore().store.read(), { camera: CHOSEN, speaker: { ...CHOSEN, serial: 'X1Y2Z3' } });
    await store.write({});
    assert.deepEqual(await store.read(), {});
    assert.deepEqual(warnings, []);
  });

  it('is set aside where it is damaged or somebody else’s, and told, and the next choice is kept', async () => {
    const { store, path, warnings } = createStore();
    await store.write({ camera: CHOSEN });
    const good = await readFile(path, 'utf8');
    const damaged = [
      good.slice(0, 40),
      '',
      'null',
      '[]',
      good.replace('"version": 1', '"version": 2'),
      good.replace('"portDecides"', '"more"'),
      `${good.slice(0, 20)}\u0000`
    ];
    for (const [index, text] of damaged.entries()) {
      await writeFile(path, text);
      assert.deepEqual(await store.read(), {});
      assert.equal(await readFile(`${path}.damaged`, 'utf8'), text);
      assert.equal(warnings.length, index + 1);
    }
    await store.write({ camera: CHOSEN });
    assert.deepEqual(await store.read(), { camera: CHOSEN });
    assert.deepEqual((await readdir(join(directory, 'data'))).sort(), ['devices.json', 'devices.json.damaged']);
  });
});
