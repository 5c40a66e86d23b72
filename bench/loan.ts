// node bench/loan.ts [SECONDS]: what it costs that one media process lends camera and microphone to another (src/media/loan/), in CPU time of both, beside
// the same two calls with a test picture each. Windows take turns; the peers, which only receive, are not counted.
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../src/kernel/clock.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createMediaProcesses } from '../src/media/client.ts';
import type { MediaSession, MediaSettings, MediaStatistics } from '../src/media/port.ts';
import { mediaProcessesOf } from '../test/harness/processes.ts';
import { processTree } from './process-tree.ts';

const ROUNDS = 3;
const SETTLE_MS = 4_000;
const NOTHING: MediaSettings = {
  roomName: 'Bench',
  camera: 'none',
  microphone: 'none',
  devices: null,
  speaker: 'none',
  echoCancellation: 'off',
  video: { width: 1280, height: 720, fps: 30, maxKbps: 2_500 },
  screen: 'none',
  screenVideo: { width: 1280, height: 720, fps: 10, maxKbps: 1_000 },
  codecs: ['H264'],
  hardwareEncoders: [],
  iceServers: [],
  fips: false,
  displayHost: '127.0.0.1',
  displayOrigins: []
};
const ROOM: MediaSettings = { ...NOTHING, camera: 'test', microphone: 'test' };

type Party = { readonly session: MediaSession; readonly pid: number; figures: MediaStatistics | null };

const seconds = Number(process.argv[2] ?? 20);
let settings = NOTHING;
await using processes = createMediaProcesses({ settings: () => settings, clock: systemClock, log: silentLog });

async function take(of: MediaSettings, role: 'caller' | 'callee'): Promise<Party> {
  const before = new Set(await mediaProcessesOf(process.pid));
  settings = of;
  const session = processes.take({ callId: '0190f3c2-7d4e-7a31-8c55-000000000001', role, microphone: true, camera: of === ROOM, held: false });
  const [pid = 0] = (await mediaProcessesOf(process.pid)).filter((each) => !before.has(each));
  const party: Party = { session, pid, figures: null };
  session.on('statistics', (figures) => {
    party.figures = figures;
  });
  return party;
}

/** A standard call with a peer that only receives. */
async function call(): Promise<Party> {
  const [far, near] = [await take(NOTHING, 'caller'), await take(ROOM, 'callee')];
  for (const [from, to] of [
    [far, near],
    [near, far]
  ] as const)
    from.session.on('candidates', (candidates) => void to.session.addCandidates(candidates).catch(() => {}));
  const secured = new Promise<unknown>((resolve) => near.session.on('secured', resolve));
  const { sdp: offer } = await far.session.createOffer();
  const { sdp: answer } = await near.session.acceptOffer(offer, null, { local: 'near', remote: 'far' });
  await near.session.open();
  await far.session.acceptAnswer(answer, null, { local: 'far', remote: 'near' });
  await secured;
  return near;
}

const cpuSeconds = async ({ pid }: Party): Promise<number> => (await processTree(pid)).reduce((sum, each) => sum + each.cpuSeconds, 0);
const framesOf = ({ figures }: Party): number => figures?.video.framesSent ?? 0;
const [lender, borrower] = [await call(), await call()];

async function measure(): Promise<{ readonly cpu: readonly number[]; readonly fps: readonly number[] }> {
  await pause(SETTLE_MS);
  const both = [lender, borrower];
  const [cpu, frames, startedMs] = [await Promise.all(both.map(cpuSeconds)), both.map(framesOf), performance.now()];
  await pause(seconds * 1_000);
  const tookS = (performance.now() - startedMs) / 1_000;
  const after = await Promise.all(both.map(cpuSeconds));
  return {
    cpu: after.map((value, index) => ((value - (cpu[index] ?? 0)) / tookS) * 60),
    fps: both.map((party, index) => (framesOf(party) - (frames[index] ?? 0)) / tookS)
  };
}

const show = (values: readonly number[]): string => values.map((value) => value.toFixed(1).padStart(6)).join(' ');
console.log('CPU seconds a minute of the first and the second call’s process, and pictures sent in a second');
for (let round = 0; round < ROUNDS; round++) {
  await borrower.session.borrow(null);
  const own = await measure();
  console.log(`own   ${show(own.cpu)}   ${show(own.fps)}`);
  await borrower.session.borrow(await lender.session.lend());
  const lent = await measure();
  console.log(`lent  ${show(lent.cpu)}   ${show(lent.fps)}`);
}
// The spare and the peers end with this process.
process.exit(0);
