import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDescriptorSource } from '../../../../src/devices/hid/descriptor-source.ts';
import { createIioPresence } from '../../../../src/devices/hid/iio-presence.ts';
import { createFakeClock } from '../../../fakes/clock.ts';

describe('sysfs', () => {
  let sysfs: string;
  beforeEach(async () => {
    sysfs = await mkdtemp(join(tmpdir(), 'cloister-sysfs-'));
  });
  afterEach(() => rm(sysfs, { recursive: true }));

  const put = async (path: string, content: string | Uint8Array): Promise<void> => {
    await mkdir(join(sysfs, path, '..'), { recursive: true });
    await writeFile(join(sysfs, path), content);
  };

  describe('presence', () => {
    const sensor = (number: number, file: string): string => `bus/iio/devices/iio:device${number}/${file}`;

    it('is read where the kernel has a presence sensor, and of no other sensor', async () => {
      await put(sensor(0, 'name'), 'als\n');
      await put(sensor(0, 'in_proximity_raw'), '1\n');
      await put(sensor(1, 'name'), 'prox\n');
      await put(sensor(1, 'in_proximity0_raw'), '0\n');
      const clock = createFakeClock();
      const presence = createIioPresence({ sysfs, clock });
      let changes = 0;
      presence.start(() => {
        changes += 1;
      });
      assert.equal(presence.presence(), null);
      await presence.look();
      assert.equal(presence.presence(), false);
      await put(sensor(1, 'in_proximity0_raw'), '1\n');
      await presence.look();
      assert.equal(presence.presence(), true);
      assert.equal(clock.pending, 1, 'it reads once a second, however often it was told to look');
      await rm(join(sysfs, sensor(1, 'in_proximity0_raw')));
      await presence.look();
      assert.equal(presence.presence(), null, 'gone: nobody tells');
      assert.equal(changes, 3);
      assert.equal(clock.pending, 0);
      await presence[Symbol.asyncDispose]();
    });

    it('nothing is read where there is none', async () => {
      const clock = createFakeClock();
      const presence = createIioPresence({ sysfs, clock });
      await presence.look();
      assert.deepEqual([presence.presence(), clock.pending], [null, 0]);
    });
  });

  describe('report descriptors', () => {
    it('are those that somebody captured, where the system has none', async () => {
      await put('captured/0b0e-0002.hex', '05 0b\n09 05');
      assert.deepEqual([...((await of(String.raw`\\?\HID#VID_0B0E`)) ?? [])], [5, 11, 9, 5]);
      assert.equal(await of('/dev/hidraw7'), null, 'what Linux has none of has none');
      for (const text of ['05 0', 'none', '', 'zz'.repeat(9), '05'.repeat(4097)]) {
        await put('captured/0b0e-0002.hex', text);
        assert.equal(await of(String.raw`\\?\HID#VID_0B0E`), null, text.slice(0, 20));
      }
    });

    const of = (path: string) => createDescriptorSource({ sysfs, captured: join(sysfs, 'captured') })({ vendorId: 0x0b0e, productId: 2, path });

    it('are read by the name of the node', async () => {
      await put('class/hidraw/hidraw3/device/report_descriptor', Uint8Array.of(5, 11));
      assert.deepEqual([...((await of('/dev/hidraw3')) ?? [])], [5, 11]);
    });

    it('are unknown where the path is no node, where there is none, and where it is longer than one can be', async () => {
      await put('class/hidraw/hidraw4/device/report_descriptor', new Uint8Array(4097));
      for (const path of ['/dev/hidraw9', '/dev/hidraw4', '/dev/../etc/hidraw3', String.raw`\\?\HID#VID_1`, '']) assert.equal(await of(path), null, path);
    });
  });
});
