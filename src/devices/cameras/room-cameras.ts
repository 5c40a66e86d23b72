// The room's cameras as they are moved and asked: those that the registry lists, by V4L2, and those of the network, by VISCA; presets of both; and what
// the capture inputs say of their signal. A V4L2 camera is spoken to when somebody moves it or a call needs to know its shutter, not before.
import type { Clock } from '../../kernel/clock.ts';
import { CloisterError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Log } from '../../kernel/log.ts';
import { Scope } from '../../kernel/scope.ts';
import type { DeviceProblem, DeviceView } from '../../room/state.ts';
import type { CameraState, DeviceRegistry, RoomCamera, RoomCameras } from '../port.ts';
import { CAMERA_CONTROLS, type CameraControl, type CameraControlName } from './camera-control.ts';
import { createSignalWatch, type SignalWatch } from './content-signal.ts';
import type { CameraPresets } from './presets.ts';
import { createV4l2Camera } from './v4l2-camera.ts';
import type { V4l2Ctl } from './v4l2-ctl.ts';
import { createViscaCamera } from './visca-camera.ts';
import type { OpenViscaWire } from './visca-wire.ts';

export type RoomCamerasOptions = {
  readonly registry: Pick<DeviceRegistry, 'on' | 'list' | 'pathOf'>;
  /** Null where cameras cannot be spoken to by V4L2, as on Windows. */
  readonly ctl: ((path: string) => V4l2Ctl) | null;
  readonly visca: readonly { readonly name: string; readonly open: OpenViscaWire }[];
  readonly presets: CameraPresets;
  readonly clock: Clock;
  readonly log: Log;
};

type Spoken = { readonly control: CameraControl /** Where it was when it was first spoken to. */; readonly path: string | null };

const isControl = (name: string): name is CameraControlName => (CAMERA_CONTROLS as readonly string[]).includes(name);

