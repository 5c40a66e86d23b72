// The security code read out, by the process that really does it: which digits are heard, and in which order, judged by comparing the sound with that of
// single digits (dynamic time warping over spectra). What it may do to this machine is looked at, too.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSpeak } from '../../agent/speak.ts';
import { LANGUAGES, type Language } from '../../src/kernel/panel-choices.ts';

const CODE = '40817 26395 93620 51874';
const RATE = 22_050;
const FRAME = 512;
const HOP = 441;
const BANDS = 20;
/** Root mean square of a frame of speech. */
const LOUD = 120;

type Spectra = readonly Float64Array[];

function samplesOf(wav: Uint8Array): Int16Array {
  const view = Buffer.from(wav);
  const [riff, wave, data] = [view.toString('latin1', 0, 4), view.toString('latin1', 8, 12), view.toString('latin1', 36, 40)];
  assert.deepEqual([riff, wave, data], ['RIFF', 'WAVE', 'data']);
  // PCM, one channel, 16 bits; the lengths are those of the file.
  assert.deepEqual([view.readUInt16LE(20), view.readUInt16LE(22), view.readUInt32LE(24), view.readUInt16LE(34)], [1, 1, RATE, 16]);
  assert.deepEqual([view.readUInt32LE(4), view.readUInt32LE(40)], [view.length - 8, view.length - 44]);
  return new Int16Array(view.buffer.slice(view.byteOffset + 44, view.byteOffset + view.length));
}

const WINDOW = Float64Array.from({ length: FRAME }, (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / FRAME));
/** Of bands from 150 Hz to 8 kHz, wider towards the top as ears are: 2 cos of the step in phase from one sample to the next (Goertzel). */
const TURNS = Array.from({ length: BANDS }, (_, band) => 2 * Math.cos((2 * Math.PI * 150 * (8_000 / 150) ** (band / (BANDS - 1))) / RATE));

/** Energies in nepers, without what is as loud in all bands. */
function spectrumOf(frame: Int16Array): Float64Array {
  const bands = Float64Array.from(TURNS, (turn) => {
    let [before, last] = [0, 0];
    for (let index = 0; index < FRAME; index++) {
      const next = turn * last - before + (frame[index] ?? 0) * (WINDOW[index] ?? 0);
      before = last;
      last = next;
    }
    return Math.log(1_000 + last ** 2 + before ** 2 - turn * last * before);
  });
  const mean = bands.reduce((sum, value) => sum + value, 0) / BANDS;
  return bands.map((value) => value - mean);
}

/** The words of a sound, parted by rests of 200 ms at least: how long the rest before each was, and how it sounds. */
function wordsOf(samples: Int16Array): { readonly restMs: number; readonly spectra: Spectra }[] {
  const words: { from: number; to: number }[] = [];
  for (let at = 0; at + FRAME <= samples.length; at += HOP) {
    const frame = samples.subarray(at, at + FRAME);
    if (Math.sqrt(frame.reduce((sum, value) => sum + value ** 2, 0) / FRAME) < LOUD) continue;
    const last = words.at(-1);
    if (last !== undefined && at - last.to < RATE / 3) last.to = at;
    else words.push({ from: at, to: at });
  }
  return words.map(({ from, to }, index) => ({
    restMs: ((from - (words[index - 1]?.to ?? from)) * 1_000) / RATE,
    spectra: Array.from({ length: (to - from) / HOP + 1 }, (_, frame) => spectrumOf(samples.subarray(from + frame * HOP, from + frame * HOP + FRAME)))
  }));
}

/** Dynamic time warping: the mean distance along the best way through both. */
function distance(a: Spectra, b: Spectra): number {
  let row = new Float64Array(b.length + 1).fill(Number.POSITIVE_INFINITY);
  row[0] = 0;
  for (const left of a) {
    const next = new Float64Array(b.length + 1).fill(Number.POSITIVE_INFINITY);
    b.forEach((right, index) => {
      let squares = 0;
      for (let band = 0; band < BANDS; band++) squares += ((left[band] ?? 0) - (right[band] ?? 0)) ** 2;
      next[index + 1] = Math.sqrt(squares) + Math.min(next[index] ?? 0, row[index] ?? 0, row[index + 1] ?? 0);
    });
    row = next;
  }
  return (row.at(-1) ?? Number.POSITIVE_INFINITY) / (a.length + b.length);
}

