// A camera at VISCA over IP behind real sockets: UDP with sequence numbers, on good and bad networks, and TCP.
import assert from 'node:assert/strict';
import type { CameraControl } from '../../src/devices/cameras/camera-control.ts';
import { createViscaCamera } from '../../src/devices/cameras/visca-camera.ts';
import { viscaWireTo } from '../../src/devices/cameras/visca-wire.ts';
import type { CameraState } from '../../src/devices/port.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { asCloisterError } from '../../src/kernel/errors.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createFakeViscaCamera, type Impairment, impairedRoad, NO_IMPAIRMENT, serveViscaTcp, serveViscaUdp } from '../fakes/visca-camera.ts';

const LIMIT_MS = 15_000;

describe('VISCA over IP', function () {
  this.timeout(60_000);
  const opened: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
  });

  const own = <T extends AsyncDisposable>(one: T): T => {
    opened.push(one);
    return one;
  };
  const controlAt = (address: string): CameraControl => own(createViscaCamera({ open: viscaWireTo(address, systemClock), clock: systemClock, log: silentLog }));
  /** Looks again and again: the camera takes its time. */
  const until = async (what: string, isSo: () => boolean | Promise<boolean>): Promise<void> => {
    const endMs = performance.now() + LIMIT_MS;
    while (!(await isSo())) {
      assert.ok(performance.now() < endMs, `never: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const codeOf = async (work: Promise<unknown>): Promise<string> => {
    try {
      await work;
    } catch (error) {
      return asCloisterError(error).code;
    }
    return 'nothing';
  };

  for (const transport of ['udp', 'tcp'] as const)
    it(`finds out what a camera has, moves it, stops it and places it (${transport})`, async () => {
      const camera = createFakeViscaCamera(systemClock);
      const server = own(transport === 'udp' ? await serveViscaUdp(camera, (deliver) => deliver()) : await serveViscaTcp(camera));
      const control = controlAt(`${transport}://127.0.0.1:${server.port}`);
      assert.deepEqual((await control.capabilities()).moves, ['pan', 'tilt', 'zoom', 'focus']);
      await control.moveTo({ pan: 500, tilt: -200, zoom: 0x2000, focus: 0x1800 });
      await until('there', async () => JSON.stringify(await control.position()) === JSON.stringify({ pan: 500, tilt: -200, zoom: 0x2000, focus: 0x1800 }));
      await control.move({ pan: -1, zoom: 1 });
      await until('on its way', () => camera.pan < 500 && camera.zoom > 0x2000);
      await control.stop();
      assert.equal(camera.driven, false);
      await control.set('exposure', 2);
      assert.equal(camera.compensation, 2);
      assert.equal(await codeOf(control.moveTo({ pan: 0x7000 })), 'CL_DEVICE_CONTROL');
      await control.home();
      await until('at home', () => camera.pan === 0 && camera.tilt === 0 && camera.zoom === 0);
      assert.equal(control.state().problem, null);
    });

  it('stops the camera when who moves it goes without a word', async () => {
    const camera = createFakeViscaCamera(systemClock);
    const server = own(await serveViscaUdp(camera, (deliver) => deliver()));
    const control = controlAt(`udp://localhost:${server.port}`);
    const connection = new AbortController();
    await control.move({ pan: 0.2 }, { signal: connection.signal });
    assert.equal(camera.driven, true);
    connection.abort();
    await until('stopped', () => !camera.driven);
  });

  it('gets a camera where it is wanted on a network that loses, doubles and disorders', async () => {
    // The same draws each time; which datagram each of them meets depends on the machine.
    let state = 7;
    const random = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    let impairment: Impairment = NO_IMPAIRMENT;
    const camera = createFakeViscaCamera(systemClock);
    const server = own(
      await serveViscaUdp(
        camera,
        impairedRoad(() => impairment, random, systemClock)
      )
    );
    const control = controlAt(`udp://127.0.0.1:${server.port}`);
    await control.capabilities();
    impairment = { loss: 0.1, double: 0.2, late: 0.2, lateMs: 40 };
    for (const pan of [400, -300, 200]) {
      await control.moveTo({ pan });
      await until(`at ${pan}`, () => camera.pan === pan);
      assert.equal((await control.position()).pan, pan);
    }
  });

  it('says that a camera is away, and is there again when it is, over each transport', async () => {
    const goesAndComes = async (transport: 'udp' | 'tcp'): Promise<void> => {
      const camera = createFakeViscaCamera(systemClock);
      const serve = (port?: number) => (transport === 'udp' ? serveViscaUdp(camera, (deliver) => deliver(), port) : serveViscaTcp(camera, port));
      const first = await serve();
      const control = controlAt(`${transport}://127.0.0.1:${first.port}`);
      const told: CameraState['problem'][] = [];
      control.on('changed', () => told.push(control.state().problem));
      await control.start(new AbortController().signal);
      await control.position();
      await first[Symbol.asyncDispose]();
      assert.equal(await codeOf(control.home()), 'CL_DEVICE_UNREACHABLE');
      assert.equal(control.state().problem?.code, 'CL_DEVICE_UNREACHABLE');
      camera.restart();
      own(await serve(first.port));
      await until('back', () => control.state().problem === null);
      assert.deepEqual(
        told.map((problem) => problem?.code ?? null),
        ['CL_DEVICE_UNREACHABLE', null]
      );
      await control.home();
    };
    await Promise.all([goesAndComes('udp'), goesAndComes('tcp')]);
  });

  it('says so where there is no such host, and nobody at the port', async () => {
    for (const address of ['udp://camera.invalid:52381', 'tcp://camera.invalid', 'udp://127.0.0.1:9', 'tcp://127.0.0.1:9'])
      assert.equal(await codeOf(controlAt(address).position()), 'CL_DEVICE_UNREACHABLE', address);
  });
});
