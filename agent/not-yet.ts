// Parts that are being built, on this branch alone: they refuse, and hold nothing.
import { CloisterError } from '../src/kernel/errors.ts';
import type { SettingsView } from '../src/room/state.ts';
import type { RoomParts } from './room-parts.ts';

export const notYet = (): Promise<never> => Promise.reject(new CloisterError('CL_NOT_IMPLEMENTED'));
const never = () => () => {};

const SETTINGS: SettingsView = {
  language: 'en',
  roomLanguage: 'en',
  theme: 'dark',
  textSize: 'normal',
  ringerPercent: 60,
  doNotDisturb: null,
  autoAnswer: { on: false, afterSeconds: 5 },
  layout: 'speaker',
  selfView: false,
  wipeDailyAt: null
};

export const partsNotYet: Pick<RoomParts, 'settings' | 'people'> = {
  settings: { on: never, view: () => SETTINGS, change: notYet },
  people: {
    on: never,
    view: () => ({ favourites: [], recents: [], missedUnseen: 0 }),
    search: notYet,
    addFavourite: notYet,
    removeFavourite: notYet,
    removeRecent: notYet,
    seen: notYet,
    blocked: () => [],
    block: notYet,
    unblock: notYet
  }
};
