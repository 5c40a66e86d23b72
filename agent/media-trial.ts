// Runs one of the media processes that try a single thing (src/media/list-devices.ts and the like) and reads its answer. node-av is not loaded in the agent.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, errorCodes } from '../src/kernel/error-codes.ts';
import { CloisterError } from '../src/kernel/errors.ts';

const SCRIPTS = { list: 'list-devices.ts', picture: 'picture-trial.ts', sound: 'device-trial.ts' } as const;
const MAX_ANSWER_BYTES = 256 * 1024;

const isErrorCode = (code: unknown): code is ErrorCode => typeof code === 'string' && Object.hasOwn(errorCodes, code);

/**
 * @returns the answer's document, as it came
 * @throws CloisterError what the process failed with; CL_MEDIA_PROCESS_DIED where it did not answer in time
 */
export async function runMediaTrial(script: keyof typeof SCRIPTS, args: readonly string[], limitMs: number): Promise<object> {
  const file = fileURLToPath(new URL(`../src/media/${SCRIPTS[script]}`, import.meta.url));
  const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
    const options = { timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: MAX_ANSWER_BYTES, windowsHide: true } as const;
    // How it ended does not matter: it kills itself when it has answered.
    execFile(process.execPath, [file, ...args], options, (_error, out, err) => resolve({ stdout: out, stderr: err }));
  });
  const answer = parseAnswer(stdout);
  if (answer === null) {
    const why = /^\w*Error: .*$/m.exec(stderr)?.[0];
    throw new CloisterError('CL_MEDIA_PROCESS_DIED', why ?? 'The process that was to try it ended without an answer.');
  }
  const { error } = answer as { readonly error?: { readonly code?: unknown; readonly message?: unknown } };
  if (error === undefined) return answer;
  throw new CloisterError(isErrorCode(error.code) ? error.code : 'CL_MEDIA_SOURCE', String(error.message));
}

function parseAnswer(text: string): object | null {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === 'object' ? answer : null;
  } catch {
    return null;
  }
}
