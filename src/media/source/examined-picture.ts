// Looks at a source's frames as they pass, and says when their picture shows nothing, and when it does again.
import type { Frame } from 'node-av';
import type { Clock } from '../../kernel/clock.ts';
import { createPictureHealth, type PictureFault, sampleLuma } from './picture-health.ts';
import type { VideoSource } from './source.ts';

/** @param onFault once for each change; null: the picture is well again */
export function createExaminer(moves: boolean, clock: Clock, onFault: (fault: PictureFault | null) => void): (frame: Frame) => void {
  const health = createPictureHealth(moves);
  let told: PictureFault | null = null;
  return (frame) => {
    const nowMs = clock.monotonicMs();
    const luma = health.due(nowMs) ? frame.data?.[0] : undefined;
    if (luma === undefined) return;
    const fault = health.look(sampleLuma(luma, frame.width, frame.height, frame.linesize[0] ?? frame.width), nowMs);
    if (fault !== told) onFault(fault);
    told = fault;
  };
}

/**
 * The source, examined.
 * @param moves a camera's; what is shared may stand still for hours, and is not judged for that
 */
export function examined(source: VideoSource, clock: Clock, onFault: (fault: PictureFault | null) => void, moves = false): VideoSource {
  let closed = false;
  const tell = (fault: PictureFault | null): void => {
    if (!closed) onFault(fault);
  };
  return {
    get view() {
      return source.view;
    },
    start(sink) {
      const examine = createExaminer(moves, clock, tell);
      source.start({
        async frame(frame, captureMs) {
          examine(frame);
          await sink.frame(frame, captureMs);
        },
        lost: (error) => sink.lost(error)
      });
    },
    async close() {
      tell(null);
      closed = true;
      await source.close();
    }
  };
}
