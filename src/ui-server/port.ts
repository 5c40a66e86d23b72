// What the HTTP interface needs of the room: one document out, commands in. The agent implements it.
import type { Unsubscribe } from '../kernel/events.ts';
import type { DeviceKind, RoomState } from '../room/state.ts';

export type CallAction =
  | 'answer'
  | 'decline'
  | 'end'
  | 'mute'
  | 'unmute'
  | 'camera-on'
  | 'camera-off'
  | 'share'
  | 'stop-sharing'
  | 'hold'
  | 'resume'
  | 'codes-match'
  | 'codes-differ';

/** `video`: answer with picture. `mediaEpoch`: whose security code was compared. */
export type CallActionOptions = { readonly video?: boolean; readonly mediaEpoch?: number };

/** Speeds are −1 to 1: positive is right, up, in, far. */
export type CameraCommand =
  | { readonly type: 'move'; readonly pan: number; readonly tilt: number; readonly zoom: number; readonly focus: number; readonly forMs?: number }
  | { readonly type: 'stop' | 'home' }
  | { readonly type: 'set'; readonly control: string; readonly value: number | 'auto' }
  | { readonly type: 'preset-save' | 'preset-recall' | 'preset-delete'; readonly name: string };

/** The room's devices as far as people act on them. */
export type DevicesPort = {
  /** Remembers which device is used; null: the first that works. @throws CloisterError CL_DEVICE_UNKNOWN */
  choose(kind: DeviceKind, id: string | null): Promise<void>;
  /** @param percent 0 to 100 */
  setVolume(percent: number): Promise<void>;
  /** @throws CloisterError CL_DEVICE_UNKNOWN, CL_DEVICE_CONTROL, CL_DEVICE_UNREACHABLE, CL_TOOL_MISSING */
  camera(id: string, command: CameraCommand): Promise<void>;
  presets(id: string): Promise<readonly string[]>;
};

export type RoomPort = {
  state(): RoomState;
  /** Calls `listener` after each change, at most once per turn of the event loop. */
  subscribe(listener: (state: RoomState) => void): Unsubscribe;
  /**
   * Places a call; resolves as soon as the call exists.
   * @throws CloisterError CL_ADDRESS_INVALID, CL_CALL_BUSY
   */
  placeCall(to: string, media: { readonly audio: boolean; readonly video: boolean }): Promise<{ readonly id: string }>;
  /** @throws CloisterError CL_CALL_NONE, CL_CALL_WRONG_PHASE; for `share` also why nothing can be shared (CL_MEDIA_SCREEN_…) */
  callAction(id: string, action: CallAction, options?: CallActionOptions): Promise<void>;
  /** A feed for one display of the running call. @throws CloisterError CL_CALL_NONE, CL_CALL_WRONG_PHASE while there is no media process */
  displayTicket(): Promise<{ readonly url: string; readonly mediaEpoch: number }>;
  readonly devices: DevicesPort;
  /** True when a supervisor should find the room alive. */
  healthy(): boolean;
};
