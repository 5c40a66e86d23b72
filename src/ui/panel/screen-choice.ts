// Which screen the panel shows: a pure function of the room's state and of what the finger opened. The room always comes first:
// an incoming call is over anything, and a screen of a call that is over cannot stay.
import type { RoomState } from '../../room/state.ts';
import type { RoomView } from '../shared/room-client.ts';

/** Pages of the room, open while no call is in front. */
type RoomPageName = 'home' | 'call' | 'settings' | 'health';
/** Pages over the running call. */
type CallPageName = 'security' | 'camera' | 'dial-tones' | 'share' | 'more';

/** What a finger has opened. `dismissedCall` is the ended call whose last screen was closed. */
export type Opened = {
  readonly page: RoomPageName;
  readonly callPage: { readonly call: string; readonly page: CallPageName } | null;
  readonly dismissedCall: string | null;
};

export const nothingOpened: Opened = { page: 'home', callPage: null, dismissedCall: null };

export type PageName = RoomPageName | CallPageName;

export type PanelScreen = 'reconnecting' | 'outgoing' | 'incoming' | 'in-call' | 'ended' | PageName;

const CALL_PAGES: Readonly<Record<CallPageName, true>> = { security: true, camera: true, 'dial-tones': true, share: true, more: true };

const isCallPage = (page: PageName): page is CallPageName => Object.hasOwn(CALL_PAGES, page);

/** @param call the call in front; a page of a call opens over no other */
export function open(opened: Opened, page: PageName, call: string | null): Opened {
  if (!isCallPage(page)) return { ...opened, page, callPage: null };
  return call === null ? opened : { ...opened, callPage: { call, page } };
}

/** Closes what lies on top: a page of the running call first. */
export function back(opened: Opened): Opened {
  return opened.callPage === null ? { ...opened, page: 'home' } : { ...opened, callPage: null };
}

export function screenOf(view: RoomView, opened: Opened): PanelScreen {
  if (!view.online || view.state === null) return 'reconnecting';
  return screenOfState(view.state, opened);
}

function screenOfState(state: RoomState, opened: Opened): PanelScreen {
  const call = state.call;
  if (call === null || (call.phase === 'ended' && call.id === opened.dismissedCall)) return opened.page;
  if (call.phase === 'ended') return 'ended';
  if (call.phase === 'inviting' || call.phase === 'ringing') return call.direction === 'incoming' ? 'incoming' : 'outgoing';
  return opened.callPage?.call === call.id ? opened.callPage.page : 'in-call';
}
