// How a process that tries one thing ends: one JSON line on standard output, { error } and status 1 where it failed. It does not wait for a driver that
// hangs: the threads of the pool would hold process.exit() for ever.
import { asCloisterError } from '../kernel/errors.ts';

export async function answerOnce(work: () => Promise<object>): Promise<void> {
  const answer = await work().catch((cause: unknown) => {
    const { code, message } = asCloisterError(cause, 'CL_MEDIA_SOURCE');
    return { error: { code, message } };
  });
  process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.kill(process.pid, 'SIGKILL'));
}
