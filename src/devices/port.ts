// What the room needs of its devices: facts come out, what the call is goes in. HID lives in the agent process, capture in the media process.
import type { EventSource } from '../kernel/events.ts';
import type { MediaDevices } from '../media/port.ts';
import type { DeviceKind, DeviceProblem, DeviceView, HidView } from '../room/state.ts';

/** The call as the lamps of a speakerphone show it: facts, as the panel shows them. */
export type CallOnDevices = {
  /** `ringing`: an incoming call that nobody answered yet. `in-call`: also an outgoing one from the moment it is placed. */
  readonly phase: 'idle' | 'ringing' | 'in-call' | 'on-hold';
  /** People closed the microphone and nothing of it leaves, or it is away. */
  readonly muted: boolean;
};

/** What a person did at a device. `offer-to-call`: the receiver was lifted while nothing rings. */
export type HidCommand =
  | 'answer'
  | 'decline'
  | 'hang-up'
  | 'mute'
  | 'unmute'
  | 'hold'
  | 'resume'
  | 'redial'
  | 'offer-to-call'
  | 'volume-up'
  | 'volume-down'
  | 'toggle-speaker'
  | 'camera-on'
  | 'camera-off'
  | 'toggle-camera';

export type HidEvents = {
  readonly command: readonly [HidCommand];
  /** state() is another one. */
  readonly changed: readonly [];
};

/** All HID devices of the room, found, opened, kept in step with the call, and let go. */
export type HidDevices = EventSource<HidEvents> &
  AsyncDisposable & {
    /** Never rejects for a device: what is wrong with one is in its view. */
    start(signal: AbortSignal): Promise<void>;
    /** What the call is now; each device is told what of it is news to it. */
    show(call: CallOnDevices): void;
    state(): HidView;
  };

/** The cameras, content inputs, microphones and loudspeakers of the machine, and which of them people chose. */
export type DeviceRegistry = EventSource<{ readonly changed: readonly [] }> &
  AsyncDisposable & {
    start(signal: AbortSignal): Promise<void>;
    /** Those that are there, and the chosen ones that are away. */
    list(): readonly DeviceView[];
    /** Where the device is now, as it is opened; null: away or unknown. */
    pathOf(id: string): string | null;
    /** Those that are there and answered, in the order in which they are tried: the chosen one first. */
    order(): MediaDevices;
    /** Remembers the choice; null: the first that works. @throws CloisterError CL_DEVICE_UNKNOWN */
    choose(kind: DeviceKind, id: string | null): Promise<void>;
  };

/** One camera that can be moved, over V4L2 or VISCA. Speeds are −1 to 1: positive is right, up, in. @throws CloisterError CL_DEVICE_CONTROL, CL_DEVICE_UNREACHABLE, CL_TOOL_MISSING */
export type RoomCamera = {
  /** Stops by itself after `forMs`, 10 s at most. */
  move(speeds: { readonly pan: number; readonly tilt: number; readonly zoom: number; readonly focus: number; readonly forMs?: number }): Promise<void>;
  stop(): Promise<void>;
  home(): Promise<void>;
  set(control: string, value: number | 'auto'): Promise<void>;
  presets(): Promise<readonly string[]>;
  savePreset(name: string): Promise<void>;
  recallPreset(name: string): Promise<void>;
  deletePreset(name: string): Promise<void>;
};

/** What a camera or content input says of itself. */
export type CameraState = {
  /** A fact that the camera tells; null where it does not, and outside of a call. */
  readonly shutter: 'open' | 'closed' | null;
  readonly problem: DeviceProblem | null;
};

export type RoomCameras = EventSource<{ readonly changed: readonly [] }> &
  AsyncDisposable & {
    start(signal: AbortSignal): Promise<void>;
    /** Cameras that are known by their network address alone. */
    list(): readonly DeviceView[];
    facts(id: string): CameraState;
    /** Shutters are asked about in a call alone, and signals while something is shared. */
    setInCall(inCall: boolean): void;
    setSharing(sharing: boolean): void;
    /** Asks each capture input about its signal; what it says is in facts(). Never rejects. */
    lookAtSignals(): Promise<void>;
    /** @throws CloisterError CL_DEVICE_UNKNOWN, CL_DEVICE_UNREACHABLE, CL_DEVICE_CONTROL where it cannot be moved */
    of(id: string): RoomCamera;
  };
