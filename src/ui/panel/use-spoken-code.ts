// Reads the security code aloud: the room makes the sound, this page plays it and says which group is heard. What is read is of one code: where
// that is not current any more, the sound stops at once and nothing of it is kept.
import { useEffect, useRef, useState } from 'react';
import type { CallView } from '../../room/state.ts';
import { useCommand } from '../shared/room-context.tsx';
import { useTexts } from '../shared/use-texts.ts';
import { groupStarts } from './spoken-groups.ts';

type SpokenCode = {
  /** The room is asked for it, or it is heard. */
  readonly reading: boolean;
  /** Which of the four groups is heard; null where that is not known. */
  readonly group: number | null;
  readonly error: string | null;
  readonly start: () => void;
  readonly stop: () => void;
};

const LOOK_MS = 100;

/** @param code the one that is current; null: none is */
export function useSpokenCode(call: CallView, code: string | null): SpokenCode {
  const t = useTexts();
  const { ask, error } = useCommand();
  const [reading, setReading] = useState(false);
  const [group, setGroup] = useState<number | null>(null);
  const [failed, setFailed] = useState(false);
  const silence = useRef<(() => void) | null>(null);

  const stop = useRef(() => {
    silence.current?.();
    silence.current = null;
    setReading(false);
    setGroup(null);
  }).current;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another code, or none, ends what is read of the one before.
  useEffect(() => stop, [code, stop]);

  async function start(): Promise<void> {
    stop();
    setFailed(false);
    setReading(true);
    const context = new AudioContext();
    let ended = false;
    silence.current = () => {
      ended = true;
      void context.close();
    };
    const wav = await ask<ArrayBuffer>('speak-code', `/api/v1/calls/${encodeURIComponent(call.id)}/speak-code`, { language: t.language });
    if (ended) return;
    if (wav === null) return stop();
    try {
      const sound = await context.decodeAudioData(wav);
      await context.resume();
      if (ended) return;
      const source = context.createBufferSource();
      source.buffer = sound;
      source.connect(context.destination);
      const starts = groupStarts(sound.getChannelData(0), sound.sampleRate);
      const beganAt = context.currentTime;
      const look = window.setInterval(() => {
        const heard = context.currentTime - beganAt;
        setGroup(starts === null ? null : starts.findLastIndex((at) => at <= heard));
      }, LOOK_MS);
      silence.current = () => {
        ended = true;
        window.clearInterval(look);
        source.onended = null;
        void context.close();
      };
      source.onended = stop;
      source.start();
    } catch {
      if (ended) return;
      stop();
      setFailed(true);
    }
  }

  return { reading, group, error: failed ? t('keypad.soundFailed') : error, start: () => void start(), stop };
}
