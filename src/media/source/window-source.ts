// One window of an X display as a source. FFmpeg's grabber keeps the size that a window had when it was opened: a window that changes its size is
// opened again, so that the share follows. One that is closed or put away ends it; nothing else of the screen is ever shown in its place.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { DeviceAPI } from 'node-av';
import type { Clock } from '../../kernel/clock.ts';
import { CloisterError } from '../../kernel/errors.ts';
import type { VideoProfile } from '../port.ts';
import { openPipeline } from './decode-pipeline.ts';
import { openFirst, openVideoDevice } from './device-source.ts';
import { scaleFilter } from './filters.ts';
import type { VideoSink, VideoSource } from './source.ts';

/** Somebody drags a corner: the window is opened again when it has come to rest. */
const REST_MS = 150;
const TRIES = 3;
const WINDOW_ID = /^0x[0-9a-f]{1,8}$/;
const NAME = 'Window';

/**
 * @param id as X names it, such as 0x200002c
 * @throws CloisterError CL_MEDIA_SOURCE
 */
export async function openWindow(id: string, profile: VideoProfile, clock: Clock): Promise<VideoSource> {
  const display = process.env['DISPLAY'];
  if (!WINDOW_ID.test(id) || display === undefined) throw new CloisterError('CL_MEDIA_SOURCE', 'there is no such window');
  const open = (): Promise<VideoSource> => openOnce(id, display, profile, clock);
  let source = await open();
  let sink: VideoSink | null = null;
  let closed = false;
  /** One reopening after the other; `pending`: the size changed once more meanwhile. */
  let reopening: Promise<void> | null = null;
  let pending = false;

  const begin = (): void => {
    const [current, wanted] = [source, sink];
    if (wanted === null) return;
    current.start({ frame: (frame, captureMs) => wanted.frame(frame, captureMs), lost: () => reopen() });
  };

  async function replace(): Promise<void> {
    for (let tries = 0; tries < TRIES && !closed; tries++) {
      await new Promise<void>((resolve) => clock.schedule(REST_MS, () => resolve()));
      if (pending) tries = 0;
      pending = false;
      await source.close();
      if (closed) return;
      try {
        source = await open();
        if (closed) return;
        begin();
        return;
      } catch {
        // a window that is being closed, or moves on; it is tried again
      }
    }
    if (!closed) sink?.lost(new CloisterError('CL_MEDIA_SOURCE', 'the window was closed or put away'));
  }

  function reopen(): void {
    if (closed) return;
    if (reopening !== null) {
      pending = true;
      return;
    }
    reopening = replace().finally(() => {
      reopening = null;
      if (pending) reopen();
    });
  }

  const watch = watchSize(id, display, reopen);
  return {
    view: { kind: 'device', name: NAME },
    start(wanted) {
      sink = wanted;
      begin();
    },
    async close() {
      closed = true;
      watch.end();
      await reopening;
      await source.close();
    }
  };
}

const openOnce = (id: string, display: string, profile: VideoProfile, clock: Clock): Promise<VideoSource> =>
  openVideoDevice(NAME, profile, clock, (skip) =>
    openFirst(NAME, [
      async () => {
        const demuxer = await DeviceAPI.openScreen({ frameRate: profile.fps, drawMouse: true, windowId: Number(id), x11grab: { display } });
        return openPipeline(demuxer, { kind: 'video', filter: scaleFilter(profile, 'bicubic'), skip });
      }
    ])
  );

/** By xev (x11-utils), which prints what happens to a window; where it is missing a window that grows is cut, and one that shrinks is opened again all the same. */
function watchSize(id: string, display: string, onChange: () => void): { end(): void } {
  const env = { PATH: process.env['PATH'], XAUTHORITY: process.env['XAUTHORITY'], HOME: process.env['HOME'], LC_ALL: 'C' };
  const child = spawn('xev', ['-display', display, '-id', id, '-event', 'structure'], { stdio: ['ignore', 'pipe', 'ignore'], env });
  child.on('error', () => {});
  let known: string | null = null;
  createInterface({ input: child.stdout }).on('line', (line) => {
    // Of a ConfigureNotify event: "    event 0x…, window 0x…, (50,60), width 400, height 200, border_width 1,"
    const [, width, height] = /, width (\d+), height (\d+),/.exec(line) ?? [];
    if (width === undefined || `${width}x${height}` === known) return;
    known = `${width}x${height}`;
    onChange();
  });
  return { end: () => void child.kill('SIGKILL') };
}
