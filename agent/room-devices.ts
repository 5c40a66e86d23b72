// The room's devices as one part: joins speakerphones and sensors, the registry and the cameras' control for the room and for the HTTP
// interface. Holds the volume. What concerns the call is handed on as a command; the room decides.
import type { CallOnDevices, DeviceRegistry, HidCommand, HidDevices, RoomCameras } from '../src/devices/port.ts';
import type { Clock, Timer } from '../src/kernel/clock.ts';
import type { ErrorCode } from '../src/kernel/error-codes.ts';
import { errorCodes } from '../src/kernel/error-codes.ts';
import { CloisterError } from '../src/kernel/errors.ts';
import { createEvents, type EventSource } from '../src/kernel/events.ts';
import type { Log } from '../src/kernel/log.ts';
import { Scope } from '../src/kernel/scope.ts';
import type { MediaDevices } from '../src/media/port.ts';
import type { RoomFacts } from '../src/room/project.ts';
import type { DeviceKind, DeviceProblem, DeviceView } from '../src/room/state.ts';
import type { DevicesPort } from '../src/ui-server/port.ts';
import type { DeviceTest } from './device-test.ts';

export type CallCommand = Exclude<HidCommand, 'volume-up' | 'volume-down' | 'toggle-speaker' | 'offer-to-call'>;

export type DeviceTrouble = DeviceProblem & { readonly sinceMs: number };

export type RoomDevicesEvents = {
  readonly changed: readonly [];
  readonly command: readonly [CallCommand];
  readonly order: readonly [MediaDevices];
  readonly volume: readonly [number];
};

export type RoomDevices = DevicesPort &
  EventSource<RoomDevicesEvents> &
  AsyncDisposable & {
    start(signal: AbortSignal): Promise<void>;
    /** @param sharing content is sent from here */
    show(call: CallOnDevices, sharing: boolean): void;
    facts(): RoomFacts['devices'];
    troubles(): readonly DeviceTrouble[];
    order(): MediaDevices;
    /** What is played with: 0 while the loudspeaker is muted. */
    playedPercent(): number;
  };

export type RoomDevicesOptions = {
  readonly hid: HidDevices;
  readonly registry: DeviceRegistry;
  readonly cameras: RoomCameras;
  readonly test: DeviceTest;
  readonly volumePercent: number;
  readonly clock: Clock;
  readonly log: Log;
};

const VOLUME_STEP_PERCENT = 5;
/** Who lifted a receiver longer ago went away: a panel that is loaded then opens nothing. */
const LIFTED_MS = 60_000;
/** A capture input at which nobody has plugged in a laptop is no fault of the room. */
const ONLY_WHILE_SHARING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['CL_DEVICE_NO_SIGNAL', 'CL_DEVICE_PROTECTED']);

