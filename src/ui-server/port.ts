// What the HTTP interface needs of the room: one document out, commands in. The agent implements it.
import type { Unsubscribe } from '../kernel/events.ts';
import type { RoomState } from '../room/state.ts';

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
  /** True when a supervisor should find the room alive. */
  healthy(): boolean;
};
