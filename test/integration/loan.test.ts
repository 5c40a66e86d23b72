// Two media processes of one room, each in a call of its own, and their peers: one camera and one microphone for both, and what is left when the one that has them dies.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AV_CODEC_ID_OPUS, AV_CODEC_ID_VP8 } from 'node-av';
import { WebSocket } from 'ws';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createMediaProcesses } from '../../src/media/client.ts';
import { decodeFeedFrame } from '../../src/media/display-feed/protocol.ts';
import type { MediaProcesses, MediaSession, MediaSettings, MediaStatistics } from '../../src/media/port.ts';
import { hueOf } from '../../src/media/source/test-picture.ts';
import { decodeAll } from '../harness/decode.ts';
import { mediaProcessesOf, openFilesOf } from '../harness/processes.ts';

const ORIGIN = 'http://127.0.0.1:1';
const SIZE = { width: 320, height: 180 };
const LIMIT_MS = 60_000;
const OWN_CHROMA = [200, 60] as const;

type Chroma = readonly [number, number];
type Party = { readonly session: MediaSession; readonly pid: number; readonly said: string[]; figures: MediaStatistics | null };

const chromaOf = (room: string): Chroma => {
  const hue = (hueOf(room) * Math.PI) / 180;
  return [Math.round(128 + 56 * Math.cos(hue)), Math.round(128 + 56 * Math.sin(hue))];
};
const isNear = (wanted: Chroma, found: Chroma | null): boolean => found !== null && wanted.every((value, index) => Math.abs(value - (found[index] ?? 0)) <= 12);

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `in vain: ${what}`);
    await pause(100);
  }
}

