// What a call costs: CPU time and memory of one room (agent and media processes) in a call of 720p30 both ways, beside one Chromium in such a call.
// Both ends of each call are counted, and the two kinds of call take turns. The browser of a room's display is counted on its own.
import { setTimeout as pause } from 'node:timers/promises';
import { median, type Spread, spread, table } from './figures.ts';
import { cpuSecondsBetween, memoryMegabytes, processTree, type TreeProcess } from './process-tree.ts';
import { firstFrameAfter, PROFILE, type Profile, settled, startChromiumPair, startRoomPair } from './sides.ts';

const WARM_UP_MS = 5_000;
const SAMPLE_MS = 2_000;

/** CPU seconds in a minute of call, and megabytes. */
type Cost = { readonly cpu: Spread; readonly memory: Spread };

export type CallResult = {
  readonly profile: Profile;
  readonly seconds: number;
  readonly room: Cost;
  readonly parts: Readonly<Record<'agent' | 'media process' | 'with the spare' | 'display’s browser', Cost>>;
  readonly chromium: Cost;
  readonly ratio: { readonly cpu: number; readonly memory: number; readonly memoryWithSpare: number };
  /** What was really sent and shown, medians; a side that does less than it should is no comparison. */
  readonly did: Readonly<
    Record<'room' | 'chromium', { readonly codec: string; readonly size: string; readonly sentFps: number; readonly receivedFps: number }>
  >;
};

type Use = { readonly cpu: number; readonly memory: number };
type Watched = { readonly name: string; readonly pid: number; readonly only: (process: TreeProcess) => boolean };

export async function benchCall(runs: number, seconds: number, say: (line: string) => void, profile: Profile = PROFILE): Promise<CallResult> {
  const uses = new Map<string, Use[]>();
  const roomsDid: { codec: string; width: number; height: number; sentFps: number; receivedFps: number }[] = [];
  const chromiumDid: typeof roomsDid = [];
  const keep = (found: ReadonlyMap<string, Use[]>): void => {
    for (const [name, use] of found) uses.set(name, [...(uses.get(name) ?? []), ...use]);
  };
  await using pair = await startRoomPair({ autoAnswer: true, profile });
  await using chromium = await startChromiumPair({ profile });
  const { rooms, displays } = pair;
  const everything = [...rooms.rooms.map(({ agentPid }) => agentPid), ...[...displays, ...chromium.browsers].map(({ pid }) => pid)];

  for (let run = 1; run <= runs; run++) {
    await settled(everything);
    const placedAtMs = Date.now();
    await rooms.placeCall();
    for (const display of displays) await firstFrameAfter(display, placedAtMs);
    await pause(WARM_UP_MS);
    const serving = await Promise.all(rooms.rooms.map((room) => room.callProcess()));
    const isMedia = ({ command }: TreeProcess): boolean => command.includes('media/process.ts');
    const used = await watch(
      seconds,
      rooms.rooms.flatMap(({ agentPid }, index) => [
        { name: 'room', pid: agentPid, only: (process) => !isMedia(process) || process.pid === serving[index] },
        { name: 'agent', pid: agentPid, only: (process) => !isMedia(process) },
        { name: 'media process', pid: agentPid, only: ({ pid }) => pid === serving[index] },
        { name: 'with the spare', pid: agentPid, only: () => true },
        { name: 'display’s browser', pid: displays[index]?.pid ?? 0, only: () => true }
      ])
    );
    keep(used);
    const before = await rooms.states();
    await pause(SAMPLE_MS);
    for (const [index, { call }] of (await rooms.states()).entries()) {
      if (call === null) throw new Error('the call has ended');
      const { codec, width, height, fps, framesSent } = call.media.video;
      const sentFps = ((framesSent - (before[index]?.call?.media.video.framesSent ?? 0)) * 1000) / SAMPLE_MS;
      roomsDid.push({ codec: codec ?? '', width, height, receivedFps: fps, sentFps });
    }
    await pair.end();
    say(`run ${run} of ${runs}: a room took ${perMinute(used.get('room'), seconds)}`);

    await settled(everything);
    await chromium.place();
    await pause(WARM_UP_MS);
    const took = await watch(
      seconds,
      chromium.browsers.map(({ pid }) => ({ name: 'chromium', pid, only: () => true }))
    );
    keep(took);
    chromiumDid.push(...(await chromium.flows()));
    await chromium.end();
    say(`run ${run} of ${runs}: a Chromium took ${perMinute(took.get('chromium'), seconds)}`);
  }

  const cost = (name: string): Cost => {
    const all = uses.get(name) ?? [];
    return { cpu: spread(all.map(({ cpu }) => (cpu * 60) / seconds)), memory: spread(all.map(({ memory }) => memory)) };
  };
  const did = (all: typeof roomsDid) => ({
    codec: all[0]?.codec ?? '',
    size: `${all[0]?.width}x${all[0]?.height}`,
    sentFps: median(all.map(({ sentFps }) => sentFps)),
    receivedFps: median(all.map(({ receivedFps }) => receivedFps))
  });
  const [room, spare, alone] = [cost('room'), cost('with the spare'), cost('chromium')];
  return {
    profile,
    seconds,
    room,
    parts: {
      agent: cost('agent'),
      'media process': cost('media process'),
      'with the spare': spare,
      'display’s browser': cost('display’s browser')
    },
    chromium: alone,
    ratio: {
      cpu: room.cpu.median / alone.cpu.median,
      memory: room.memory.median / alone.memory.median,
      memoryWithSpare: spare.memory.median / alone.memory.median
    },
    did: { room: did(roomsDid), chromium: did(chromiumDid) }
  };
}

