// Has a code read out by a process of its own (src/speech/speech-process.ts): what it may do is little, and it is gone with the code when it has answered.
// Invariants: the code goes through a pipe and is in no argument, file, environment or log; one process at a time.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CloisterError } from '../src/kernel/errors.ts';
import type { Language } from '../src/kernel/panel-choices.ts';

const SPEECH = fileURLToPath(new URL('../src/speech/speech-process.ts', import.meta.url));
/** It takes half a second; a busy machine takes longer. */
const LIMIT_MS = 15_000;
const MAX_BYTES = 8 * 1024 * 1024;
/** Nobody hears more at a time; whoever asks more often waits for no process. */
const MAX_WAITING = 4;

/** @returns a WAV file @throws CloisterError CL_SPEECH_UNAVAILABLE */
export type Speak = (code: string, language: Language) => Promise<Uint8Array>;

export function createSpeak(script: string = SPEECH): Speak {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return async (code, language) => {
    if (waiting >= MAX_WAITING) throw new CloisterError('CL_SPEECH_UNAVAILABLE');
    waiting += 1;
    const spoken = last.then(() => speakNow(script, code, language));
    last = spoken
      .catch(() => {})
      .finally(() => {
        waiting -= 1;
      });
    return spoken;
  };
}

function speakNow(script: string, code: string, language: Language): Promise<Uint8Array> {
  // Reads its own modules; nothing else, and above all no file to write.
  const node = ['--permission', '--allow-fs-read=*', '--no-warnings', '--disable-sigusr1', script];
  const child = spawn(process.execPath, node, { env: {}, stdio: ['pipe', 'pipe', 'ignore'], timeout: LIMIT_MS, killSignal: 'SIGKILL', windowsHide: true });
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.on('error', (cause) => reject(new CloisterError('CL_SPEECH_UNAVAILABLE', undefined, { cause })));
    child.on('close', (status) => {
      const sound = Buffer.concat(chunks);
      if (status === 0 && sound.toString('latin1', 0, 4) === 'RIFF') resolve(sound);
      else reject(new CloisterError('CL_SPEECH_UNAVAILABLE'));
    });
    child.stdin.on('error', () => {}); // it has ended: that is told by its status
    child.stdin.end(JSON.stringify({ language, code }));
  });
}