describe('the security code read out', function () {
  this.timeout(120_000);
  const speak = createSpeak();
  const sounds = new Map<Language, Int16Array>();

  /** How 0 to 9 sound. In two languages each is had by itself, so that none is known by its place; the others are read by the same way of ours. */
  async function singlesOf(language: Language): Promise<Spectra[]> {
    if (language !== 'en' && language !== 'ja') return wordsOf(samplesOf(await speak('0123456789', language))).map(({ spectra }) => spectra);
    const words: Spectra[] = [];
    for (const digit of '0123456789') {
      const [single, ...more] = wordsOf(samplesOf(await speak(digit, language)));
      assert.ok(single !== undefined && more.length === 0, `${digit} is not one word`);
      words.push(single.spectra);
    }
    return words;
  }

  for (const language of LANGUAGES) {
    it(`${language}: the digits of the code in its order, in groups of five, with time between them`, async () => {
      const samples = samplesOf(await speak(CODE, language));
      sounds.set(language, samples);
      const singles = await singlesOf(language);
      const words = wordsOf(samples);
      const heard = words.map(({ spectra }) => {
        const apart = singles.map((single) => distance(spectra, single));
        return apart.indexOf(Math.min(...apart));
      });
      assert.equal(heard.join(''), CODE.replaceAll(' ', ''));
      words.forEach(({ restMs }, index) => {
        if (index > 0) assert.ok(index % 5 === 0 ? restMs > 1_200 : restMs > 400 && restMs < 1_100, `${restMs} ms before digit ${index}`);
      });

      const seconds = samples.length / RATE;
      assert.ok(seconds > 15 && seconds < 40, `${seconds} s`);
      const peak = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assert.ok(peak > 6_000 && peak < 30_000, `peak ${peak}`);
    });
  }

  it('is another sound in each language, and the same whenever it is asked for', async () => {
    const all = [...sounds.values()].map((samples) => Buffer.from(samples.buffer).toString('base64'));
    assert.equal(new Set(all).size, LANGUAGES.length);
    const again = samplesOf(await speak(CODE, 'fr'));
    assert.deepEqual(again, sounds.get('fr'));
  });

  it('is refused for what is no code, and nothing of it is said', async () => {
    for (const none of ['', 'abc', '12345 <break/>'])
      await assert.rejects(
        speak(none, 'en'),
        (error: Error & { code?: string }) => error.code === 'CL_SPEECH_UNAVAILABLE' && (none === '' || !error.message.includes(none))
      );
    assert.ok((await speak('1', 'en')).length > 1_000, 'one that failed keeps the next from being read');
  });

  it('is made by a process that can write no file, start no program, and is told the code by nothing that others see', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cloister-speech-'));
    try {
      const script = join(folder, 'look.mjs');
      await writeFile(
        script,
        `import { writeFileSync } from 'node:fs';
        import { execFileSync } from 'node:child_process';
        const tried = {};
        for (const [name, attempt] of Object.entries({ write: () => writeFileSync(${JSON.stringify(join(folder, 'code'))}, 'x'), start: () => execFileSync('true') })) {
          try { attempt(); tried[name] = 'done'; } catch (error) { tried[name] = error.code; }
        }
        process.stdout.write('RIFF' + JSON.stringify({ tried, seen: [process.argv, process.execArgv, process.env] }));`
      );
      const told = JSON.parse(
        Buffer.from(await createSpeak(script)(CODE, 'en'))
          .toString()
          .slice(4)
      ) as { tried: unknown; seen: unknown };
      assert.deepEqual(told.tried, { write: 'ERR_ACCESS_DENIED', start: 'ERR_ACCESS_DENIED' });
      assert.ok(!JSON.stringify(told.seen).includes(CODE.slice(0, 5)));
      await assert.rejects(readFile(join(folder, 'code')), { code: 'ENOENT' });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('reads out one after the other, and refuses whoever asks for more than anybody hears', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cloister-speech-'));
    try {
      const script = join(folder, 'slow.mjs');
      await writeFile(script, `for await (const _ of process.stdin); process.stdout.write('RIFF');`);
      const slow = createSpeak(script);
      const asked = await Promise.allSettled(Array.from({ length: 20 }, () => slow(CODE, 'en')));
      assert.deepEqual(asked.map(({ status }) => status === 'fulfilled').filter(Boolean).length, 4);
      assert.equal(Buffer.from(await slow(CODE, 'en')).toString(), 'RIFF', 'and reads again when those are done');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('says that it cannot where the process says too much, nothing, or dies of its own accord', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cloister-speech-'));
    try {
      for (const [name, text] of [
        ['much', `process.stdout.write('RIFF'); for (let n = 0; n < 32; n++) process.stdout.write(Buffer.alloc(1024 * 1024));`],
        ['dies', `process.stdout.write('RIFF'); process.kill(process.pid, 'SIGKILL');`],
        ['fails', `process.stdout.write('RIFF'); process.exitCode = 1;`],
        ['nothing', '']
      ] as const) {
        const script = join(folder, `${name}.mjs`);
        await writeFile(script, text);
        await assert.rejects(createSpeak(script)(CODE, 'en'), { code: 'CL_SPEECH_UNAVAILABLE' }, name);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('says that it cannot where the process cannot', async () => {
    await assert.rejects(createSpeak('/nowhere/speech.ts')(CODE, 'en'), { code: 'CL_SPEECH_UNAVAILABLE' });
  });
});
