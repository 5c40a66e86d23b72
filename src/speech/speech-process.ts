// A process of its own that reads a code out: `{"language","code"}` comes in on standard input, a WAV file goes out on standard output. It may write no
// file, start no program and load no native code (Node's permissions, agent/speak.ts); what espeak-ng calls files are in its own memory.
// Nothing of the code is in an argument, in the environment or in what goes to standard error.
import espeakNg from 'espeak-ng';
import type { Language } from '../kernel/panel-choices.ts';
import { speechOf } from './spoken-code.ts';

const [TEXT, SOUND] = ['/text', '/sound.wav'];
/** Words in a minute; the pauses come on top. */
const SPEED = '140';
/** Of 200: the loudest voice stays below full scale. */
const LOUDNESS = '75';

async function read(language: Language, code: string): Promise<Uint8Array> {
  const speech = speechOf(code, language);
  if (speech === null) throw new Error('this is no code');
  const { FS } = await espeakNg({
    arguments: ['-m', '-v', speech.voice, '-s', SPEED, '-a', LOUDNESS, '-f', TEXT, '-w', SOUND],
    preRun: [(module) => module.FS.writeFile(TEXT, speech.text)],
    print: () => {},
    printErr: () => {}
  });
  return FS.readFile(SOUND);
}

try {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const { language, code } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { readonly language: Language; readonly code: string };
  process.stdout.write(await read(language, code));
} catch (error) {
  // The kind of it alone: what failed to be read may be the code.
  process.stderr.write(`${error instanceof Error ? error.name : 'failed'}\n`);
  process.exitCode = 1;
}
