// Parts that are being built, on this branch alone: they refuse, and hold nothing.
import { CloisterError } from '../src/kernel/errors.ts';
import type { RoomState } from '../src/room/state.ts';
import type { RoomParts } from './room-parts.ts';

export const notYet = (): Promise<never> => Promise.reject(new CloisterError('CL_NOT_IMPLEMENTED'));
const never = () => () => {};

export const partsNotYet: Pick<RoomParts, 'admin' | 'reports'> = {
  admin: {
    on: never,
    pinSet: () => false,
    view: () => ({ pinSet: false, lockedUntil: null }),
    setPin: notYet,
    signIn: notYet,
    holds: () => false,
    endsAt: () => null,
    signOut: () => {}
  },
  reports: { create: notYet, list: notYet, open: notYet, diagnostics: notYet, wipe: async () => {} }
};

export const certificateNotYet: RoomState['certificate'] = {
  subject: '',
  issuer: '',
  notBefore: '1970-01-01T00:00:00.000Z',
  notAfter: '1970-01-01T00:00:00.000Z',
  thumbprint: ''
};
