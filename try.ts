import { startRoomPair, firstFrameAfter } from './bench/sides.ts';
import { startDetour } from './test/harness/detour.ts';
import { bothWays } from './test/harness/impaired-network.ts';
import { systemClock } from './src/kernel/clock.ts';
import { installDisplayMeter } from './bench/meter-page.ts';
import { readTimeCode } from './bench/time-code.ts';
import { TIME_CODE } from './src/media/source/time-code.ts';
import { median, percentile } from './bench/figures.ts';
const loss = Number(process.argv[2] ?? 0), delayMs = Number(process.argv[3] ?? 0);
const profile = { width: 1280, height: 720, fps: Number(process.argv[4] ?? 30) };
await using detour = await startDetour({ seed: 1, clock: systemClock, from: bothWays({ lossRate: 0, delayMs: 0 }) });
await using pair = await startRoomPair({ autoAnswer: true, timeCode: true, profile, processes: detour.rooms });
for (const { page } of pair.displays) {
  await page.evaluate(`window.readTimeCode = ${readTimeCode}`);
  await page.evaluate(installDisplayMeter, TIME_CODE);
  await page.evaluate(() => {
    const w = window as any; w.t = { decode: [], hold: [], draw: [], raf: [] };
    const asked = new Map<number, number>();
    const D = VideoDecoder;
    const dec = D.prototype.decode;
    D.prototype.decode = function (c: any) { asked.set(c.timestamp, performance.now()); return dec.call(this, c); };
    w.VideoDecoder = class extends D { constructor(init: any) { super({ ...init, output: (f: any) => { const n = performance.now(); w.t.decode.push(n - (asked.get(f.timestamp) ?? n)); asked.delete(f.timestamp); f.__at = n; (w.o ??= new Map()).set(f.timestamp, n); init.output(f); } }); } };
    const d = CanvasRenderingContext2D.prototype.drawImage;
    CanvasRenderingContext2D.prototype.drawImage = function (this: any, f: any, ...r: any[]) { const n = performance.now(); const o = w.o?.get(f.timestamp); if (o !== undefined) w.t.hold.push(n - o); (d as any).call(this, f, ...r); w.t.draw.push(performance.now() - n); } as any;
  });
}
const at = Date.now();
await pair.rooms.placeCall();
for (const d of pair.displays) await firstFrameAfter(d, at);
await new Promise((r) => setTimeout(r, 4000));
detour.change(bothWays({ lossRate: loss, delayMs }));
await new Promise((r) => setTimeout(r, 3000));
for (const { page } of pair.displays) await page.evaluate(() => { window.meter.take(); (window as any).t = Object.assign((window as any).t, { decode: [], hold: [], draw: [] }); });
for (let i = 0; i < 3; i++) { await new Promise((r) => setTimeout(r, 3000)); for (const { page } of pair.displays) { const s = await page.evaluate(() => window.cloisterDisplay?.statistics()); console.log('  buffer', s?.bufferMs, 'av', s?.avOffsetMs, 'gaps', s?.gaps, 'dropped', s?.framesDropped); } }
for (const { page } of pair.displays) {
  const [shown, t] = await page.evaluate(() => [window.meter.take(), (window as any).t]) as any;
  const f = (v: number[]) => `${median(v).toFixed(1)}/${percentile(v, 0.95).toFixed(1)}`;
  console.log('age', f(shown.map((s: any) => s.ageMs).filter((x: any) => x !== null)), 'n', shown.length, 'decode', f(t.decode), 'hold', f(t.hold), 'draw', f(t.draw));
}
process.exit(0);
