import assert from 'node:assert/strict';
import { createShareSources, type ShareSourcesOptions } from '../../../agent/share-sources.ts';
import type { DeviceView } from '../../../src/room/state.ts';

const INPUT: DeviceView = {
  id: 'content-1',
  kind: 'content',
  name: 'HDMI',
  model: '1234:5678',
  serial: null,
  port: null,
  appliance: 'a',
  present: true,
  chosen: false,
  can: [],
  problem: null
};

const sources = (options: Partial<ShareSourcesOptions> = {}) =>
  createShareSources({
    choice: 'auto',
    desktop: ':0',
    windows: async () => [{ id: '0x20002c', title: 'Slides' }],
    inputs: async () => [INPUT],
    pathOf: (id) => `/dev/${id}`,
    ...options
  });

describe('what can be shared', () => {
  it('is the screen, its windows and the inputs with a signal, each with an id of its own', async () => {
    assert.deepEqual(await sources().list(), [
      { id: 'screen', kind: 'screen', name: 'Screen' },
      { id: 'window:0x20002c', kind: 'window', name: 'Slides' },
      { id: 'input:content-1', kind: 'input', name: 'HDMI' }
    ]);
    assert.equal(await sources().choiceOf('window:0x20002c'), 'window:0x20002c');
    assert.equal(await sources().choiceOf('input:content-1'), '/dev/content-1');
  });

  it('leaves out an input without a signal, one that is away, and cameras', async () => {
    const dark = { ...INPUT, problem: { code: 'CL_DEVICE_NO_SIGNAL' as const, text: '' } };
    for (const input of [dark, { ...INPUT, present: false }, { ...INPUT, kind: 'camera' as const }])
      assert.equal(
        (await sources({ inputs: async () => [input] }).list()).some(({ kind }) => kind === 'input'),
        false
      );
  });

  it('has no screen where the machine has none, and nothing at all where the configuration says so', async () => {
    assert.deepEqual(
      (await sources({ desktop: null }).list()).map(({ kind }) => kind),
      ['input']
    );
    assert.deepEqual(await sources({ choice: 'none' }).list(), []);
  });

  it('takes no id that it did not offer: not a path, not an option, not a window of somebody else', async () => {
    for (const id of ['/dev/video0', 'file:/etc/passwd', 'window:0x1', 'window:0x20002c -f', 'input:', 'test', 'screen::1'])
      await assert.rejects(sources().choiceOf(id), { code: 'CL_DEVICE_UNKNOWN' }, id);
    await assert.rejects(sources({ choice: 'none' }).choiceOf('screen'), { code: 'CL_DEVICE_UNKNOWN' });
    assert.equal(await sources({ choice: 'file:/srv/talk.mp4' }).choiceOf('file'), 'file:/srv/talk.mp4');
  });
});