describe('a media process that lends its devices', function () {
  this.timeout(4 * LIMIT_MS);
  let folder: string;
  let processes: MediaProcesses;
  let settings: MediaSettings;
  const displays: WebSocket[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-loan-test-'));
    // The borrower's own camera: a film of one colour.
    const luma = Buffer.alloc(SIZE.width * SIZE.height, 120);
    const chroma = OWN_CHROMA.map((value) => Buffer.alloc((SIZE.width * SIZE.height) / 4, value));
    const frames = Array.from({ length: 20 }, () => [Buffer.from('FRAME\n'), luma, ...chroma]).flat();
    await writeFile(join(folder, 'own.y4m'), Buffer.concat([Buffer.from(`YUV4MPEG2 W${SIZE.width} H${SIZE.height} F20:1 Ip A1:1 C420jpeg\n`), ...frames]));
    settings = {
      roomName: '',
      camera: 'none',
      microphone: 'none',
      devices: null,
      speaker: 'display',
      echoCancellation: 'off',
      video: { ...SIZE, fps: 20, maxKbps: 500 },
      screen: 'none',
      screenVideo: { ...SIZE, fps: 10, maxKbps: 300 },
      codecs: ['VP8'],
      hardwareEncoders: [],
      iceServers: [],
      fips: false,
      displayHost: '127.0.0.1',
      displayOrigins: [ORIGIN]
    };
    processes = createMediaProcesses({ settings: () => settings, clock: systemClock, log: silentLog });
  });
  after(async () => {
    for (const display of displays) display.terminate();
    await processes[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function take(changed: Partial<MediaSettings>, role: 'caller' | 'callee', borrows = false): Promise<Party> {
    const before = new Set(await mediaProcessesOf(process.pid));
    const normal = settings;
    settings = { ...settings, ...changed };
    const callId = '0190f3c2-7d4e-7a31-8c55-000000000001';
    const session = processes.take({
      callId,
      role,
      microphone: true,
      camera: changed.camera !== undefined,
      held: false,
      ...(borrows ? { borrows: true as const } : {})
    });
    settings = normal;
    const [pid] = (await mediaProcessesOf(process.pid)).filter((each) => !before.has(each));
    assert.ok(pid !== undefined);
    const party: Party = { session, pid, said: [], figures: null };
    session.on('secured', () => party.said.push('secured'));
    session.on('failed', ({ code }) => party.said.push(`failed ${code}`));
    session.on('notice', ({ code }) => party.said.push(`notice ${code}`));
    session.on('exit', ({ expected }) => party.said.push(expected ? 'closed' : 'died'));
    session.on('statistics', (figures) => {
      party.figures = figures;
    });
    return party;
  }

  /** @param near of this room, the callee */
  async function connect(far: Party, near: Party): Promise<void> {
    for (const [from, to] of [
      [far, near],
      [near, far]
    ] as const)
      from.session.on('candidates', (candidates) => void to.session.addCandidates(candidates).catch(() => {}));
    const { sdp: offer } = await far.session.createOffer();
    const { sdp: answer } = await near.session.acceptOffer(offer, null, { local: 'near', remote: 'far' });
    await near.session.open();
    await far.session.acceptAnswer(answer, null, { local: 'far', remote: 'near' });
    await until('both are secured', () => far.said.includes('secured') && near.said.includes('secured'));
  }

  async function watch({ session }: Party) {
    const { url } = await session.displayTicket();
    const display = new WebSocket(url, { origin: ORIGIN });
    displays.push(display);
    display.binaryType = 'arraybuffer';
    let pictures: Uint8Array[] = [];
    let sounds: Uint8Array[] = [];
    display.on('message', (data, binary) => {
      const frame = binary ? decodeFeedFrame(data as ArrayBuffer) : null;
      if (frame?.kind === 'audio') sounds.push(frame.data);
      else if (frame !== null) {
        if (frame.kind === 'video-key') pictures = [];
        pictures.push(frame.data);
      }
    });
    await once(display, 'open');
    return {
      forget() {
        [pictures, sounds] = [pictures.slice(), []];
      },
      async chroma(): Promise<Chroma | null> {
        let last: Chroma | null = null;
        if (pictures.length > 0)
          await decodeAll(AV_CODEC_ID_VP8, [...pictures], ({ data }) => {
            last = [data?.[1]?.[5] ?? 0, data?.[2]?.[5] ?? 0];
          });
        // Else each look would take longer than the one before.
        display.send(JSON.stringify({ type: 'need-keyframe', of: 'video' }));
        return last;
      },
      /** Of what came in the last second at the most. */
      async loudness(): Promise<number> {
        let peak = 0;
        if (sounds.length > 0)
          await decodeAll(AV_CODEC_ID_OPUS, sounds.slice(-50), ({ data, nbSamples }) => {
            const [plane] = data ?? [];
            if (plane !== undefined)
              for (const value of new Float32Array(plane.buffer, plane.byteOffset, Math.min(nbSamples, plane.byteLength / 4)))
                peak = Math.max(peak, Math.abs(value));
          });
        return peak;
      },
      sounds: () => sounds.length
    };
  }

  it('is the camera and the microphone of both calls; when it is killed the other call goes on with its own', async () => {
    const own = join(folder, 'own.y4m');
    const lender = await take({ roomName: 'Lender', camera: 'test', microphone: 'test' }, 'callee');
    const first = await take({}, 'caller');
    await connect(first, lender);
    const firstScreen = await watch(first);
    await until('the first call', async () => isNear(chromaOf('Lender'), await firstScreen.chroma()) && firstScreen.sounds() > 20);

    const borrower = await take({ roomName: 'Borrower', camera: `file:${own}`, microphone: 'none' }, 'callee', true);
    const second = await take({}, 'caller');
    const secondScreen = await watch(second);
    await connect(second, borrower);
    await borrower.session.borrow(await lender.session.lend());
    await until('the lender’s picture in the second call', async () => isNear(chromaOf('Lender'), await secondScreen.chroma()));
    await until('the lender’s tone in the second call', async () => secondScreen.sounds() > 50 && (await secondScreen.loudness()) > 0.005);
    await until('it is told', () => borrower.figures?.camera.name === 'Test picture' && borrower.figures.microphone.kind === 'test');
    assert.equal((await openFilesOf(borrower.pid)).includes(own), false, 'the borrower has its own camera open');
    assert.equal(borrower.figures?.video.sending, true);
    const { framesSent = 0 } = borrower.figures.video;
    await until('it goes on', () => (borrower.figures?.video.framesSent ?? 0) > framesSent + 40);
    assert.ok(isNear(chromaOf('Lender'), await firstScreen.chroma()), 'the first call has its picture as before');

    process.kill(lender.pid, 'SIGKILL');
    await until('its own picture', async () => isNear(OWN_CHROMA, await secondScreen.chroma()));
    assert.equal((await openFilesOf(borrower.pid)).includes(own), true);
    secondScreen.forget();
    await pause(500);
    assert.equal(secondScreen.sounds(), 0, 'its own microphone is none');
    assert.deepEqual([borrower.said, second.said, lender.said], [['secured'], ['secured'], ['secured', 'died']]);
    await Promise.all([first, second, borrower].map(({ session }) => session.close()));
  });
});
