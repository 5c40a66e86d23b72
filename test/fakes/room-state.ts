// What a room shows when nobody has set, left or asked anything: states of the tests begin with it.
import type { CallView, RoomState } from '../../src/room/state.ts';

type Untouched = Pick<RoomState, 'otherCalls' | 'settings' | 'people' | 'sound' | 'display' | 'admin' | 'certificate'>;

export const UNTOUCHED: Untouched = {
  otherCalls: [],
  settings: {
    language: 'en',
    roomLanguage: 'en',
    theme: 'dark',
    textSize: 'normal',
    ringerPercent: 60,
    doNotDisturb: null,
    autoAnswer: { on: false, afterSeconds: 5 },
    layout: 'content',
    selfView: false,
    wipeDailyAt: null
  },
  people: { favourites: [], recents: [], missedUnseen: 0 },
  sound: { playing: null, by: null },
  display: { showsCode: false },
  admin: { pinSet: false, lockedUntil: null },
  certificate: {
    subject: 'abcdefghijklmnopqrstuvwxyz',
    issuer: 'contoso.example',
    notBefore: '2026-01-01T00:00:00.000Z',
    notAfter: '2027-01-01T00:00:00.000Z',
    thumbprint: 'ab'.repeat(32)
  }
};

/** A call of which nothing is recorded, handed over or parked. */
export const PLAIN_CALL: Pick<CallView, 'recording' | 'transfer' | 'conference' | 'notAdded' | 'referredBy' | 'parkCode' | 'autoAnswerAt'> = {
  recording: { here: false, there: false },
  transfer: null,
  conference: null,
  notAdded: null,
  referredBy: null,
  parkCode: null,
  autoAnswerAt: null
};
