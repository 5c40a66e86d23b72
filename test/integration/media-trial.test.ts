// The processes that list and try devices, as they are started: their answers, their failures, and their end.
import assert from 'node:assert/strict';
import { runMediaTrial } from '../../agent/media-trial.ts';
import { windowsDevices } from '../../src/devices/windows-devices.ts';

const LIMIT_MS = 60_000;

describe('trials in processes of their own', () => {
  it('list what can be captured from, as the agent reads it', async () => {
    const answer = await runMediaTrial('list', [], LIMIT_MS);
    const { devices } = answer as { devices: unknown[] };
    assert.equal(windowsDevices(answer).length, devices.length);
  });

  it('tell why a camera gives no picture', async () => {
    await assert.rejects(runMediaTrial('picture', ['/nowhere/video0'], LIMIT_MS), { code: 'CL_MEDIA_SOURCE', message: /No such file/ });
  });

  it('are ended where they do not answer in time', async () => {
    await assert.rejects(runMediaTrial('list', [], 1), { code: 'CL_MEDIA_PROCESS_DIED' });
  });
});