export function createRoomCameras({ registry, ctl, visca, presets, clock, log }: RoomCamerasOptions): RoomCameras {
  const scope = new Scope();
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('a listener of the cameras failed', { error: String(error) }));
  const spoken = new Map<string, Spoken>();
  const signals = new Map<string, { readonly watch: SignalWatch; readonly path: string }>();
  const remote = visca.map(({ name, open }, index) => ({
    id: viscaId(visca, index),
    name,
    control: createViscaCamera({ open, clock, log: log.child({ camera: name }) })
  }));
  let inCall = false;
  let sharing = false;
  const changed = (): void => events.emit('changed');

  function speakTo(id: string, path: string, speak: (path: string) => V4l2Ctl): CameraControl {
    const known = spoken.get(id);
    if (known !== undefined && known.path === path) return known.control;
    void known?.control[Symbol.asyncDispose]();
    const control = createV4l2Camera({ ctl: speak(path), clock, log: log.child({ camera: id }) });
    control.on('changed', changed);
    control.setInCall(inCall);
    control.start(scope.signal).catch((error) => log.warn('a camera cannot be spoken to', { camera: id, error: String(error) }));
    spoken.set(id, { control, path });
    return control;
  }

  /** Follows what is there: what is gone is let go, and in a call each camera is asked about its shutter, while content is shared each input about its signal. */
  function follow(): void {
    const there = new Map(registry.list().flatMap(({ id, kind, present }) => (present ? [[id, { kind, path: registry.pathOf(id) }] as const] : [])));
    for (const [id, { control, path }] of [...spoken]) {
      if (there.get(id)?.path === path) continue;
      spoken.delete(id);
      void control[Symbol.asyncDispose]();
    }
    for (const [id, { watch, path }] of [...signals]) {
      if (there.get(id)?.path === path) continue;
      signals.delete(id);
      void watch[Symbol.asyncDispose]();
    }
    if (ctl === null || scope.closed) return;
    for (const [id, { kind, path }] of there) {
      if (path === null) continue;
      if (kind === 'camera' && inCall) speakTo(id, path, ctl);
      if (kind === 'content') watchSignal(id, path, ctl);
    }
  }

  function watchSignal(id: string, path: string, speak: (path: string) => V4l2Ctl): void {
    let known = signals.get(id);
    if (known === undefined) {
      const watch = createSignalWatch({ ctl: speak(path), clock, log: log.child({ input: id }) });
      watch.on('changed', changed);
      watch.start(scope.signal).catch((error) => log.warn('a capture input cannot be watched', { input: id, error: String(error) }));
      known = { watch, path };
      signals.set(id, known);
      void watch.look();
    }
    known.watch.setWatched(sharing);
  }

  function controlOf(id: string): CameraControl {
    const network = remote.find((camera) => camera.id === id);
    if (network !== undefined) return network.control;
    const view = registry.list().find((device) => device.id === id);
    if (view === undefined) throw new CloisterError('CL_DEVICE_UNKNOWN', `There is no camera ${id} here.`);
    const path = registry.pathOf(id);
    if (view.kind !== 'camera' || ctl === null) throw new CloisterError('CL_DEVICE_CONTROL', `${view.name} cannot be moved.`);
    if (path === null) throw new CloisterError('CL_DEVICE_UNREACHABLE', `${view.name} is away.`);
    return speakTo(id, path, ctl);
  }

  const facts = (id: string): CameraState => {
    const signal = signals.get(id)?.watch.state();
    if (signal !== undefined) return { shutter: null, problem: signal.problem };
    const control = remote.find((camera) => camera.id === id)?.control ?? spoken.get(id)?.control;
    return control?.state() ?? { shutter: null, problem: null };
  };

  return {
    on: events.on,
    async start(signal) {
      await presets.start();
      scope.own(registry.on('changed', follow));
      for (const { control } of remote) scope.own(control.on('changed', changed));
      await Promise.all(remote.map(({ control }) => control.start(signal)));
      follow();
    },
    list: () => remote.map(({ id, name, control }) => remoteView(id, name, control.state().problem)),
    facts,
    setInCall(now) {
      inCall = now;
      for (const { control } of spoken.values()) control.setInCall(now);
      for (const { control } of remote) control.setInCall(now);
      follow();
    },
    setSharing(now) {
      sharing = now;
      follow();
    },
    async lookAtSignals() {
      await Promise.allSettled([...signals.values()].map(({ watch }) => watch.look()));
    },
    of(id): RoomCamera {
      const control = controlOf(id);
      return {
        move: ({ forMs, ...speeds }) => control.move(speeds, forMs === undefined ? {} : { forMs }),
        stop: () => control.stop(),
        home: () => control.home(),
        async set(name, value) {
          if (!isControl(name)) throw new CloisterError('CL_DEVICE_CONTROL', 'a camera has no such control');
          await control.set(name, value);
        },
        presets: async () => presets.names(id),
        savePreset: async (name) => presets.save(id, name, await control.position()),
        recallPreset: async (name) => control.moveTo(presets.position(id, name)),
        deletePreset: (name) => presets.remove(id, name)
      };
    },
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]();
      const controls = [...spoken.values(), ...remote].map(({ control }) => control);
      const watches = [...signals.values()].map(({ watch }) => watch);
      await Promise.all([...controls, ...watches].map((part) => part[Symbol.asyncDispose]()));
    }
  };
}

/** Of the name in the configuration, so that presets stay with their camera where the list is changed; those of one name are counted. */
function viscaId(cameras: readonly { readonly name: string }[], index: number): string {
  const words = cameras.map(
    ({ name }) =>
      name
        .toLowerCase()
        .match(/[a-z0-9]+/g)
        ?.join('-') ?? 'camera'
  );
  const own = words[index];
  const before = words.slice(0, index).filter((other) => other === own).length;
  return `camera-visca-${own}${before === 0 ? '' : `-${before + 1}`}`;
}

const remoteView = (id: string, name: string, problem: DeviceProblem | null): DeviceView => ({
  id,
  kind: 'camera',
  name,
  model: 'visca',
  serial: null,
  port: null,
  appliance: id,
  present: problem === null,
  chosen: false,
  can: ['pan', 'tilt', 'zoom', 'focus', 'presets'],
  problem
});
