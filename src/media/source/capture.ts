// The reading loop of a camera or microphone. The end of a device's stream, with or without an error, is the loss of the device
// (devices.md "Traps of node-av").
import type { Frame } from 'node-av';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import type { Pipeline } from './decode-pipeline.ts';

/**
 * Reads a device from its opening on, so that what it gives at start() is new: a device that is not read hands out old frames first.
 * @param name the device's, for the text of its loss
 * @param take frees each frame it gets; its sink is null while nobody wants a frame
 */
export function createCapture<Sink extends { lost(error: CloisterError): void }>(
  name: string,
  pipeline: Pipeline,
  take: (frame: Frame, sink: Sink | null) => void
) {
  let sink: Sink | null = null;
  let failure: CloisterError | null = null;
  let closed = false;

  async function read(): Promise<never> {
    for (;;) {
      const frame = await pipeline.next();
      if (frame === null) throw new CloisterError('CL_MEDIA_SOURCE', `${name} gives nothing any more; it may have been unplugged`);
      take(frame, closed ? null : sink);
    }
  }

  const running = read().catch((error: unknown) => {
    if (closed) return;
    failure = asCloisterError(error, 'CL_MEDIA_SOURCE');
    sink?.lost(failure);
  });

  return {
    started: (): boolean => sink !== null,
    start(wanted: Sink): void {
      if (closed) return;
      sink = wanted;
      if (failure !== null) wanted.lost(failure);
    },
    /** @param released resolves when no frame is in use any more */
    async close(released: () => Promise<void> | null): Promise<void> {
      closed = true;
      await released();
      await Promise.all([pipeline.close(), running]);
    }
  };
}
