// A camera that is tried in the settings, in Chromium: the real process that tries it, on the test source, over its real WebSocket, behind the real devices
// of a room. What else the panel sees is a fake room's. What is shown moves, and it ends with the page.
import assert from 'node:assert/strict';
import { createDeviceTest } from '../../agent/device-test.ts';
import { createRoomDevices, type RoomDevices } from '../../agent/room-devices.ts';
import { createCameraPresets } from '../../src/devices/cameras/presets.ts';
import { createRoomCameras } from '../../src/devices/cameras/room-cameras.ts';
import { createRegistry, type FoundDevice } from '../../src/devices/registry.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { createEvents } from '../../src/kernel/events.ts';
import { silentLog } from '../../src/kernel/log.ts';
import type { UiServer } from '../../src/ui-server/server.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';
import { openBrowser, type RoomPage, type TestBrowser, until } from '../harness/browser.ts';
import { childrenOf } from '../harness/processes.ts';
import { serveRoom } from '../harness/served-room.ts';
import { lookAtPicture } from '../harness/shown-picture.ts';

const CAMERA: FoundDevice = {
  kind: 'camera',
  identity: { model: '046d:0001', serial: 'A1', name: 'Front camera', port: '1-1', part: '', appliance: 'usb:1-1' },
  name: 'Front camera',
  // What the media process opens: its own moving picture, as the configuration's `test` is.
  media: { path: 'test', cancelsEcho: false },
  can: [],
  problem: null
};

describe('browser: a camera that is tried', function () {
  this.timeout(120_000);
  let room: FakeRoom;
  let devices: RoomDevices;
  let server: UiServer;
  let browser: TestBrowser;
  let panel: RoomPage;
  let row: string;

  before(async () => {
    const [clock, log] = [systemClock, silentLog];
    const never = createEvents<{ changed: readonly [] }>(() => {});
    const registry = createRegistry({
      list: async () => [CAMERA],
      watch: never,
      choices: { read: async () => ({}), write: async () => {} },
      clock,
      log
    });
    const kept = { read: async () => [], write: async () => {} };
    const cameras = createRoomCameras({ registry, ctl: null, visca: [], presets: createCameraPresets(kept), clock, log });
    const hid = { ...never, show: () => {}, state: () => ({ devices: [], presence: null, console: 'none' as const }) };
    const test = createDeviceTest({ pages: () => ({ host: '127.0.0.1', origins: server.origins() }), clock, log });
    devices = createRoomDevices({
      hid: { ...hid, on: () => () => {}, start: async () => {}, [Symbol.asyncDispose]: async () => {} },
      registry,
      cameras,
      test,
      volumePercent: 60,
      clock,
      log
    });
    room = Object.assign(createFakeRoom(), { devices });
    const show = (): void => {
      const { media, test: tried } = devices.facts();
      room.change((state) => ({ ...state, devices: { ...state.devices, media, test: tried } }));
    };
    devices.on('changed', show);
    await devices.start(new AbortController().signal);
    server = await serveRoom(room);
    browser = await openBrowser();
    row = `device-${devices.facts().media[0]?.id}`;
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await devices?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    panel = await browser.panel(server.url);
    await panel.touch('button-settings');
    await panel.touch('row-devices');
    await panel.touch(row);
  });
  afterEach(async () => {
    await browser.closePages();
    assert.deepEqual(browser.faults(), []);
  });

  const look = () => lookAtPicture(panel, 'test-picture');
  const processes = (): Promise<number[]> => childrenOf(process.pid, 'media/device-test.ts');

  /** @returns the sockets over which the picture came */
  async function tried(): Promise<readonly { isClosed(): boolean }[]> {
    const sockets: { isClosed(): boolean }[] = [];
    panel.page.on('websocket', (socket) => sockets.push(socket));
    await until(
      'the picture is there',
      async () => {
        // A busy machine answers the panel late: it says "reconnecting" for a moment, which ends what was tried, and people begin anew.
        if (await panel.isVisible('button-test'))
          await panel.page
            .getByTestId('button-test')
            .tap({ timeout: 2_000 })
            .catch(() => {});
        return (await panel.isVisible('test-picture')) && (await panel.attribute('test-picture', 'data-live')) === 'true';
      },
      60_000
    );
    const first = await until('a picture', async () => {
      const seen = await look();
      return seen !== null && seen.variance > 100 ? seen : null;
    });
    // As the camera gives it, and not as a mirror: who tries a camera wants to know what others will see.
    assert.deepEqual([first.width, first.transform, first.visibility], [640, 'none', 'visible']);
    await until('another picture', async () => (await look())?.print !== first.print);
    assert.equal((await processes()).length, 1);
    assert.ok(sockets.some((socket) => !socket.isClosed()));
    return sockets;
  }
  async function isOver(sockets: readonly { isClosed(): boolean }[]): Promise<void> {
    await until('the process is gone', async () => (await processes()).length === 0);
    await until('the line is closed', async () => sockets.every((socket) => socket.isClosed()));
    assert.equal(room.state().devices.test, null);
    assert.equal(await look(), null);
  }

  it('shows what the camera gives, moving, until somebody stops it', async () => {
    const sockets = await tried();
    await panel.touch('button-test-stop');
    await isOver(sockets);
    await panel.see('button-test');
  });

  it('stops when another page of the settings is opened', async () => {
    const sockets = await tried();
    await panel.touch('row-language');
    await isOver(sockets);
  });

  it('stops when people go back to the first screen', async () => {
    const sockets = await tried();
    await panel.touch('button-back');
    await panel.see('screen-home');
    await isOver(sockets);
  });

  it('stops when somebody calls', async () => {
    const sockets = await tried();
    room.ring();
    await panel.see('screen-incoming');
    await isOver(sockets);
    room.change((state) => ({ ...state, call: null }));
  });
});
