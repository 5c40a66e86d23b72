// The parts of a room of which a test wants nothing but that they are there: no PIN is set, nothing is reported or silenced.
import type { RoomParts } from '../../agent/room-parts.ts';
import { CloisterError } from '../../src/kernel/errors.ts';

const never = () => () => {};
const refused = (): Promise<never> => Promise.reject(new CloisterError('CL_PIN_NOT_SET'));

export const PLAIN_PARTS: Pick<RoomParts, 'admin' | 'reports' | 'silences'> = {
  admin: {
    on: never,
    view: () => ({ pinSet: false, lockedUntil: null }),
    problem: () => null,
    pinSet: () => false,
    setPin: async () => {},
    signIn: refused,
    holds: () => false,
    endsAt: () => null,
    signOut: () => {}
  },
  reports: {
    create: async (text) => ({ id: '', at: '', text, bytes: 0 }),
    list: async () => [],
    open: () => Promise.reject(new CloisterError('CL_REPORT_UNKNOWN')),
    diagnostics: async () => ({ name: '', bytes: new Uint8Array() }),
    wipe: async () => {}
  },
  silences: { on: never, mark: (problems) => [...problems], set: () => Promise.reject(new CloisterError('CL_NOT_FOUND')) }
};
