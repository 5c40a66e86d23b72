// Two others on one display, each from a media process of its own: real sources, codecs, paths and feeds; only the room's state is told. Both pictures
// move at once, both are heard, and neither begins anew because of the other.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/kernel/clock.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createMediaProcesses } from '../../src/media/client.ts';
import type { MediaSession, MediaSettings } from '../../src/media/port.ts';
import type { RoomState } from '../../src/room/state.ts';
import { createUiServer, type UiServer } from '../../src/ui-server/server.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';
import { type DisplayPage, openBrowser, type TestBrowser, until } from '../harness/browser.ts';
import { conferenceStates, THIRD_ID } from './fixtures/conference-states.ts';
import { CALL_ID, inCall, states } from './fixtures/states.ts';

const SAMPLE_RATE = 48_000;
const ATLAS_HZ = 600;
const LOBBY_HZ = 1900;
/** Nobody sounds there. */
const SILENT_HZ = 1200;
/** What is heard of a tone over what is there anyhow. */
const HEARD_DB = 25;
const VIDEO = { width: 320, height: 180, fps: 15, maxKbps: 400 };
const FIRST = 'remote-video';
const SECOND = 'remote-video-2';

/** Loops without a step: whole periods in a second. */
function toneFile(hz: number): Buffer {
  const samples = Int16Array.from({ length: SAMPLE_RATE }, (_, at) => Math.round(6000 * Math.sin((2 * Math.PI * hz * at) / SAMPLE_RATE)));
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20); // PCM
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(2 * SAMPLE_RATE, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer)]);
}

type WatchedPage = { cloisterCanvasWatch: { blanks: number } };

const settings = (origins: readonly string[], changed: Partial<MediaSettings>): MediaSettings => ({
  roomName: 'Boardroom',
  camera: 'none',
  microphone: 'none',
  devices: null,
  speaker: 'display',
  echoCancellation: 'off',
  video: VIDEO,
  screen: 'test',
  screenVideo: { width: 640, height: 360, fps: 5, maxKbps: 500 },
  codecs: ['VP8'],
  hardwareEncoders: [],
  iceServers: [],
  fips: false,
  displayHost: '127.0.0.1',
  displayOrigins: origins,
  ...changed
});

