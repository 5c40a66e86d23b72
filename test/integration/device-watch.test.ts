// The watch for devices with the kernel's own events, on folders of the test's.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLinuxDeviceWatch } from '../../src/devices/device-watch.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';

const LIMIT_MS = 10_000;

describe('the watch for devices, on Linux', () => {
  it('hears of nodes that come, go, come again under their old name, and may be opened by others, also in a folder that comes and goes', async () => {
    const dev = await mkdtemp(join(tmpdir(), 'cloister-dev-'));
    const snd = join(dev, 'snd');
    const watch = createLinuxDeviceWatch({ clock: systemClock, log: silentLog }, [dev, snd]);
    const target = new EventTarget();
    watch.on('changed', () => target.dispatchEvent(new Event('changed')));
    await watch.start(new AbortController().signal);
    const told = async (what: string, happen: () => Promise<unknown>): Promise<void> => {
      const heard = once(target, 'changed', { signal: AbortSignal.timeout(LIMIT_MS) });
      await happen();
      await heard.catch(() => assert.fail(`not told: ${what}`));
    };
    try {
      await writeFile(join(dev, 'null'), '');
      await told('a camera comes', () => writeFile(join(dev, 'video0'), ''));
      await told('it may be opened', () => chmod(join(dev, 'video0'), 0o600));
      await told('it is another one', async () => {
        // Made before the first one goes: a file system may give a number anew, which that of /dev does not.
        await writeFile(join(dev, 'next'), '');
        await rm(join(dev, 'video0'));
        await rename(join(dev, 'next'), join(dev, 'video0'));
      });
      await told('it goes', () => rm(join(dev, 'video0')));
      for (let round = 0; round < 2; round++) {
        await told('a card comes', async () => {
          await mkdir(snd);
          await writeFile(join(snd, 'controlC0'), '');
        });
        await told('it has one more device', () => writeFile(join(snd, 'pcmC0D0p'), ''));
        await told('it goes', () => rm(snd, { recursive: true }));
      }
    } finally {
      await watch[Symbol.asyncDispose]();
      await rm(dev, { recursive: true, force: true });
    }
  });
});
