import assert from 'node:assert/strict';
import { createRoomDevices } from '../../../agent/room-devices.ts';
import type { HidCommand, HidEvents } from '../../../src/devices/port.ts';
import { createEvents } from '../../../src/kernel/events.ts';
import { silentLog } from '../../../src/kernel/log.ts';
import type { DeviceTestView, DeviceView, HidView } from '../../../src/room/state.ts';
import { createFakeClock } from '../../fakes/clock.ts';
import { NO_DEVICES } from '../../fakes/room-devices.ts';

const HDMI: DeviceView = {
  id: 'content-hdmi',
  kind: 'content',
  name: 'HDMI input',
  model: 'vivid',
  serial: null,
  port: null,
  appliance: 'a',
  present: true,
  chosen: false,
  can: [],
  problem: null
};
const thrown = (error: unknown): never => {
  throw error;
};

/** @param starting what happens while a test begins */
async function world(starting: () => Promise<void> = async () => {}) {
  let tried: DeviceTestView | null = null;
  const clock = createFakeClock();
  const hidEvents = createEvents<HidEvents>(thrown);
  const registryEvents = createEvents<{ changed: readonly [] }>(thrown);
  const cameraEvents = createEvents<{ changed: readonly [] }>(thrown);
  const said: unknown[] = [];
  let hid: HidView = { devices: [], presence: null, console: 'none' };
  let signal: DeviceView['problem'] = null;
  const part = { start: async () => {}, [Symbol.asyncDispose]: async () => {} };
  const devices = createRoomDevices({
    hid: { ...part, on: hidEvents.on, show: (call) => void said.push(['lamps', call.phase]), state: () => hid },
    registry: {
      ...part,
      on: registryEvents.on,
      list: () => [HDMI],
      pathOf: (id) => (id === HDMI.id ? '/dev/video9' : null),
      order: () => NO_DEVICES,
      choose: async (...given) => void said.push(given)
    },
    cameras: {
      ...part,
      on: cameraEvents.on,
      list: () => [],
      facts: () => ({ shutter: null, problem: signal }),
      setInCall: (inCall) => void said.push(['in call', inCall]),
      setSharing: () => {},
      lookAtSignals: async () => {},
      of: () => thrown(new Error('none'))
    },
    test: {
      ...part,
      on: () => () => {},
      async start(id, device) {
        await starting();
        said.push(['try', id, device.choice]);
        tried = { id, kind: device.kind, level: null, problem: null };
      },
      async stop() {
        said.push('stop trying');
        tried = null;
      },
      view: () => tried,
      ticket: async () => ({ url: '' })
    },
    volumePercent: 95,
    clock,
    log: silentLog
  });
  devices.on('command', (command) => void said.push(command));
  devices.on('volume', (percent) => void said.push(['played', percent]));
  devices.on('order', () => void said.push('order'));
  await devices.start(new AbortController().signal);
  const press = (command: HidCommand): void => hidEvents.emit('command', command);
  return {
    clock,
    devices,
    press,
    said: () => said.splice(0),
    changeHid: (next: HidView) => {
      hid = next;
      hidEvents.emit('changed');
    },
    changeSignal: (problem: DeviceView['problem']) => {
      signal = problem;
      cameraEvents.emit('changed');
    },
    plug: () => registryEvents.emit('changed')
  };
}

