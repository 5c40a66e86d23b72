// What is being built, on this branch alone: it refuses.
import { CloisterError } from '../src/kernel/errors.ts';

export const notYet = (): Promise<never> => Promise.reject(new CloisterError('CL_NOT_IMPLEMENTED'));
