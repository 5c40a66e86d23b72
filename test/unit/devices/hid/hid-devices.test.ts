import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createHidDevices, type HidDevicesOptions } from '../../../../src/devices/hid/hid-devices.ts';
import type { PresenceSource } from '../../../../src/devices/hid/iio-presence.ts';
import type { CallOnDevices, HidCommand } from '../../../../src/devices/port.ts';
import { CloisterError } from '../../../../src/kernel/errors.ts';
import { createEvents } from '../../../../src/kernel/events.ts';
import { silentLog } from '../../../../src/kernel/log.ts';
import type { DeviceView } from '../../../../src/room/state.ts';
import { application, cells, descriptor, input, logicalRange, padding, reportId, usage, usagePage } from '../../../data/hid/descriptor-builder.ts';
import { createFakeClock } from '../../../fakes/clock.ts';
import { createHidMachine, HOOK_ALONE, LAMP_PER_REPORT, type Layout, MIRRORED, NO_IDS, ONE_REPORT, type PlugOptions } from '../../../fakes/hid-machine.ts';
import type { Lamp, Traits } from '../../../fakes/speakerphone.ts';

const idle: CallOnDevices = { phase: 'idle', muted: false };
const ringing: CallOnDevices = { phase: 'ringing', muted: false };
const inCall: CallOnDevices = { phase: 'in-call', muted: false };

const LOUDSPEAKER: DeviceView = {
  id: 'speaker',
  kind: 'speaker',
  name: 'Bar',
  model: '1234:00ac',
  serial: null,
  port: null,
  appliance: '',
  present: true,
  chosen: false,
  can: [],
  problem: null
};

const lit = (lamps: Readonly<Record<Lamp, boolean>>): string[] => Object.entries(lamps).flatMap(([name, on]) => (on ? [name] : []));

/** A room's HID devices on a machine in memory, and a call that follows the commands at once. */
function room(options: Partial<HidDevicesOptions> = {}) {
  const clock = createFakeClock();
  const machine = createHidMachine(clock);
  const commands: HidCommand[] = [];
  const stored: string[] = [];
  const sensor: { now: boolean | null } = { now: null };
  const sensors: PresenceSource = { start: () => {}, look: async () => {}, presence: () => sensor.now, [Symbol.asyncDispose]: async () => {} };
  const registry = createEvents<{ changed: readonly [] }>((error) => {
    throw error;
  });
  let seen: readonly DeviceView[] = [];
  let call = idle;
  let changes = 0;
  const devices = createHidDevices({
    transport: machine.transport,
    descriptors: machine.descriptors,
    identify: (rows) => machine.identify(rows),
    watch: machine.watch,
    registry: { on: registry.on, list: () => seen },
    console: 'auto',
    consoleMemory: { read: async () => stored.at(-1) ?? null, write: async (text) => void stored.push(text) },
    sensors,
    clock,
    log: silentLog,
    ...options
  });
  const show = (next: CallOnDevices): void => {
    call = next;
    devices.show(next);
  };
  devices.on('command', (command) => {
    commands.push(command);
    const talking = call.phase === 'in-call' || call.phase === 'on-hold';
    if (command === 'answer' && call.phase === 'ringing') show(inCall);
    else if (command === 'decline' || command === 'hang-up') show(idle);
    else if ((command === 'mute' || command === 'unmute') && talking) show({ ...call, muted: command === 'mute' });
  });
  devices.on('changed', () => {
    changes += 1;
  });
  return {
    clock,
    machine,
    commands,
    stored,
    sensor,
    devices,
    show,
    call: () => call,
    changes: () => changes,
    /** The registry finds a loudspeaker of this appliance. */
    sees: (appliance: string) => {
      seen = [{ ...LOUDSPEAKER, appliance }];
      registry.emit('changed');
    },
    begin: async () => {
      await devices.start(new AbortController().signal);
      await clock.advanceAsync(1000);
    },
    later: (ms: number) => clock.advanceAsync(ms)
  };
}

async function roomWith(plug: PlugOptions = {}) {
  const world = room();
  const phone = world.machine.plug(plug);
  await world.begin();
  return { ...world, phone, firmware: phone.firmware };
}

