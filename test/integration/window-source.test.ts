// One window of a real X server as what is shared: found in the list, captured alone, followed when its size changes, and over when it is closed.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { DesktopWindow } from '../../src/devices/desktop/desktop-text.ts';
import { listWindows, runXTool } from '../../src/devices/desktop/x11-desktop.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { CloisterError } from '../../src/kernel/errors.ts';
import { openScreenSource } from '../../src/media/source/open-source.ts';
import type { VideoSource } from '../../src/media/source/source.ts';
import { startXDisplay, type XDisplay } from '../harness/x-display.ts';

const PROFILE = { width: 640, height: 360, fps: 10, maxKbps: 1000 };
const LIMIT_MS = 20_000;

describe('a shared window', function () {
  this.timeout(60_000);
  let display: XDisplay;
  let before: string | undefined;
  const programs: ChildProcess[] = [];
  const sources: VideoSource[] = [];

  beforeEach(async () => {
    display = await startXDisplay(1280, 720);
    before = process.env['DISPLAY'];
    process.env['DISPLAY'] = display.name;
  });
  afterEach(async () => {
    for (const source of sources.splice(0)) await source.close();
    for (const program of programs.splice(0)) {
      const gone = program.exitCode === null && program.signalCode === null ? once(program, 'exit') : null;
      program.kill('SIGKILL');
      await gone;
    }
    if (before === undefined) delete process.env['DISPLAY'];
    else process.env['DISPLAY'] = before;
    await display[Symbol.asyncDispose]();
  });

  const windows = (): Promise<readonly DesktopWindow[]> => listWindows(runXTool(display.name));
  async function until<T>(what: string, look: () => Promise<T | null | undefined> | T | null | undefined): Promise<T> {
    const deadline = performance.now() + LIMIT_MS;
    for (;;) {
      const found = await look();
      if (found !== null && found !== undefined) return found;
      assert.ok(performance.now() < deadline, `in vain: ${what}`);
      await pause(50);
    }
  }
  /** A message on a ground of one grey. */
  async function show(title: string, grey: number, geometry: string): Promise<{ readonly window: DesktopWindow; readonly program: ChildProcess }> {
    const colour = `#${grey.toString(16).padStart(2, '0').repeat(3)}`;
    const args = ['-title', title, '-geometry', geometry, '-bg', colour, '-fg', colour, '-bd', colour, '-xrm', '*borderWidth: 0', '-buttons', '', 'x'];
    const program = spawn('xmessage', args, { stdio: 'ignore' });
    programs.push(program);
    const window = await until(title, async () => (await windows()).find((each) => each.title === title));
    return { window, program };
  }
  type Seen = { luma: number[]; lost: CloisterError | null; width: number };
  /** What the middle of the picture, and its upper and left edges, are like. */
  async function watch(choice: string): Promise<Seen> {
    const seen: Seen = { luma: [], lost: null, width: 0 };
    const source = await openScreenSource(choice, PROFILE, systemClock);
    sources.push(source);
    source.start({
      async frame(frame) {
        const [plane] = frame.data ?? [];
        const [stride = 0] = frame.linesize;
        seen.width = frame.width;
        seen.luma = [
          plane?.[(frame.height >> 1) * stride + (frame.width >> 1)] ?? 0,
          plane?.[8 * stride + (frame.width >> 1)] ?? 0,
          plane?.[(frame.height >> 1) * stride + 8] ?? 0
        ];
      },
      lost(error) {
        seen.lost = error;
      }
    });
    return seen;
  }
  /** Of full range to that of video. */
  const video = (grey: number): number => 16 + (grey * 219) / 255;
  const isGrey = (luma: number | undefined, grey: number): boolean => luma !== undefined && Math.abs(luma - video(grey)) < 6;

  it('is listed with its title, and captured alone', async () => {
    const { window } = await show('Slides', 0xc0, '640x360+20+30');
    await show('Notes', 0x40, '300x200+800+400');
    programs.push(spawn('xmessage', ['-title', 'Cloister panel', '-geometry', '300x200+800+100', 'x'], { stdio: 'ignore' }));
    const run = runXTool(display.name);
    await until('our own page', async () => ((await run('xwininfo', ['-root', '-tree']))?.includes('"Cloister panel"') ? true : null));
    assert.deepEqual((await windows()).map(({ title }) => title).sort(), ['Notes', 'Slides']);
    const seen = await watch(`window:${window.id}`);
    await until('the whole picture is the window', () => (seen.luma.length === 3 && seen.luma.every((luma) => isGrey(luma, 0xc0)) ? true : null));
  });

  it('is no window where the id is none, or was made up', async () => {
    for (const id of ['window:0x1', 'window:-1', 'window:0x20002c -i /etc/passwd', 'window:'])
      await assert.rejects(openScreenSource(id, PROFILE, systemClock), { code: 'CL_MEDIA_SCREEN_SOURCE' }, id);
  });

  it('follows when the window becomes smaller, and larger: the whole of it fills the picture', async () => {
    const { window } = await show('Slides', 0xc0, '640x360+20+30');
    const seen = await watch(`window:${window.id}`);
    const whole = (): true | null => (seen.luma.length === 3 && seen.luma.every((luma) => isGrey(luma, 0xc0)) ? true : null);
    await until('a picture', whole);
    // Higher than it is wide: there are bars at the sides.
    await display.resize(window.id, 180, 360);
    await until('the narrow window, with bars', () => (isGrey(seen.luma[0], 0xc0) && isGrey(seen.luma[1], 0xc0) && isGrey(seen.luma[2], 0) ? true : null));
    await display.resize(window.id, 1200, 675);
    await until('the large window', whole);
    assert.equal(seen.lost, null);
    assert.equal(seen.width, PROFILE.width);
  });

  it('ends when the window is closed, and shows nothing else in its place', async () => {
    const { window, program } = await show('Slides', 0xc0, '640x360+20+30');
    const seen = await watch(`window:${window.id}`);
    await until('a picture', () => (isGrey(seen.luma[0], 0xc0) ? true : null));
    program.kill('SIGKILL');
    const lost = await until('its end', () => seen.lost);
    assert.match(lost.message, /closed or put away/);
    assert.equal(isGrey(seen.luma[0], 0xc0), true);
  });

  it('is a desktop without windows where the programs are missing, and no fault', async () => {
    assert.deepEqual(await listWindows(async () => null), []);
    const path = process.env['PATH'];
    process.env['PATH'] = '/nowhere';
    try {
      assert.deepEqual(await windows(), []);
    } finally {
      process.env['PATH'] = path;
    }
  });
});
