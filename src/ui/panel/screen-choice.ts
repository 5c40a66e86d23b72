// Which screen the panel shows: a pure function of the room's state and of what the finger opened. The room always comes first:
// an incoming call is over anything, and a screen of a call that is over cannot stay.
import type { CallView, RoomState } from '../../room/state.ts';
import type { RoomView } from '../shared/room-client.ts';

/** Pages of the room, open while no call is in front. `recents`: the same as `call`, with the recent calls open. `camera`: also a page over a call. */
type RoomPageName = 'home' | 'call' | 'recents' | 'settings' | 'health' | 'camera';
/** Pages over the running call. */
type CallPageName = 'security' | 'camera' | 'dial-tones' | 'share' | 'more';

/** What a finger has opened. `dismissedCall` is the call that is over, or parked, whose last screen was closed. */
export type Opened = {
  readonly page: RoomPageName;
  readonly callPage: { readonly call: string; readonly page: CallPageName } | null;
  readonly dismissedCall: string | null;
};

export const nothingOpened: Opened = { page: 'home', callPage: null, dismissedCall: null };

export type PageName = RoomPageName | CallPageName;

export type PanelScreen = 'reconnecting' | 'outgoing' | 'incoming' | 'in-call' | 'ended' | 'parked' | PageName;

const CALL_PAGES: Readonly<Record<CallPageName, true>> = { security: true, camera: true, 'dial-tones': true, share: true, more: true };

const isCallPage = (page: PageName): page is CallPageName => Object.hasOwn(CALL_PAGES, page);

/** @param call the call in front; a page of a call opens over no other */
export function open(opened: Opened, page: PageName, call: string | null): Opened {
  if (isCallPage(page) && call !== null) return { ...opened, callPage: { call, page } };
  return isCallPage(page) && page !== 'camera' ? opened : { ...opened, page, callPage: null };
}

/** Closes what lies on top: a page of the running call first. The camera is opened from the settings. */
export function back(opened: Opened): Opened {
  return opened.callPage === null ? { ...opened, page: opened.page === 'camera' ? 'settings' : 'home' } : { ...opened, callPage: null };
}

export function screenOf(view: RoomView, opened: Opened): PanelScreen {
  if (!view.online || view.state === null) return 'reconnecting';
  return screenOfState(view.state, opened);
}

function screenOfState(state: RoomState, opened: Opened): PanelScreen {
  const call = state.call;
  if (call === null || (call.phase === 'ended' && call.id === opened.dismissedCall))
    return opened.page === 'home' && parkedCall(state, opened) !== null ? 'parked' : opened.page;
  if (call.phase === 'ended') return 'ended';
  if (call.phase === 'inviting' || call.phase === 'ringing') return call.direction === 'incoming' ? 'incoming' : 'outgoing';
  return opened.callPage?.call === call.id ? opened.callPage.page : 'in-call';
}

/** The call that is parked here and whose code nobody has put aside yet. */
export function parkedCall({ otherCalls }: Pick<RoomState, 'otherCalls'>, { dismissedCall }: Pick<Opened, 'dismissedCall'>): CallView | null {
  return otherCalls.find(({ phase, parkCode, id }) => phase !== 'ended' && parkCode !== null && id !== dismissedCall) ?? null;
}