describe('HID devices', function () {
  this.timeout(30_000);

  for (const [name, layout] of Object.entries({ ONE_REPORT, LAMP_PER_REPORT, MIRRORED, NO_IDS }))
    it(`a call with a phone of another make: ${name}`, async () => {
      const { show, later, commands, firmware, devices, phone } = await roomWith({ layout });
      show(ringing);
      await later(1000);
      assert.deepEqual(lit(firmware.lamps), ['ring']);
      firmware.press('hook');
      await later(3000);
      assert.equal(firmware.hook, true, 'not taken back: it was acknowledged');
      firmware.press('mute');
      await later(1000);
      assert.deepEqual(new Set(lit(firmware.lamps)), new Set(layout === LAMP_PER_REPORT ? ['offHook', 'mute', 'onLine'] : ['offHook', 'mute']));
      assert.deepEqual(devices.state().devices[0]?.lamps, { offHook: true, mute: true, ring: false, hold: false });
      show(inCall);
      await later(1000);
      assert.equal(firmware.lamps.mute, false);
      firmware.press('hook');
      await later(5000);
      assert.deepEqual(lit(firmware.lamps), []);
      assert.deepEqual(commands, ['answer', 'mute', 'hang-up']);
      assert.equal(phone.opened(), 1, 'one path, opened once');
    });

  it('tells what it found and what it can do', async () => {
    const { devices, changes } = await roomWith();
    assert.deepEqual(devices.state(), {
      devices: [
        {
          id: 'hid-S1-usb:S1',
          name: 'Speak',
          model: '1234:00ab',
          serial: 'S1',
          port: null,
          appliance: 'usb:S1',
          kinds: ['telephony', 'consumer'],
          can: ['hook', 'mute', 'flash', 'redial', 'drop', 'reject', 'volume', 'speaker-mute', 'lamp off-hook', 'lamp mute', 'lamp ring', 'lamp hold'],
          lamps: { offHook: false, mute: false, ring: false, hold: false },
          problem: null
        }
      ],
      presence: null,
      console: 'none'
    });
    assert.ok(changes() > 0);
  });

  it('tells Off-hook before On-line, and mute last, where each lamp has its report', async () => {
    const { show, later, phone } = await roomWith({ layout: LAMP_PER_REPORT });
    const before = phone.writes.length;
    show({ phase: 'in-call', muted: true });
    await later(500);
    assert.deepEqual(
      phone.writes.slice(before).map((report) => LAMP_PER_REPORT.outputs.find(({ id }) => id === report[0])?.lamps[0]),
      ['offHook', 'onLine', 'mute']
    );
  });

  it('a press at one phone is seen at the other', async () => {
    const { show, later, machine, firmware, commands } = await roomWith();
    const other = machine.plug({ serial: 'S2', layout: LAMP_PER_REPORT, traits: { mute: 'switch' } });
    await later(1000);
    show(ringing);
    await later(500);
    assert.equal(other.firmware.lamps.ring, true);
    firmware.press('hook');
    await later(500);
    assert.deepEqual(lit(other.firmware.lamps), ['offHook', 'onLine']);
    assert.equal(other.firmware.hook, true, 'it goes along');
    other.firmware.press('mute');
    await later(500);
    assert.deepEqual([firmware.lamps.mute, other.firmware.lamps.mute], [true, true]);
    other.firmware.press('hook');
    await later(500);
    assert.deepEqual([lit(firmware.lamps), lit(other.firmware.lamps)], [[], []]);
    assert.deepEqual(commands, ['answer', 'mute', 'hang-up']);
  });

  it('a phone that is pulled out of a call and plugged in elsewhere is used again within two seconds, and ends nothing', async () => {
    const { show, later, machine, devices, phone, commands } = await roomWith();
    show({ phase: 'in-call', muted: true });
    await later(20_000);
    phone.unplug();
    await later(5000);
    assert.deepEqual(devices.state().devices, []);
    assert.equal(machine.connections(), 0);
    const back = machine.plug();
    assert.notEqual(back.path, phone.path);
    back.send([2, 0]);
    await later(2000);
    assert.deepEqual(lit(back.firmware.lamps), ['offHook', 'mute']);
    assert.equal(back.firmware.hook, true);
    await later(10_000);
    assert.deepEqual(commands, []);
    back.firmware.press('mute');
    await later(500);
    back.firmware.press('hook');
    await later(500);
    assert.deepEqual(commands, ['unmute', 'hang-up']);
  });

  it('a device that is lost without being unplugged is opened again, ever more seldom', async () => {
    const { later, phone, machine } = await roomWith();
    let opened = phone.opened();
    const lose = machine.transport.open;
    machine.transport.open = async (path, ids) => {
      const connection = await lose(path, ids);
      return { ...connection, onLost: (listener) => void setImmediate(() => listener('could not read')) };
    };
    phone.unplug();
    const again = machine.plug();
    for (let i = 0; i < 60; i++) await later(1000);
    opened = again.opened();
    assert.ok(opened >= 4 && opened <= 12, `${opened} times in a minute`);
  });

  it('waits two seconds for the permission, then says what is wrong; and opens once it is there', async () => {
    const { later, devices, phone, machine } = await roomWith({ forbiddenMs: 1500 });
    assert.equal(phone.opened(), 0);
    await later(1000);
    assert.equal(phone.opened(), 1);
    const other = machine.plug({ serial: 'S2', forbiddenMs: 60_000 });
    await later(5000);
    assert.equal(devices.state().devices[1]?.problem?.code, 'CL_DEVICE_PERMISSION');
    await later(60_000);
    assert.equal(other.opened(), 0);
    machine.stir();
    await later(1000);
    assert.equal(other.opened(), 1);
    assert.equal(devices.state().devices[1]?.problem, null);
  });

  it('says when a descriptor cannot be had or understood, and uses the others', async () => {
    const { later, devices, machine } = await roomWith();
    const [unknown, broken] = [machine.plug({ serial: 'S2', descriptor: null }), machine.plug({ serial: 'S3', descriptor: new Uint8Array(5000) })];
    await later(1000);
    assert.deepEqual(
      devices.state().devices.map(({ problem }) => problem?.code),
      [undefined, 'CL_DEVICE_DESCRIPTOR', 'CL_DEVICE_DESCRIPTOR']
    );
    assert.deepEqual([unknown.opened(), broken.opened()], [0, 0]);
  });

  it('never opens a keyboard, a mouse, or consumer keys that are nobody’s', async () => {
    const { later, devices, machine } = await roomWith();
    const others = [
      machine.plug({ serial: 'K1', rows: [{ usagePage: 1, usage: 6 }] }),
      machine.plug({
        serial: 'K1',
        rows: [
          { usagePage: 0x0c, usage: 1 },
          { usagePage: 1, usage: 0x80 }
        ]
      }),
      machine.plug({ serial: 'M1', rows: [{ usagePage: 1, usage: 2 }] }),
      machine.plug({ serial: 'T1', rows: [{ usagePage: 0x0d, usage: 4 }] }),
      machine.plug({ serial: 'V1', rows: [{ usagePage: 0xff00, usage: 1 }] }),
      // The keyboard of the phone's own appliance.
      machine.plug({
        serial: 'S1',
        rows: [
          { usagePage: 1, usage: 6 },
          { usagePage: 0x0c, usage: 1 }
        ]
      })
    ];
    await later(1000);
    assert.deepEqual(
      others.map((other) => other.opened()),
      [0, 0, 0, 0, 0, 0]
    );
    assert.deepEqual(
      devices.state().devices.map(({ kinds }) => kinds),
      [['telephony', 'consumer'], ['console']]
    );
  });

  it('hears consumer keys on another interface of the phone, and of an appliance of the room', async () => {
    const world = room();
    const rows = [{ usagePage: 0x0c, usage: 1 }];
    world.machine.plug({ layout: { ...ONE_REPORT, consumer: { id: 1, keys: [] } } });
    const keys = world.machine.plug({ serial: 'S1', appliance: 'usb:S1', rows });
    const bar = world.machine.plug({ serial: 'B1', appliance: 'usb:bar', rows });
    await world.begin();
    assert.equal(bar.opened(), 0, 'nobody knows yet what it is of');
    world.sees('usb:bar');
    await world.later(10);
    keys.firmware.press('volume-up');
    bar.firmware.press('volume-down');
    await world.later(500);
    assert.deepEqual(world.commands, ['volume-up', 'volume-down']);
  });

  it('does not wait for a sensor that takes its time, whatever is plugged in meanwhile', async () => {
    const never: Promise<void> = new Promise(() => {});
    const world = room({ sensors: { start: () => {}, look: () => never, presence: () => null, [Symbol.asyncDispose]: async () => {} } });
    void world.begin();
    await world.later(1000);
    world.machine.plug({});
    await world.later(1000);
    assert.equal(world.devices.state().devices.length, 1);
  });

  it('tells of presence as a sensor does', async () => {
    const world = room();
    const sensor = world.machine.plug({
      rows: [{ usagePage: 0x20, usage: 1 }],
      descriptor: descriptor(application(0x20, 0x01, reportId(1), usagePage(0x20), usage(0x04b1), logicalRange(0, 1), cells(1, 1), input(2), padding(input, 7)))
    });
    const lightSensor = world.machine.plug({
      serial: 'S9',
      rows: [{ usagePage: 0x20, usage: 1 }],
      descriptor: descriptor(application(0x20, 0x01, usage(0x04d1), logicalRange(0, 255), cells(1, 8), input(2)))
    });
    await world.begin();
    assert.equal(world.devices.state().presence, null, 'it said nothing yet');
    assert.deepEqual(
      world.devices.state().devices.map(({ kinds }) => kinds),
      [['presence']]
    );
    sensor.send([1, 1]);
    assert.equal(world.devices.state().presence, true);
    sensor.send([1, 0]);
    assert.equal(world.devices.state().presence, false);
    sensor.send([7]);
    assert.equal(world.devices.state().presence, false, 'what is no report says nothing');
    world.sensor.now = true;
    world.machine.stir();
    await world.later(500);
    assert.equal(world.devices.state().presence, true, 'one of several is enough');
    assert.equal(lightSensor.opened(), 0);
  });

  it('a sensor that does not answer keeps nobody from plugging in a phone', async () => {
    const never = new Promise<void>(() => {});
    const { begin, later, machine, devices } = room({
      sensors: { start: () => {}, look: () => never, presence: () => null, [Symbol.asyncDispose]: async () => {} }
    });
    machine.plug({ serial: 'A' });
    await Promise.race([begin(), later(2000)]);
    const second = machine.plug({ serial: 'B' });
    await later(2000);
    assert.equal(devices.state().devices.length, 2);
    assert.equal(second.open(), true);
  });

  it('remembers the touch console and tells when it is gone', async () => {
    const world = room();
    const rows = [{ usagePage: 0x0d, usage: 4 }];
    const screen = world.machine.plug({ serial: 'T1', rows });
    await world.begin();
    assert.equal(world.devices.state().console, 'present');
    assert.deepEqual(world.stored, ['["1234:00ab"]']);
    screen.unplug();
    await world.later(1000);
    assert.equal(world.devices.state().console, 'away');
    const restarted = room({ consoleMemory: { read: async () => world.stored.at(-1) ?? null, write: async () => {} } });
    await restarted.begin();
    assert.equal(restarted.devices.state().console, 'away');
  });

  it('says when a device takes nothing, and writes it with the next change', async () => {
    const { show, later, phone, firmware, devices } = await roomWith({ layout: LAMP_PER_REPORT });
    phone.failWrites(1);
    show(inCall);
    await later(50);
    assert.equal(devices.state().devices[0]?.problem?.code, 'CL_DEVICE_WRITE');
    assert.equal(firmware.lamps.offHook, false);
    show({ phase: 'in-call', muted: true });
    await later(40);
    assert.equal(devices.state().devices[0]?.problem, null);
    assert.deepEqual(new Set(lit(firmware.lamps)), new Set(['offHook', 'onLine', 'mute']));
  });

  it('lets no crowd of devices push out the phone that is in use', async () => {
    const { later, machine, phone, devices } = await roomWith();
    const { list } = machine.transport;
    machine.transport.list = async () => [...(await list())].reverse();
    for (let count = 0; count < 40; count++) machine.plug({ serial: `crowd ${count}` });
    await later(2000);
    assert.equal(phone.open(), true);
    assert.equal(devices.state().devices.length, 32);
  });

  it('says when a device does not come back from a write, and is well when it does', async () => {
    const { show, later, phone, devices } = await roomWith();
    phone.slow(10_000);
    show(inCall);
    await later(1500);
    assert.equal(devices.state().devices[0]?.problem, null);
    await later(1500);
    assert.equal(devices.state().devices[0]?.problem?.code, 'CL_DEVICE_WRITE');
    await later(10_000);
    assert.equal(devices.state().devices[0]?.problem, null);
  });

  it('what a failed write was to tell is told again by itself, at once and then ever more seldom', async () => {
    const { show, later, phone, firmware, devices } = await roomWith({ layout: LAMP_PER_REPORT });
    phone.failWrites(1);
    show({ phase: 'in-call', muted: true });
    await later(150);
    assert.deepEqual([devices.state().devices[0]?.problem, new Set(lit(firmware.lamps))], [null, new Set(['offHook', 'onLine', 'mute'])]);
    phone.failWrites(1000);
    show(inCall);
    await later(60_000);
    phone.failWrites(0);
    assert.equal(firmware.lamps.mute, true);
    await later(30_000);
    assert.deepEqual([devices.state().devices[0]?.problem, firmware.lamps.mute], [null, false]);
  });

  for (const key of ['hook', 'mute', 'drop'] as const)
    for (const hook of ['switch', 'one-shot'] as const)
      it(`a device that answers each lamp by a press of its ${key} (${hook}) answers no call, opens no microphone, and is no endless loop`, async () => {
        const { show, later, phone, firmware, commands, clock } = await roomWith({ traits: { hook, follows: 'not' } });
        let answered = phone.writes.length;
        const answer = (): void => {
          if (answered < phone.writes.length) {
            answered = phone.writes.length;
            firmware.press(key);
          }
          clock.schedule(1, answer);
        };
        answer();
        show(ringing);
        await later(100);
        assert.equal(commands.length, 0);
        show(inCall);
        await later(1000);
        show({ phase: 'in-call', muted: true });
        await later(3000);
        assert.ok(!commands.includes('unmute') && !commands.includes('answer'), commands.join());
        assert.ok(commands.length <= 3, commands.join());
      });

  it('what a failed write was to tell is told again, also where the state is as before it', async () => {
    const { show, later, phone, firmware } = await roomWith();
    const before = phone.writes.length;
    phone.failWrites(1);
    show(ringing);
    await later(50);
    show(idle);
    await later(500);
    assert.equal(phone.writes.length, before + 1, 'nobody knows what became of the first');
    assert.deepEqual(lit(firmware.lamps), []);
  });

  it('refuses a lifted receiver by writing what is so already', async () => {
    const { later, phone, firmware, commands } = await roomWith();
    const before = phone.writes.length;
    firmware.press('hook');
    await later(100);
    assert.deepEqual(commands, ['offer-to-call']);
    assert.equal(phone.writes.length, before + 1);
  });

  it('between the reports of a slow device the newest state takes over', async () => {
    const { show, later, phone, firmware } = await roomWith({ layout: LAMP_PER_REPORT });
    phone.slow(1000);
    const before = phone.writes.length;
    show({ phase: 'on-hold', muted: true });
    await later(1500);
    show(idle);
    await later(10_000);
    assert.equal(phone.writes.length - before, 4, 'off-hook and on-line on, and off again; mute and hold never');
    assert.deepEqual(lit(firmware.lamps), []);
  });

  it('a device gone wild does not keep the room busy, and is heard again once it is tame', async () => {
    const { later, phone, commands } = await roomWith();
    for (let i = 0; i < 100; i++) {
      phone.send([1, 1]);
      phone.send([1, 0]);
      await later(10);
    }
    assert.ok(commands.length > 0 && commands.length <= 60, `${commands.length} in a second`);
    await later(2000);
    const before = commands.length;
    phone.firmware.press('volume-up');
    await later(100);
    assert.equal(commands.length, before + 1);
  });

  it('a device whose id becomes another one stays open', async () => {
    const { later, machine, devices, phone } = await roomWith();
    const identify = machine.identify;
    machine.identify = async (rows) => (await identify(rows)).map((identity) => ({ ...identity, id: `${identity.id}-of-two` }));
    machine.stir();
    await later(1000);
    assert.equal(devices.state().devices[0]?.id, 'hid-S1-usb:S1-of-two');
    assert.equal(phone.opened(), 1);
  });

  it('a device that is gone from the list without a word is let go', async () => {
    const { later, phone, machine, devices } = await roomWith();
    phone.vanish();
    await later(2000);
    assert.deepEqual([machine.connections(), devices.state().devices], [0, []]);
  });

  it('a device that does not open is tried again without a word of the system', async () => {
    const world = room();
    const open = world.machine.transport.open;
    let refusals = 5;
    world.machine.transport.open = async (path, ids) => {
      if (refusals-- > 0) throw new CloisterError('CL_DEVICE_OPEN', 'not yet');
      return open(path, ids);
    };
    const phone = world.machine.plug();
    await world.begin();
    assert.equal(world.devices.state().devices[0]?.problem?.code, 'CL_DEVICE_OPEN');
    await world.later(10_000);
    assert.equal(phone.open(), true);
    assert.equal(world.devices.state().devices[0]?.problem, null);
  });

  it('one that never opens keeps no other from being opened again at once', async () => {
    const { machine, begin, later } = room();
    const broken = machine.plug({ serial: 'BROKEN' });
    const phone = machine.plug();
    const { open } = machine.transport;
    let lose: (why: string) => void = () => {};
    machine.transport.open = async (path, ids) => {
      if (path === broken.path) throw new CloisterError('CL_DEVICE_OPEN', 'never');
      const connection = await open(path, ids);
      return {
        ...connection,
        onLost: (listener) => {
          lose = listener;
        }
      };
    };
    await begin();
    for (let i = 0; i < 120; i++) await later(1000);
    const opened = phone.opened();
    lose('could not read');
    await later(1000);
    assert.equal(phone.opened(), opened + 1);
  });

  it('a slow device gets the newest state and none of those between', async () => {
    const { show, later, phone, firmware } = await roomWith();
    const before = phone.writes.length;
    phone.slow(1000);
    for (let i = 0; i < 10; i++) show({ phase: 'in-call', muted: i % 2 === 0 });
    await later(5000);
    assert.equal(phone.writes.length - before, 2);
    assert.deepEqual(lit(firmware.lamps), ['offHook']);
  });

  it('a hook without a lamp answers and hangs up all the same', async () => {
    const { show, later, firmware, commands, devices } = await roomWith({ layout: HOOK_ALONE, traits: { follows: 'not' } });
    show(ringing);
    await later(500);
    firmware.press('hook');
    await later(5000);
    firmware.press('hook');
    await later(500);
    assert.deepEqual(commands, ['answer', 'hang-up']);
    assert.equal(devices.state().devices[0]?.lamps, null);
  });

  it('leaves the devices dark and closed, and no timer behind', async () => {
    const { show, later, machine, clock, devices, firmware } = await roomWith();
    show(inCall);
    await later(1000);
    const disposal = devices[Symbol.asyncDispose]();
    await later(1000);
    await disposal;
    assert.deepEqual(lit(firmware.lamps), []);
    assert.equal(machine.connections(), 0);
    await later(5000);
    assert.equal(clock.pending, 0);
  });

  it('a machine whose HID does not load or does not list is a room without phones', async () => {
    const broken = room({
      transport: {
        list: async () => {
          throw new Error('cannot load');
        },
        open: async () => {
          throw new Error('cannot load');
        }
      }
    });
    await broken.begin();
    assert.deepEqual(broken.devices.state().devices, []);
  });

  it('lamps are as the call is, whatever is pressed, pulled out and plugged in; and no report has another length', async () => {
    const layouts = fc.constantFrom<Layout>(ONE_REPORT, LAMP_PER_REPORT, MIRRORED, NO_IDS);
    const traits: fc.Arbitrary<Partial<Traits>> = fc.record({ hook: fc.constantFrom('switch', 'one-shot'), mute: fc.constantFrom('switch', 'one-shot') });
    const happening = fc.constantFrom('hook', 'mute', 'drop', 'replug', 'incoming', 'end', 'mute here', 'wait', 'pause');
    await fc.assert(
      fc.asyncProperty(layouts, traits, fc.array(happening, { maxLength: 15 }), async (layout, kind, happenings) => {
        const world = room();
        let phone = world.machine.plug({ layout, traits: kind });
        await world.begin();
        for (const what of happenings) {
          if (what === 'hook' || what === 'mute' || what === 'drop') phone.firmware.press(what);
          else if (what === 'replug') {
            phone.unplug();
            phone = world.machine.plug({ layout, traits: kind });
          } else if (what === 'incoming') {
            if (world.call().phase === 'idle') world.show(ringing);
          } else if (what === 'end') world.show(idle);
          else if (what === 'mute here') {
            if (world.call().phase === 'in-call') world.show({ ...world.call(), muted: !world.call().muted });
          } else await world.later(what === 'wait' ? 40 : 2500);
        }
        await world.later(8000);
        const { phase, muted } = world.call();
        const expected = { offHook: phase === 'in-call', mute: phase === 'in-call' && muted, ring: phase === 'ringing' };
        const { offHook, mute, ring } = phone.firmware.lamps;
        assert.deepEqual({ offHook, mute, ring }, expected);
      }),
      { numRuns: 30 }
    );
  });
});