describe('browser: a display that shows two others', function () {
  this.timeout(90_000);
  this.bail(true);
  const made = new AsyncDisposableStack();
  let room: FakeRoom;
  let server: UiServer;
  let browser: TestBrowser;
  let display: DisplayPage;
  let folder: string;
  /** Of this room, by the call. */
  const near = new Map<string, MediaSession>();
  const far = new Map<string, MediaSession>();

  /** A standard call of this room with one that has a picture in a colour of its name, and one tone. */
  async function startCall(callId: string, roomName: string, hz: number): Promise<void> {
    const microphone = `file:${join(folder, `${hz}.wav`)}`;
    await writeFile(join(folder, `${hz}.wav`), toneFile(hz));
    const origins = server.origins();
    const processes = (changed: Partial<MediaSettings>) =>
      made.use(createMediaProcesses({ settings: () => settings(origins, changed), clock: systemClock, log: silentLog }));
    const here = processes({}).take({ callId, role: 'caller', microphone: false, camera: false, held: false });
    const there = processes({ roomName, camera: 'test', microphone }).take({ callId, role: 'callee', microphone: true, camera: true, held: false });
    near.set(callId, here);
    far.set(callId, there);
    const secured = Promise.withResolvers<void>();
    here.on('secured', () => secured.resolve());
    for (const session of [here, there]) session.on('failed', ({ text }) => secured.reject(new Error(text)));
    const { sdp: offer } = await here.createOffer();
    const { sdp: answer } = await there.acceptOffer(offer, null, { local: 'there', remote: 'here' });
    here.on('candidates', (candidates) => void there.addCandidates(candidates).catch(() => {}));
    there.on('candidates', (candidates) => void here.addCandidates(candidates).catch(() => {}));
    await here.acceptAnswer(answer, null, { local: 'here', remote: 'there' });
    await there.open();
    await secured.promise;
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-conference-'));
    room = createFakeRoom(states.idle);
    const uiDirectory = join(import.meta.dirname, '..', '..', 'dist', 'ui');
    server = createUiServer({ room, host: '127.0.0.1', port: 0, uiDirectory, allowedHosts: [], log: silentLog, clock: systemClock });
    await server.start(new AbortController().signal);
    room.feedOf = async ({ id }) => {
      const session = near.get(id);
      if (session === undefined) throw new CloisterError('CL_CALL_WRONG_PHASE');
      return (await session.displayTicket()).url;
    };
    await startCall(CALL_ID, 'Atlas', ATLAS_HZ);
    browser = await openBrowser();
    display = await browser.display(server.url);
    become(conferenceStates.addedThere);
    await display.see(FIRST);
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await made.disposeAsync();
    await rm(folder, { recursive: true, force: true });
  });

  const become = (state: RoomState): void => room.change(() => state);
  const widthOf = async (testId: string): Promise<number> => (await display.page.getByTestId(testId).boundingBox())?.width ?? 0;
  /** Everything that the display did for a call, whichever canvas has it. */
  async function statisticsOf(call: string) {
    const all = await display.page.evaluate(() => window.cloisterDisplay?.statisticsOfAll() ?? []);
    return all.find((each) => each.call === call) ?? assert.fail(`the display does not follow ${call}`);
  }
  async function goesOn(call: string): Promise<void> {
    const { framesPresented, audioPlayedMs } = await statisticsOf(call);
    await until(`picture and sound of ${call} go on`, async () => {
      const now = await statisticsOf(call);
      return now.framesPresented >= framesPresented + 10 && now.audioPlayedMs >= audioPlayedMs + 500;
    });
  }
  /** Colour of the picture's left edge, and something that differs between two pictures. */
  const pictureOf = (testId: string): Promise<{ readonly colour: readonly number[]; readonly print: number }> =>
    display.page.evaluate((id) => {
      const canvas = document.querySelector<HTMLCanvasElement>(`canvas[data-testid="${id}"]`);
      const small = new OffscreenCanvas(64, 36);
      const context = small.getContext('2d', { willReadFrequently: true });
      if (canvas === null || context === null) throw new Error(`there is no ${id}`);
      context.drawImage(canvas, 0, 0, small.width, small.height);
      const { data } = context.getImageData(0, 0, small.width, small.height);
      const at = 4 * (18 * 64 + 2);
      return { colour: [...data.slice(at, at + 3)], print: data.reduce((hash, value) => (Math.imul(hash, 31) + value) | 0, 7) };
    }, testId);
  /** How loud the loudspeaker plays at these frequencies, in dB relative to full scale. */
  const heardAt = (...frequencies: readonly number[]): Promise<number[]> =>
    display.page.evaluate((wanted) => {
      const { analyser } = (window as unknown as { cloisterWatch: { analyser: AnalyserNode | null } }).cloisterWatch;
      if (analyser === null) return wanted.map(() => Number.NEGATIVE_INFINITY);
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      return wanted.map((hz) => {
        const bin = Math.round((hz * analyser.fftSize) / analyser.context.sampleRate);
        return Math.max(...bins.slice(bin - 2, bin + 3));
      });
    }, frequencies);
  /**
   * Counts, from now on, the screen refreshes in which the canvas showed nothing although pictures came; of no other one any more. On a machine that stands
   * still none come, and then it is right to show none.
   */
  const watchFor = (testId: string, call: string): Promise<void> =>
    display.page.evaluate(
      ([id, followed]) => {
        const page = window as unknown as WatchedPage;
        const watch = { blanks: 0 };
        page.cloisterCanvasWatch = watch;
        const find = (): HTMLCanvasElement | null => document.querySelector(`canvas[data-testid="${id}"]`);
        const first = find();
        let stoodStillAt = Number.NEGATIVE_INFINITY;
        let lookedAt = performance.now();
        const look = (now: number): void => {
          if (page.cloisterCanvasWatch !== watch) return;
          const lastFrameAt = window.cloisterDisplay?.statisticsOfAll().find((each) => each.call === followed)?.lastFrameAt ?? 0;
          // Between two looks that are half a second apart, too, a picture may have become too old to be shown.
          if (Date.now() - lastFrameAt > 1000 || now - lookedAt > 500) stoodStillAt = now;
          lookedAt = now;
          const canvas = find();
          const blank = canvas === null || canvas !== first || canvas.width < 2 || getComputedStyle(canvas).visibility !== 'visible';
          if (blank && now - stoodStillAt > 2000) watch.blanks += 1;
          requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      },
      [testId, call] as const
    );
  const blanks = (): Promise<number> => display.page.evaluate(() => (window as unknown as WatchedPage).cloisterCanvasWatch.blanks);

  it('shows the first alone while the second is being added', async () => {
    await goesOn(CALL_ID);
    assert.equal(await widthOf(FIRST), 1920);
    assert.equal(await display.isVisible(SECOND), false);
    await display.see('adding');
    const [first = 0, silent = 0] = await until('the tone', async () => {
      const levels = await heardAt(ATLAS_HZ, LOBBY_HZ);
      return (levels[0] ?? 0) - (levels[1] ?? 0) > HEARD_DB && levels;
    });
    assert.ok(first > silent);
  });

  it('shows two different pictures at once, which both move, and plays both; the first never stands still for the second', async () => {
    await watchFor(FIRST, CALL_ID);
    await startCall(THIRD_ID, 'Lobby', LOBBY_HZ);
    become(conferenceStates.joined);
    await display.see(SECOND);
    await until('they are beside each other', async () => {
      const [first, second] = [await widthOf(FIRST), await widthOf(SECOND)];
      return first === second && first > 800 && first < 960;
    });
    const before = [await pictureOf(FIRST), await pictureOf(SECOND)] as const;
    const difference = Math.max(...before[0].colour.map((value, channel) => Math.abs(value - (before[1].colour[channel] ?? 0))));
    assert.ok(difference > 25, `both have the colour ${before[0].colour}`);
    await Promise.all([goesOn(CALL_ID), goesOn(THIRD_ID)]);
    const after = [await pictureOf(FIRST), await pictureOf(SECOND)] as const;
    assert.ok(after[0].print !== before[0].print && after[1].print !== before[1].print);
    await until('both tones', async () => {
      const [atlas = 0, lobby = 0, silent = 0] = await heardAt(ATLAS_HZ, LOBBY_HZ, SILENT_HZ);
      return atlas - silent > HEARD_DB && lobby - silent > HEARD_DB;
    });
    assert.equal((await statisticsOf(CALL_ID)).connections, 1);
    assert.equal(await blanks(), 0, 'the first was on the display all the time');
    await display.screenshot('conference-display');
  });

  it('puts what the second shares beside both', async () => {
    await far.get(THIRD_ID)?.setScreen(true);
    await display.see('remote-screen-2');
    await until('the shared screen is large', async () => (await widthOf('remote-screen-2')) > 3 * (await widthOf(FIRST)));
    assert.equal(await widthOf(FIRST), await widthOf(SECOND));
    await display.screenshot('conference-display-screen');
    await far.get(THIRD_ID)?.setScreen(false);
    await display.lose('remote-screen-2');
    assert.equal(await blanks(), 0);
  });

  it('goes on with the first while the second’s media process is gone, and shows the second again when there is another', async () => {
    const lost = near.get(THIRD_ID);
    near.delete(THIRD_ID);
    await lost?.close();
    await far.get(THIRD_ID)?.close();
    become(conferenceStates.securingAgain);
    await display.see('participant-card');
    await goesOn(CALL_ID);
    await startCall(THIRD_ID, 'Lobby', LOBBY_HZ);
    become({ ...conferenceStates.joined, otherCalls: conferenceStates.joined.otherCalls.map((call) => ({ ...call, mediaEpoch: 3 })) });
    await display.see(SECOND);
    await goesOn(THIRD_ID);
    assert.equal((await statisticsOf(CALL_ID)).connections, 1);
    assert.equal(await blanks(), 0);
  });

  it('shows the second alone when the first leaves, from the same connection', async () => {
    await watchFor(SECOND, THIRD_ID);
    const { connections } = await statisticsOf(THIRD_ID);
    const [second] = conferenceStates.joined.otherCalls;
    assert.ok(second !== undefined);
    become({ ...inCall(conferenceStates.joined, () => ({ ...second, conference: null, mediaEpoch: 3 })), otherCalls: [] });
    await until('it has the whole display', async () => (await widthOf(SECOND)) === 1920);
    await goesOn(THIRD_ID);
    assert.equal(await display.isVisible(FIRST), false);
    assert.equal((await statisticsOf(THIRD_ID)).connections, connections);
    assert.equal(await blanks(), 0);
    await until('the first is heard no more', async () => {
      const [atlas = 0, lobby = 0, silent = 0] = await heardAt(ATLAS_HZ, LOBBY_HZ, SILENT_HZ);
      return lobby - silent > HEARD_DB && atlas - silent < HEARD_DB;
    });
    become(states.ended);
    await display.lose(SECOND);
    assert.deepEqual(browser.faults(), []);
  });
});