const perMinute = (used: readonly Use[] = [], seconds: number): string =>
  used.map(({ cpu, memory }) => `${((cpu * 60) / seconds).toFixed(1)} CPU s a minute and ${memory.toFixed(0)} MB`).join(', ');

/** CPU seconds within the window and the largest memory in it, by name; two of one name are two entries. */
async function watch(seconds: number, watched: readonly Watched[]): Promise<Map<string, Use[]>> {
  const look = (): Promise<TreeProcess[][]> => Promise.all(watched.map(async ({ pid, only }) => (await processTree(pid)).filter(only)));
  const before = await look();
  const untilMs = performance.now() + seconds * 1000;
  const peaks = watched.map(() => 0);
  while (performance.now() < untilMs) {
    for (const [index, processes] of (await look()).entries()) peaks[index] = Math.max(peaks[index] ?? 0, await memoryMegabytes(processes));
    await pause(Math.max(0, Math.min(SAMPLE_MS, untilMs - performance.now())));
  }
  const after = await look();
  const found = new Map<string, Use[]>();
  for (const [index, { name }] of watched.entries()) {
    const use = { cpu: cpuSecondsBetween(before[index] ?? [], after[index] ?? []), memory: peaks[index] ?? 0 };
    found.set(name, [...(found.get(name) ?? []), use]);
  }
  return found;
}

export function callReport({ profile, seconds, room, parts, chromium, ratio, did }: CallResult): string {
  const row = (name: string, { cpu, memory }: Cost): string[] => [
    name,
    String(cpu.runs),
    ...[cpu.min, cpu.median, cpu.max].map((value) => value.toFixed(1)),
    ...[memory.median, memory.max].map((value) => value.toFixed(0))
  ];
  const { agent, 'media process': media, 'with the spare': spare, 'display’s browser': display } = parts;
  const does = (name: string, { codec, size, sentFps, receivedFps }: CallResult['did']['room']): string[] => [
    name,
    codec,
    size,
    sentFps.toFixed(0),
    receivedFps.toFixed(0)
  ];
  return [
    `${profile.width}x${profile.height} at ${profile.fps} frames both ways, windows of ${seconds} s`,
    table(
      ['', 'ends', 'CPU s a minute: min', 'median', 'max', 'peak MB: median', 'max'],
      [
        row('room (agent and media process)', room),
        row('  agent', agent),
        row('  media process', media),
        row('room with the spare media process', spare),
        row('one Chromium', chromium),
        row('not counted: the display’s browser', display)
      ]
    ),
    `ratio: CPU ${ratio.cpu.toFixed(2)}, memory ${ratio.memory.toFixed(2)} (with the spare ${ratio.memoryWithSpare.toFixed(2)})`,
    '',
    table(['what was done (medians)', 'codec', 'size', 'frames/s sent', 'received'], [does('room', did.room), does('Chromium', did.chromium)])
  ].join('\n');
}