describe('the room’s devices', () => {
  it('turns the volume by keys in steps, between nothing and all, and hands on what concerns the call', async () => {
    const { devices, press, said } = await world();
    press('volume-up');
    press('volume-up');
    assert.deepEqual(said(), [
      ['played', 100],
      ['played', 100]
    ]);
    press('volume-down');
    press('toggle-speaker');
    assert.deepEqual(
      [said(), devices.facts().volumePercent, devices.facts().speakerMuted, devices.playedPercent()],
      [
        [
          ['played', 95],
          ['played', 0]
        ],
        95,
        true,
        0
      ]
    );
    press('volume-down');
    assert.deepEqual([devices.facts().speakerMuted, devices.playedPercent()], [false, 90], 'whoever turns it wants to hear something');
    await devices.setVolume(0);
    press('volume-down');
    assert.equal(devices.facts().volumePercent, 0);
    said();
    for (const command of ['answer', 'mute', 'redial', 'toggle-camera'] as const) press(command);
    assert.deepEqual(said(), ['answer', 'mute', 'redial', 'toggle-camera']);
  });

  it('offers to call from the moment in which a receiver was lifted, until there is a call', async () => {
    const { devices, press, clock, said } = await world();
    press('offer-to-call');
    assert.deepEqual([devices.facts().liftedAtMs, said()], [clock.now(), []]);
    let told = 0;
    devices.on('changed', () => told++);
    devices.show({ phase: 'in-call', muted: false }, false);
    assert.deepEqual([devices.facts().liftedAtMs, told], [null, 1]);
    assert.deepEqual(said(), [
      ['lamps', 'in-call'],
      ['in call', true]
    ]);
  });

  it('offers to call for a minute: a panel that is loaded hours later opens nothing', async () => {
    const { devices, press, clock } = await world();
    press('offer-to-call');
    clock.advance(30_000);
    press('offer-to-call');
    let told = 0;
    devices.on('changed', () => told++);
    clock.advance(59_999);
    assert.deepEqual([devices.facts().liftedAtMs, told], [clock.now() - 59_999, 0]);
    clock.advance(1);
    assert.deepEqual([devices.facts().liftedAtMs, told], [null, 1]);
  });

  it('tells what is wrong since when it began, and no longer than it is so', async () => {
    const { devices, changeHid, clock } = await world();
    const beganMs = clock.now();
    const away: HidView = { devices: [], presence: null, console: 'away' };
    changeHid(away);
    clock.advance(5_000);
    changeHid({ ...away, presence: true });
    assert.deepEqual(
      devices.troubles().map(({ code, sinceMs }) => [code, sinceMs]),
      [['CL_DEVICE_CONSOLE_AWAY', beganMs]]
    );
    changeHid({ ...away, console: 'present' });
    assert.deepEqual(devices.troubles(), []);
    changeHid(away);
    assert.equal(devices.troubles()[0]?.sinceMs, clock.now());
  });

  it('calls an input without a signal a trouble only while something is shared', async () => {
    const { devices, changeSignal } = await world();
    changeSignal({ code: 'CL_DEVICE_NO_SIGNAL', text: 'no signal' });
    assert.deepEqual([devices.facts().media[0]?.problem?.code, devices.troubles()], ['CL_DEVICE_NO_SIGNAL', []]);
    devices.show({ phase: 'in-call', muted: false }, true);
    assert.deepEqual(
      devices.troubles().map(({ code, text }) => [code, text]),
      [['CL_DEVICE_NO_SIGNAL', 'HDMI input: no signal']]
    );
    devices.show({ phase: 'in-call', muted: false }, false);
    assert.deepEqual(devices.troubles(), []);
  });

  it('tells of another order whenever something came or went', async () => {
    const { plug, said } = await world();
    plug();
    assert.deepEqual(said(), ['order']);
  });

  it('tries a device that is there, outside of calls alone, and stops as soon as one begins, whenever that is', async () => {
    const tries = (said: unknown[]): unknown[] => said.filter((each) => each === 'stop trying' || (Array.isArray(each) && each[0] === 'try'));
    const { devices, said } = await world();
    await assert.rejects(devices.startTest('camera-none'), { code: 'CL_DEVICE_UNKNOWN' });
    await devices.startTest(HDMI.id);
    assert.deepEqual(tries(said()), [['try', HDMI.id, '/dev/video9']]);
    devices.show({ phase: 'ringing', muted: false }, false);
    assert.deepEqual([tries(said()), devices.facts().test], [['stop trying'], null], 'one that rings needs it soon');
    await assert.rejects(devices.startTest(HDMI.id), { code: 'CL_CALL_BUSY' });
    devices.show({ phase: 'idle', muted: false }, false);
    assert.deepEqual(tries(said()), [], 'it is not begun again by itself');

    const gate = Promise.withResolvers<void>();
    const slow = await world(() => gate.promise);
    const started = slow.devices.startTest(HDMI.id);
    slow.devices.show({ phase: 'ringing', muted: false }, false);
    gate.resolve();
    await started;
    assert.deepEqual([tries(slow.said()), slow.devices.facts().test], [[['try', HDMI.id, '/dev/video9'], 'stop trying'], null]);
  });
});
