// A recording of a real standard call between two rooms: told to both sides, sealed on the disk, and played back by whoever has the key.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runRecordingCommand } from '../../agent/commands/recording.ts';
import { readTimeCode } from '../../bench/time-code.ts';
import type { ConfigLayer } from '../../src/config/layers.ts';
import { TIME_CODE } from '../../src/media/source/time-code.ts';
import { type DecodedPicture, type DecodedTrack, decodeFile } from '../harness/decode-file.ts';
import { startTwoRooms, type TestRoom, type TwoRooms } from '../harness/two-rooms.ts';

const SYNC_MS = 200;
const STANDARD: ConfigLayer = { encryption: { policy: 'Disabled', setting: false } };

describe('a recording', function () {
  this.timeout(180_000);
  let pair: TwoRooms | null = null;
  let folder = '';
  const folders: string[] = [];
  afterEach(async () => {
    await pair?.[Symbol.asyncDispose]();
    pair = null;
    for (const each of folders.splice(0)) await rm(each, { recursive: true, force: true });
  });

  const said: string[] = [];
  const io = { stdout: (line: string) => void said.push(line), stderr: (line: string) => void said.push(line) };

  /** Two rooms in a call, of which the first may record. @param config over it, of both */
  async function inCall(config: ConfigLayer): Promise<{ rooms: TwoRooms; recorder: TestRoom; other: TestRoom; key: string }> {
    said.length = 0;
    // The recipient has to be there before the room starts.
    folder = await mkdtemp(join(tmpdir(), 'cloister-key-'));
    folders.push(folder);
    const key = join(folder, 'key.pem');
    assert.equal(await runRecordingCommand(['make-key', '--output', key], io), 0);
    const rooms = await startTwoRooms({
      config: (index) => ({
        ...config,
        media: { camera: 'test:timecode', microphone: 'test', video: { width: 640, height: 360, fps: 15, maxKbps: 800 } },
        ...(index === 0 ? { recording: { recipient: `${key}.pub`, ...((config['recording'] as object | undefined) ?? {}) } } : { recording: {} })
      })
    });
    pair = rooms;
    await rooms.placeCall();
    return { rooms, recorder: rooms.rooms[0], other: rooms.rooms[1], key };
  }

  const recordingsOf = async (room: TestRoom): Promise<string[]> => {
    const directory = join(room.folder, 'data', 'recordings');
    return (await readdir(directory).catch(() => [])).map((name) => join(directory, name));
  };
  const bothTold = (told: boolean) => (states: Awaited<ReturnType<TwoRooms['states']>>) =>
    states[0].call?.recording.here === told && states[1].call?.recording.there === told;

  const codeOf = ({ width, height, pixel }: DecodedPicture): number | null => {
    const y = height * (TIME_CODE.top + TIME_CODE.height / 2);
    return readTimeCode(Array.from({ length: TIME_CODE.cells }, (_, index) => pixel((width * (index + 1.5)) / TIME_CODE.columns, y)));
  };
  const named = (tracks: readonly DecodedTrack[], title: string): DecodedTrack => {
    const track = tracks.find((each) => each.title === title);
    assert.ok(track, `${title} of ${tracks.map((each) => each.title).join(', ')}`);
    return track;
  };
  /** What has to be added to a time of the recording for the time of day (modulo 2^16) at which that picture was drawn: the median of all. */
  function distance(track: DecodedTrack): number {
    const all = track.pictures.flatMap((picture) => {
      const code = codeOf(picture);
      return code === null ? [] : [(((code - picture.atMs) % 65_536) + 65_536) % 65_536];
    });
    assert.ok(all.length > track.pictures.length / 2, `${all.length} of ${track.pictures.length} pictures can be read`);
    return all.sort((a, b) => a - b)[all.length >> 1] ?? 0;
  }
  const apart = (a: number, b: number): number => Math.abs(((((a - b) % 65_536) + 98_304) % 65_536) - 32_768);
  const rms = ({ sounds }: DecodedTrack): number => {
    const values = sounds.flatMap(({ samples }) => [...samples]);
    return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / Math.max(1, values.length));
  };

  it('has both sides’ pictures and sounds, in step, and is told to both; on the disk nothing of it is in the clear', async () => {
    const { rooms, recorder, other, key } = await inCall(STANDARD);
    assert.deepEqual(
      (await rooms.states()).map(({ call }) => call?.recording),
      [
        { here: false, there: false },
        { here: false, there: false }
      ]
    );
    await recorder.act('recording', { on: true });
    await rooms.waitFor('both are told', bothTold(true));
    await pause(4_000);
    // All four fall silent at one time of day, which the pictures say.
    const beforeMs = Date.now();
    await Promise.all([recorder.act('mute'), other.act('mute')]);
    const afterMs = Date.now();
    await pause(1_000);
    await recorder.act('recording', { on: false });
    await rooms.waitFor('both are told of its end', bothTold(false));
    assert.equal(
      (await rooms.states()).every(({ call }) => call?.phase === 'connected'),
      true
    );

    const [file = '', ...more] = await recordingsOf(recorder);
    assert.deepEqual(more, []);
    assert.deepEqual(await recordingsOf(other), []);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const sealed = await readFile(file);
    assert.ok(sealed.length > 100_000);
    for (const text of ['matroska', 'OpusHead', 'This room']) assert.equal(sealed.includes(text), false, text);

    const output = join(folder, 'out.mkv');
    assert.equal(await runRecordingCommand(['decrypt', file, '--key', key, '--output', output], io), 0, said.join('\n'));
    const tracks = await decodeFile(output);
    assert.deepEqual(tracks.map(({ title }) => title).sort(), ['Other side: picture', 'Other side: sound', 'This room: picture', 'This room: sound']);
    const [own, theirs] = [named(tracks, 'This room: picture'), named(tracks, 'Other side: picture')];
    for (const track of [own, theirs]) {
      assert.ok(track.pictures.length > 30, `${track.title}: ${track.pictures.length}`);
      assert.equal(track.pictures[0]?.keyframe, true);
    }
    const [ownDistance, theirDistance] = [distance(own), distance(theirs)];
    assert.ok(apart(ownDistance, theirDistance) < SYNC_MS, `pictures are ${apart(ownDistance, theirDistance)} ms apart`);
    for (const [title, picture] of [
      ['This room: sound', ownDistance],
      ['Other side: sound', theirDistance]
    ] as const) {
      const sound = named(tracks, title);
      assert.ok(rms(sound) > 0.02 && rms(sound) < 0.2, `${title}: ${rms(sound)}`);
      const last = sound.sounds.at(-1)?.atMs ?? 0;
      const fellSilent = last + picture;
      const middle = (beforeMs + afterMs) / 2;
      assert.ok(apart(fellSilent, middle) < SYNC_MS + (afterMs - beforeMs) / 2, `${title} ends ${apart(fellSilent, middle)} ms from when it did`);
    }
  });

  it('is refused in an end-to-end encrypted call, and where nobody is named who may play it; nothing is written', async () => {
    const { rooms, recorder, other } = await inCall({});
    await assert.rejects(recorder.act('recording', { on: true }), { code: 'CL_CALL_FEATURE_UNAVAILABLE' });
    assert.deepEqual(await recordingsOf(recorder), []);
    assert.deepEqual(
      (await rooms.states()).map(({ call }) => call?.recording.there),
      [false, false]
    );
    assert.ok((await recorder.call())?.unavailable.some(({ feature, reason }) => feature === 'recording' && reason === 'end-to-end-encryption'));
    await rooms[Symbol.asyncDispose]();
    const standard = await inCall(STANDARD);
    await assert.rejects(standard.other.act('recording', { on: true }), { code: 'CL_CALL_FEATURE_MISSING' });
    assert.ok((await standard.other.call())?.unavailable.some(({ feature, reason }) => feature === 'recording' && reason === 'not-offered-here'));
    assert.equal(other.name, 'Studio');
  });

  it('stays readable up to its last second where the media process is killed, ends for both, and is cut off for the reader', async () => {
    const { rooms, recorder, key } = await inCall(STANDARD);
    await recorder.act('recording', { on: true });
    await pause(5_000);
    const pid = await recorder.callProcess();
    assert.ok(pid !== null);
    process.kill(pid, 'SIGKILL');
    await rooms.waitFor(
      'the call is secured again, and nobody records',
      (states) => bothTold(false)(states) && states.every(({ call }) => call?.encryption.securingAgain === false)
    );
    const [file = ''] = await recordingsOf(recorder);
    const output = join(folder, 'cut.mkv');
    assert.equal(await runRecordingCommand(['decrypt', file, '--key', key, '--output', output], io), 1);
    assert.match(said.join('\n'), /stops before its end/);
    const tracks = await decodeFile(output);
    const lengths = tracks.map(({ pictures, sounds }) => pictures.at(-1)?.atMs ?? sounds.at(-1)?.atMs ?? 0);
    assert.equal(lengths.length, 4);
    for (const length of lengths) assert.ok(length > 1_500, `${lengths}`);
  });

  it('ends at its size, tells why, and is whole', async () => {
    const { rooms, recorder, key } = await inCall({ ...STANDARD, recording: { maxBytes: 1024 * 1024 } });
    await recorder.act('recording', { on: true });
    const states = await rooms.waitFor('it ended by itself', (now) => now[0].health.problems.some(({ code }) => code === 'CL_CALL_RECORDING'));
    assert.equal(states[0].call?.phase, 'connected');
    await rooms.waitFor('both are told', bothTold(false));
    const [file = ''] = await recordingsOf(recorder);
    assert.ok((await stat(file)).size <= 1024 * 1024);
    const output = join(folder, 'full.mkv');
    assert.equal(await runRecordingCommand(['decrypt', file, '--key', key, '--output', output], io), 0);
    assert.ok(named(await decodeFile(output), 'Other side: picture').pictures.length > 10);
  });

  it('is opened by its own key alone, and not once a byte was changed; nothing is overwritten', async () => {
    const { rooms, recorder, key } = await inCall(STANDARD);
    await recorder.act('recording', { on: true });
    await pause(2_500);
    await recorder.act('end');
    await rooms.waitFor('it is over', (states) => states[0].call?.phase === 'ended' && states[0].call.recording.here === false);
    const [file = ''] = await recordingsOf(recorder);
    const output = join(folder, 'whole.mkv');
    const decrypt = (path: string, with_: string, to: string): Promise<number> => runRecordingCommand(['decrypt', path, '--key', with_, '--output', to], io);
    // The call's end makes it whole.
    for (let tries = 0; tries < 50 && (await decrypt(file, key, output)) !== 0; tries++) {
      await rm(output, { force: true });
      await pause(100);
    }
    const before = await readFile(output);
    assert.equal(await decrypt(file, key, output), 1, 'it is there already');
    assert.deepEqual(await readFile(output), before);
    const stranger = join(folder, 'stranger.pem');
    assert.equal(await runRecordingCommand(['make-key', '--output', stranger], io), 0);
    assert.equal(await decrypt(file, stranger, join(folder, 'no.mkv')), 1);
    await mkdir(join(folder, 'bad'));
    const sealed = await readFile(file);
    const changed = Buffer.from(sealed);
    changed[sealed.length >> 1] = (changed[sealed.length >> 1] ?? 0) ^ 1;
    const joined = Buffer.concat([sealed, sealed]);
    for (const [name, bytes] of [
      ['changed', changed],
      ['joined', joined]
    ] as const) {
      const path = join(folder, 'bad', name);
      await writeFile(path, bytes);
      assert.equal(await decrypt(path, key, `${path}.mkv`), 1, name);
      assert.deepEqual((await readdir(join(folder, 'bad'))).includes(`${name}.mkv`), false);
    }
    const cut = join(folder, 'bad', 'cut');
    await writeFile(cut, sealed);
    await truncate(cut, sealed.length - 10);
    assert.equal(await decrypt(cut, key, `${cut}.mkv`), 1);
    assert.equal((await readdir(join(folder, 'bad'))).includes('cut.mkv'), true);
  });
});