export function createRoomDevices({ hid, registry, cameras, test, volumePercent: initial, clock, log }: RoomDevicesOptions): RoomDevices {
  const scope = new Scope();
  const events = createEvents<RoomDevicesEvents>((error) => log.error('a listener of the devices failed', { error: String(error) }));
  const since = new Map<string, number>();
  let volumePercent = initial;
  let speakerMuted = false;
  let lifted: { readonly atMs: number; readonly over: Timer } | null = null;
  let sharing = false;
  let inCall = false;
  let known: readonly DeviceTrouble[] = [];

  const media = (): readonly DeviceView[] => [
    ...registry.list().map((device) => {
      const { shutter, problem } = cameras.facts(device.id);
      return { ...device, ...(shutter === null ? {} : { shutter }), problem: device.problem ?? problem };
    }),
    ...cameras.list()
  ];
  const playedPercent = (): number => (speakerMuted ? 0 : volumePercent);
  const changed = (): void => {
    known = judge();
    events.emit('changed');
  };

  function setVolume(percent: number): void {
    volumePercent = Math.min(100, Math.max(0, Math.round(percent)));
    // Whoever turns it up wants to hear something.
    speakerMuted = false;
    events.emit('volume', playedPercent());
    changed();
  }

  function obey(command: HidCommand): void {
    if (command === 'volume-up' || command === 'volume-down') setVolume(volumePercent + (command === 'volume-up' ? VOLUME_STEP_PERCENT : -VOLUME_STEP_PERCENT));
    else if (command === 'toggle-speaker') {
      speakerMuted = !speakerMuted;
      events.emit('volume', playedPercent());
      changed();
    } else if (command === 'offer-to-call') {
      lifted?.over.cancel();
      const over = scope.schedule(clock, LIFTED_MS, () => {
        lifted = null;
        changed();
      });
      lifted = { atMs: clock.now(), over };
      changed();
    } else events.emit('command', command);
  }

  /** Keeps when each began: a problem that is told anew is the same one. */
  function judge(): readonly DeviceTrouble[] {
    const { devices, console: touchConsole } = hid.state();
    const found = [...media(), ...devices].flatMap(({ id, name, problem }) =>
      problem === null || (!sharing && ONLY_WHILE_SHARING.has(problem.code))
        ? []
        : [{ key: `${id} ${problem.code}`, code: problem.code, text: `${name}: ${problem.text}` }]
    );
    if (touchConsole === 'away') found.push({ key: 'console', code: 'CL_DEVICE_CONSOLE_AWAY', text: errorCodes.CL_DEVICE_CONSOLE_AWAY.text });
    const keys = new Set(found.map(({ key }) => key));
    for (const key of [...since.keys()]) if (!keys.has(key)) since.delete(key);
    return found.map(({ key, code, text }) => {
      const sinceMs = since.get(key) ?? clock.now();
      since.set(key, sinceMs);
      return { code, text, sinceMs };
    });
  }

  return {
    on: events.on,
    async start(signal) {
      scope.own(hid.on('command', obey));
      scope.own(hid.on('changed', changed));
      scope.own(
        registry.on('changed', () => {
          events.emit('order', registry.order());
          changed();
        })
      );
      scope.own(cameras.on('changed', changed));
      scope.own(test.on('changed', changed));
      // The registry first: speakerphones are told from other HID devices by their sound, cameras are asked by their paths.
      await registry.start(signal);
      await Promise.all([hid.start(signal), cameras.start(signal)]);
      changed();
    },
    show(call, shares) {
      const calls = call.phase !== 'idle' && lifted !== null;
      const news = calls || shares !== sharing;
      sharing = shares;
      inCall = call.phase !== 'idle';
      // A call needs the devices, or soon will.
      if (inCall && test.view() !== null) void test.stop();
      if (calls) {
        lifted?.over.cancel();
        lifted = null;
      }
      hid.show(call);
      cameras.setInCall(call.phase === 'in-call');
      cameras.setSharing(sharing);
      if (news) changed();
    },
    facts: () => ({ media: media(), hid: hid.state(), test: test.view(), volumePercent, speakerMuted, liftedAtMs: lifted?.atMs ?? null }),
    troubles: () => known,
    order: registry.order,
    playedPercent,
    choose: (kind: DeviceKind, id: string | null) => registry.choose(kind, id),
    async setVolume(percent) {
      setVolume(percent);
    },
    async camera(id, command) {
      const camera = cameras.of(id);
      switch (command.type) {
        case 'move':
          return camera.move(command);
        case 'stop':
          return camera.stop();
        case 'home':
          return camera.home();
        case 'set':
          return camera.set(command.control, command.value);
        case 'preset-save':
          return camera.savePreset(command.name);
        case 'preset-recall':
          return camera.recallPreset(command.name);
        case 'preset-delete':
          return camera.deletePreset(command.name);
      }
    },
    presets: async (id) => cameras.of(id).presets(),
    async startTest(id) {
      const device = media().find((each) => each.id === id);
      if (device === undefined) throw new CloisterError('CL_DEVICE_UNKNOWN');
      const path = registry.pathOf(id);
      if (path === null) throw new CloisterError('CL_DEVICE_OPEN', `${device.name} is away, or has no picture here.`);
      if (inCall) throw new CloisterError('CL_CALL_BUSY');
      const { format } = registry.order()[device.kind].find((each) => each.path === path) ?? {};
      await test.start(id, { kind: device.kind, choice: path, name: device.name, ...(format === undefined ? {} : { format }) });
      // One that began while the test did.
      if (inCall) await test.stop();
    },
    stopTest: test.stop,
    previewTicket: test.ticket,
    async [Symbol.asyncDispose]() {
      await test[Symbol.asyncDispose]();
      await scope[Symbol.asyncDispose]();
      await Promise.all([hid[Symbol.asyncDispose](), registry[Symbol.asyncDispose](), cameras[Symbol.asyncDispose]()]);
    }
  };
}
