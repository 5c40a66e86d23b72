// From a source's frames to those that are encoded: at the share's pace, and of a page that is too much for the path a part at a time.
// Invariant: a frame that was given stays as it is until the next one is asked for.
import { AV_PIX_FMT_YUV420P, FFmpegError, Frame } from 'node-av';
import { bring, differs, forget } from './page-parts.ts';
import type { SharePace } from './share-pace.ts';

export type ShareFrames = {
  /** @returns null where there is nothing worth its bits now; `turned`: it is another page */
  next(frame: Frame, nowMs: number, kbps: number): { readonly frame: Frame; readonly turned: boolean } | null;
  /** The next one begins anew: it is a keyframe. */
  restart(): void;
  free(): void;
};

export function createShareFrames(pace: SharePace): ShareFrames {
  let shown: Frame | null = null;
  let anew = false;

  function ofSize({ width, height }: Frame): Frame {
    if (shown?.width === width && shown.height === height) return shown;
    shown?.free();
    shown = new Frame();
    shown.alloc();
    Object.assign(shown, { format: AV_PIX_FMT_YUV420P, width, height });
    FFmpegError.throwIfError(shown.getBuffer(), 'memory for a frame');
    anew = true;
    return shown;
  }

  return {
    next(frame, nowMs, kbps) {
      const given = ofSize(frame);
      if (!pace.admits(nowMs, anew || differs(frame, given))) return null;
      FFmpegError.throwIfError(given.makeWritable(), 'a frame'); // an encoder may still hold it
      if (anew) forget(given);
      anew = false;
      return { frame: given, turned: bring(frame, given, kbps) };
    },
    restart() {
      anew = true;
    },
    free() {
      shown?.free();
      shown = null;
    }
  };
}
