// Starts the process that plays a tone on a loudspeaker (src/media/tone-player.ts) and kills it when it is to be silent: node-av is not loaded in the agent.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SoundName } from '../src/room/state.ts';

const PLAYER = fileURLToPath(new URL('../src/media/tone-player.ts', import.meta.url));

export type TonePlayer = {
  /** At once, and for good; `onFailed` is not called after it. */
  stop(): void;
};

export type StartTone = (path: string, sound: SoundName, percent: number, onFailed: (why: string) => void) => TonePlayer;

export const startTone: StartTone = (path, sound, percent, onFailed) => {
  const child = spawn(process.execPath, ['--no-warnings', PLAYER, path, sound, String(percent)], { stdio: ['pipe', 'pipe', 'ignore'], windowsHide: true });
  let said = '';
  let over = false;
  const failed = (why: string): void => {
    if (over) return;
    over = true;
    onFailed(why);
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-1_000);
  });
  // What is not taken any more at the other end is no news: the process is gone, and says so by that.
  child.stdin.on('error', () => {});
  child.on('error', (error) => failed(error.message));
  child.on('close', () => {
    const last = said.trimEnd().split('\n').at(-1) ?? '';
    if (last === 'over') over = true;
    failed(last.startsWith('failed ') ? last.slice('failed '.length) : 'its process ended');
  });
  return {
    stop() {
      over = true;
      child.kill('SIGKILL');
    }
  };
};
