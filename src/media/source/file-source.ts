// A file as a source: looped, in real time, scaled to the profile with its aspect kept. For demonstrations and tests.
import { access } from 'node:fs/promises';
import { Demuxer, type Frame } from 'node-av';
import type { Clock } from '../../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import { Scope } from '../../kernel/scope.ts';
import type { VideoProfile } from '../port.ts';
import { openPipeline, type Pipeline } from './decode-pipeline.ts';
import { AUDIO_FILTER, samplesOf, scaleFilter } from './filters.ts';
import { delay } from './pacer.ts';
import { AUDIO_BLOCK_MS, type AudioSource, type VideoSource } from './source.ts';
import { fileView } from './source-view.ts';

/** How far behind real time a slow decoder may fall before the file's time is moved. */
const MAX_LATE_MS = 200;

async function openFile(path: string, kind: 'video' | 'audio', filter: string): Promise<Pipeline> {
  try {
    await access(path);
    return await openPipeline(await Demuxer.open(path), { kind, filter });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CloisterError('CL_MEDIA_SOURCE', `${fileView(path).name} cannot be played as ${kind}: ${why}`, { cause: error });
  }
}

/** Plays frames at fixed intervals, the file over and over, until closed. The opened file is the first round. */
function createLoop(first: Pipeline, reopen: () => Promise<Pipeline>, intervalMs: number, clock: Clock) {
  const scope = new Scope();
  let pipeline = first;
  let running: Promise<void> = Promise.resolve();

  async function play(show: (frame: Frame, dueMs: number) => void): Promise<void> {
    let dueMs = clock.monotonicMs();
    let framesInRound = 0;
    while (!scope.closed) {
      const frame = await pipeline.next();
      if (scope.closed) {
        frame?.free();
        return;
      }
      if (frame === null) {
        if (framesInRound === 0) throw new CloisterError('CL_MEDIA_SOURCE', 'the file holds nothing that can be played');
        framesInRound = 0;
        await pipeline.close();
        pipeline = await reopen();
        continue;
      }
      framesInRound++;
      await delay(clock, dueMs - clock.monotonicMs(), scope.signal);
      if (scope.closed) frame.free();
      else show(frame, dueMs);
      dueMs += intervalMs;
      if (clock.monotonicMs() - dueMs > MAX_LATE_MS) dueMs = clock.monotonicMs();
    }
  }

  return {
    start(show: (frame: Frame, dueMs: number) => void, lost: (error: CloisterError) => void): void {
      if (scope.closed) return;
      running = play(show).catch((error: unknown) => {
        if (!scope.closed) lost(asCloisterError(error, 'CL_MEDIA_SOURCE'));
      });
    },
    async close(): Promise<void> {
      await scope[Symbol.asyncDispose]();
      await running;
      await pipeline.close();
    }
  };
}

/** @throws CloisterError CL_MEDIA_SOURCE where the file is missing or has no picture that can be decoded */
export async function openFileVideoSource(path: string, profile: VideoProfile, clock: Clock): Promise<VideoSource> {
  const filter = `fps=${profile.fps},${scaleFilter(profile)}`;
  const open = (): Promise<Pipeline> => openFile(path, 'video', filter);
  const loop = createLoop(await open(), open, 1000 / profile.fps, clock);
  let taking: Promise<void> | null = null;
  return {
    view: fileView(path),
    start(sink) {
      loop.start(
        (frame, dueMs) => {
          if (taking !== null) {
            frame.free();
            return;
          }
          taking = sink.frame(frame, dueMs).finally(() => {
            frame.free();
            taking = null;
          });
        },
        (error) => sink.lost(error)
      );
    },
    async close() {
      await loop.close();
      await taking;
    }
  };
}

/** @throws CloisterError CL_MEDIA_SOURCE where the file is missing or has no sound that can be decoded */
export async function openFileAudioSource(path: string, clock: Clock): Promise<AudioSource> {
  const open = (): Promise<Pipeline> => openFile(path, 'audio', AUDIO_FILTER);
  const loop = createLoop(await open(), open, AUDIO_BLOCK_MS, clock);
  return {
    view: fileView(path),
    start(sink) {
      loop.start(
        (frame, dueMs) => {
          const samples = samplesOf(frame);
          frame.free();
          if (samples !== null) sink.block(samples, dueMs - AUDIO_BLOCK_MS);
        },
        (error) => sink.lost(error)
      );
    },
    close: () => loop.close()
  };
}
