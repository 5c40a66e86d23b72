import assert from 'node:assert/strict';
import { createHidDevices } from '../../../../src/devices/hid/hid-devices.ts';
import { lookAtHid, tryLamps } from '../../../../src/devices/hid/hid-look.ts';
import { silentLog } from '../../../../src/kernel/log.ts';
import { createFakeClock } from '../../../fakes/clock.ts';
import { createHidMachine, HOOK_ALONE, LAMP_PER_REPORT, ONE_REPORT } from '../../../fakes/hid-machine.ts';
import { ORDINARY } from '../../../fakes/speakerphone.ts';

/** All that does not wait for the clock is done by then. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('looking at HID devices', () => {
  const set = () => {
    const clock = createFakeClock();
    const machine = createHidMachine(clock);
    const look = (mayOpen = true) => lookAtHid({ ...machine, mayOpen: async () => mayOpen, roomAppliances: new Set() });
    return { clock, machine, look };
  };

  it('sees what the room would use, in the room’s own words, and opens nothing', async () => {
    const { clock, machine, look } = set();
    const plugged = [
      machine.plug({ layout: ONE_REPORT, serial: 'A' }),
      machine.plug({ layout: HOOK_ALONE, serial: 'B' }),
      machine.plug({ rows: [{ usagePage: 0x01, usage: 0x06 }], serial: 'C' }),
      machine.plug({ descriptor: null, serial: 'D' })
    ];
    const seen = (await look()).map(({ view }) => view);
    assert.ok(plugged.every((device) => device.opened() === 0));
    const room = createHidDevices({
      ...machine,
      registry: { on: () => () => {}, list: () => [] },
      console: 'none',
      consoleMemory: { read: async () => null, write: async () => {} },
      sensors: { start: async () => {}, look: async () => {}, presence: () => null, [Symbol.asyncDispose]: async () => {} },
      clock,
      log: silentLog
    });
    await room.start(new AbortController().signal);
    await settle();
    assert.deepEqual(
      seen,
      room.state().devices.map((device) => ({ ...device, lamps: null }))
    );
    assert.deepEqual(seen.map(({ problem }) => problem?.code ?? null).sort(), ['CL_DEVICE_DESCRIPTOR', null, null]);
    const closing = room[Symbol.asyncDispose]();
    await settle();
    clock.advance(1_000);
    await closing;
  });

  it('says which may not be opened', async () => {
    const { machine, look } = set();
    machine.plug();
    machine.plug({ descriptor: null, serial: 'B' });
    assert.deepEqual((await look(false)).map(({ view }) => view.problem?.code).sort(), ['CL_DEVICE_DESCRIPTOR', 'CL_DEVICE_PERMISSION']);
  });

  it('lights the lamps one after the other, in the reports that they are in, and leaves them dark', async () => {
    for (const [layout, lit] of [
      [ONE_REPORT, ['ring', 'hold', 'mute', 'off-hook']],
      [LAMP_PER_REPORT, ['ring', 'hold', 'mute', 'off-hook']]
    ] as const) {
      const { clock, machine, look } = set();
      const device = machine.plug({ layout });
      const [seen] = await look();
      assert.ok(seen !== undefined);
      const order: string[] = [];
      const trial = tryLamps(machine.transport, seen, true, clock);
      for (let lamp = 0; lamp < lit.length; lamp++) {
        await settle();
        clock.advance(ORDINARY.latencyMs);
        const { ring, hold, mute, offHook } = device.firmware.lamps;
        order.push(
          Object.entries({ ring, hold, mute, 'off-hook': offHook })
            .filter(([, on]) => on)
            .map(([name]) => name)
            .join('+')
        );
        clock.advance(700);
      }
      assert.deepEqual(await trial, lit);
      clock.advance(ORDINARY.latencyMs);
      assert.deepEqual(order, lit);
      assert.ok(Object.values(device.firmware.lamps).every((on) => !on));
      assert.equal(device.open(), false);
    }
  });

  it('leaves the off-hook lamp alone where the room runs, and tells a device that takes nothing', async () => {
    const { clock, machine, look } = set();
    const device = machine.plug();
    const [seen] = await look();
    assert.ok(seen !== undefined);
    device.failWrites(100);
    const trial = tryLamps(machine.transport, seen, false, clock);
    const failed = assert.rejects(trial, { code: 'CL_DEVICE_WRITE' });
    for (let lamp = 0; lamp < 3; lamp++) {
      await settle();
      clock.advance(700);
    }
    await failed;
    assert.equal(device.open(), false);
    device.failWrites(0);
    const again = tryLamps(machine.transport, seen, false, clock);
    for (let lamp = 0; lamp < 3; lamp++) {
      await settle();
      assert.equal(device.firmware.lamps.offHook, false);
      clock.advance(700);
    }
    assert.deepEqual(await again, ['ring', 'hold', 'mute']);
  });
});
